"""What a player does, by what is written on the controls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ROUND, RESULT = re.compile(r"/round/[0-9a-f]{32}/$"), re.compile(r"/round/[0-9a-f]{32}/result/$")


def begin(page: Page) -> str:
    """From the home page to the first round: two clicks, and two ticks on the consent page between them."""
    page.get_by_role("main").get_by_role("link", name=re.compile("^Play")).click()
    expect(page).to_have_url(re.compile("/consent/"))
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Play as a guest").click()
    expect(page).to_have_url(ROUND)
    expect(headline(page)).to_contain_text("Step 1 of 6")
    return token_of(page)


def next_round(page: Page) -> str:
    """From a result to the next round."""
    page.get_by_role("button", name="Next round").click()
    expect(page).to_have_url(ROUND)
    return token_of(page)


def token_of(page: Page) -> str:
    """The round that the address names."""
    found = re.search(r"/round/([0-9a-f]{32})/", page.url)
    assert found, page.url
    return found[1]


def headline(page: Page) -> Locator:
    """The page's heading."""
    return page.get_by_role("heading", level=1)


def at_step(page: Page, number: int) -> None:
    """Wait until the page and its picture show this step."""
    expect(headline(page)).to_contain_text(f"Step {number} of 6")
    picture = page.get_by_role("img", name=f"Partly revealed picture, step {number} of 6")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")


def say(page: Page, text: str) -> None:
    """Type a label; with scripts Enter makes it a chip."""
    fields = page.get_by_role("textbox", name=re.compile("^Label"))
    field = next(one for one in fields.all() if not one.input_value())
    field.fill(text)
    if page.get_by_role("button", name="Add").count():
        field.press("Enter")
        expect(chip(page, text)).to_be_visible()


def chip(page: Page, text: str) -> Locator:
    """The button that removes a label."""
    return page.get_by_role("button", name=f"Remove: {text}", exact=True)


def reveal(page: Page, *, to: int) -> None:
    """Show more until this step."""
    while f"Step {to} of" not in headline(page).inner_text():
        now = int(headline(page).inner_text().split()[1])
        page.get_by_role("button", name="Show more").click()
        at_step(page, now + 1)


def choose(page: Page, answer: int) -> None:
    """Pick a class by its number."""
    page.locator(f"input[name=answer][value='{answer}']").check()


def guess(page: Page) -> None:
    """Commit the guess."""
    page.get_by_role("button", name=re.compile("^Guess")).click()
    expect(page).to_have_url(RESULT)


def resign(page: Page) -> None:
    """Give up."""
    page.get_by_role("button", name="Resign").click()
    expect(page).to_have_url(RESULT)
