"""All addresses. A test holds a row for each: who may do what."""

from __future__ import annotations

from django.urls import path

from layerlore.game.server.views import pages, play

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
]
handler400 = "layerlore.game.server.views.errors.bad_request"
handler403 = "layerlore.game.server.views.errors.forbidden"
handler404 = "layerlore.game.server.views.errors.not_found"
handler500 = "layerlore.game.server.views.errors.server_error"
