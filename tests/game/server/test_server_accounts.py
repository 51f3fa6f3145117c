"""Accounts: sign-up keeps the rounds, log-in brings them along, forgotten passwords, sessions, own data."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.utils import timezone
from serving import PASSWORD, Browser, begin, make_staff, sign_up, truth

from layerlore.game.server.models import (
    Account,
    Consent,
    Event,
    Label,
    LedgerEntry,
    Limit,
    Mail,
    Map,
    Player,
    Round,
    Session,
    Standing,
)
from layerlore.game.server.services import limits, outbox, recounting, upkeep

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.game.server.models import Campaign

pytestmark = pytest.mark.django_db


def win(client: Browser, round_: Round, *labels: str) -> None:
    data = {f"label_{number}": text for number, text in enumerate(labels)}
    client.post(f"/round/{round_.token}/guess/", {"step": "0", "tries": "0", "answer": truth(round_), **data})


def deliver() -> list[str]:
    """Bodies of the mails that the keeper delivers."""
    mail.outbox.clear()
    outbox.deliver(timezone.now())
    outbox.deliver(timezone.now())
    return [str(message.body) for message in mail.outbox]


@pytest.fixture(autouse=True)
def _mailbox(settings: object) -> None:
    settings.DELIVERY = {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}  # type: ignore[attr-defined]
    settings.EMAIL_BACKEND = "layerlore.game.server.services.outbox.OutboxBackend"  # type: ignore[attr-defined]
    settings.PUBLIC_ADDRESS = "https://game.example/"  # type: ignore[attr-defined]


def test_signing_up_keeps_the_guests_rounds_and_rotates_the_session(playing: tuple[Browser, Round]) -> None:
    client, round_ = playing
    win(client, round_)
    client.get("/accounts/login/")
    before = client.session.session_key
    page = sign_up(client)
    assert re.search(r"[0-9a-f]{8}(-[0-9a-f]{8}){3}", page.content.decode())
    player = Player.objects.get(account__username="sandra")
    assert (player.pk, player.kind, player.cookie) == (round_.player_id, "registered", None)
    assert client.session.session_key != before
    assert client.get(f"/round/{round_.token}/result/").status_code == 200


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("sandra", "short"),
        ("sandra", "1234567890123"),
        ("sandra", "sandra-sandra"),
        ("sandra", "password123"),
        ("sandra", "a" * 129),
        ("sа", PASSWORD),  # noqa: RUF001
        ("sаndra", PASSWORD),  # noqa: RUF001
        ("../etc", PASSWORD),
        ("a\nb\x1b[0m", PASSWORD),
    ],
)
def test_bad_names_and_passwords_are_refused(campaign: Campaign, name: str, password: str) -> None:
    data = {"name": name, "password": password, "agree": "1", "age": "1"}
    assert Browser().post("/accounts/signup/", data).status_code == 422
    assert not Account.objects.exists()


@pytest.mark.parametrize("password", ["ab" * 63 + "cé", "пароль пароль", "🐎🔋 staple staple", " spaces around  "])
def test_any_password_of_10_to_128_signs_works_whole(campaign: Campaign, password: str) -> None:
    sign_up(Browser(), password=password)
    login = {"username": "sandra", "password": password}
    assert Browser().post("/accounts/login/", {**login, "password": password[:-1]}).status_code == 422
    assert Browser().post("/accounts/login/", login).status_code == 303


def test_names_that_look_alike_collide(campaign: Campaign) -> None:
    sign_up(Browser(), "Camil-le")
    for twin in ("camille", "CAMILLE", "carnille", "camil1e", "cámille"):
        data = {"name": twin, "password": PASSWORD, "agree": "1", "age": "1"}
        assert Browser().post("/accounts/signup/", data).status_code == 422, twin


def test_logging_in_merges_guests_and_voids_the_later_of_two_rounds_on_a_map(campaign: Campaign) -> None:
    owner = Browser()
    sign_up(owner)
    first = owner.post("/play/")
    mine = Round.objects.select_related("map", "picture").get(token=first["Location"].split("/")[2])
    win(owner, mine)
    guest = Browser()
    theirs = begin(guest)
    Round.objects.filter(pk=theirs.pk).update(map=mine.map, picture=mine.picture)
    Event.objects.filter(round=theirs).update(at=timezone.now())
    Map.objects.filter(pk=theirs.map_id).update(leased=0)
    Map.objects.filter(pk=mine.map_id).update(leased=1)
    theirs = Round.objects.select_related("map", "picture").get(pk=theirs.pk)
    win(guest, theirs)
    other = begin(guest)
    win(guest, other)
    guest.post("/accounts/login/", {"username": "sandra", "password": PASSWORD})
    player = Player.objects.get(account__username="sandra")
    assert set(player.rounds.values_list("pk", flat=True)) == {mine.pk, other.pk}
    theirs.refresh_from_db()
    assert (theirs.void_reason, theirs.player.merged_into) == ("merged", player)
    assert upkeep.wrong_counters(campaign) == []
    assert recounting.recount(campaign) == 0
    assert not Player.objects.filter(kind="guest").exists()


def test_a_forgotten_password_by_mail_works_once_and_ends_all_sessions(campaign: Campaign) -> None:
    owner, elsewhere = Browser(), Browser()
    sign_up(owner, email="sandra@example.org")
    assert elsewhere.post("/accounts/password-reset/", {"email": "SANDRA@example.org"}).status_code == 303
    (body,) = deliver()
    link = re.search(r"https://game\.example(/\S+)", body)
    assert link
    moved = elsewhere.get(link[1])
    assert moved.status_code == 302
    assert link[1].split("/")[-2] not in moved["Location"]
    late = Browser()
    late.get(link[1])
    assert elsewhere.post(moved["Location"], {"password": "another password"}).status_code == 303
    assert late.post(moved["Location"], {"password": "and a third one"}).status_code == 404
    assert owner.get("/accounts/settings/").status_code == 303
    assert Browser().get(link[1]).status_code == 404
    assert Browser().post("/accounts/login/", {"username": "sandra", "password": PASSWORD}).status_code == 422
    login = {"username": "sandra", "password": "another password"}
    assert Browser().post("/accounts/login/", login).status_code == 303


def test_the_host_header_does_not_change_the_link(campaign: Campaign) -> None:
    sign_up(Browser(), email="sandra@example.org")
    wish = {"email": "sandra@example.org"}
    evil = Browser().post("/accounts/password-reset/", wish, headers={"host": "evil.example"})
    assert evil.status_code == 400
    Browser().post("/accounts/password-reset/", {"email": "sandra@example.org"})
    assert all("game.example" in body and "evil" not in body for body in deliver())


def test_the_recovery_code_works_once(campaign: Campaign) -> None:
    code = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){3}", sign_up(Browser()).content.decode())
    assert code
    data = {"name": "sandra", "code": code[0], "password": "another password"}
    assert Browser().post("/accounts/recover/", {**data, "name": "sandro"}).status_code == 422
    assert Browser().post("/accounts/recover/", data).status_code == 303
    assert Browser().post("/accounts/recover/", data).status_code == 422


def test_nobody_learns_which_accounts_there_are(campaign: Campaign) -> None:
    sign_up(Browser(), email="sandra@example.org")
    for path, there, not_there in (
        (
            "/accounts/login/",
            {"username": "sandra", "password": "wrong password"},
            {"username": "nobody", "password": "wrong password"},
        ),
        ("/accounts/password-reset/", {"email": "sandra@example.org"}, {"email": "nobody@example.org"}),
        (
            "/accounts/recover/",
            {"name": "sandra", "code": "x", "password": "another password"},
            {"name": "nobody", "code": "x", "password": "another password"},
        ),
    ):
        one, other = Browser().post(path, there), Browser().post(path, not_there)
        assert one.status_code == other.status_code
        assert _plain(one).replace("sandra", "nobody") == _plain(other)
        assert {*one.headers} == {*other.headers}
    assert Mail.objects.count() == 2


def _plain(answer: object) -> str:
    text = answer.content.decode()  # type: ignore[attr-defined]
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)


def test_guessing_passwords_is_slowed_down_but_the_owner_gets_in_from_elsewhere(campaign: Campaign) -> None:
    sign_up(Browser())
    wrong = {"username": "sandra", "password": "wrong password"}
    answers = [Browser(REMOTE_ADDR="203.0.113.7").post("/accounts/login/", wrong).status_code for _ in range(11)]
    assert answers[:9] == [422] * 9
    assert answers[-1] == 429
    right = {**wrong, "password": PASSWORD}
    assert Browser(REMOTE_ADDR="203.0.113.7").post("/accounts/login/", right).status_code == 429
    assert Browser(REMOTE_ADDR="198.51.100.4").post("/accounts/login/", right).status_code == 303
    assert "203.0.113" not in _dump()


def test_a_spoofed_address_changes_nothing_without_a_trusted_proxy(
    campaign: Campaign, rf: object, settings: object
) -> None:
    make: Callable[..., object] = rf.get  # type: ignore[attr-defined]
    spoofed = make("/", headers={"x-forwarded-for": "198.51.100.9"}, REMOTE_ADDR="203.0.113.7")
    assert limits.client_address(spoofed) == "203.0.113.7"  # type: ignore[arg-type]
    settings.TRUSTED_PROXIES = 1  # type: ignore[attr-defined]
    assert limits.client_address(spoofed) == "198.51.100.9"  # type: ignore[arg-type]


def _dump() -> str:
    """Everything in the database as text."""
    from django.apps import apps

    return " ".join(str(row) for model in apps.get_models() for row in model._default_manager.values())


def test_changing_the_password_ends_the_other_sessions(campaign: Campaign) -> None:
    one, other = Browser(), Browser()
    sign_up(one)
    other.post("/accounts/login/", {"username": "sandra", "password": PASSWORD})
    assert other.get("/accounts/settings/").status_code == 200
    data = {"current": PASSWORD, "password": "another password"}
    assert one.post("/accounts/settings/password/", {**data, "current": "wrong"}).status_code == 422
    assert one.post("/accounts/settings/password/", data).status_code == 303
    assert one.get("/accounts/settings/").status_code == 200
    assert other.get("/accounts/settings/").status_code == 303


def test_own_sessions_can_be_ended_and_no_others(campaign: Campaign) -> None:
    one, other, stranger = Browser(), Browser(), Browser()
    sign_up(one)
    sign_up(stranger, "barbara")
    other.post("/accounts/login/", {"username": "sandra", "password": PASSWORD})
    page = one.get("/accounts/settings/").content.decode()
    (name,) = set(re.findall(r'name="session" value="([0-9a-f]{16})"', page))
    stranger.post("/accounts/settings/sessions/", {"session": name})
    assert other.get("/accounts/settings/").status_code == 200
    one.post("/accounts/settings/sessions/", {"session": name})
    assert other.get("/accounts/settings/").status_code == 303
    assert one.get("/accounts/settings/").status_code == 200


def test_logging_out_ends_the_session_for_good(campaign: Campaign) -> None:
    client = Browser()
    sign_up(client)
    stolen = client.cookies.copy()
    client.post("/accounts/logout/")
    client.cookies = stolen
    assert client.get("/accounts/settings/").status_code == 303


def test_erasing_needs_the_password_and_changes_of_e_mail_too(campaign: Campaign) -> None:
    client = Browser()
    sign_up(client)
    assert client.post("/accounts/erase/", {"sure": "1"}).status_code == 422
    assert client.post("/accounts/settings/email/", {"email": "x@example.org"}).status_code == 422
    assert client.post("/accounts/settings/email/", {"email": "x@example.org", "current": PASSWORD}).status_code == 303
    assert Account.objects.get().email == "x@example.org"


def test_own_data_holds_everything(campaign: Campaign) -> None:
    client = Browser()
    round_ = begin(client)
    win(client, round_, "floppy ears")
    sign_up(client, email="sandra@example.org")
    answer = client.post("/accounts/export/")
    data = json.loads(answer.content)
    assert answer["Content-Disposition"].startswith("attachment")
    assert data["account"]["email"] == "sandra@example.org"
    assert data["rounds"][0]["labels"][0]["text"] == "floppy ears"
    assert len(data["points"]) == len(data["consents"]) == len(data["account"]["sessions"]) == 1


@pytest.mark.parametrize("mode", ["anonymise", "delete_labels"])
def test_i8_erasing_leaves_nobody_to_be_found(
    campaign: Campaign, change_config: Callable[..., None], mode: str
) -> None:
    change_config(campaign, people={"erase": mode})
    client = Browser(REMOTE_ADDR="203.0.113.7")
    round_ = begin(client)
    win(client, round_, "Floppy EARS!")
    sign_up(client, email="sandra@example.org")
    client.post("/accounts/password-reset/", {"email": "sandra@example.org"})
    Browser().post("/accounts/login/", {"username": "sandra", "password": "wrong password"})
    old = Player.objects.get()
    secrets = [round_.token, old.key, str(old.seed), round_.device, "sandra", "EARS", "203.0.113"]
    assert client.post("/accounts/erase/", {"current": PASSWORD}).status_code == 200
    left = _dump()
    assert [secret for secret in secrets if secret and secret in left] == []
    assert [model.objects.count() for model in (Account, Session, Consent)] == [0, 0, 0]
    row = Round.objects.get()
    assert (row.player.kind, row.player.nickname, row.started.hour, row.started.minute) == ("erased", "", 0, 0)
    assert Label.objects.count() == (1 if mode == "anonymise" else 0)
    upkeep.recount_if_due()
    assert recounting.recount(campaign) == 0
    assert upkeep.wrong_counters(campaign) == []
    assert Standing.objects.filter(player=row.player).exists()
    assert client.get("/me/").status_code == 303


def test_idle_guests_and_accounts_are_forgotten(campaign: Campaign) -> None:
    from layerlore.game.server.services import retention

    guest, owner = Browser(), Browser()
    win(guest, begin(guest))
    sign_up(owner, email="sandra@example.org")
    now = timezone.now()
    retention.forget_the_idle(now + timedelta(days=89))
    assert Player.objects.filter(kind="guest").count() == 1
    retention.forget_the_idle(now + timedelta(days=91))
    assert not Player.objects.filter(kind="guest").exists()
    retention.forget_the_idle(now + timedelta(days=731))
    assert len(deliver()) == 1
    assert Account.objects.exists()
    retention.forget_the_idle(now + timedelta(days=762))
    assert not Account.objects.exists()


def test_limits_refuse_and_forget(campaign: Campaign) -> None:
    assert [limits.allow("reset-mail", "x") for _ in range(5)] == [True] * 3 + [False] * 2
    assert Limit.objects.get().refused == 2
    limits.forget(timezone.now() + timedelta(days=2))
    assert not Limit.objects.exists()


def test_the_same_network_has_another_digest_tomorrow(campaign: Campaign, rf: object) -> None:
    request = rf.get("/", REMOTE_ADDR="2001:db8::1")  # type: ignore[attr-defined]
    near = rf.get("/", REMOTE_ADDR="2001:db8::2")  # type: ignore[attr-defined]
    now = timezone.now()
    assert limits.network(request, now) == limits.network(near, now)
    assert limits.network(request, now) != limits.network(request, now + timedelta(days=1))


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_accounts_only_for_the_invited_or_for_nobody(
    campaign: Campaign, change_config: Callable[..., None], mode: str
) -> None:
    from layerlore.game.server.services import accounts

    change_config(campaign, people={"signup": mode})
    data = {"name": "sandra", "password": PASSWORD, "agree": "1", "age": "1"}
    assert Browser().post("/accounts/signup/", data).status_code == (403 if mode == "closed" else 422)
    if mode == "invite":
        code = accounts.new_invite()
        assert Browser().post("/accounts/signup/", {**data, "invite": "guessed"}).status_code == 422
        sign_up(Browser(), invite=code)
        assert Browser().post("/accounts/signup/", {**data, "name": "barbara", "invite": code}).status_code == 422


def test_a_changed_consent_text_asks_again(campaign: Campaign, bundle: object) -> None:
    from layerlore.game.server.models import ConsentText

    client = Browser()
    begin(client)
    ConsentText.objects.update(current=False)
    ConsentText.objects.create(campaign=campaign, language="en", version="2", text="Other words.")
    assert client.post("/play/")["Location"] == "/consent/"
    assert client.post("/start/", {"agree": "1", "age": "1"})["Location"].startswith("/round/")


def test_without_consent_nothing_is_stored(campaign: Campaign) -> None:
    client = Browser()
    assert client.post("/start/", {"agree": "1"}).status_code == 422
    assert client.post("/play/")["Location"] == "/consent/"
    assert not Player.objects.exists()


def test_labels_others_confirm_are_paid_later(campaign: Campaign) -> None:
    one, other = Browser(), Browser()
    first = begin(one)
    win(one, first, "floppy ears")
    assert not LedgerEntry.objects.filter(kind="label").exists()
    second = begin(other)
    Map.objects.filter(pk=second.map_id).update(leased=0)
    Map.objects.filter(pk=first.map_id).update(leased=1)
    Round.objects.filter(pk=second.pk).update(map=first.map, picture=first.picture)
    win(other, Round.objects.select_related("picture").get(pk=second.pk), "Floppy  ears")
    paid = LedgerEntry.objects.filter(kind="label")
    kinds = Map.objects.get(pk=first.map_id).kind
    assert paid.count() == (0 if kinds in ("control", "blank") else 2)
    assert recounting.recount(campaign) == 0
    assert one.get(f"/round/{first.token}/result/").status_code == 200


def test_staff_see_everything_after_the_second_factor(campaign: Campaign) -> None:
    from layerlore.game.server.services import estimates

    client, player = Browser(), Browser()
    round_ = begin(player)
    win(player, round_, "floppy ears", "shit")
    estimates.refit()
    make_staff(client)
    paths = ("", "maps/", "labels/?layer=early&text=fl", "players/", "moderation/", f"maps/{round_.map.key}/image/")
    for path in paths:
        assert client.get(f"/staff/{path}").status_code == 200, path
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/game/round/").status_code == 200
    assert "shit" in client.get("/staff/moderation/").content.decode()
    label = Label.objects.get(text="shit")
    assert client.post("/staff/moderation/decide/", {"label": str(label.pk), "hide": "1"}).status_code == 303
    label.refresh_from_db()
    assert (label.flagged, label.hidden) == (False, True)
    client.post("/staff/players/shadow/", {"player": round_.player.key, "on": "1"})
    upkeep.recount_if_due()
    assert Player.objects.get(pk=round_.player_id).shadow
    client.post("/staff/maps/switch/", {"map": round_.map.key})
    assert Map.objects.get(pk=round_.map_id).state == "disabled"
    assert client.post("/staff/state/", {"to": "paused"}).status_code == 303
    assert player.post("/play/").status_code == 409
    client.post("/staff/state/", {"to": "open"})
    assert player.post("/play/").status_code == 303


def test_a_code_of_the_second_factor_works_once(campaign: Campaign) -> None:
    from django_otp.oath import totp
    from django_otp.plugins.otp_totp.models import TOTPDevice

    make_staff(Browser())
    again = Browser()
    again.post("/accounts/login/", {"username": "boss", "password": PASSWORD})
    assert again.get("/staff/")["Location"] == "/staff/verify/"
    device = TOTPDevice.objects.get()
    replay = again.post("/staff/verify/", {"token": f"{totp(device.bin_key):06d}"})
    assert replay.status_code == 422
    assert again.get("/staff/labels/")["Location"] == "/staff/verify/"
    assert again.get("/admin/").status_code == 302
