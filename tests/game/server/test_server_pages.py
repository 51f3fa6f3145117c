"""What players' pages show: steps and points, labels, results, own numbers, and that all they load is there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from serving import Browser, begin, make_player, truth, wrong

from layerlore.game.server.services import campaigns, own_numbers, results, rounds
from layerlore.game.server.templatetags.prose import prose

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.game.server.models import Campaign, Round

pytestmark = pytest.mark.django_db
STATIC = re.compile(r'(?:src|href)="(/static/[^"]+)"')
IMPORT = re.compile(r'from "\./([\w.]+)"')
INLINE = re.compile(r"<[^>]*\s(?:style|on[a-z]+)=|<style|<script(?![^>]*\ssrc=)[^>]*>|(?:src|href)=\"data:")


def text_of(html: str) -> str:
    """The words of a page, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def pages_of(client: Browser, row: Round) -> dict[str, str]:
    """Every page that a player comes by, before and after a round."""
    url = f"/round/{row.token}/"
    found = {path: client.get(path).content.decode() for path in ("/", "/how/", "/info/", "/consent/", url)}
    found["mistake"] = client.post(f"{url}guess/", {"step": "0", "tries": "0", "label_0": "dog"}).content.decode()
    client.post(f"{url}guess/", {"step": "0", "tries": "0", "answer": truth(row), "label_0": "fur"})
    later = (f"{url}result/", "/me/", "/leaderboard/week/", "/leaderboard/confirmed/", "/accounts/erase/", "/nothing")
    return found | {path: client.get(path).content.decode() for path in later}


def test_pages_load_only_what_is_there_and_have_nothing_inline(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    loaded = set()
    for path, html in pages_of(client, row).items():
        assert not INLINE.search(html), (path, INLINE.search(html))
        assert html.count("<h1") == 1, path
        loaded |= set(STATIC.findall(html))
    assert len(loaded) > 12
    for path in sorted(loaded):
        answer = client.get(path)
        assert answer.status_code == 200, path
        if path.endswith(".js"):
            content = b"".join(answer.streaming_content).decode()
            near = path.rpartition("/")[0]
            assert all(client.get(f"{near}/{name}").status_code == 200 for name in IMPORT.findall(content)), path


def test_the_round_tells_what_each_step_is_worth(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    url = f"/round/{row.token}/"
    words = text_of(client.get(url).content.decode())
    # 100 ln(.45/p) / ln(.45/.02), and a wrong guess costs half of it with three classes.
    assert re.search(r"100 2 % 74 4\.5 % 55 8 % 40 13 % 26 20 % 13 30 %", words)
    assert "Guess +100 or −50" in words  # noqa: RUF001
    client.post(f"{url}reveal/", {"step": "0", "label_0": "floppy ears"})
    html = client.get(url).content.decode()
    assert "Guess +74 or −37" in text_of(html)  # noqa: RUF001
    chip = re.search(r'<li class="chip">.*?</li>', html, re.DOTALL)
    assert chip
    assert "2 %" in text_of(chip[0])
    assert 'aria-label="Remove: floppy ears"' in chip[0]
    assert 'name="label_0" value="floppy ears"' in chip[0]
    assert 'width="16" height="16"' in html


def test_names_of_fields_are_given_once_whatever_was_typed(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    for count in (0, 1, 3, 8):
        words = {f"label_{number}": f"word {'abcdefgh'[number]}" for number in range(count)}
        answer = client.post(f"/round/{row.token}/guess/", {"step": "0", "tries": "0", **words})
        assert answer.status_code == 422
        form = re.search(r'<form class="play".*?</form>', answer.content.decode(), re.DOTALL)
        assert form
        names = re.findall(r'<(?:input|select)[^>]* name="(label_\d+)"[^>]*>', form[0])
        assert names == [f"label_{number}" for number in range(max(3, count + 1))]


def test_many_classes_come_by_name_with_a_search(campaign: Campaign) -> None:
    names = [f"class {chr(97 + number % 26)}{number}" for number in range(40)]
    campaign.classes = [
        {"index": index, "names": {"en": name}, "taboo": {"en": [name]}, "near": []} for index, name in enumerate(names)
    ]
    campaign.save(update_fields=["classes"])
    campaigns._rules.cache_clear()
    client = Browser()
    html = client.get(f"/round/{begin(client).token}/").content.decode()
    assert re.findall(r"<span>(class \w+)</span>", html) == sorted(names)
    assert 'id="find"' in html
    assert "data-key" not in html


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        (
            "guess",
            truth,
            "Right! On the photo: .* \\+100, because you guessed right at step 1 of 6, with 2 % of the photo",
        ),
        ("guess", wrong, "Not this time .* −50: a wrong guess costs what .* divided by the 2 other classes"),  # noqa: RUF001
        ("resign", wrong, "Resigned .* Resigning costs nothing"),
    ],
)
def test_the_result_says_why(
    playing: tuple[Browser, Round], path: str, answer: Callable[[Round], str], words: str
) -> None:
    client, row = playing
    data = {"step": "0", "tries": "0", "answer": answer(row), "label_0": "fur"}
    client.post(f"/round/{row.token}/{path}/", data)
    found = text_of(client.get(f"/round/{row.token}/result/").content.decode())
    assert re.search(words, found), found
    assert "a round to practise with" in found
    assert re.search(r"Your labels fur 2 % A label earns points as soon as", found)


def test_another_guess_goes_on_with_the_same_labels(campaign: Campaign, change_config: Callable[..., None]) -> None:
    change_config(campaign, play={"max_guesses": 2})
    client = Browser()
    row = begin(client)
    url = f"/round/{row.token}/"
    data = {"step": "0", "tries": "0", "answer": wrong(row), "label_0": "fur"}
    assert client.post(f"{url}guess/", data)["Location"] == url
    html = client.get(url).content.decode()
    assert re.search(r"It is not \w+\. One guess is left\.", text_of(html))
    assert 'name="label_0" value="fur"' in html
    assert re.search(rf'value="{wrong(row)}"[^>]* disabled', html)
    client.post(f"{url}guess/", {**data, "tries": "1", "answer": truth(row)})
    assert "Right!" in client.get(f"{url}result/").content.decode()
    assert list(row.labels.values_list("text", flat=True)) == ["fur"]


def test_others_words_are_told_only_after_the_round(campaign: Campaign) -> None:
    client = Browser()
    row = begin(client)
    for _ in range(2):
        other = make_player(campaign)
        copy = type(row).objects.create(
            **{
                name: getattr(row, name)
                for name in ("campaign", "map", "picture", "stream", "why", "language", "steps", "started", "expires")
            },
            player=other,
            state="lost",
            ended=timezone.now(),
        )
        copy.labels.create(map=row.map, text="whiskers", raw="whiskers", language="en", step=0)
    url = f"/round/{row.token}/"
    assert "whiskers" not in client.get(url).content.decode()
    client.post(f"{url}resign/")
    assert re.search(r"What others saw whiskers 2×", text_of(client.get(f"{url}result/").content.decode()))  # noqa: RUF001


def test_the_day_and_the_own_numbers(campaign: Campaign) -> None:
    client = Browser()
    outcomes = []
    for answer in (truth, wrong, truth, truth):
        row = begin(client)
        client.post(f"/round/{row.token}/guess/", {"step": "0", "tries": "0", "answer": answer(row), "label_0": "fur"})
        row.refresh_from_db()
        outcomes.append(row.state)
    assert outcomes == ["won", "lost", "won", "won"]
    now = timezone.now()
    assert results.today(row, now) == results.Today(rounds=4, row=2)
    assert "2 right in a row · round 4 today" in text_of(client.get(f"/round/{row.token}/result/").content.decode())
    mine = list(own_numbers.finished(campaign, row.player))
    assert [one.points for one in mine if one.state == "lost"] == [-50_000]
    assert {one.typed for one in mine} == {1}
    assert own_numbers.step_at_win(campaign, row.player) == 1
    weeks = own_numbers.weeks(campaign, row.player, now)
    assert [points for _, points in weeks[:-1]] == [0] * (own_numbers.WEEKS - 1)
    assert weeks[-1][1] >= 250
    found = text_of(client.get("/me/").content.decode())
    assert "Won 75 % at step 1.0 on average" in found
    assert found.count("lost, step 1") == 1


def test_an_idle_player_has_empty_pages(campaign: Campaign) -> None:
    client = Browser()
    row = begin(client)
    rounds.leave(row.player, timezone.now())
    found = text_of(client.get("/me/").content.decode())
    assert "You have not finished a round yet" in found
    assert "Won –" in found  # noqa: RUF001
    assert "Nobody yet" in client.get("/leaderboard/week/").content.decode()
    over = client.get(f"/round/{row.token}/")
    assert "Its time was over" in over.content.decode()


@pytest.mark.parametrize("state", ["draft", "paused", "closed"])
def test_the_start_page_knows_the_campaigns_state(campaign: Campaign, state: str) -> None:
    type(campaign).objects.filter(pk=campaign.pk).update(state=state)
    html = Browser().get("/").content.decode()
    assert 'class="notice warning"' in html
    assert 'href="/consent/">Play' not in html


def test_shortcuts_are_switched_off_where_one_is(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    url = f"/round/{row.token}/"
    assert 'data-shortcuts="1"' in client.get(url).content.decode()
    assert client.post("/me/shortcuts/", {"shortcuts": "0", "next": url})["Location"] == url
    html = client.get(url).content.decode()
    assert 'data-shortcuts="0"' in html
    assert client.post("/me/shortcuts/", {"shortcuts": "1", "next": "//evil"})["Location"] == "/me/"


def test_a_consent_text_is_set_as_it_was_meant() -> None:
    text = "# Who\nWe **are** _two_\nlines.\n\n- one\n- two\n  goes on\n\n1. first"
    text += "\n\n[write](mailto:a@b.it) [no](javascript:x)"
    assert str(prose(text)).split("\n") == [
        "<h2>Who</h2>",
        "<p>We <strong>are</strong> <em>two</em> lines.</p>",
        "<ul><li>one</li><li>two goes on</li></ul>",
        "<ol><li>first</li></ol>",
        '<p><a href="mailto:a@b.it" rel="noopener">write</a> [no](javascript:x)</p>',
    ]


class Tags(HTMLParser):
    """Notes what tags and attributes a text has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.found |= {f"{tag} {name}" for name, _ in attributes}
        href = dict(attributes).get("href")
        assert tag != "a" or re.match(r"https?://|mailto:", href or "")


@given(st.text(st.sampled_from("#-*_1.[]()<>&\"'= \nahttps:/javscrip"), max_size=80))
def test_no_html_of_a_consent_text_gets_through(text: str) -> None:
    parser = Tags()
    parser.feed(str(prose(text)))
    allowed = {"h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "em", "a", "a href", "a rel"}
    assert parser.found <= allowed
