"""Staff pause the game and resume it; players see so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moves import at_step, begin, choose, guess, headline, resign
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import Live
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_pause_and_resume(visit: Callable[..., Page], game: Live, staff: dict[str, object]) -> None:
    page = visit(expects=(409,))
    token = begin(page)
    boss = visit("/staff/", storage_state=staff)
    expect(boss.get_by_role("main")).to_contain_text("study")
    try:
        boss.get_by_role("button", name="Pause").click()
        expect(boss.get_by_role("button", name="Open", exact=True)).to_be_visible()
        assert game.ask("SELECT state FROM game_campaign") == [("paused",)]
        choose(page, game.truth(token))
        guess(page)
        page.get_by_role("button", name="Next round").click()
        expect(headline(page)).to_contain_text("No rounds at the moment")
        page.goto("/")
        expect(page.get_by_role("main").get_by_role("button", name="Play")).to_have_count(0)
    finally:
        boss.get_by_role("button", name="Open", exact=True).click()
        expect(boss.get_by_role("button", name="Pause")).to_be_visible()
    page.goto("/")
    page.get_by_role("main").get_by_role("button", name="Play").click()
    at_step(page, 1)
    resign(page)


def test_a_player_finds_no_staff_pages(visit: Callable[..., Page]) -> None:
    page = visit(expects=(404,))
    begin(page)
    for path in ("/staff/", "/staff/labels/"):
        page.goto(path)
        expect(headline(page)).to_contain_text("There is no such page")
    page.goto("/admin/")
    expect(headline(page)).to_contain_text("Log in")
