"""What tests of pages in a browser share: sizes, pictures for people, findings of axe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = Path(__file__).parents[2] / "artifacts"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PAPER = {"width": 703, "height": 1031}
"""What 12 mm of margin leave of A4 portrait."""


def keep(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a screenshot for people (CI keeps the folder as an artefact)."""
    PICTURES.mkdir(exist_ok=True)
    page.mouse.move(2, 2) if "hover" not in name else None
    page.wait_for_timeout(200)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)


def serious(page: Page) -> list[tuple[str, str]]:
    """Serious findings of axe: the rule and the first element that breaks it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    found = axe.run(page, options={"preload": False}).response["violations"]
    return [(f["id"], f["nodes"][0]["html"]) for f in found if f["impact"] in {"serious", "critical"}]
