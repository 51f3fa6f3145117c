"""What holds for every address: who may, headers, no change by GET, one value a parameter, CSRF, redirects."""

from __future__ import annotations

import io
import json
import logging
import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import get_resolver
from serving import PASSWORD, Browser, begin, dump, make_staff, sign_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from layerlore.game.server.models import Campaign, Round

pytestmark = pytest.mark.django_db

ROLES = ("nobody", "guest", "owner", "stranger", "unverified", "researcher", "staff")
PUBLIC = dict.fromkeys(ROLES, 200)
MINE = {**dict.fromkeys(ROLES, 404), "owner": 200}
STAFF = {**dict.fromkeys(ROLES, 404), "unverified": 303, "researcher": 200, "staff": 200}
ADMIN = {**STAFF, "researcher": 404}
POST_ONLY = dict.fromkeys(ROLES, 405)
ACCOUNT = {**dict.fromkeys(ROLES, 200), "nobody": 303, "guest": 303}
PLAYER = {**dict.fromkeys(ROLES, 303), "guest": 200, "owner": 200, "stranger": 200}
ANONYMOUS = {**dict.fromkeys(ROLES, 303), "nobody": 200, "guest": 200}
NONE = dict.fromkeys(ROLES, 404)
"""The small campaign has no questionnaire; `test_server_questionnaire` has one."""
GET = {
    "home": PUBLIC,
    "how": PUBLIC,
    "info": PUBLIC,
    "consent": PUBLIC,
    "start": POST_ONLY,
    "language": POST_ONLY,
    "healthz": PUBLIC,
    "play": POST_ONLY,
    "round": MINE,
    "reveal": POST_ONLY,
    "guess": POST_ONLY,
    "resign": POST_ONLY,
    "image": MINE,
    "full": NONE,
    "result": {**MINE, "owner": 302},
    "questionnaire": NONE,
    "questionnaire_begin": POST_ONLY,
    "questionnaire_thanks": NONE,
    "questionnaire_sheet": NONE,
    "questionnaire_answer": POST_ONLY,
    "questionnaire_image": NONE,
    "leaderboard": PUBLIC,
    "me": PLAYER,
    "shortcuts": POST_ONLY,
    "signup": ANONYMOUS,
    "login": PUBLIC,
    "logout": POST_ONLY,
    "recover": PUBLIC,
    "password_reset": PUBLIC,
    "password_reset_done": PUBLIC,
    "password_reset_confirm": dict.fromkeys(ROLES, 404),
    "settings": ACCOUNT,
    "change_email": POST_ONLY,
    "change_password": POST_ONLY,
    "recovery_code": POST_ONLY,
    "end_session": POST_ONLY,
    "export": POST_ONLY,
    "erase": PLAYER,
    "staff": STAFF,
    "staff_questionnaire": STAFF,
    "staff_verify": {**STAFF, "unverified": 200},
    "staff_state": POST_ONLY,
    "staff_maps": STAFF,
    "staff_switch_map": POST_ONLY,
    "staff_map_image": STAFF,
    "staff_labels": STAFF,
    "staff_hide_label": POST_ONLY,
    "staff_merges": STAFF,
    "staff_undo_merge": POST_ONLY,
    "staff_players": STAFF,
    "staff_shadow": POST_ONLY,
    "staff_erase": POST_ONLY,
    "staff_people": ADMIN,
    "staff_shut_out": POST_ONLY,
    "staff_audit": STAFF,
    "staff_moderation": STAFF,
    "staff_moderate": POST_ONLY,
    "staff_invite": POST_ONLY,
}
"""Status of GET for each route and role."""
STAFF_POST = {**dict.fromkeys(ROLES, 404), "unverified": 303}
POST = {
    "questionnaire_begin": NONE,
    "questionnaire_answer": NONE,
    "reveal": {**dict.fromkeys(ROLES, 404), "owner": 400},
    "guess": {**dict.fromkeys(ROLES, 404), "owner": 400},
    "staff_state": {**STAFF_POST, "researcher": 400, "staff": 400},
    "staff_switch_map": STAFF_POST,
    "staff_hide_label": STAFF_POST,
    "staff_merges": {**STAFF_POST, "researcher": 422, "staff": 422},
    "staff_undo_merge": STAFF_POST,
    "staff_shadow": STAFF_POST,
    "staff_erase": STAFF_POST,
    "staff_people": {**STAFF_POST, "staff": 422},
    "staff_shut_out": STAFF_POST,
    "staff_moderate": STAFF_POST,
    "staff_invite": {**STAFF_POST, "staff": 200},
    "change_email": {"nobody": 303, "guest": 303, **dict.fromkeys(ROLES[2:], 422)},
    "change_password": {"nobody": 303, "guest": 303, **dict.fromkeys(ROLES[2:], 422)},
    "recovery_code": {"nobody": 303, "guest": 303, **dict.fromkeys(ROLES[2:], 422)},
    "export": PLAYER,
    "start": dict.fromkeys(ROLES, 422),
    "play": dict.fromkeys(ROLES, 303),
    "language": dict.fromkeys(ROLES, 303),
    "shortcuts": dict.fromkeys(ROLES, 303),
    "end_session": dict.fromkeys(ROLES, 303),
    "logout": dict.fromkeys(ROLES, 303),
    "resign": {**dict.fromkeys(ROLES, 404), "owner": 303},
}
"""Status of POST without fields, in this order."""


def routes() -> list[str]:
    return [pattern.name for pattern in get_resolver().url_patterns if getattr(pattern, "name", None)]


@pytest.fixture
def people(campaign: Campaign) -> tuple[dict[str, Browser], Round]:
    """One browser for each role; the round is the owner's."""
    found = {role: Browser() for role in ROLES}
    sign_up(found["owner"], "olivia")
    sign_up(found["stranger"], "sandra")
    begin(found["guest"])
    row = begin(found["owner"])
    make_staff(found["staff"])
    make_staff(found["researcher"], "rita", role="researcher")
    found["unverified"].post("/accounts/login/", {"username": "boss", "password": PASSWORD})
    return found, row


def path_of(name: str, row: Round) -> str:
    from django.urls import reverse

    values = {
        "token": "0-0" if name == "password_reset_confirm" else row.token,
        "step": 0,
        "place": 0,
        "ladder": "week",
        "uidb64": "MQ",
        "key": row.map.key,
    }
    pattern = next(one for one in get_resolver().url_patterns if getattr(one, "name", None) == name)
    return reverse(name, kwargs={key: values[key] for key in pattern.pattern.converters})


def test_every_route_has_a_row() -> None:
    assert set(routes()) == set(GET)
    assert {name for name, row in GET.items() if row is POST_ONLY} | {"staff_merges", "staff_people"} == set(POST)
    others = [str(one.pattern) for one in get_resolver().url_patterns if not getattr(one, "name", None)]
    assert others == ["admin/"]
    assert not any("upload" in name or "import" in name for name in routes())


def test_who_may_see_what(people: tuple[dict[str, Browser], Round]) -> None:
    browsers, row = people
    for name, expected in GET.items():
        found = {role: browsers[role].get(path_of(name, row)).status_code for role in ROLES}
        assert found == expected, name
    for role in ROLES:
        assert browsers[role].get("/admin/").status_code == (200 if role == "staff" else 302)


def test_who_may_do_what(people: tuple[dict[str, Browser], Round]) -> None:
    browsers, row = people
    for name, expected in POST.items():
        if name == "logout":
            continue
        found = {role: browsers[role].post(path_of(name, row)).status_code for role in ROLES}
        assert found == expected, name


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def check_headers(answer: HttpResponse, what: str) -> None:
    for name, value in HEADERS.items():
        assert answer[name] == value, (what, name)
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["form-action"] == "'self'", what
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'", what
    assert "unsafe" not in answer["Content-Security-Policy"]
    age = re.search(r"max-age=(\d+); includeSubDomains", answer["Strict-Transport-Security"])
    assert age, what
    assert int(age[1]) >= 31_536_000
    for cookie in answer.cookies.values():
        assert cookie.key.startswith("__Host-"), what
        gone = cookie["max-age"] == 0
        assert cookie["secure"], what
        assert gone or (cookie["httponly"] and cookie["samesite"] == "Lax"), what
        assert cookie["path"] == "/", what
        assert not cookie["domain"], what
    assert not any(answer.has_header(name) for name in ("ETag", "Last-Modified")), what


def test_headers_on_every_route_and_status(
    people: tuple[dict[str, Browser], Round], monkeypatch: pytest.MonkeyPatch
) -> None:
    browsers, row = people
    for name in GET:
        for role in ("nobody", "owner", "staff"):
            answer = browsers[role].get(path_of(name, row))
            check_headers(answer, f"{name} {role}")
            assert answer["Cache-Control"] == "no-store", name
    nobody = browsers["nobody"]
    seen = set()
    for answer in (
        nobody.get("/no/such/page/"),
        nobody.get("/", headers={"host": "evil.example"}),
        nobody.get("/?a=1&a=2"),
        nobody.post("/accounts/login/", {"username": "x" * 70_000}),
        nobody.post("/start/", headers={"transfer-encoding": "chunked"}),
        nobody.get("/start/"),
        nobody.post("/accounts/login/", {}),
        Browser(enforce_csrf_checks=True).post("/play/"),
        Client().get("/"),
    ):
        check_headers(answer, str(answer.status_code))
        seen.add(answer.status_code)
    assert seen == {400, 404, 405, 411, 413, 422, 403, 301}
    broken = Browser(raise_request_exception=False)

    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("layerlore.game.server.services.campaigns.current", fail)
    answer = broken.get("/how/")
    assert answer.status_code == 500
    check_headers(answer, "500")
    assert b"secret" not in answer.content
    assert answer["X-Request-ID"].encode() in answer.content


def test_no_get_changes_a_row(people: tuple[dict[str, Browser], Round], db: None) -> None:
    browsers, row = people
    before = dump()
    for name in GET:
        for browser in browsers.values():
            browser.get(path_of(name, row))
            browser.head(path_of(name, row))
    assert dump() == before


def test_a_repeated_parameter_is_a_mistake(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    for data in ("step=0&step=0", "step=0&step=3"):
        answer = client.generic("POST", f"/round/{row.token}/reveal/", data, "application/x-www-form-urlencoded")
        assert answer.status_code == 400
    assert client.get("/staff/labels/?page=1&page=2").status_code == 400
    row.refresh_from_db()
    assert row.step == 0


def test_fields_that_were_not_asked_for_are_not_read(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    more = {"score": "999", "points": "999", "state": "won", "player": "1", "correct": "1", "counted": "1"}
    client.post(f"/round/{row.token}/resign/", {**more, "label_0": "fur", "label_0_step": "5"})
    row.refresh_from_db()
    assert (row.state, row.labels.get().step) == ("resigned", 0)
    roles = {"is_staff": "1", "is_superuser": "1", "role": "admin", "kind": "staff", "shadow": "0"}
    sign_up(Browser(), "mallory", **roles)
    from layerlore.game.server.models import Account

    account = Account.objects.get(username="mallory")
    assert (account.is_staff, account.is_superuser) == (False, False)


@pytest.mark.parametrize(
    "target",
    [
        "//evil",
        "/\\evil",
        "https:evil",
        "https://evil/",
        "///evil",
        "javascript:alert(1)",
        "\thttps://evil",
        "http:///evil",
    ],
)
def test_nobody_is_sent_elsewhere(campaign: Campaign, target: str) -> None:
    client = Browser()
    assert client.post("/language/", {"language": "it", "next": target})["Location"] == "/"
    sign_up(Browser())
    login = {"username": "sandra", "password": PASSWORD, "next": target}
    assert client.post("/accounts/login/", login)["Location"] == "/"
    assert client.post("/language/", {"language": "it", "next": "/how/"})["Location"] == "/how/"
    odd = client.get("//evil/x")
    assert "evil" not in odd.headers.get("Location", "")


@pytest.mark.parametrize("target", ["%2f%2fevil", "/how/\r\nSet-Cookie: a=b"])
def test_odd_targets_stay_on_our_pages(campaign: Campaign, target: str) -> None:
    location = Browser().post("/language/", {"language": "it", "next": target})["Location"]
    assert "\r" not in location
    assert not location.startswith("//")


def test_forms_from_elsewhere_are_refused(campaign: Campaign) -> None:
    client = Browser(enforce_csrf_checks=True)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', client.get("/consent/").content.decode())
    assert token
    data = {"agree": "1", "age": "1", "csrfmiddlewaretoken": token[1]}
    ours, theirs = {"origin": "https://testserver"}, {"origin": "https://evil.example"}
    for headers, fields, status in (
        (theirs, data, 403),
        ({"referer": "https://evil.example/x"}, data, 403),
        ({}, data, 403),
        (ours, {**data, "csrfmiddlewaretoken": ""}, 403),
        (ours, {**data, "csrfmiddlewaretoken": "a" * 64}, 403),
        (ours, data, 303),
    ):
        assert client.post("/start/", fields, headers=headers).status_code == status, headers


def test_what_people_type_stays_text(campaign: Campaign) -> None:
    client = Browser()
    row = begin(client)
    hostile = "<script>alert(1)</script>{{7*7}}"
    page = client.post(f"/round/{row.token}/reveal/", {"step": "0", "label_0": hostile})
    assert page.status_code == 422
    assert b"<script>alert" not in page.content
    assert b"49" not in page.content.split(b"{{7*7}}")[0][-20:]


def test_logs_hold_no_secrets_and_cannot_be_forged(people: tuple[dict[str, Browser], Round]) -> None:
    from layerlore.game.server.logs import Json, RequestId

    _, row = people
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Json())
    handler.addFilter(RequestId())
    logger = logging.getLogger("layerlore")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        client = people[0]["owner"]
        client.post(f"/round/{row.token}/guess/", {"step": "0", "tries": "0", "answer": "0", "label_0": "floppy ears"})
        client.get("/\r\n\x1b[31mforged")
        client.post("/accounts/login/", {"username": 'a"\n{"level": "error"}', "password": "my secret password"})
        logger.info("mail to %s with %s", "sandra@example.org", row.token)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.ERROR)
    text = stream.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["route"] for line in lines if "route" in line} >= {"guess", "login", "-"}
    assert all(line["at"].endswith("+00:00") for line in lines)
    for secret in (row.token, "floppy", "secret", "sandra@", "forged", "127.0.0.1"):
        assert secret not in text, secret


def test_django_finds_nothing_to_mend(settings: object) -> None:
    import os
    import subprocess
    import sys

    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    migrations = [sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run"]
    done = subprocess.run(migrations, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_limit_is_told(campaign: Campaign, change_config: Callable[..., None]) -> None:
    from layerlore.game.server.services.limits import RATES

    codes = []
    for number in range(RATES["guest"].count + 2):
        client = Browser(REMOTE_ADDR="203.0.113.7")
        codes.append(client.post("/start/", {"agree": "1", "age": "1"}).status_code)
        if number == 3:
            assert set(codes) == {303}
    assert codes[-1] == 429
    assert Browser(REMOTE_ADDR="198.51.100.4").post("/start/", {"agree": "1", "age": "1"}).status_code == 303
