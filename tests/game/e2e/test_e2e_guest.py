"""A guest plays: from the home page to a result, on a desktop and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moves import begin, choose, guess, say, show_more, token_of
from playwright.sync_api import expect
from visits import DESKTOP, PHONE, fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import Live
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_round_in_two_clicks(visit: Callable[..., Page], game: Live, size: dict[str, int]) -> None:
    page = visit(viewport=size)
    begin(page)
    picture = page.get_by_role("img", name="step 1 of 6")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    say(page, "pointed ears")
    show_more(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Step 2 of 6")
    say(page, "whiskers")
    assert fits(page)
    token = token_of(page)
    choose(page, game.truth(token))
    guess(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Right!")
    assert game.ask("SELECT state, step FROM game_round WHERE token = ?", token) == [("won", 1)]
    labels = game.ask(
        "SELECT text, l.step FROM game_label l JOIN game_round r ON r.id = l.round_id WHERE token = ? ORDER BY l.step",
        token,
    )
    assert labels == [("pointed ears", 0), ("whiskers", 1)]
    assert fits(page)
    page.get_by_role("button", name="Next round").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Step 1 of 6")
    assert token_of(page) != token
