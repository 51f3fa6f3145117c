"""Attacks on accounts and sessions, each of game.md 4.1 that is not tested elsewhere."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import PASSWORD, Browser, begin, dump, make_staff, sign_up

from layerlore.game.server import passwords
from layerlore.game.server.models import Account, Session
from layerlore.game.server.services.limits import RATES
from layerlore.game.server.services.names import check_name, skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from layerlore.game.server.models import Campaign, Round

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Move the time on."""
    real, ahead = timezone.now, timedelta()

    def move(more: timedelta) -> None:
        nonlocal ahead
        ahead += more

    monkeypatch.setattr(timezone, "now", lambda: real() + ahead)
    return move


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each hash of a password that was worked out."""
    done: list[str] = []
    encode, verify = passwords.Argon2.encode, passwords.Argon2.verify

    def count(what: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            done.append(what)
            return original(*args)

        return counted

    monkeypatch.setattr(passwords.Argon2, "encode", count("encode", encode))
    monkeypatch.setattr(passwords.Argon2, "verify", count("verify", verify))
    return done


def log_in(client: Browser, password: str = PASSWORD, name: str = "sandra") -> int:
    return int(client.post("/accounts/login/", {"username": name, "password": password}).status_code)


# 3.5: forms from elsewhere


@pytest.mark.parametrize("site", [None, "same-origin", "cross-site"])
@pytest.mark.parametrize("origin", [None, "https://testserver", "http://testserver", "https://evil.example", "null"])
def test_only_our_own_forms_with_their_token_change_anything(
    campaign: Campaign, site: str | None, origin: str | None
) -> None:
    visitor = Browser()
    page = visitor.get("/consent/").content.decode()
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    for cookie, token, method in itertools.product((True, False), (True, False), ("POST", "PUT", "DELETE")):
        client = Browser(enforce_csrf_checks=True)
        client.cookies = visitor.cookies.copy()
        if not cookie:
            client.cookies.clear()
        headers = {"referer": "https://testserver/consent/"} if origin is None else {"origin": origin}
        headers |= {"sec-fetch-site": site} if site else {}
        body = f"agree=1&age=1&csrfmiddlewaretoken={found[1] if token else ''}"
        kind = "application/x-www-form-urlencoded"
        answer = client.generic(method, "/start/", body, kind, headers=headers)
        ours = origin in (None, "https://testserver") and cookie and token and method == "POST"
        assert (answer.status_code == 303) is ours, (cookie, token, method)
        if not ours:
            assert answer.status_code in (403, 405)


# 6: passwords


@given(st.text(min_size=10, max_size=128))
@settings(max_examples=6, deadline=None, derandomize=True)
def test_any_unicode_is_kept_whole(password: str) -> None:
    encoded = make_password(password)
    assert check_password(password, encoded)
    assert not check_password(password[:-1], encoded)
    assert not check_password(password + "a", encoded)


def test_nothing_is_cut_off_at_128_or_at_a_zero(campaign: Campaign) -> None:
    encoded = make_password("a" * 128)
    assert not check_password("a" * 127, encoded)
    assert not check_password("correct horse", make_password("correct horse\0battery"))


@pytest.mark.parametrize("word", ["layerlore1234", "DeepReveal12", "letmeinletmein", "12345678901", "sandra@exam"])
def test_what_is_guessed_first_is_refused(campaign: Campaign, word: str) -> None:
    data = {"name": "sandra", "password": word, "email": "sandra@example.org", "agree": "1", "age": "1"}
    answer = Browser().post("/accounts/signup/", data)
    common = word == "letmeinletmein"  # no composition rules: what is long and on no list is accepted
    assert answer.status_code == (200 if common else 422), word


def test_a_fresh_server_knows_nobody(campaign: Campaign) -> None:
    assert not Account.objects.exists()
    for name, password in itertools.product(("admin", "root", "staff"), ("admin", "password", "layerlore")):
        assert log_in(Browser(), password, name) == 422


def test_trying_is_slowed_down_also_for_who_has_taken_a_session(campaign: Campaign) -> None:
    client = Browser()
    sign_up(client)
    for _ in range(RATES["confirm"].count):
        assert client.post("/accounts/settings/email/", {"email": "", "current": "wrong password"}).status_code == 422
    right = {"email": "thief@example.org", "current": PASSWORD}
    assert client.post("/accounts/settings/email/", right).status_code == 422
    assert client.post("/accounts/erase/", {"current": PASSWORD}).status_code == 422
    assert Account.objects.get().email == ""
    # The owner is not locked out by it.
    assert log_in(Browser()) == 303


def test_whether_there_is_an_account_shows_in_no_work(campaign: Campaign, hashes: list[str]) -> None:
    """6.3.8: as many hashes for a name that is not there, and medians that are alike."""
    sign_up(Browser(), email="sandra@example.org")
    account = Account.objects.get()
    Account.objects.create(username="unusable", skeleton="x", password="!", is_staff=True)  # noqa: S106
    work, times = {}, {}
    for _ in range(5):
        for name in ("sandra", "nobody", "unusable"):
            hashes.clear()
            begun = perf_counter()
            log_in(Browser(), "wrong password", name)
            times.setdefault(name, []).append(perf_counter() - begun)
            work[name] = len(hashes)
    assert work == {"sandra": 1, "nobody": 1, "unusable": 1}
    middle = {name: median(several) for name, several in times.items()}
    assert max(middle.values()) < 2 * min(middle.values()), middle
    for path, fields in (
        ("password-reset/", [{"email": "sandra@example.org"}, {"email": "nobody@example.org"}]),
        ("recover/", [{"name": one, "code": "x", "password": "another password"} for one in ("sandra", "nobody")]),
    ):
        done = []
        for data in fields:
            hashes.clear()
            Browser().post(f"/accounts/{path}", data)
            done.append(len(hashes))
        assert done[0] == done[1] == 0
    assert account.check_password(PASSWORD)


def test_a_reset_link_lives_for_half_an_hour(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_up(Browser(), email="sandra@example.org")
    account = Account.objects.get()
    key = urlsafe_base64_encode(force_bytes(account.pk))
    real = default_token_generator._now()
    path = f"/accounts/password-reset/{key}/{default_token_generator.make_token(account)}/"
    for minutes, status in ((29, 302), (31, 404)):
        later = real + timedelta(minutes=minutes)
        monkeypatch.setattr(default_token_generator, "_now", lambda later=later: later)
        assert Browser().get(path).status_code == status


# 7: sessions


def test_a_session_from_before_the_log_in_is_worth_nothing(campaign: Campaign) -> None:
    """Fixation: the attacker knows the key that the victim comes with."""
    sign_up(Browser())
    victim, attacker = Browser(), Browser()
    session = attacker.session
    session["planted"] = "1"
    session.save()
    victim.cookies["__Host-layerlore"] = session.session_key
    assert log_in(victim) == 303
    attacker.cookies["__Host-layerlore"] = session.session_key
    assert victim.get("/accounts/settings/").status_code == 200
    assert attacker.get("/accounts/settings/").status_code == 303
    assert victim.session.session_key != session.session_key


def test_a_key_that_nobody_gave_out_is_not_taken(campaign: Campaign) -> None:
    client = Browser()
    client.cookies["__Host-layerlore"] = "a" * 32
    sign_up(client)
    assert not Session.objects.filter(session_key="a" * 32).exists()
    keys = [Session.objects.get().session_key]
    for _ in range(8):
        log_in(Browser())
    keys += Session.objects.values_list("session_key", flat=True)
    assert len(set(keys)) == 9
    assert all(re.fullmatch(r"[a-z0-9]{32}", key) for key in keys)  # 32 of 36 signs: 165 bits


def test_a_session_ends_when_it_is_not_used_and_when_it_is_old(
    campaign: Campaign, clock: Callable[[timedelta], None]
) -> None:
    idle, busy = Browser(), Browser()
    sign_up(idle)
    log_in(busy)
    for _ in range(4):
        clock(timedelta(days=20))
        busy.post("/accounts/settings/sessions/", {"session": "x"})  # a message is kept in the session
        assert busy.get("/accounts/settings/").status_code == 200
        assert idle.get("/accounts/settings/").status_code == (200 if _ == 0 else 303)
    clock(timedelta(days=11))
    assert busy.get("/accounts/settings/").status_code == 303


def test_a_session_of_staff_ends_after_twelve_hours_however_busy(
    campaign: Campaign, clock: Callable[[timedelta], None]
) -> None:
    client = Browser()
    make_staff(client)
    for _ in range(2):
        clock(timedelta(hours=5))
        client.post("/staff/state/", {"to": "archived"})
        assert client.get("/staff/").status_code == 200
    clock(timedelta(hours=3))
    assert client.get("/staff/").status_code == 404


def test_back_after_logging_out_shows_nothing(campaign: Campaign) -> None:
    client = Browser()
    sign_up(client)
    row = begin(client)
    paths = ("/accounts/settings/", f"/round/{row.token}/", f"/round/{row.token}/image/0/", "/me/")
    assert all(client.get(path)["Cache-Control"] == "no-store" for path in paths)
    client.post("/accounts/logout/")
    assert [client.get(path).status_code for path in paths] == [303, 404, 404, 303]


def test_staff_can_end_somebodys_sessions_and_an_account_that_is_off_is_out(campaign: Campaign) -> None:
    client, boss = Browser(), Browser()
    sign_up(client)
    make_staff(boss)
    player = Account.objects.get(username="sandra").player
    boss.post("/staff/players/shadow/", {"player": player.key, "action": "logout"})
    assert client.get("/accounts/settings/").status_code == 303
    log_in(client)
    Account.objects.filter(username="sandra").update(is_active=False)
    assert client.get("/accounts/settings/").status_code == 303
    assert log_in(Browser()) == 422


# 14.2: secrets in addresses


def test_no_secret_but_a_rounds_own_token_is_in_an_address(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    client.post(f"/round/{row.token}/resign/", {})
    sign_up(client)
    session = client.session.session_key
    secrets = [str(session), PASSWORD, *(cookie.value for cookie in client.cookies.values() if len(cookie.value) > 8)]
    for path in ("/", "/me/", "/accounts/settings/", "/leaderboard/week/", f"/round/{row.token}/result/"):
        page = client.get(path).content.decode()
        links = re.findall(r'(?:href|src|action|formaction)="([^"]*)"', page)
        assert links, path
        assert not [link for link in links for secret in secrets if secret in link]
        assert not re.search(r'<form[^>]*method="get"[^>]*>(?:(?!</form>).)*type="password"', page, re.DOTALL)


# Names


LOOKS_ALIKE = ["аa", "еe", "оo", "рp", "сc", "хx", "іi", "1l", "0o", "5s", "Iі"]  # noqa: RUF001


@pytest.mark.parametrize("pair", LOOKS_ALIKE)
def test_names_that_look_alike_have_one_skeleton(pair: str) -> None:
    assert skeleton(f"player{pair[0]}") == skeleton(f"player{pair[1]}")


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_name_is_readable_or_refused(name: str) -> None:
    import unicodedata

    try:
        check_name(name)
    except ValidationError:
        return
    assert 3 <= len(name) <= 30
    assert skeleton(name) == skeleton(name.upper()) == skeleton(unicodedata.normalize("NFKC", name))
    assert not any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs") for sign in name)
    assert not set(name) & set("<>&\"'`/\\=@%{}$;:")


# Injection


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}{% debug %}",
    "${7*7}",
    "'; DROP TABLE game_round; --",
    '=HYPERLINK("http://evil","x")',
    "@SUM(1+1)",
    "\x1b[31mred\x1b[0m",
    "a\r\nSet-Cookie: a=b",
    "\u202egnp.exe",
    "%s%n%x",
    "../../etc/passwd",
    "\x00",
)


def pages(client: Browser, row: Round) -> Iterator[str]:
    for path in ("/", "/how/", "/info/", "/consent/", "/me/", "/leaderboard/week/", f"/round/{row.token}/"):
        yield client.get(path, follow=True).content.decode()


def test_hostile_names_of_campaign_and_classes_stay_text(
    campaign: Campaign, change_config: Callable[..., None]
) -> None:
    """Whoever builds a campaign may be wrong too."""
    from layerlore.game.server.models import Campaign as Model
    from layerlore.game.server.services import campaigns

    client, staff = Browser(), Browser()
    row = begin(client)
    make_staff(staff)
    found = Model.objects.get(pk=campaign.pk)
    for entry, text in zip(found.classes, HOSTILE[:3], strict=True):
        entry["names"] = dict.fromkeys(entry["names"], text)
    found.name = HOSTILE[1]
    found.save()
    campaigns._rules.cache_clear()
    client.post(f"/round/{row.token}/resign/", {})
    seen = [
        *pages(client, row),
        *pages(staff, row),
        *(staff.get(f"/staff/{one}").content.decode() for one in ("", "maps/")),
    ]
    assert any("&lt;script&gt;alert(1)" in page for page in seen)
    for page in seen:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "4949" not in page


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_any_field_is_refused_or_stays_text(campaign: Campaign, text: str) -> None:
    client = Browser(raise_request_exception=False)
    row = begin(client)
    before = dump()["LedgerEntry"], dump()["Label"]
    for path, fields in (
        (f"/round/{row.token}/reveal/", {"step": "0", "label_0": text}),
        (f"/round/{row.token}/guess/", {"step": text, "tries": "0", "answer": "0"}),
        (f"/round/{row.token}/guess/", {"step": "0", "tries": "0", "answer": text}),
        (f"/round/{row.token}/guess/", {"step": "0", "tries": "0", "answer": "0", "label_0": text}),
        ("/accounts/signup/", {"name": text, "password": PASSWORD, "agree": "1", "age": "1"}),
        ("/accounts/login/", {"username": text, "password": text}),
        ("/accounts/password-reset/", {"email": text}),
        ("/accounts/recover/", {"name": text, "code": text, "password": PASSWORD}),
        ("/language/", {"language": text, "next": text}),
    ):
        answer = client.post(path, fields)
        assert answer.status_code in (303, 400, 409, 422), (path, answer.status_code)
        assert answer.status_code != 303 or path == "/language/" or text == "\x00", path  # nothing was typed
        content = answer.content.decode()
        for raw in ("<script>alert", "<img src=x"):
            assert raw not in content, path
        assert "Set-Cookie: a=b" not in str(answer.headers)
    for path in (f"/round/{text}/", f"/leaderboard/{text}/", f"/staff/labels/?text={text}"):
        assert client.get(path.replace("\x00", "%00")).status_code in (400, 404)
    assert (dump()["LedgerEntry"], dump()["Label"]) == before


def test_an_e_mail_address_cannot_add_a_head_or_a_receiver(campaign: Campaign) -> None:
    for address in ("a@example.org\r\nBcc: b@example.org", "a@example.org, b@example.org", "a@example.org\x00"):
        assert Browser().post("/accounts/password-reset/", {"email": address}).status_code in (400, 422)
