"""A guest plays: from the home page to results, on a desktop and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moves import at_step, begin, choose, guess, headline, next_round, resign, reveal, say
from playwright.sync_api import expect
from visits import DESKTOP, PHONE, fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import Live
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
LABELS = "SELECT text, l.step FROM game_label l JOIN game_round r ON r.id = l.round_id WHERE token = ? ORDER BY l.id"
ROUND = 'SELECT state, step, "nothing" FROM game_round WHERE token = ?'


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_win_in_two_clicks_from_home_then_lose_then_resign(
    visit: Callable[..., Page], game: Live, size: dict[str, int]
) -> None:
    page = visit(viewport=size)
    token = begin(page)
    at_step(page, 1)
    say(page, "pointed ears")
    reveal(page, to=2)
    say(page, "whiskers")
    assert fits(page)
    choose(page, game.truth(token))
    guess(page)
    expect(headline(page)).to_contain_text("Right!")
    assert game.ask(ROUND, token) == [("won", 1, 0)]
    assert game.ask(LABELS, token) == [("pointed ears", 0), ("whiskers", 1)]
    assert fits(page)

    token = next_round(page)
    at_step(page, 1)
    choose(page, game.untruth(token))
    guess(page)
    expect(headline(page)).to_contain_text("Not this time")
    assert game.ask(ROUND, token) == [("lost", 0, 0)]

    token = next_round(page)
    reveal(page, to=3)
    say(page, "smooth brown")
    resign(page)
    expect(headline(page)).to_contain_text("Resigned")
    assert game.ask(ROUND, token) == [("resigned", 2, 0)]
    assert game.ask(LABELS, token) == [("smooth brown", 2)]

    token = next_round(page)
    page.get_by_role("checkbox", name="I recognise nothing").check()
    choose(page, game.truth(token))
    guess(page)
    assert game.ask(ROUND, token) == [("won", 0, 1)]
    assert game.ask(LABELS, token) == []


def test_without_scripts_a_round_can_be_played_too(visit: Callable[..., Page], game: Live) -> None:
    page = visit(java_script_enabled=False, expects=(422,))
    token = begin(page)
    at_step_without_scripts(page, 1)
    say(page, "pointed ears")
    page.get_by_role("button", name="Show more").click()
    at_step_without_scripts(page, 2)
    say(page, "missile")
    choose(page, game.truth(token))
    page.get_by_role("button", name="Guess").click()
    expect(page.get_by_role("alert")).to_contain_text("missile")
    assert game.ask(ROUND, token) == [("open", 1, 0)]
    page.get_by_role("textbox", name="Label 2").fill("whiskers")
    expect(page.locator(f"input[name=answer][value='{game.truth(token)}']")).to_be_checked()
    guess(page)
    expect(headline(page)).to_contain_text("Right!")
    assert game.ask(LABELS, token) == [("pointed ears", 0), ("whiskers", 1)]
    assert next_round(page) != token


def at_step_without_scripts(page: Page, number: int) -> None:
    expect(headline(page)).to_contain_text(f"Step {number} of 6")
    expect(page.get_by_role("img", name=f"step {number} of 6")).to_be_visible()
