"""English and Italian: every text is translated, nothing else is needed for a language, no page mixes two."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from serving import PASSWORD, Browser, begin, make_staff, sign_up, truth
from test_server_questionnaire import asking, fill, sheet_of, start  # noqa: F401 - a fixture is one of them
from test_server_web import GET, path_of

polib = pytest.importorskip("polib", reason="polib is not installed")
ROOT = Path(__file__).parents[3]
SERVER = ROOT / "src" / "layerlore" / "game" / "server"

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from layerlore.game.server.models import Campaign, Round


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The script that keeps the catalogues."""
    spec = importlib.util.spec_from_file_location("catalogue", ROOT / "tools" / "catalogue.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["catalogue"] = module
    spec.loader.exec_module(module)
    return module


def test_every_text_is_translated_and_compiled(tool: ModuleType) -> None:
    new = tool.update("it", tool.texts())
    assert tool.faults(new) == []
    place = SERVER / "locale" / "it" / "LC_MESSAGES"
    assert (place / "django.po").read_text(encoding="utf-8") == f"{new}\n", "run python tools/catalogue.py"
    assert (place / "django.mo").read_bytes() == tool.compiled(polib.pofile(str(place / "django.po")))


def test_what_is_wrong_with_a_catalogue_is_told(tool: ModuleType) -> None:
    catalogue = polib.POFile()
    for text, given, more in (
        ("no translation", "", {}),
        ("%(a)s and %(b)s", "%(a)s e %(c)s", {}),
        ("5 %% of it", "5 % di questo", {}),
        ("<b>bold</b>", "grassetto", {}),
        ("not sure", "insicuro", {"flags": ["fuzzy"]}),
        ("right %(a)s", "giusto %(a)s", {}),
    ):
        catalogue.append(polib.POEntry(msgid=text, msgstr=given, **more))
    plural = {"msgid": "one", "msgid_plural": "%(n)s", "msgstr_plural": {0: "uno", 1: "%(n)s"}}
    catalogue.append(polib.POEntry(**plural))
    catalogue.append(polib.POEntry(**{**plural, "msgid": "two", "msgstr_plural": {0: "uno", 1: ""}}))
    wrong = [line.split(": ")[1] for line in tool.faults(catalogue)]
    assert wrong == ["no translation", "%(a)s and %(b)s", "5 %% of it", "<b>bold</b>", "not sure", "two"]


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="GNU gettext is not installed")
def test_the_texts_found_are_those_that_django_finds(tool: ModuleType, tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "migrations", "locale", "static")
    copy = shutil.copytree(SERVER, tmp_path / "server", ignore=ignored)
    (copy / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "-l", "it", "-e", "html,txt,py,md", "--no-obsolete"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = polib.pofile(str(copy / "locale" / "it" / "LC_MESSAGES" / "django.po"))
    found = {(entry.msgctxt, entry.msgid): entry.msgid_plural or None for entry in theirs}
    assert {key: one.plural for key, one in tool.texts().items()} == found


def test_a_language_is_a_catalogue_and_no_code(tmp_path: Path) -> None:
    from layerlore.game.server.languages import available

    assert available(SERVER / "locale") == [("en", "English"), ("it", "Italiano")]
    for name in ("de", "pt_BR", "xx"):
        (tmp_path / name / "LC_MESSAGES").mkdir(parents=True)
        (tmp_path / name / "LC_MESSAGES" / "django.mo").touch()
    (tmp_path / "fr").mkdir()  # a folder without a compiled catalogue is none
    expected = [("en", "English"), ("de", "Deutsch"), ("pt-br", "Português Brasileiro"), ("xx", "Xx")]
    assert available(tmp_path) == expected


@pytest.mark.parametrize(("number", "said"), [(0, "0 partite"), (1, "1 partita"), (2, "2 partite"), (21, "21 partite")])
def test_plural_forms(number: int, said: str) -> None:
    from django.utils import translation

    with translation.override("it"):
        text = translation.ngettext("%(number)s round", "%(number)s rounds", number)
    assert text % {"number": number} == said


def test_our_translations_go_before_those_of_django() -> None:
    from django.utils import translation

    catalogue = polib.pofile(str(SERVER / "locale" / "it" / "LC_MESSAGES" / "django.po"))
    with translation.override("it"):
        for entry in catalogue:
            if not entry.msgid_plural:
                context, text = entry.msgctxt, entry.msgid
                given = translation.pgettext(context, text) if context else translation.gettext(text)
                assert given == entry.msgstr, text


class Texts(HTMLParser):
    """What people read or hear of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.silent = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style", "code")
        for name, value in attrs:
            if name in ("alt", "title", "placeholder", "aria-label") or name.startswith("data-"):
                self.add(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style", "code")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.add(data)

    def add(self, text: str) -> None:
        text = " ".join(text.replace("Deep Reveal", "").split())
        if len(re.findall(r"[^\W\d_]{2,}", text)) > 3:
            self.found.add(text)


def speak(client: Browser, language: str) -> Browser:
    from django.conf import settings

    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    return client


def visit(round_: Round, browsers: dict[str, Browser]) -> Iterator[tuple[str, str]]:
    """All pages that a GET shows to these people, and those that only a POST shows."""
    for role, client in browsers.items():
        for name in GET:
            answer = client.get(path_of(name, round_))
            if answer.status_code in (200, 404) and answer["Content-Type"].startswith("text/html"):
                yield f"{role} {name}", answer.content.decode()
    nobody, owner, staff = (browsers[role] for role in ("nobody", "owner", "staff"))
    key = round_.player.key
    posts: list[tuple[Browser, str, dict[str, Any]]] = [
        (nobody, "/accounts/signup/", {"name": "a", "password": "a"}),
        (nobody, "/accounts/login/", {"username": "a", "password": "a"}),
        (nobody, "/accounts/recover/", {"name": "a", "code": "a", "password": "some good password"}),
        (nobody, "/start/", {}),
        (nobody, "/no/such/page/", {}),
        (owner, "/accounts/settings/email/", {"email": "x", "current": "y"}),
        (owner, "/accounts/settings/recovery/", {"current": PASSWORD}),
        (owner, "/accounts/erase/", {}),
        (staff, "/staff/state/", {"to": "closed"}),
        (staff, "/staff/players/erase/", {"player": key}),
        (staff, "/staff/people/", {"name": "rita", "role": "researcher"}),
        (staff, "/staff/invite/", {}),
        (staff, "/staff/merges/", {"text": "a", "into": "b", "language": "en"}),
    ]
    for client, path, data in posts:
        answer = client.post(path, data)
        assert answer.status_code in (200, 404, 422), path
        yield f"POST {path}", answer.content.decode()


@pytest.mark.django_db
def test_no_page_in_italian_has_english_left(campaign: Campaign) -> None:
    from layerlore.game.server.services import estimates

    browsers = {role: Browser() for role in ("nobody", "owner", "staff")}
    sign_up(browsers["owner"], "olivia", email="olivia@example.org")
    make_staff(browsers["staff"])
    finished = begin(browsers["owner"])
    data = {"step": "0", "tries": "0", "answer": truth(finished), "label_0": "fur", "label_1": "shit"}
    assert browsers["owner"].post(f"/round/{finished.token}/guess/", data).status_code == 303
    estimates.refit()
    playing = begin(browsers["owner"])
    pages: dict[str, dict[str, set[str]]] = {}
    for language in ("en", "it"):
        for client in browsers.values():
            speak(client, language)
        found = dict(visit(playing, browsers))
        found["result"] = browsers["owner"].get(f"/round/{finished.token}/result/").content.decode()
        pages[language] = {name: Texts(text).found for name, text in found.items()}
    assert pages["en"].keys() == pages["it"].keys()
    assert sum(len(found) for found in pages["en"].values()) > 300
    same = {name: both for name, found in pages["en"].items() if (both := found & pages["it"][name])}
    assert same == {}


@pytest.mark.django_db
def test_the_questionnaire_in_italian_has_no_english_left(asking: Campaign) -> None:  # noqa: F811 - the fixture
    staff = Browser()
    make_staff(staff)
    pages: dict[str, list[set[str]]] = {}
    for language in ("en", "it"):
        client = speak(Browser(), language)
        begin(client)
        found = [client.get(path) for path in ("/", "/questionnaire/", "/info/", "/consent/")]
        path = start(client)
        while "thanks" not in path:
            found.append(client.get(path))
            path = client.post(f"{path}answer/", fill(sheet_of(path), "lime"))["Location"]
        found += [client.get(path), speak(staff, language).get("/staff/questionnaire/")]
        pages[language] = [Texts(answer.content.decode()).found for answer in found]
    assert [len(found) > 3 for found in pages["en"]] == [True] * 9
    assert [both for en, it in zip(pages["en"], pages["it"], strict=True) if (both := en & it)] == []


@pytest.mark.parametrize("password", ["short", "x" * 129, "1029384756", "password123", "sandra.example", "deepreveal1"])
def test_what_is_wrong_with_a_password_is_said_in_both_languages(password: str) -> None:
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.utils import translation

    from layerlore.game.server.models import Account

    said = []
    for language in ("en", "it"):
        with translation.override(language), pytest.raises(ValidationError) as error:
            validate_password(password, Account(username="sandra", email="sandra.example@example.org"))
        said.append(set(error.value.messages))
    assert said[0]
    assert not said[0] & said[1]


@pytest.mark.django_db
def test_mails_are_written_in_the_language_in_which_they_were_asked_for(campaign: Campaign) -> None:
    from django.core import mail
    from django.test import override_settings
    from django.utils import timezone

    from layerlore.game.server.services import outbox

    sign_up(Browser(), "olivia", email="olivia@example.org")
    speak(client := Browser(), "it").post("/accounts/password-reset/", {"email": "olivia@example.org"})
    with override_settings(DELIVERY={"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}):
        outbox.deliver(timezone.now())
        outbox.deliver(timezone.now())
    (sent,) = mail.outbox
    assert sent.subject == "Una nuova password per Deep Reveal"
    assert sent.body.startswith("Ciao olivia,")
    link = re.search(r"https?://[^/]+(/accounts/password-reset/\S+)", sent.body)
    assert link
    assert client.get(link[1]).status_code == 302
