"""Pages of classes and concepts in a real browser, from disk: light and dark, on a phone, and the way back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import wording
from handmade import concept_id
from seen import PHONE, keep, serious

from layerlore.report.site import write_site
from layerlore.report.site.class_pages import class_file
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
MAPS_ONLY = "no such thing"
FULL = class_file("missile")
PAGES = {
    "class": FULL,
    "class-maps": class_file(MAPS_ONLY),
    "concept": f"concepts/{concept_id('espresso part')}.html",
    "concepts": "concepts/index.html",
    "cards": "index.html",
}


@pytest.fixture(scope="module")
def named_site(study_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Site of the study with words, classes, suspects and tests; one class has no words."""
    folder = tmp_path_factory.mktemp("named") / "study"
    shutil.copytree(study_folder, folder, ignore=shutil.ignore_patterns("report"))
    study = Study.open(folder)
    wording.fill(study, without=MAPS_ONLY)
    return write_site(study, workers=1).index.parent


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_words_have_no_serious_finding(open_page: Callable[..., Page], named_site: Path, scheme: str) -> None:
    for name, file in PAGES.items():
        page = open_page((named_site / file).as_uri(), color_scheme=scheme)
        assert serious(page) == [], name
        keep(page, f"words-{name}-{scheme}", whole=True)


def test_pages_of_words_fit_a_phone(open_page: Callable[..., Page], named_site: Path) -> None:
    for name, file in PAGES.items():
        page = open_page((named_site / file).as_uri(), viewport=PHONE, has_touch=True, device_scale_factor=2)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        keep(page, f"words-{name}-phone")


def test_from_a_class_to_a_concept_to_an_answers_map(open_page: Callable[..., Page], named_site: Path) -> None:
    page = open_page((named_site / "index.html").as_uri())
    page.locator(".card-link", has_text="espresso").click()
    page.wait_for_selector("html[data-ready]")
    assert page.inner_text("h1") == "espresso"
    page.locator(".row-name a", has_text="espresso part").first.click()
    page.wait_for_selector("html[data-ready]")
    row = page.locator("tr[id^=answer-]").first
    assert "Espresso Part" in row.inner_text()
    row.locator("a").click()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#panel").is_visible(), "the map of the answer is open"
    assert "espresso part" in page.inner_text("#panel-body")


def test_suspects_tests_and_gaps_are_seen(open_page: Callable[..., Page], named_site: Path) -> None:
    page = open_page((named_site / FULL).as_uri())
    suspects = page.locator(".suspects > li")
    assert suspects.count() == 2
    pictures = suspects.locator("img.over")
    assert pictures.count() > 2
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    assert "with as much blurred there instead, it still says the class for 5; without the object, for 3" in (
        page.inner_text("main").replace("\N{NO-BREAK SPACE}", " ")
    )
    significant = page.locator("tr.significant").first
    bar, dot = (significant.locator(name).bounding_box() for name in (".score-bar", ".dot"))
    assert bar is not None
    assert dot is not None
    assert (dot["x"] + dot["width"] / 2 - bar["x"]) / bar["width"] == pytest.approx(0.82, abs=0.02)
    assert page.locator("tr:not(.significant)", has_text="vector at chance").count() > 0
    suspects.locator(".examples a").first.click()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("#panel").is_visible(), "the suspect's map is open"


def test_a_class_without_words_shows_groups_of_maps(open_page: Callable[..., Page], named_site: Path) -> None:
    page = open_page((named_site / PAGES["class-maps"]).as_uri())
    assert "Nobody has said yet" in page.inner_text(".lead")
    assert page.locator(".concept-rows .row-name").first.inner_text() == "group 1"
    assert page.locator(".concept-rows img.over").count() > 9
    assert page.locator("#trends-title").count() == 0


def test_paper_is_white_shows_what_is_folded_and_cuts_no_map(
    open_page: Callable[..., Page], named_site: Path, study_folder: Path
) -> None:
    """Dark was chosen for the screen; on A4 a layer, and a map, is shorter than a page and not to be divided."""
    photo = Study.open(study_folder).images[0].image_id
    for address, kept in ((FULL, ".layer-block"), (f"photos/{photo}.html", ".layer")):
        page = open_page((named_site / address).as_uri(), viewport={"width": 718, "height": 1047})
        page.locator("#theme").click()
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        page.emulate_media(media="print")
        style = "[...new Set([document.documentElement, document.body].map(e => getComputedStyle(e).backgroundColor))]"
        assert set(page.evaluate(style)) <= {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}
        for block in page.locator(kept).all():
            box = block.bounding_box()
            assert box is not None
            assert box["height"] < 1047
            assert block.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
            inside = block.evaluate(
                "e => [...e.querySelectorAll('.tile, .shot')].filter(t => t.offsetParent !== null).every(t => {"
                " const a = t.getBoundingClientRect(), b = e.getBoundingClientRect();"
                " return a.width > 30 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1 && a.right <= innerWidth; })"
            )
            assert inside, "a map reaches beyond its layer"
        assert page.pdf().startswith(b"%PDF")
    page = open_page((named_site / FULL).as_uri())
    folded = page.locator("details.tested:not([open]) table, details.numbers:not([open]) table")
    page.emulate_media(media="print")
    assert all(one.bounding_box() for one in folded.all())
