"""Another campaign: thirty classes to search in, two guesses, kinds of labels, a label required, no new accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from live import playing
from moves import RESULT, at_step, begin, chip, choose, headline, say
from playwright.sync_api import expect
from small_bundle import write_bundle
from visits import PHONE, findings, fits, keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from live import Live
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
MARKUP = "<img src=x onerror=alert(1)>"
TYPED = "<i onclick=alert(2)>stripe</i>"
BIRDS = [f"bird number {number:02}" for number in range(1, 29)]
CLASSES = [MARKUP, *BIRDS, "zebra & <b>foal</b>"]


@pytest.fixture(scope="module")
def other(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The other game, with pictures of one colour."""
    folder = tmp_path_factory.mktemp("other")
    write_bundle(
        folder / "campaign",
        images=60,
        honeypots=4,
        known={name: (f"en:{name}", f"it:{name}") for name in CLASSES},
        play={"max_guesses": 2},
        labels={"kinds": ["part", "colour"], "require_one": True},
        people={"signup": "closed"},
    )
    with playing(folder) as live:
        yield live


def test_search_among_thirty_classes_and_a_second_guess(visit: Callable[..., Page], other: Live) -> None:
    page = visit(at=other, expects=(422,))
    token = begin(page)
    at_step(page, 1)
    search = page.get_by_role("searchbox")
    search.fill("number 07")
    expect(page.get_by_role("radio")).to_have_count(1)
    search.press("Enter")
    expect(page.get_by_role("radio", name="bird number 07")).to_be_checked()
    assert findings(page) == []
    keep(page, "round-search-en-desktop-light")
    page.set_viewport_size(PHONE)
    assert findings(page) == []
    assert fits(page)
    keep(page, "round-search-en-phone-light")
    search.fill("")

    choose(page, other.untruth(token))
    press_guess(page)
    expect(page.get_by_role("alert").filter(has_text="label")).to_be_visible()
    page.get_by_role("combobox", name="Kind").last.select_option("colour")
    say(page, "yellowish")
    press_guess(page)
    expect(page.get_by_role("main")).to_contain_text("One guess is left")
    expect(page.locator(f"input[name=answer][value='{other.untruth(token)}']")).to_be_disabled()
    choose(page, other.truth(token))
    press_guess(page)
    expect(page).to_have_url(RESULT)
    expect(headline(page)).to_contain_text("Right!")
    labels = "SELECT text, l.kind FROM game_label l JOIN game_round r ON r.id = l.round_id WHERE token = ?"
    assert other.ask(labels, token) == [("yellowish", "colour")]


def test_markup_in_names_and_labels_is_only_text(visit: Callable[..., Page], other: Live) -> None:
    page = visit(at=other, expects=(422,))
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    token = begin(page)
    expect(page.get_by_role("radio", name=MARKUP, exact=True)).to_have_count(1)
    say(page, TYPED)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("alert").filter(has_text=TYPED)).to_be_visible()
    chip(page, TYPED).click()
    say(page, "yellowish")
    choose(page, other.truth(token))
    press_guess(page)
    expect(page).to_have_url(RESULT)
    assert page.locator("main script, main img[src=x], main i").count() == 0
    assert dialogs == []


def test_no_new_accounts(visit: Callable[..., Page], other: Live) -> None:
    page = visit("/accounts/signup/", at=other, expects=(403,))
    expect(headline(page)).to_contain_text("No new accounts")
    assert findings(page) == []
    keep(page, "signup-closed-en-desktop-light")


def press_guess(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Guess")).click()
