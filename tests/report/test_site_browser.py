"""The site of a study in a real browser, from disk and from a server: overview, grids, photos, addresses."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from typing import TYPE_CHECKING

import pytest
from seen import PHONE, keep, serious

from layerlore.study.folder import shard_path
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
# Thirty columns instead of three.
MANY_CLASSES = """() => { for (const row of document.querySelectorAll('.matrix tr'))
    for (let i = 0; i < 27; i++) row.append(row.lastElementChild.cloneNode(true)); }"""
WIDE = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture
def opened(open_page: Callable[..., Page], site: Path) -> Callable[..., Page]:
    """Opens the site from disk; with a grid, waits until it is drawn."""

    def open_site(hash_: str = "", *, folder: Path = site, **options: object) -> Page:
        grid = hash_.startswith(("#photos", "#class"))
        ready = "html[data-grid]" if grid else "html[data-ready]"
        return open_page((folder / "index.html").as_uri() + hash_, **{"ready": ready, **options})

    return open_site


@pytest.fixture(scope="module")
def images(study_folder: Path) -> list[str]:
    """image_id of each photo."""
    return [image.image_id for image in Study.open(study_folder).images]


def until(page: Page, script: str) -> None:
    """Wait until a script says yes; Playwright's own way is refused by the content policy."""
    for _ in range(100):
        if page.evaluate(script):
            return
        page.wait_for_timeout(50)
    raise AssertionError(script)


def shown(page: Page) -> int:
    return page.locator("#photos > li").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_overview_grid_and_photo_have_no_serious_finding(
    opened: Callable[..., Page], images: list[str], scheme: str
) -> None:
    for name, hash_ in (("overview", ""), ("grid", "#photos"), ("photo", f"#photo/{images[0]}")):
        page = opened(hash_, color_scheme=scheme)
        page.wait_for_selector("html[data-ready]")
        assert serious(page) == []
        keep(page, f"study-{name}-{scheme}", whole=name == "overview")


def test_everything_fits_a_phone(opened: Callable[..., Page], images: list[str]) -> None:
    small = """() => [...document.querySelectorAll('button, summary, input, select')].filter(e => e.offsetParent)
        .filter(e => { const r = e.getBoundingClientRect(); return r.width < 24 || r.height < 24; })
        .map(e => e.outerHTML)"""
    for name, hash_ in (("overview", ""), ("grid", "#class/espresso"), ("photo", f"#photo/{images[0]}")):
        page = opened(hash_, viewport=PHONE, has_touch=True, device_scale_factor=2)
        page.wait_for_selector("html[data-ready]")
        page.evaluate(MANY_CLASSES)
        assert page.evaluate(WIDE), name
        assert page.evaluate(small) == []
        keep(page, f"study-{name}-phone")


def test_the_overview_needs_no_script(site: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert "photos right" in page.inner_text("h1")
    assert page.locator("#classes tbody tr").count() == 4
    assert page.locator(".matrix td").count() > 4
    assert page.locator("#grid").is_hidden()
    page.goto(next((site / "photos").glob("*.html")).as_uri())
    assert page.locator("noscript .hint").is_visible()
    context.close()


def test_a_cell_of_the_matrix_leads_to_its_photos(opened: Callable[..., Page]) -> None:
    page = opened()
    cell = page.locator(".matrix td:not(.diagonal) a").first
    count = int(cell.inner_text().split()[-1])
    cell.click()
    page.wait_for_selector("#photos > li")
    assert "predicted=" in page.url
    assert shown(page) == count
    assert page.inner_text("#count").startswith(f"{count} of ")
    page.go_back()
    assert page.locator("#overview").is_visible()


def test_the_table_sorts(opened: Callable[..., Page]) -> None:
    page = opened()
    first = "document.querySelector('#classes tbody th').textContent.trim()"
    values = "[...document.querySelectorAll('#classes tbody tr')].map(row => Number(row.children[2].dataset.value))"
    page.get_by_role("button", name="Accuracy").click()
    assert page.evaluate(values) == sorted(page.evaluate(values))
    assert page.locator("[aria-sort=ascending]").count() == 1
    page.get_by_role("button", name="Accuracy").click()
    assert page.evaluate(values) == sorted(page.evaluate(values), reverse=True)
    page.get_by_role("button", name="Class").click()
    assert page.evaluate(first).startswith("Egyptian cat")


def test_search_and_filters_stand_in_the_address(opened: Callable[..., Page]) -> None:
    page = opened("#photos")
    assert shown(page) == 21
    page.fill("[name=q]", "coffee")
    until(page, "location.hash === '#photos?q=coffee'")
    assert page.inner_text("#count") == "6 of 21\N{NO-BREAK SPACE}photos"
    page.select_option("[name=state]", "wrong")
    until(page, "location.hash === '#photos?q=coffee&wrong=1'")
    wrong = shown(page)
    assert 0 < wrong < 6
    page.reload()
    page.wait_for_selector("#photos > li")
    assert shown(page) == wrong, "the address alone brings the same photos"
    assert page.input_value("[name=q]") == "coffee"
    page.fill("[name=q]", "no such photo")
    page.wait_for_selector("#nothing:not([hidden])")
    page.click("#reset")
    until(page, "document.querySelectorAll('#photos > li').length === 21")
    page.select_option("[name=class]", "missile")
    until(page, "location.hash === '#class/missile'")
    assert page.inner_text("#grid-title") == "missile"
    page.select_option("[name=sort]", "sure")
    until(page, "location.hash.endsWith('sort=sure')")
    sure = [float(text.split()[-2]) for text in page.locator("#photos .said").all_inner_texts()]
    assert sure == sorted(sure, reverse=True)


def test_a_photo_leads_back_to_the_grid_it_was_found_in(opened: Callable[..., Page]) -> None:
    page = opened("#photos?right=1")
    found = shown(page)
    page.locator(".shot").nth(1).click()
    page.wait_for_selector("html[data-ready] .study-bar")
    assert "right" in page.inner_text(".study-bar .mark")
    page.click("#back")
    page.wait_for_selector("#photos > li")
    assert page.url.endswith("#photos?right=1")
    assert shown(page) == found


def test_next_and_previous_walk_the_class(opened: Callable[..., Page], images: list[str]) -> None:
    page = opened("#class/espresso")
    page.locator(".shot").first.click()
    page.wait_for_selector("html[data-ready] .study-bar")
    assert page.inner_text(".position") == "1 of 3"
    page.click("[rel=next]")
    page.wait_for_selector("html[data-ready] .study-bar")
    assert page.inner_text(".position") == "2 of 3"
    page.click("[rel=prev]")
    page.wait_for_selector("html[data-ready] .study-bar")
    assert page.locator("[rel=prev]").count() == 0


def test_addresses_of_photos_layers_and_clusters(opened: Callable[..., Page], images: list[str], site: Path) -> None:
    home = f"#photo/{images[2]}"
    page = opened(f"{home}/layer/bn2/cluster/1/reveal/35")
    assert page.url == f"{(site / 'photos' / images[2]).as_uri()}.html{home}/layer/bn2/cluster/1/reveal/35"
    page.wait_for_selector("html[data-ready]")
    assert page.input_value("#reveal") == "35"
    page.check("[name=view][value=map]")
    assert page.url.endswith(f"{home}/layer/bn2/cluster/1")
    page.click("#panel-close")
    assert page.url.endswith(home)
    page.click("#tile-0-1")
    assert "/layer/blocks.4.0.bn2/cluster/1" in page.url
    page.go_back()
    page = opened(f"{home}/layer/bn2")
    page.wait_for_selector(".layer.marked")
    page.goto(f"{(site / 'photos' / images[2]).as_uri()}.html#photo/{images[0]}/layer/bn2")
    page.wait_for_url(f"**/{images[0]}.html#photo/{images[0]}/layer/bn2")


def test_an_unknown_photo_is_told(opened: Callable[..., Page]) -> None:
    page = opened("#photo/0123456789abcdef/layer/bn2", ready="#lost:not([hidden])")
    assert "no such photo" in page.inner_text("h1:visible")
    assert "0123456789abcdef" in page.inner_text("#lost-note")


def test_maps_and_the_revealed_photo_are_painted(opened: Callable[..., Page], images: list[str]) -> None:
    page = opened(f"#photo/{images[0]}/layer/bn2/cluster/1")
    page.wait_for_selector("html[data-ready]")
    sizes = page.locator(".tile .overlay").evaluate_all("all => all.map(i => i.naturalWidth)")
    assert min(sizes) > 90
    large = page.locator("#canvas")
    as_map = large.screenshot()
    page.check("[name=view][value=revealed]")
    revealed = large.screenshot()
    page.locator("#reveal").fill("100")
    bare = large.screenshot()
    assert len({as_map, revealed, bare}) == 3
    assert page.locator("#panel-body .channels li").count() == 12
    keep(page, "study-photo-panel")


def test_nothing_moves_while_a_grid_loads(opened: Callable[..., Page]) -> None:
    page = opened("#photos")
    until(page, "[...document.querySelectorAll('#photos img')].every(i => i.complete)")
    moved = """() => new Promise(done => new PerformanceObserver(list =>
        done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0)))
        .observe({type: 'layout-shift', buffered: true}) ?? setTimeout(() => done(0), 300))"""
    assert page.evaluate(moved) < 0.02
    assert page.locator("#photos img:not([width])").count() == 0


def test_twenty_thousand_photos_are_drawn_a_screenful_at_a_time(
    opened: Callable[..., Page], site_of: Callable[..., Path]
) -> None:
    folder = site_of(lambda study: None)
    data = folder / "data" / "photos.js"
    content = json.loads(data.read_text().removeprefix("layerloreStudy(").removesuffix(");\n"))
    content["rows"] = (content["rows"] * 953)[:20_000]
    data.write_text(f"layerloreStudy({json.dumps(content)});")
    page = opened("#photos", folder=folder)
    assert page.inner_text("#count") == "20,000\N{NO-BREAK SPACE}photos"
    assert shown(page) < 500
    before = shown(page)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    until(page, f"document.querySelectorAll('#photos > li').length > {before}")
    page.fill("[name=q]", "rocket-2")
    until(page, "document.getElementById('count').textContent.startsWith('95')")


def test_a_study_that_is_not_finished(opened: Callable[..., Page], site_of: Callable[..., Path]) -> None:
    folder = site_of(lambda study: shard_path(study.folder, study.manifest.current, 1).unlink())
    page = opened(folder=folder)
    assert "layerlore study run study" in page.inner_text(".state.urgent")
    keep(page, "study-unfinished")
    page.goto(page.url + "#photos?waiting=1")
    page.wait_for_selector("#photos > li")
    assert shown(page) == 5
    assert page.locator("#photos a").count() == 0
    assert page.locator("#photos .none").first.is_visible()


def test_nothing_explained_and_a_lost_list(opened: Callable[..., Page], site_of: Callable[..., Path]) -> None:
    def empty(study: Study) -> None:
        for shard in study.shards:
            shard.unlink()

    folder = site_of(empty)
    assert "no photo yet" in opened(folder=folder).inner_text("h1:visible")


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    """Address of the site on a plain static server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_same_from_a_static_server(open_page: Callable[..., Page], served: str, images: list[str]) -> None:
    page = open_page(f"{served}#photo/{images[1]}/layer/bn2/cluster/1/reveal/35", own=served)
    page.wait_for_selector("html[data-ready] #panel:not([hidden])")
    values = "[...document.getElementById('canvas').getContext('2d').getImageData(0, 0, 224, 224).data]"
    assert len(set(page.evaluate(values))) > 50, "the photo is painted"
    page.click("#back")
    page.wait_for_selector("#photos > li")
    assert shown(page) > 1


def test_print_has_the_numbers_and_no_controls(opened: Callable[..., Page]) -> None:
    page = opened()
    page.emulate_media(media="print")
    assert page.locator(".controls, .site-nav a").locator("visible=true").count() == 0
    assert page.locator("#classes").is_visible()
    assert page.pdf().startswith(b"%PDF")
