"""Accounts: a guest's rounds stay, every way back in works, and one's data can be had and erased."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from moves import begin, choose, guess, headline, say
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from live import Live
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
FIRST, SECOND, THIRD = "four swans over the lake", "seven boats in the rain", "nine lamps on the stairs"
ROUNDS = """SELECT count(*) FROM game_round r JOIN game_player p ON p.id = r.player_id
    JOIN game_account a ON a.id = p.account_id WHERE a.username = ?"""


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.get_by_role("main").get_by_label(re.compile("^" + name.replace("_", " "))).fill(value)


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def log_out(page: Page) -> None:
    page.goto("/accounts/settings/")
    press(page, "Log out")
    expect(page.get_by_role("navigation").get_by_role("link", name="Log in").first).to_be_visible()


def log_in(page: Page, name: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_role("main").get_by_label(re.compile("^(Name|Username)")).fill(name)
    fill(page, Password=password)
    press(page, "Log in")


def sign_up(page: Page, name: str, email: str = "") -> str:
    """The recovery code."""
    page.goto("/me/")
    page.get_by_role("link", name="Make an account").click()
    fill(page, Name=name, Password=FIRST)
    page.get_by_role("main").get_by_label(re.compile("^E-mail")).fill(email)
    press(page, "Make an account")
    return page.get_by_role("main").locator("code").first.inner_text()


def inside(page: Page, name: str) -> None:
    page.goto("/accounts/settings/")
    expect(page.get_by_role("main")).to_contain_text(name)


def test_sign_up_keeps_the_rounds_and_every_way_back_in_works(visit: Callable[..., Page], game: Live) -> None:
    page = visit(expects=(404, 422))
    token = begin(page)
    choose(page, game.truth(token))
    guess(page)
    code = sign_up(page, "ottavia", "ottavia@example.org")
    assert game.ask(ROUNDS, "ottavia") == [(1,)]
    page.goto(f"/round/{token}/result/")
    expect(headline(page)).to_contain_text("Right!")

    log_out(page)
    page.goto(f"/round/{token}/result/", wait_until="commit")
    expect(headline(page)).to_contain_text("There is no such page")
    log_in(page, "ottavia", "not the password")
    expect(page.get_by_role("alert").first).to_be_visible()
    log_in(page, "ottavia", FIRST)
    inside(page, "ottavia")

    log_out(page)
    page.goto("/accounts/login/")
    page.get_by_role("main").get_by_role("link", name=re.compile("mail")).click()
    page.get_by_role("main").get_by_label(re.compile("^E-mail")).fill("ottavia@example.org")
    press(page, "Send a link")
    page.goto(game.mail_link("ottavia@example.org"))
    page.get_by_label(re.compile("^New password")).fill(SECOND)
    press(page, "Change the password")
    log_in(page, "ottavia", SECOND)
    inside(page, "ottavia")

    log_out(page)
    page.goto("/accounts/recover/")
    fill(page, Name="ottavia", Recovery_code=code, New_password=THIRD)
    press(page, "Change the password")
    log_in(page, "ottavia", THIRD)
    inside(page, "ottavia")
    assert game.ask(ROUNDS, "ottavia") == [(1,)]


def test_own_place_own_data_and_erasure(visit: Callable[..., Page], game: Live, tmp_path: Path) -> None:
    page = visit(expects=(422,))
    token = begin(page)
    say(page, "pointed ears")
    choose(page, game.truth(token))
    guess(page)
    sign_up(page, "amedeo")
    for ladder in ("week", "all-time", "confirmed"):
        page.goto(f"/leaderboard/{ladder}/")
        expect(headline(page)).to_contain_text("Leaderboard")
    page.goto("/leaderboard/week/")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"You|amedeo"))

    page.goto("/me/")
    with page.expect_download() as download:
        press(page, "Download my data")
    download.value.save_as(tmp_path / "mine.json")
    mine = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
    assert mine["account"]["name"] == "amedeo"
    assert [one["labels"][0]["text"] for one in mine["rounds"]] == ["pointed ears"]

    page.get_by_role("link", name="Erase me").click()
    page.get_by_role("main").get_by_label(re.compile("^Your password")).fill(FIRST)
    press(page, "Erase me")
    expect(headline(page)).to_contain_text("You are erased")
    assert game.ask("SELECT count(*) FROM game_account WHERE username = 'amedeo'") == [(0,)]
    assert game.ask("SELECT count(*) FROM game_label WHERE text = 'pointed ears'")[0][0] > 0
    log_in(page, "amedeo", FIRST)
    expect(page.get_by_role("alert").first).to_be_visible()
