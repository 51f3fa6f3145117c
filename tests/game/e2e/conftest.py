"""One game for all tests, and visitors whose every request and complaint is kept."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "server"))

pytest.importorskip("django", reason="the game's server is not installed: pip install 'layerlore[game]'")

from live import Live, make_campaign, playing
from stage import Person, Stage, become_staff
from visits import DESKTOP, Trouble, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

NETWORKS = count(1)


@pytest.fixture(scope="session")
def game(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The game; built only where there is a browser."""
    with playing(make_campaign(tmp_path_factory.mktemp("live"))) as live:
        yield live


@pytest.fixture(scope="session")
def new_visitor(browser: Browser, game: Live) -> Callable[..., tuple[BrowserContext, Trouble]]:
    """Makes a visitor who has never been here, and what was wrong on the way."""

    def make(at: Live = game, **options: Any) -> tuple[BrowserContext, Trouble]:
        number = next(NETWORKS)
        options = {"viewport": DESKTOP, "base_url": at.address, "reduced_motion": "reduce", **options}
        headers = {"X-Forwarded-For": f"10.0.{number // 250}.{1 + number % 250}"}
        context = browser.new_context(extra_http_headers=headers, **options)
        context.set_default_timeout(10_000)
        return context, watch(context, at.address)

    return make


@pytest.fixture
def visit(new_visitor: Callable[..., tuple[BrowserContext, Trouble]]) -> Iterator[Callable[..., Page]]:
    """Opens a page as a new visitor; at the end nothing may have been wrong but the statuses that were expected."""
    opened = []

    def visit(path: str = "/", *, expects: tuple[int, ...] = (), **options: Any) -> Page:
        context, trouble = new_visitor(**options)
        opened.append((context, trouble))
        trouble.expects |= set(expects)
        page = context.new_page()
        page.goto(path)
        return page

    yield visit
    for context, _ in opened:
        context.close()
    assert [said for _, trouble in opened for said in trouble.all] == []


@pytest.fixture(scope="session")
def staff(new_visitor: Callable[..., tuple[BrowserContext, Trouble]], game: Live) -> dict[str, object]:
    """Cookies of staff who came by the one-time link and have shown the second factor."""
    context, trouble = new_visitor()
    become_staff(Person(context.new_page(), trouble), game.staff_link)
    cookies = dict(context.storage_state())
    context.close()
    assert trouble.all == []
    return cookies


@pytest.fixture(scope="session")
def stage(
    new_visitor: Callable[..., tuple[BrowserContext, Trouble]], game: Live, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Stage]]:
    """Everybody, in a language."""
    stages: dict[str, Stage] = {}

    def enter(language: str) -> Stage:
        if language not in stages:
            stages[language] = Stage(game, language, new_visitor, lambda: request.getfixturevalue("staff"))
        return stages[language]

    yield enter
    for one in stages.values():
        one.close()
