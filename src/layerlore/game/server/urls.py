"""All addresses. A test holds a row for each: who may do what."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from layerlore.game.server.views import (
    accounts,
    me,
    pages,
    play,
    questionnaire,
    second_factor,
    staff,
    staff_labels,
    staff_people,
)

urlpatterns = [
    path("", pages.home, name="home"),
    path("how/", pages.how, name="how"),
    path("info/", pages.info, name="info"),
    path("consent/", pages.consent, name="consent"),
    path("start/", pages.start, name="start"),
    path("language/", pages.set_language, name="language"),
    path("healthz", pages.healthz, name="healthz"),
    path("play/", play.play, name="play"),
    path("round/<str:token>/", play.round_view, name="round"),
    path("round/<str:token>/reveal/", play.reveal, name="reveal"),
    path("round/<str:token>/guess/", play.guess, name="guess"),
    path("round/<str:token>/resign/", play.resign, name="resign"),
    path("round/<str:token>/image/<int:step>/", play.image, name="image"),
    path("round/<str:token>/full/", play.full, name="full"),
    path("round/<str:token>/result/", play.result, name="result"),
    path("questionnaire/", questionnaire.start, name="questionnaire"),
    path("questionnaire/begin/", questionnaire.begin, name="questionnaire_begin"),
    path("questionnaire/thanks/", questionnaire.thanks, name="questionnaire_thanks"),
    path("questionnaire/<str:token>/", questionnaire.sheet, name="questionnaire_sheet"),
    path("questionnaire/<str:token>/answer/", questionnaire.answer, name="questionnaire_answer"),
    path("questionnaire/<str:token>/image/<int:place>/", questionnaire.image, name="questionnaire_image"),
    path("leaderboard/<str:ladder>/", me.leaderboard_view, name="leaderboard"),
    path("me/", me.me, name="me"),
    path("me/shortcuts/", me.shortcuts, name="shortcuts"),
    path("accounts/signup/", accounts.signup, name="signup"),
    path("accounts/login/", accounts.Login.as_view(), name="login"),
    path("accounts/logout/", accounts.logout_view, name="logout"),
    path("accounts/recover/", accounts.recover, name="recover"),
    path("accounts/password-reset/", accounts.password_reset, name="password_reset"),
    path("accounts/password-reset/done/", accounts.password_reset_done, name="password_reset_done"),
    path(
        "accounts/password-reset/<str:uidb64>/<str:token>/",
        accounts.password_reset_confirm,
        name="password_reset_confirm",
    ),
    path("accounts/settings/", me.settings_view, name="settings"),
    path("accounts/settings/email/", me.change_email, name="change_email"),
    path("accounts/settings/password/", me.change_password, name="change_password"),
    path("accounts/settings/recovery/", me.recovery_code, name="recovery_code"),
    path("accounts/settings/sessions/", me.end_session, name="end_session"),
    path("accounts/export/", me.export, name="export"),
    path("accounts/erase/", me.erase, name="erase"),
    path("staff/", staff.home, name="staff"),
    path("staff/questionnaire/", questionnaire.staff, name="staff_questionnaire"),
    path("staff/verify/", second_factor.verify, name="staff_verify"),
    path("staff/state/", staff.state, name="staff_state"),
    path("staff/maps/", staff.maps, name="staff_maps"),
    path("staff/maps/switch/", staff.switch_map, name="staff_switch_map"),
    path("staff/maps/<str:key>/image/", staff.map_image, name="staff_map_image"),
    path("staff/labels/", staff_labels.labels, name="staff_labels"),
    path("staff/labels/hide/", staff_labels.hide, name="staff_hide_label"),
    path("staff/merges/", staff_labels.merges, name="staff_merges"),
    path("staff/merges/undo/", staff_labels.undo_merge, name="staff_undo_merge"),
    path("staff/moderation/", staff_labels.queue, name="staff_moderation"),
    path("staff/moderation/decide/", staff_labels.moderate, name="staff_moderate"),
    path("staff/players/", staff_people.players, name="staff_players"),
    path("staff/players/shadow/", staff_people.shadow, name="staff_shadow"),
    path("staff/players/erase/", staff_people.erase, name="staff_erase"),
    path("staff/people/", staff_people.people, name="staff_people"),
    path("staff/people/out/", staff_people.shut_out, name="staff_shut_out"),
    path("staff/invite/", staff_people.invite, name="staff_invite"),
    path("staff/audit/", staff.audit, name="staff_audit"),
    path("admin/", admin.site.urls),
]
handler400 = "layerlore.game.server.views.errors.bad_request"
handler403 = "layerlore.game.server.views.errors.forbidden"
handler404 = "layerlore.game.server.views.errors.not_found"
handler500 = "layerlore.game.server.views.errors.server_error"
