"""Words on a page in a real browser: the switch between unmerged, merged and full, its address, and the keys."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import handmade
import numpy as np
import pytest
from PIL import Image
from seen import PHONE, keep, serious

from layerlore.concepts.merging import merge_layer
from layerlore.report import maps, render_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
MAPS = {
    ("block1.relu", 0): {"stripes": ("a", "b", "c"), "lines": ("d", "e"), "edges of the window": ("f",)},
    ("block1.relu", 2): {"stripes": ("a", "b")},
    ("block2.relu", 0): {"floppy ears": ("a", "b", "c")},
    ("block2.relu", 1): {"fur": ("a",)},
}
NOISE = np.random.default_rng(3)
LAYERS = [
    handmade.layer(
        *(handmade.cluster(i, weight, map=NOISE.random((7, 7), np.float32)) for i, weight in enumerate((40, 24, 12))),
        name=name,
        index=place,
        depth=float(place),
    )
    for place, name in enumerate(("block1.relu", "block2.relu"))
]


@pytest.fixture
def opened(open_page: Callable[..., Page], tmp_path: Path) -> Callable[..., Page]:
    """Opens a page with words."""

    def open_file(hash_: str = "", *, source: str = "people", **options: Any) -> Page:
        file = tmp_path / f"{source.replace(':', '-')}.html"
        made = handmade.explanation(*LAYERS)
        file.write_text(render_html(made, handmade.concept_set(MAPS, source=source, lift=2.0)), encoding="utf-8")
        return open_page(file.as_uri() + hash_, **options)

    return open_file


def shown(page: Page, layer: int = 0) -> list[str]:
    """Numbers of the visible tiles of a layer."""
    tiles = page.locator(f"#layer-{layer} .tile:visible")
    return [str(tile.get_attribute("data-cluster")) for tile in tiles.all()]


def test_the_switch_changes_maps_and_address(opened: Callable[..., Page]) -> None:
    page = opened()
    assert shown(page) == ["0", "1", "2"]
    page.check("[name=level][value=merged]")
    assert shown(page) == ["3", "1"]
    assert page.url.endswith("#merged")
    page.click("#tile-0-4")
    assert page.url.endswith("#merged/layer/block1.relu/cluster/1+3")
    assert page.inner_text("#panel-title") == "Clusters 1, 3 of 3 in block1.relu, as one"
    assert "stripes" in page.inner_text("#panel-body")
    page.check("[name=level][value=full]")
    assert shown(page) == ["4"]
    assert page.locator("#panel").is_hidden()
    assert page.url.endswith("#full")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert shown(page) == ["4"]


def test_an_address_leads_to_a_merged_map_and_from_it_to_its_parts(opened: Callable[..., Page]) -> None:
    page = opened("#merged/layer/block1.relu/cluster/1+3")
    assert page.locator("#panel").is_visible()
    page.locator("#panel .jump", has_text="cluster 3").click()
    assert shown(page) == ["0", "1", "2"]
    assert page.url.endswith("#layer/block1.relu/cluster/3")
    assert page.inner_text("#panel-title") == "Cluster 3 of 3 in block1.relu"


def test_a_merged_map_is_the_weighted_mean_of_its_parts(opened: Callable[..., Page]) -> None:
    page = opened("#merged")
    shot = page.evaluate("document.querySelector('#tile-0-4 img').src")
    painted = np.asarray(Image.open(io.BytesIO(base64.b64decode(shot.partition(",")[2]))).convert("RGBA"))[..., 3]
    concepts = handmade.concept_set(MAPS)
    merged = merge_layer(LAYERS[0], "0123456789abcdef", 281, concepts)[0]
    height, width = painted.shape
    values = maps.shown_map(merged.map, height, width)
    assert np.corrcoef(painted.ravel(), values.ravel())[0, 1] > 0.9
    assert np.unravel_index(painted.argmax(), painted.shape) == np.unravel_index(values.argmax(), values.shape)


def test_arrow_keys_walk_what_is_shown(opened: Callable[..., Page]) -> None:
    page = opened("#merged")
    page.focus("#tile-0-4")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "tile-0-2"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tile-1-2"
    page.keyboard.press("Enter")
    assert page.url.endswith("#merged/layer/block2.relu/cluster/2")


@pytest.mark.parametrize("source", ["people", "clip:tiny"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_have_no_serious_finding(opened: Callable[..., Page], scheme: str, source: str) -> None:
    page = opened("#layer/block1.relu/cluster/1", color_scheme=scheme, source=source)
    assert page.locator("#told").is_visible()
    assert page.locator("#tile-0-1 .labels > span").count() == 3
    assert (page.locator("#tile-0-1 .machine").count() == 3) == (source != "people")
    assert serious(page) == []
    keep(page, f"words-{source[:4]}-{scheme}")


def test_words_fit_a_phone(opened: Callable[..., Page]) -> None:
    page = opened("#merged", viewport=PHONE, has_touch=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = """() => [...document.querySelectorAll('button, #levels label')].filter(e => e.offsetParent)
        .filter(e => { const r = e.getBoundingClientRect(); return r.width < 24 || r.height < 24; }).length"""
    assert page.evaluate(small) == 0
    keep(page, "words-phone", whole=True)
