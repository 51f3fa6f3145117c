"""Every page, in both languages, light and dark, large and small: sound, readable, quiet; and its picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pages import NO_PAGE, NO_PICTURE, ROWS, Row
from visits import DESKTOP, NARROW, PHONE, findings, fits, keep

import layerlore.game

if TYPE_CHECKING:
    from collections.abc import Callable

    from stage import Person, Stage

pytestmark = pytest.mark.browser
SERVER = Path(layerlore.game.__file__).parent / "server"
HEADINGS: dict[tuple[str, str], str] = {}
AT_NIGHT = "color-contrast"


def test_every_route_and_every_template_has_a_row() -> None:
    named = set(re.findall(r'name="(\w+)"', (SERVER / "urls.py").read_text(encoding="utf-8")))
    assert named == {route for row in ROWS for route in row.routes} | set(NO_PAGE)
    folder = SERVER / "templates" / "game"
    whole = {path.relative_to(folder).as_posix() for path in folder.rglob("*.html") if is_whole(path)}
    assert whole == {row.template for row in ROWS} | set(NO_PICTURE)


def is_whole(template: Path) -> bool:
    """A page, and not a piece or a frame of pages."""
    piece = template.name.startswith("_") or template.parent.name == "parts"
    return not piece and template.name != "base.html" and "{% extends" in template.read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("language", ["en", "it"])
def test_page(stage: Callable[[str], Stage], language: str, row: Row) -> None:
    theatre = stage(language)
    try:
        person = row.reach(theatre)
        assert person.status == row.status
        look_at(person, row, language)
    finally:
        if row.undo:
            row.undo(theatre)


def look_at(person: Person, row: Row, language: str) -> None:
    """The page is sound in every size and at night; its pictures are kept."""
    page = person.page
    page.wait_for_load_state()
    heading = page.get_by_role("heading", level=1).inner_text()
    assert HEADINGS.setdefault((language, heading), row.template) == row.template, "another page has this heading"
    assert page.locator("html").get_attribute("lang") == language
    assert page.title()
    assert page.get_by_role("heading", level=1).count() == 1

    found = [("desktop", *one) for one in findings(page)]
    keep(page, f"{row.name}-{language}-desktop-light")
    if language == "en":
        page.emulate_media(color_scheme="dark")
        found += [("dark", *one) for one in findings(page, AT_NIGHT)]
        keep(page, f"{row.name}-en-desktop-dark")
        page.set_viewport_size(PHONE)
        keep(page, f"{row.name}-en-phone-dark")
        page.emulate_media(color_scheme="light")
        found += [("phone", *one) for one in findings(page)]
        keep(page, f"{row.name}-en-phone-light")
    page.set_viewport_size(NARROW)
    found += [("narrow", "sticks out")] * (not fits(page))
    page.set_viewport_size(DESKTOP)
    said, person.trouble.all[:] = list(person.trouble.all), []
    found += [("console", one) for one in said if f"status of {row.status} " not in one]
    assert found == []
