"""What people do out of order: back button, second tab, reload, double click, no network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from moves import at_step, begin, chip, choose, guess, headline, next_round, reveal, say, token_of
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import Live
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
GUESSES = "SELECT e.step FROM game_event e JOIN game_round r ON r.id = e.round_id WHERE token = ? AND kind = 'guessed'"
POINTS = "SELECT points FROM game_ledgerentry l JOIN game_round r ON r.id = l.round_id WHERE token = ?"
AT_STEP_5 = 26


def test_a_guess_is_scored_at_the_step_that_was_seen(visit: Callable[..., Page], game: Live) -> None:
    page = visit(expects=(409,))
    token = begin(page)
    early = page.context.new_page()
    early.goto(page.url)
    at_step(early, 1)
    reveal(page, to=5)
    for _ in range(2):
        page.go_back()
    page.goto(f"/round/{token}/")
    at_step(page, 5)

    choose(early, game.truth(token))
    early.get_by_role("button", name=re.compile("^Guess")).click()
    early.get_by_role("link", name="To the round as it is now").click()
    assert game.ask(GUESSES, token) == []
    at_step(early, 5)
    choose(early, game.truth(token))
    guess(early)
    assert game.ask(GUESSES, token) == [(4,)]
    assert [round(points / 1000) for (points,) in game.ask(POINTS, token)] == [AT_STEP_5]

    choose(page, game.untruth(token))
    page.get_by_role("button", name=re.compile("^Guess")).click()
    expect(headline(page)).to_contain_text("The round has moved on")
    assert game.ask(GUESSES, token) == [(4,)]


def test_a_reload_keeps_the_step_and_all_that_was_typed(visit: Callable[..., Page], game: Live) -> None:
    page = visit()
    token = begin(page)
    say(page, "pointed ears")
    reveal(page, to=2)
    say(page, "whiskers")
    choose(page, game.truth(token))
    page.reload()
    at_step(page, 2)
    expect(chip(page, "pointed ears")).to_be_visible()
    expect(chip(page, "whiskers")).to_be_visible()
    expect(page.locator(f"input[name=answer][value='{game.truth(token)}']")).to_be_checked()
    chip(page, "whiskers").click()
    page.reload()
    at_step(page, 2)
    expect(chip(page, "pointed ears")).to_be_visible()
    expect(chip(page, "whiskers")).to_have_count(0)


def test_two_clicks_are_one(visit: Callable[..., Page], game: Live) -> None:
    page = visit()
    token = begin(page)
    page.get_by_role("button", name="Show more").dblclick()
    at_step(page, 2)
    choose(page, game.truth(token))
    page.get_by_role("button", name=re.compile("^Guess")).dblclick()
    expect(headline(page)).to_contain_text("Right!")
    assert game.ask(GUESSES, token) == [(1,)]
    page.get_by_role("button", name="Next round").dblclick()
    at_step(page, 1)
    rounds = "SELECT count(*) FROM game_round WHERE player_id = (SELECT player_id FROM game_round WHERE token = ?)"
    assert game.ask(rounds, token) == [(2,)]


def test_no_network_is_told_and_nothing_is_lost(visit: Callable[..., Page], game: Live) -> None:
    page = visit(expects=(0,))
    token = begin(page)
    at_step(page, 1)
    say(page, "pointed ears")
    choose(page, game.truth(token))
    page.context.set_offline(True)
    for name in ("Show more", "Guess"):
        page.get_by_role("button", name=re.compile(f"^{name}")).click()
        expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
        expect(chip(page, "pointed ears")).to_be_visible()
    page.context.set_offline(False)
    reveal(page, to=2)
    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_hidden()
    choose(page, game.truth(token))
    guess(page)
    assert game.ask(GUESSES, token) == [(1,)]
    next_round(page)


def test_another_language_keeps_page_and_round(visit: Callable[..., Page], game: Live) -> None:
    page = visit()
    token = begin(page)
    say(page, "pointed ears")
    reveal(page, to=2)
    page.get_by_role("button", name="Italiano").click()
    expect(page.locator("html")).to_have_attribute("lang", "it")
    assert token_of(page) == token
    expect(headline(page)).to_contain_text("2")
    expect(page.get_by_role("main")).to_contain_text("pointed ears")
    expect(page.get_by_role("main")).to_contain_text("gatto egiziano")
    choose(page, game.truth(token))
    page.locator("main form button[type=submit], main form button:not([type])").locator("visible=true").filter(
        has_text=re.compile("Indovin|Rispond|Guess")
    ).first.click()
    expect(page).to_have_url(re.compile("/result/$"))
    expect(page.locator("html")).to_have_attribute("lang", "it")
    assert game.ask(
        "SELECT text, l.language FROM game_label l JOIN game_round r ON r.id = l.round_id WHERE token = ?", token
    ) == [("pointed ears", "en")]
