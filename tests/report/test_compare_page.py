"""The page of two explanations: its sentences, its numbers, and how it opens in a real browser."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import handmade
import numpy as np
import pytest
from PIL import Image
from seen import DESKTOP, PHONE, keep, serious

import layerlore as ll
from layerlore.errors import OutputError
from layerlore.local.explanation import Prediction
from layerlore.report import compare_words
from layerlore.report.compare import render_comparison
from layerlore.report.diff import render_diff
from layerlore.study.compare import compare
from layerlore.study.diff_records import LayerDiff, PhotoDiff, Side, StudyDiff

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from layerlore.study.compare import Comparison


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def sentence(comparison: Comparison) -> str:
    return plain("".join(text for text, _ in compare_words.headline(comparison)))


def other_answer(a: ll.Explanation) -> ll.Explanation:
    """The same photo after a re-training: another answer, one layer moved, other weights."""
    moved = handmade.cluster(0, 30.0, map=handmade.corner(6, 0))
    return dataclasses.replace(
        a,
        predictions=(a.predictions[1], a.predictions[0]),
        target=dataclasses.replace(a.target, probability=0.3, logit=9.9),
        layers=(a.layers[0], dataclasses.replace(a.layers[1], clusters=(moved, a.layers[1].clusters[1]))),
        provenance={"network": {"name": "TinyNet", "fingerprint": "cd" * 32}},
    )


def test_one_sentence_says_what_a_and_b_say_and_what_changed_most() -> None:
    a = handmade.explanation()
    b = other_answer(a)
    # Of 64.1 + 54.1 % shown weight, 2 x 24.1 is in common.
    most = f"{100 * (1 - 48.2 / 118.2):.1f} %"
    found = compare(a, b)
    assert (
        sentence(found) == f"A says tabby (80.0 %), B says tiger cat (15.0 %); layer block2.relu changed most ({most})."
    )
    assert plain(" ".join(compare_words.lead(found))) == (
        f"On average over 2 layers {50 * (1 - 48.2 / 118.2):.1f} % of what they look at differs. "
        "The probability of tabby falls from 80.0 % to 30.0 %, its logit goes from 12.4 to 9.9."
    )
    assert sentence(compare(a, a)) == "A and B both say tabby (A 80.0 %, B 80.0 %); no layer changed."
    classes = compare(a, dataclasses.replace(a, target=a.predictions[1]))
    assert sentence(classes).startswith(
        "One network, two classes: A is tabby (80.0 %), B is tiger cat (15.0 %); no layer"
    )
    empty = compare(dataclasses.replace(a, layers=()), b)
    assert sentence(empty).endswith("no layer can be compared.")


def test_what_has_no_counterpart_is_told() -> None:
    a = handmade.explanation()
    b = other_answer(a)
    said = [plain(compare_words.layer_sentence(layer)) for layer in compare(a, b).layers]
    assert said[0] == "The same maps with the same weights."
    assert said[1] == (
        "A's heaviest cluster (40.0 %) has no counterpart in B; 40.0 % of A and 30.0 % of B have no counterpart."
    )
    page = render_comparison(compare(a, b))
    assert page.count(">no counterpart in A<") == 1
    assert page.count(">no counterpart in B<") == 1
    bare = dataclasses.replace(a, layers=tuple(dataclasses.replace(x, clusters=()) for x in a.layers))
    assert "A has no map here" in compare_words.layer_sentence(compare(bare, a).layers[0])
    assert "Neither" in compare_words.layer_sentence(compare(bare, bare).layers[0])
    assert "no map on either side" in render_comparison(compare(bare, bare))


def test_the_page_stands_alone_and_escapes(tmp_path: Path) -> None:
    a = handmade.explanation()
    evil = "</title><script>alert(1)</script>"
    photo = dataclasses.replace(a.photo, name=evil)
    a = dataclasses.replace(a, photo=photo, target=dataclasses.replace(a.target, name=evil))
    page = compare(a, a).save(tmp_path / "c.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    assert "default-src 'none'" in html.unescape(page)
    assert compare(a, a)._repr_html_().startswith("<iframe srcdoc=")
    with pytest.raises(OutputError, match=r"\.html, \.json"):
        compare(a, a).save(tmp_path / "c.png")


@pytest.fixture(scope="module")
def page_file(explanation: ll.Explanation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of the default network on a real photo."""
    import skimage.data

    folder = tmp_path_factory.mktemp("pages")
    file = folder / "chelsea.png"
    Image.fromarray(skimage.data.chelsea()).save(file)
    second = ll.explain(ll.load_network(), file, explanation.predictions[1].index, ablation=False, flow=False)
    return compare(explanation, second).save(folder / "compare.html")


@pytest.fixture
def opened(open_page: Callable[..., Page], page_file: Path) -> Callable[..., Page]:
    """Opens a page."""

    def open_file(file: Path = page_file, **options: Any) -> Page:
        return open_page(file.as_uri(), **options)

    return open_file


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_fits_and_has_no_serious_accessibility_finding(opened: Callable[..., Page], size: str, scheme: str) -> None:
    page = opened(viewport=PHONE if size == "phone" else DESKTOP, color_scheme=scheme)
    assert page.locator(".duel").count() == 9
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    keep(page, f"compare-{size}-{scheme}")
    page.click("summary >> nth=0")
    assert serious(page) == []


@pytest.mark.browser
def test_halves_of_a_pair_are_alike_and_the_bare_photo_is_one_key_away(opened: Callable[..., Page]) -> None:
    page = opened()
    sides = page.evaluate("""[...document.querySelectorAll('.pair')].map(pair =>
        [...pair.querySelectorAll('.half')].map(half => half.getBoundingClientRect().width))""")
    assert all(np.isclose(a, b, atol=1) for a, b in sides)
    opacity = "getComputedStyle(document.querySelector('.half .overlay')).opacity"
    assert page.evaluate(opacity) == "0.9"
    page.keyboard.down("b")
    assert page.evaluate(opacity) == "0"
    page.keyboard.up("b")
    page.locator("#strength").fill("40")
    assert page.evaluate(opacity) == "0.4"
    page.click(".changes a >> nth=8")
    assert page.url.endswith("#layer-8")


@pytest.mark.browser
def test_without_scripts_and_on_paper(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator(".half .overlay").count() > 20
    page.emulate_media(media="print")
    assert page.locator(".controls").locator("visible=true").count() == 0
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    context.close()


@pytest.mark.browser
def test_other_crops_and_networks_lie_over_their_own_photo(opened: Callable[..., Page], tmp_path: Path) -> None:
    spot = handmade.cluster(map=handmade.corner(3, 0))
    a = handmade.explanation(handmade.layer(spot))
    deep = dataclasses.replace(a.layers[0], name="stage9.conv", depth=0.9, channels=256)
    view = handmade.photo().view
    photo = dataclasses.replace(a.photo, box=(8.0, 16.0, 72.0, 48.0), view_height=32, view=view)
    b = dataclasses.replace(a, photo=photo, layers=(deep,))
    found = compare(a, b)
    page = opened(found.save(tmp_path / "c.html"))
    assert page.locator(".views .picture").count() == 2
    assert page.get_by_text("paired by depth").count() == 1
    ratios = page.evaluate("""[...document.querySelectorAll('.pair:first-child .picture')]
        .map(e => e.getBoundingClientRect().width / e.getBoundingClientRect().height)""")
    assert ratios == [pytest.approx(1, abs=0.05), pytest.approx(2, abs=0.1)]
    keep(page, "compare-crops")


def difference(amount: int = 12) -> StudyDiff:
    """Two studies with every kind of photo, and a name that is no name."""
    right, wrong = Prediction(0, "tench", 0.9, 9.0), Prediction(1, "<b>coho & co</b>", 0.4, 3.0)
    kinds = {
        "newly wrong": (right, wrong),
        "newly right": (wrong, right),
        "changed": (wrong, right),
        "same": (right, right),
    }
    photos = tuple(
        PhotoDiff(
            f"{i:016x}",
            f"photo {i}.jpg",
            "tench",
            *answers,
            right,
            target,
            target == right,
            kind,
            1 / (i + 1),
            (0.5, 0),
        )
        for i in range(amount)
        for kind, answers in [list(kinds.items())[i % 4]]
        for target in [wrong if i % 7 == 3 else right]
    )
    sides = [Side(Path("studies") / name, "TinyNet", "ab" * 32, "0" * 8, amount) for name in ("old", "new")]
    layers = (LayerDiff("block1.relu", 0.5), LayerDiff("block2.relu", None))
    return StudyDiff(*sides, photos, layers, amount, 9, 9, 1, 0, 2, ("A explains one thing, B another.",))


def test_the_page_of_two_studies_stays_small_and_escapes() -> None:
    found = difference(4000)
    page = render_diff(found)
    assert len(page) < 4_000_000
    assert "<b>coho" not in page
    assert "&lt;b&gt;coho" in page
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_page_of_two_studies_in_a_browser(
    opened: Callable[..., Page], tmp_path: Path, size: str, scheme: str
) -> None:
    file = difference(40).save(tmp_path / "diff.html")
    page = opened(file, ready="main", viewport=PHONE if size == "phone" else DESKTOP, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("h2").first.inner_text().startswith("Newly wrong")
    keep(page, f"compare-diff-{size}-{scheme}")
    assert serious(page) == []
