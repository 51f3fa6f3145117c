"""What a player does, by what is written on the controls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page


def begin(page: Page) -> None:
    """From the home page to the first round: two clicks, and two ticks on the consent page between them."""
    main = page.get_by_role("main")
    main.locator("a, button").filter(has_text=re.compile(r"^\s*Play")).first.click()
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Play as a guest").click()
    expect(page).to_have_url(re.compile("/round/"))


def token_of(page: Page) -> str:
    """The round that the address names."""
    found = re.search(r"/round/([0-9a-f]{32})/", page.url)
    assert found, page.url
    return found[1]


def say(page: Page, text: str) -> None:
    """Type a label."""
    field = next(one for one in page.get_by_role("main").get_by_role("textbox").all() if not one.input_value())
    field.fill(text)
    if page.locator("html[data-ready]").count():
        field.press("Enter")


def show_more(page: Page) -> None:
    """Reveal one step more."""
    page.get_by_role("button", name="Show more").click()


def choose(page: Page, answer: int) -> None:
    """Pick a class by its number."""
    page.locator(f"input[name=answer][value='{answer}']").check()


def guess(page: Page) -> None:
    """Commit the guess."""
    page.get_by_role("button", name="Guess", exact=False).click()
    expect(page).to_have_url(re.compile("/result/"))
