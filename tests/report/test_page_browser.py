"""The page opened from disk in a real browser: pointing, keys, panel, address, colours, print, accessibility."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import handmade
import numpy as np
import pytest
from PIL import Image
from seen import PHONE, keep, serious

from layerlore.report import maps, notebook_html, save_explanation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from layerlore.local.explanation import Explanation

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(explanation: Explanation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explanation.save(tmp_path_factory.mktemp("pages") / "cat.html")


@pytest.fixture
def opened(open_page: Callable[..., Page], page_file: Path) -> Callable[..., Page]:
    """Opens the page."""

    def open_file(hash_: str = "", *, file: Path = page_file, **options: Any) -> Page:
        return open_page(file.as_uri() + hash_, **options)

    return open_file


def pixels(page: Page) -> np.ndarray:
    """What the large view shows, shape (H, W, 3)."""
    address = page.evaluate("document.getElementById('canvas').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_nine_layers_fit_beside_the_photo(opened: Callable[..., Page]) -> None:
    page = opened()
    assert page.locator(".layer").count() == 9
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("(s => s.scrollWidth <= s.clientWidth)(document.querySelector('.scroller'))")
    assert not page.locator("#panel").is_visible()
    first = page.locator("#layer-0 .tile").first
    assert first.evaluate("tile => tile.getBoundingClientRect().top") < 365, "maps start high"
    keep(page, "page-desktop")


def test_pointing_draws_ribbons_and_previews(opened: Callable[..., Page]) -> None:
    page = opened()
    assert page.locator(".ribbons path").count() == 0
    page.hover("#tile-4-1")
    assert page.locator(".ribbons path").count() > 0
    assert page.locator(".preview").is_visible()
    assert page.locator(".linked").count() > 0
    keep(page, "page-hover")
    page.mouse.move(2, 2)
    assert page.locator(".ribbons path").count() == 0
    assert page.locator(".preview").is_hidden()


def test_ribbons_end_at_their_tiles_after_a_resize(opened: Callable[..., Page]) -> None:
    page = opened("#layer/bn2/cluster/1", viewport={"width": 1900, "height": 1000})
    page.set_viewport_size({"width": 1300, "height": 700})
    page.wait_for_timeout(200)
    script = """() => { const own = document.querySelector('.traced .picture').getBoundingClientRect();
        return [...document.querySelectorAll('.ribbons path')].map(p => {
            const end = p.getPointAtLength(p.getTotalLength()).matrixTransform(p.getScreenCTM());
            return end.x > own.left - 2 && end.x < own.left + 12 && end.y > own.top && end.y < own.bottom; }); }"""
    assert all(page.evaluate(script))
    assert page.locator(".ribbons path").count() > 0


def test_click_opens_the_panel_and_the_address_holds_it(opened: Callable[..., Page]) -> None:
    page = opened()
    page.click("#tile-2-1")
    assert page.locator("#panel").is_visible()
    assert page.locator("#tile-2-1").get_attribute("aria-expanded") == "true"
    assert re.search(r"#layer/[^/]+/cluster/1$", page.url)
    assert "Cluster 1" in page.inner_text("#panel-title")
    keep(page, "page-panel")
    page.click("#panel .jump >> nth=0")
    assert (
        page.locator("#tile-1-1, #tile-1-2, #tile-1-3, #tile-1-4")
        .locator("xpath=self::*[@aria-expanded='true']")
        .count()
        == 1
    )
    page.click("#panel-close")
    assert page.locator("#panel").is_hidden()
    assert "#" not in page.url


def test_slider_reveals_exactly_the_brightest_pixels(opened: Callable[..., Page], explanation: Explanation) -> None:
    page = opened("#layer/bn2/cluster/1")
    as_map = pixels(page)
    page.check("[name=view][value=revealed]")
    at_20 = pixels(page)
    assert (as_map != at_20).any()
    page.locator("#reveal").fill("35")
    at_35 = pixels(page)
    page.locator("#reveal").fill("100")
    bare = pixels(page)
    values = maps.shown_map(explanation.layer("bn2").clusters[0].map, *bare.shape[:2])
    order = np.argsort(-values.ravel(), kind="stable")
    for part, seen in ((0.2, at_20), (0.35, at_35)):
        shown = round(part * order.size)
        flat, photo = seen.reshape(-1, 3), bare.reshape(-1, 3)
        same = (flat == photo).all(axis=1)
        assert same[order[: int(shown * 0.99)]].all()
        assert (~same[order[int(shown * 1.01) :]]).mean() > 0.95, "hidden pixels are dark grey"
    assert page.url.endswith("/reveal/100")


def test_keys_walk_open_and_close(opened: Callable[..., Page]) -> None:
    page = opened()
    # The order is by importance, the numbers are by weight.
    first, second = (page.locator("#layer-2 .tile").nth(row).get_attribute("id") for row in (0, 1))
    right = page.locator("#layer-3 .tile").first.get_attribute("id")
    page.focus(f"#{first}")
    page.keyboard.press("ArrowDown")
    assert focused(page) == second
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    assert focused(page) == right
    assert page.locator(".ribbons path").count() > 0, "focus previews as pointing does"
    page.keyboard.press("Enter")
    assert page.locator("#panel").is_visible()
    assert f"Details of cluster {right.rpartition('-')[2]}" in page.inner_text("#live")
    page.keyboard.press("ArrowLeft")
    assert page.locator(f"#{first}").get_attribute("aria-expanded") == "true"
    page.keyboard.press("Enter")
    assert focused(page) == "panel-title"
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    assert focused(page) == first


def test_holding_a_key_or_a_map_shows_the_bare_photo(opened: Callable[..., Page]) -> None:
    page = opened()
    opacity = "getComputedStyle(document.querySelector('.tile .overlay')).opacity"
    assert page.evaluate(opacity) == "0.9"
    page.keyboard.down("b")
    assert page.evaluate(opacity) == "0"
    page.keyboard.up("b")
    assert page.evaluate(opacity) == "0.9"
    page.hover("#tile-3-1")
    page.mouse.down()
    page.wait_for_timeout(500)
    assert page.evaluate(opacity) == "0"
    page.mouse.up()
    assert page.evaluate(opacity) == "0.9"
    assert page.locator("#panel").is_hidden(), "a long press is not a click"
    page.locator("#strength").fill("40")
    assert page.evaluate(opacity) == "0.4"


def test_address_restores_what_was_open(opened: Callable[..., Page], explanation: Explanation) -> None:
    name = explanation.layers[3].name
    page = opened(f"#layer/{name}/cluster/2/reveal/35")
    assert page.locator("#tile-3-2").get_attribute("aria-expanded") == "true"
    assert page.is_checked("[name=view][value=revealed]")
    assert page.input_value("#reveal") == "35"
    for nonsense in ("#layer/none/cluster/1", f"#layer/{name}/cluster/99", "#layer/%E0%A4/cluster/1", "#x"):
        assert opened(nonsense).locator("#panel").is_hidden()


def test_a_layer_has_an_address_that_marks_it(opened: Callable[..., Page], explanation: Explanation) -> None:
    page = opened(f"#layer/{explanation.layers[8].name}", viewport=PHONE)
    assert page.locator(".layer.marked").get_attribute("data-layer") == "8"
    assert page.locator("#layer-8").evaluate("layer => layer.getBoundingClientRect().top") < PHONE["height"]
    assert explanation.layers[8].name in page.inner_text("#live")
    page.click("#layer-2 h4 a")
    assert page.url.endswith(f"#layer/{explanation.layers[2].name}")
    assert page.locator(".layer.marked").get_attribute("data-layer") == "2"
    page.click("#tile-2-1")
    assert page.locator(".layer.marked").count() == 0


def test_one_scale_for_a_layer_keeps_the_strongest_map_and_dims_others(
    opened: Callable[..., Page], explanation: Explanation
) -> None:
    page = opened()
    layer = next(i for i, found in enumerate(explanation.layers) if any(c.peak < 0.7 for c in found.clusters))
    weak = next(c.index + 1 for c in explanation.layers[layer].clusters if c.peak < 0.7)
    before = page.get_attribute(f"#tile-{layer}-{weak} img", "src")
    page.check("[name=scale][value=layer]")
    assert page.get_attribute(f"#tile-{layer}-{weak} img", "src") != before
    assert "share one scale" in page.inner_text("#scale-note")
    keep(page, "page-layer-scale")
    page.check("[name=scale][value=own]")
    assert page.get_attribute(f"#tile-{layer}-{weak} img", "src") == before


def test_dark_switch_and_memory(opened: Callable[..., Page]) -> None:
    page = opened(color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.click("#theme")
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    assert page.evaluate(ground) != light
    page.reload()
    assert page.evaluate(ground) != light
    assert opened(color_scheme="dark").evaluate(ground) != light


def test_phone(opened: Callable[..., Page]) -> None:
    page = opened(viewport=PHONE, has_touch=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_text("Links between layers are listed").is_visible(), "ribbons are not drawn here"
    keep(page, "page-phone")
    page.tap("#tile-1-1")
    assert page.locator("#layer-1 #panel").is_visible(), "the panel stands below its layer"
    assert page.locator(".ribbons path").count() == 0
    small = """() => [...document.querySelectorAll('button, summary, input')].filter(e => e.offsetParent)
        .filter(e => { const r = e.getBoundingClientRect(); return r.width < 24 || r.height < 24; })
        .map(e => e.outerHTML)"""
    assert page.evaluate(small) == []
    keep(page, "page-phone-panel")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_accessibility_finding(opened: Callable[..., Page], scheme: str) -> None:
    for hash_ in ("", "#layer/bn2/cluster/1/reveal/20"):
        page = opened(hash_, color_scheme=scheme)
        page.click("summary")
        assert serious(page) == []
        if hash_:
            keep(page, f"page-panel-{scheme}")


def test_without_scripts_the_maps_are_there(opened: Callable[..., Page], browser: Browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator(".tile .overlay").count() > 10
    context.close()


def test_print_shows_every_layer_and_no_controls(opened: Callable[..., Page]) -> None:
    page = opened("#layer/bn2/cluster/1")
    page.emulate_media(media="print")
    assert page.locator(".layer:visible").count() == 9
    assert page.locator(".tools, #panel").locator("visible=true").count() == 0
    assert page.locator("#photo-card").is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_odd_explanations_open_quietly(opened: Callable[..., Page], tmp_path: Path) -> None:
    empty = handmade.layer(note="This layer is not on the path to the class.")
    flat = handmade.layer(handmade.cluster(constant=True, map=np.zeros((1, 1), np.float32), drop=None), name="a/b#c%.d")
    odd = handmade.explanation(empty, flat, photo=handmade.photo("</title><script>x</script>.png"))
    file = save_explanation(odd, tmp_path / "odd.html")
    page = opened(file=file)
    page.click("#tile-1-1")
    assert opened(page.url.removeprefix(file.as_uri()), file=file).locator("#panel").is_visible()
    for layers in ((), (empty,)):
        opened(file=save_explanation(handmade.explanation(layers=layers, flow=()), tmp_path / "none.html"))


def test_a_notebook_frame_works_without_an_address_or_storage_of_its_own(
    opened: Callable[..., Page], tmp_path: Path
) -> None:
    file = tmp_path / "cell.html"
    file.write_text(f"<!doctype html><html data-ready><body>{notebook_html(handmade.explanation())}</body></html>")
    frame = opened(file=file).frame_locator("iframe")
    frame.locator("#tile-0-1").click()
    assert frame.locator("#panel").is_visible()
    frame.locator("#theme").click()
    assert frame.locator("#theme").get_attribute("aria-pressed") == "true"
    frame.locator("#panel-close").click()
    assert frame.locator("#panel").is_hidden()
