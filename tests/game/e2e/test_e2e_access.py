"""A round by keyboard only; nothing jumps, focus is seen, targets can be hit, and no motion where none is wanted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from moves import ROUND, at_step, begin, chip, headline, reveal, say, token_of
from playwright.sync_api import expect
from visits import DESKTOP, NARROW, PHONE, fits

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import Live
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser
SHIFTS = """window.shifts = [];
new PerformanceObserver(list => shifts.push(...list.getEntries().map(
    e => [e.value, ...e.sources.map(s => s.node?.outerHTML?.slice(0, 80) ?? s.node?.nodeName)].join(" "))))
.observe({ type: "layout-shift", buffered: true });"""
SEEN = """element => {
    const drawn = one => one.outlineStyle !== "none" && parseFloat(one.outlineWidth) >= 1 || one.boxShadow !== "none";
    return [element, element.closest("label") ?? element].map(one => getComputedStyle(one)).some(drawn);
}"""
SMALL = """() => {
    const inSentence = one => one.closest("p, dd") || one.closest("label:has(input)") && !one.matches("label");
    return [...document.querySelectorAll("main :is(a, button, summary, select, input, label:has(input))")]
        .filter(one => one.checkVisibility() && !inSentence(one))
        .map(one => [one.getBoundingClientRect(), one.outerHTML.slice(0, 90)])
        .filter(([box]) => box.width && (box.width < 24 || box.height < 24))
        .map(([box, html]) => `${box.width} x ${box.height}: ${html}`);
}"""


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it is there; what is focused on the way is marked."""
    for _ in range(50):
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate(SEEN), "focus cannot be seen"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {wanted}")


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    tab_to(page, wanted)
    page.keyboard.press(key)


def test_a_round_by_keyboard_only(visit: Callable[..., Page], game: Live) -> None:
    page = visit()
    main = page.get_by_role("main")
    press(page, page.get_by_role("link", name="Skip to the content"))
    press(page, main.get_by_role("link", name=re.compile("^Play")))
    expect(page).to_have_url(re.compile("/consent/"))
    for box in page.get_by_role("checkbox").all():
        press(page, box, "Space")
        expect(box).to_be_checked()
    press(page, page.get_by_role("button", name="Play as a guest"))
    expect(page).to_have_url(ROUND)
    token = token_of(page)
    at_step(page, 1)

    page.keyboard.press("r")
    at_step(page, 2)
    assert headline(page).evaluate("heading => heading === document.activeElement"), "focus moves to the new step"
    expect(page.get_by_role("status").filter(has_text="Step 2 of 6")).to_have_count(1)

    page.keyboard.press("l")
    page.keyboard.type("pointed ears,warm brown")
    page.keyboard.press("Enter")
    expect(chip(page, "pointed ears")).to_be_visible()
    page.keyboard.type("whiskers")
    page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    expect(chip(page, "whiskers")).to_have_count(0)
    press(page, chip(page, "warm brown"))
    expect(chip(page, "warm brown")).to_have_count(0)
    expect(chip(page, "pointed ears")).to_be_visible()

    right = page.locator(f"input[name=answer][value='{game.truth(token)}']")
    page.keyboard.press("Tab")
    page.keyboard.press(str(right.get_attribute("data-key")))
    expect(right).to_be_checked()
    page.keyboard.press("g")
    expect(headline(page)).to_contain_text("Right!")
    labels = "SELECT text FROM game_label l JOIN game_round r ON r.id = l.round_id WHERE token = ?"
    assert game.ask(labels, token) == [("pointed ears",)]
    press(page, page.get_by_role("button", name="Next round"))
    at_step(page, 1)
    assert token_of(page) != token


def test_shortcuts_can_be_switched_off(visit: Callable[..., Page]) -> None:
    page = visit()
    begin(page)
    page.goto("/me/")
    page.get_by_role("button", name="Switch keyboard shortcuts off").click()
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name=re.compile("^Go on")).click()
    at_step(page, 1)
    page.keyboard.press("r")
    page.get_by_role("button", name="Show more").click()
    at_step(page, 2)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_jumps_when_a_step_is_revealed(visit: Callable[..., Page], size: dict[str, int]) -> None:
    page = visit(viewport=size)
    page.add_init_script(SHIFTS)
    begin(page)
    at_step(page, 1)
    say(page, "pointed ears")
    named = [page.get_by_role("img", name="Partly revealed"), page.get_by_role("button", name=re.compile("^Guess"))]
    before = [one.bounding_box() for one in named]
    page.evaluate("shifts.length = 0")
    for step in range(2, 6):
        more = page.get_by_role("button", name="Show more").bounding_box()
        assert more
        page.mouse.click(more["x"] + more["width"] / 2, more["y"] + more["height"] / 2)
        at_step(page, step)
        page.wait_for_timeout(100)
        assert page.evaluate("shifts") == [], f"step {step}"
        assert [one.bounding_box() for one in named] == before, f"step {step}"
    reveal(page, to=6)
    assert page.evaluate("shifts") == []


@pytest.mark.parametrize("size", [PHONE, NARROW], ids=["phone", "narrow"])
def test_targets_can_be_hit(visit: Callable[..., Page], size: dict[str, int]) -> None:
    page = visit(viewport=size, has_touch=True)
    begin(page)
    say(page, "pointed ears")
    assert page.evaluate(SMALL) == []
    assert fits(page)
    for name in ("Show more", "Guess", "Resign"):
        box = page.get_by_role("button", name=re.compile(f"^{name}")).bounding_box()
        assert box
        assert 0 <= box["x"] <= box["x"] + box["width"] <= size["width"]


def test_no_motion_where_none_is_wanted(visit: Callable[..., Page]) -> None:
    page = visit(reduced_motion="reduce")
    begin(page)
    page.get_by_role("button", name="Show more").click()
    assert page.evaluate("document.getAnimations().filter(one => one.playState === 'running').length") == 0
    at_step(page, 2)
    assert page.evaluate("document.getAnimations().filter(one => one.playState === 'running').length") == 0
