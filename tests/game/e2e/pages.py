"""Every page of the game, with the way to it. A route or a template without a row here fails a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stage import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from stage import Person, Stage

WEAK = "password"
RUDE = {"en": "bollocks", "it": "stronzo"}


@dataclass(frozen=True)
class Row:
    """A page.

    Attributes:
        name: Of its pictures.
        template: What it is made of, below templates/game.
        routes: Names of the addresses that it shows or that lead to it.
        reach: Brings somebody there.
        status: The page's.
        undo: Called when it has been looked at.
    """

    name: str
    template: str
    routes: tuple[str, ...]
    reach: Callable[[Stage], Person]
    status: int = 200
    undo: Callable[[Stage], object] | None = None


def refused(stage: Stage) -> Person:
    """A label that may not be typed."""
    guest = stage.in_round()
    return guest.post(f"/round/{guest.token}/reveal/", step="0", label_0="missile")


def typed(stage: Stage) -> Person:
    """Labels typed at two steps."""
    guest = stage.in_round()
    guest.post(f"/round/{guest.token}/reveal/", step="0", label_0="bright curve")
    return guest.post(f"/round/{guest.token}/reveal/", step="1", label_0="bright curve", label_1="warm brown")


def moved_on(stage: Stage) -> Person:
    """A guess on a step that is no longer shown."""
    guest = stage.in_round()
    answer = str(stage.game.truth(guest.token))
    return guest.post(f"/round/{guest.token}/guess/", step="5", tries="0", answer=answer)


def answered(stage: Stage, *, right: bool) -> Person:
    """A round that is won or lost."""
    guest = stage.in_round()
    step = stage.game.ask("SELECT step FROM game_round WHERE token = ?", guest.token)[0][0]
    answer = stage.game.truth(guest.token) if right else stage.game.untruth(guest.token)
    fields = {
        "step": str(step),
        "tries": "0",
        "answer": str(answer),
        "label_0": "soft fur",
        "label_1": RUDE[stage.language],
    }
    return guest.post(f"/round/{guest.token}/guess/", **fields)


def resigned(stage: Stage, name: str = "guest") -> Person:
    """A round that was given up."""
    guest = stage.in_round(name)
    return guest.post(f"/round/{guest.token}/resign/", nothing="1")


def too_late(stage: Stage) -> Person:
    """A round whose time was over while the page was open."""
    guest = stage.in_round()
    stage.game.tell("UPDATE game_round SET expires = '2020-01-01 00:00:00' WHERE token = ?", guest.token)
    return guest.open(f"/round/{guest.token}/")


def played_out(stage: Stage) -> Person:
    """Somebody who has seen a map of every photo."""
    for _ in range(30):
        person = stage.in_round("eager")
        if person.page.url.endswith("/play/"):
            return person
        resigned(stage, "eager")
    raise AssertionError("there is always another map")


def set_state(stage: Stage, state: str) -> None:
    """Pause or open the campaign."""
    stage.game.tell("UPDATE game_campaign SET state = ?", state)


def paused(stage: Stage) -> Person:
    """A start while the campaign is paused."""
    guest = stage.player("late").open("/")
    set_state(stage, "paused")
    token = stage.game.ask("SELECT token FROM game_round WHERE state = 'open' ORDER BY id DESC LIMIT 1")[0][0]
    guest.post(f"/round/{token}/resign/")
    return guest.open("/").post("/play/")


def home_paused(stage: Stage) -> Person:
    """The home page while the campaign is paused."""
    set_state(stage, "paused")
    return stage.stranger.open("/")


def reset_link(stage: Stage) -> Person:
    """The page that a mail leads to, sent when the member signed up."""
    stage.member.open("/")
    return stage.stranger.open(stage.game.mail_link(stage.mailbox))


def link_for_a_newcomer(stage: Stage) -> Person:
    """A new member of the staff gets a link."""
    return stage.boss.open("/staff/people/").post("/staff/people/", name=f"ada-{stage.language}", role="researcher")


def no_factor(stage: Stage) -> Person:
    """The newcomer follows the link, chooses a password, logs in, and has no second factor yet."""
    link = link_for_a_newcomer(stage).page.get_by_text("/accounts/password-reset/").inner_text()
    newcomer = stage.person("newcomer")
    newcomer.open(link[link.index("/accounts") :].strip())
    newcomer.post(newcomer.path, password=PASSWORD)
    return newcomer.post("/accounts/login/", username=f"ada-{stage.language}", password=PASSWORD)


def fresh_factor(stage: Stage) -> Person:
    """The second factor's secret, as it is shown the first time."""
    return no_factor(stage).post("/staff/verify/")


def asked(stage: Stage) -> Person:
    """Somebody who has played and is asked what explains best."""
    resigned(stage, "asked")
    return stage.person("asked").open("/questionnaire/")


def on_a_sheet(stage: Stage) -> Person:
    """A photo with its explanations."""
    return asked(stage).post("/questionnaire/begin/", expertise="novice")


def thanked(stage: Stage) -> Person:
    """All photos are judged."""
    person = on_a_sheet(stage)
    return person.post(f"{person.path}answer/", choice="1", comment="clear")


def merged(stage: Stage) -> Person:
    """Two labels that are read as one."""
    return stage.boss.open("/staff/merges/").post(
        "/staff/merges/", text="soft fur", into="fur", language=stage.language
    )


def about_to_erase(stage: Stage) -> Person:
    """The question before a player is erased."""
    key = stage.game.ask("SELECT key FROM game_player WHERE kind = 'guest' ORDER BY id DESC LIMIT 1")[0][0]
    return stage.boss.open("/staff/").post("/staff/players/erase/", player=key)


def erased(stage: Stage) -> Person:
    """Somebody who is gone."""
    return stage.player("leaver").open("/accounts/erase/").post("/accounts/erase/", sure="1")


ROWS = (
    Row("home", "home.html", ("home",), lambda s: s.stranger.open("/")),
    Row("how", "how.html", ("how",), lambda s: s.stranger.open("/how/")),
    Row("info", "info.html", ("info",), lambda s: s.stranger.open("/info/")),
    Row("consent", "consent.html", ("consent",), lambda s: s.stranger.open("/consent/")),
    Row("consent-missing", "consent.html", ("start",), lambda s: s.stranger.open("/consent/").post("/start/"), 422),
    Row("round", "round.html", ("play", "round", "image"), lambda s: s.in_round()),
    Row("home-running", "home.html", (), lambda s: s.player("runner").open("/")),
    Row("round-refused", "round.html", ("reveal",), refused, 422),
    Row("round-typed", "round.html", ("reveal",), typed),
    Row("conflict", "conflict.html", ("guess",), moved_on, 409),
    Row("result-won", "result.html", ("guess", "result", "full"), lambda s: answered(s, right=True)),
    Row("home-back", "home.html", (), lambda s: s.guest.open("/")),
    Row("result-lost", "result.html", ("guess", "result", "full"), lambda s: answered(s, right=False)),
    Row("result-resigned", "result.html", ("resign",), resigned),
    Row("round-over", "round_over.html", ("round",), too_late),
    Row("no-map", "no_map.html", ("play",), played_out),
    Row("closed", "closed.html", ("play",), paused, 409, lambda s: set_state(s, "open")),
    Row("home-paused", "home.html", (), home_paused, 200, lambda s: set_state(s, "open")),
    Row("leaderboard-week", "leaderboard.html", ("leaderboard",), lambda s: s.guest.open("/leaderboard/week/")),
    Row("leaderboard-all", "leaderboard.html", ("leaderboard",), lambda s: s.guest.open("/leaderboard/all-time/")),
    Row("leaderboard-labels", "leaderboard.html", ("leaderboard",), lambda s: s.guest.open("/leaderboard/confirmed/")),
    Row("me", "me.html", ("me", "shortcuts", "export"), lambda s: s.guest.open("/me/")),
    Row("me-new", "me.html", (), lambda s: s.player("runner").open("/me/")),
    Row("erase", "erase.html", ("erase",), lambda s: s.guest.open("/accounts/erase/")),
    Row("erase-missing", "erase.html", (), lambda s: s.guest.open("/accounts/erase/").post("/accounts/erase/"), 422),
    Row("erased", "erased.html", ("erase",), erased),
    Row("signup", "accounts/signup.html", ("signup",), lambda s: s.stranger.open("/accounts/signup/")),
    Row(
        "signup-wrong",
        "accounts/signup.html",
        (),
        lambda s: s.stranger.open("/accounts/signup/").post("/accounts/signup/", name="x", password=WEAK, email="x"),
        422,
    ),
    Row("welcome", "accounts/welcome.html", ("signup", "recovery_code"), lambda s: s.member),
    Row("settings", "accounts/settings.html", ("settings", "logout"), lambda s: s.member.open("/accounts/settings/")),
    Row(
        "settings-wrong",
        "accounts/settings.html",
        ("change_email", "change_password", "end_session"),
        lambda s: s.member.post("/accounts/settings/password/", current="no", password=WEAK),
        422,
    ),
    Row("erase-member", "erase.html", (), lambda s: s.member.open("/accounts/erase/")),
    Row("login", "accounts/login.html", ("login",), lambda s: s.stranger.open("/accounts/login/")),
    Row(
        "login-wrong",
        "accounts/login.html",
        (),
        lambda s: s.stranger.open("/accounts/login/").post("/accounts/login/", username="nobody", password=PASSWORD),
        422,
    ),
    Row("reset", "accounts/reset.html", ("password_reset",), lambda s: s.stranger.open("/accounts/password-reset/")),
    Row(
        "reset-done",
        "accounts/reset_done.html",
        ("password_reset_done",),
        lambda s: s.stranger.open("/accounts/password-reset/done/"),
    ),
    Row("reset-confirm", "accounts/reset_confirm.html", ("password_reset_confirm",), reset_link),
    Row(
        "reset-invalid",
        "accounts/reset_invalid.html",
        ("password_reset_confirm",),
        lambda s: s.stranger.open("/accounts/password-reset/MQ/c0ffee-0123/"),
        404,
    ),
    Row("recover", "accounts/recover.html", ("recover",), lambda s: s.stranger.open("/accounts/recover/")),
    Row(
        "recover-wrong",
        "accounts/recover.html",
        (),
        lambda s: s.stranger.post("/accounts/recover/", name="nobody", code="x", password=PASSWORD),
        422,
    ),
    Row("error-404", "error.html", (), lambda s: s.stranger.open("/nowhere/"), 404),
    Row("error-403", "error.html", (), lambda s: s.stranger.open("/").post("/language/", csrfmiddlewaretoken=""), 403),
    Row("error-400", "error.html", (), lambda s: s.guest.open("/?a=1&a=2"), 400),
    Row("staff-factor", "staff/verify.html", ("staff_verify",), no_factor),
    Row("staff-secret", "staff/verify.html", ("staff_verify",), fresh_factor),
    Row("staff-verify", "staff/verify.html", ("staff_verify",), lambda s: s.boss.open("/staff/verify/")),
    Row("staff", "staff/home.html", ("staff", "staff_state"), lambda s: s.boss.open("/staff/")),
    Row(
        "staff-maps",
        "staff/maps.html",
        ("staff_maps", "staff_switch_map", "staff_map_image"),
        lambda s: s.boss.open("/staff/maps/"),
    ),
    Row("staff-labels", "staff/labels.html", ("staff_labels",), lambda s: s.boss.open("/staff/labels/")),
    Row("staff-players", "staff/players.html", ("staff_players",), lambda s: s.boss.open("/staff/players/")),
    Row(
        "staff-moderation",
        "staff/moderation.html",
        ("staff_moderation", "staff_moderate"),
        lambda s: s.boss.open("/staff/moderation/"),
    ),
    Row(
        "staff-invite",
        "staff/invite.html",
        ("staff_invite",),
        lambda s: s.boss.open("/staff/").post("/staff/invite/"),
    ),
    Row("questionnaire", "questionnaire/start.html", ("questionnaire",), asked),
    Row(
        "questionnaire-photo",
        "questionnaire/sheet.html",
        ("questionnaire_begin", "questionnaire_sheet", "questionnaire_image"),
        on_a_sheet,
    ),
    Row("questionnaire-thanks", "questionnaire/thanks.html", ("questionnaire_answer", "questionnaire_thanks"), thanked),
    Row(
        "staff-questionnaire",
        "staff/questionnaire.html",
        ("staff_questionnaire",),
        lambda s: s.boss.open("/staff/questionnaire/"),
    ),
    Row(
        "staff-close", "staff/confirm_state.html", ("staff_state",), lambda s: s.boss.post("/staff/state/", to="closed")
    ),
    Row(
        "staff-merges",
        "staff/merges.html",
        ("staff_merges", "staff_undo_merge"),
        lambda s: s.boss.open("/staff/merges/"),
    ),
    Row(
        "staff-people", "staff/people.html", ("staff_people", "staff_shut_out"), lambda s: s.boss.open("/staff/people/")
    ),
    Row("staff-merged", "staff/merges.html", ("staff_undo_merge",), merged),
    Row("staff-maps-active", "staff/maps.html", (), lambda s: s.boss.open("/staff/maps/?state=active")),
    Row(
        "staff-link",
        "staff/link.html",
        ("staff_people",),
        link_for_a_newcomer,
    ),
    Row("staff-erase", "staff/confirm_erase.html", ("staff_erase",), about_to_erase),
    Row("staff-audit", "staff/audit.html", ("staff_audit",), lambda s: s.boss.open("/staff/audit/")),
)

NO_PAGE = {
    "healthz": "JSON for machines",
    "language": "leads back to the page it was sent from",
    "staff_shadow": "leads back to the players",
    "staff_hide_label": "leads back to the labels",
}
NO_PICTURE = {
    "accounts/closed.html": "needs a campaign without accounts; a test of its own shows it",
}
