"""The page of an evaluation: its sentences, its numbers, and how it opens in a real browser."""

from __future__ import annotations

import dataclasses
import html
import re
from typing import TYPE_CHECKING

import hand_evaluation
import pytest
from seen import DESKTOP, PAPER, PHONE, keep, serious

from layerlore.errors import OutputError
from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import METRICS
from layerlore.report import evaluation_view, evaluation_words
from layerlore.report.evaluation import render_evaluation
from layerlore.report.evaluation_plots import HEIGHT, WIDTH, curves

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from layerlore.evaluate.results import Evaluation


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def sentence(evaluation: Evaluation) -> str:
    return plain("".join(text for text, _ in evaluation_words.headline(evaluation)))


@pytest.fixture(scope="module")
def made_up() -> Evaluation:
    return hand_evaluation.evaluation()


def test_the_headline_counts_families_and_never_ranks_by_one(made_up: Evaluation) -> None:
    assert sentence(made_up) == (
        "On 24 photos, Grad-CAM and LayerCAM are among the best throughout 5 of 5 families of metrics that tell "
        "methods apart."
    )
    one = dataclasses.replace(made_up, metrics=("insertion", "deletion", "insertion_mean"))
    assert "throughout the one family of metrics that tells" in sentence(one), "metrics of a family are no votes"
    assert "no single one ranks the methods" in evaluation_words.lead(made_up)
    assert "Among the best means" in evaluation_words.lead(made_up)
    few = hand_evaluation.evaluation(4)
    assert "chance could have made every lead" in sentence(few)
    assert "Among" not in evaluation_words.lead(few)
    assert "no interval for fewer than five" in evaluation_words.few(few)
    assert "interval" not in " ".join(evaluation_words.verdicts(few, "insertion"))
    assert all("band" not in one.note for one in curves(few))
    assert "too narrow" in evaluation_words.few(hand_evaluation.evaluation(6))
    assert evaluation_words.few(made_up) == ""
    alone = dataclasses.replace(made_up, methods=("gradcam",))
    assert sentence(alone) == "1 method measured on 24 photos."


def test_a_verdict_names_the_best_and_whom_chance_could_have_put_behind(made_up: Evaluation) -> None:
    (best, *more) = (plain(text) for text in evaluation_words.verdicts(made_up, "insertion"))
    assert re.fullmatch(
        r"Best is \S+CAM, 0\.\d{3} \(95 % interval 0\.\d{3} to 0\.\d{3}, 24 photos\); chance could have put it before "
        r"\S+CAM\.",
        best,
    )
    # Every method is better than the random map; those without a lead are no better than the spot in the middle.
    assert len(more) == 2
    assert more[1].startswith("“all layers folded and corrected” and SHAP (†) ask the network the same")
    assert more[0].startswith("Not to be told from a centred Gaussian, or worse: Grad-CAM++,")
    clear = dataclasses.replace(made_up, methods=("gradcam", "fam", "random"))
    assert "its lead over each other method is more than chance" in evaluation_words.verdicts(clear, "insertion")[0]
    both = dataclasses.replace(made_up, methods=("gradcam", "layercam"))
    assert "its lead over every other method" in evaluation_words.verdicts(both, "insertion")[0]
    assert "too few to tell" in evaluation_words.verdicts(hand_evaluation.evaluation(4), "insertion")[0]
    spots = dataclasses.replace(made_up, methods=("gaussian", "random", "fam", "sise"))
    told = evaluation_words.verdicts(spots, "deletion")
    assert told[1:] == ["None of them can be told to be better than a centred Gaussian."]
    both = evaluation_words.verdicts(dataclasses.replace(spots, methods=("gaussian", "random", "sise")), "pointing")
    assert all(text.count("None of them") <= 1 for text in (" ".join(told), " ".join(both)))
    alone = evaluation_words.verdicts(dataclasses.replace(made_up, methods=("inv",)), "c_shapley")
    assert re.fullmatch(
        r"“all layers folded and corrected” \(†\) has 0\.\d{3} \(.*\); it asks the network the same .*", alone[0]
    )
    assert len(alone) == 1
    single = evaluation_words.verdicts(dataclasses.replace(made_up, methods=("gradcam", "random")), "deletion")
    assert re.fullmatch(r"Grad-CAM has 0\.\d{3} \(.*\)\.", plain(single[0]))
    assert len(single) == 1
    assert evaluation_words.verdicts(made_up, "gini")[0].startswith("Lowest is “random map” with")
    corrected = dataclasses.replace(made_up, methods=("inv", "fam", "random"))
    assert (
        "(†) asks the network the same question when it is made"
        in evaluation_words.verdicts(corrected, "insertion")[-1]
    )
    assert "FAM (of the class's weights) has" in evaluation_words.verdicts(corrected, "insertion")[0]
    assert "the network the same" not in " ".join(evaluation_words.verdicts(corrected, "road"))
    assert "no number is drawn" in evaluation_words.verdicts(corrected, "c_seed")[-1]
    assert len(evaluation_words.verdicts(spots, "max_sensitivity")) == 1  # a map that never changes is stable
    assert evaluation_words.verdicts(dataclasses.replace(made_up, methods=("lime",)), "deletion")[0].startswith(
        "It was"
    )


def test_rows_stand_best_first_and_lie_on_the_scale(made_up: Evaluation) -> None:
    for family in evaluation_view.families(made_up):
        for block in family.blocks:
            numbers = [float(row.mean) for row in block.rows]
            assert numbers == sorted(numbers, reverse=block.info.better != "lower")
            assert all(0 <= row.left <= row.dot <= row.left + row.width <= 100 for row in block.rows)
            assert sum(row.reference for row in block.rows) == 1
            assert {row.method for row in block.rows}.isdisjoint({"LIME"})


def test_all_metrics_stand_below_one_another_and_one_reason_is_told_once(made_up: Evaluation) -> None:
    rows = evaluation_view.matrix(made_up)
    assert {info.name for info, _ in rows} == set(made_up.metrics)
    assert all(len(cells) == len(made_up.methods) for _, cells in rows)
    families = [info.family for info, _ in rows]
    assert [name for place, name in enumerate(families) if name != families[place - 1]] == list(
        evaluation_words.FAMILIES
    ), "those of a family stand together"
    why = "it makes no clusters; inv and inv_paper do"
    clusters = [name for name in METRICS if METRICS[name].family == "clusters"]
    photos = []
    for one in made_up.photos:
        runs = {
            name: dataclasses.replace(run, measured={**run.measured, **dict.fromkeys(clusters, Measurement(None, why))})
            for name, run in one.runs.items()
            if name in {"gradcam", "layercam"}
        }
        photos.append(dataclasses.replace(one, runs={**one.runs, **runs}))
    gaps = dataclasses.replace(made_up, photos=tuple(photos), methods=("gradcam", "layercam", "inv"))
    assert [(methods, metrics, n) for methods, metrics, n, reason in gaps.missing() if reason == why] == [
        (("gradcam", "layercam"), tuple(clusters), 24)
    ]
    page = plain(render_evaluation(gaps))
    assert page.count(why) == 1
    assert f"Grad-CAM and LayerCAM by {len(clusters)} metrics of clusters, 24 photos" in page


def test_curves_stay_in_their_box(made_up: Evaluation) -> None:
    found = curves(made_up)
    assert {one.title for one in found} >= {METRICS[name].title for name in ("insertion", "deletion")}
    for one in found:
        for panel in one.panels:
            points = [tuple(map(float, point.split(","))) for point in f"{panel.line} {panel.band}".split()]
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
        assert sum(panel.reference == "" for panel in one.panels) == 1


def test_the_page_stands_alone_escapes_and_tells_what_is_missing(made_up: Evaluation, tmp_path: Path) -> None:
    page = made_up.save(tmp_path / "e.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    assert "default-src 'none'" in html.unescape(page)
    assert "Net has no LIME; take another method" in page
    assert "not a photo that can be read" in page
    assert "not measured" in page
    assert made_up._repr_html_().startswith("<iframe srcdoc=")
    with pytest.raises(OutputError, match=r"\.html, \.csv, \.json"):
        made_up.save(tmp_path / "e.png")
    bare = dataclasses.replace(made_up, methods=("lime",), against="lime")
    assert "</html>" in render_evaluation(bare)  # nothing was measured at all


@pytest.fixture(scope="module")
def page_file(made_up: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of one metric of each family and a few methods: axe takes its time over large ones."""
    metrics = ("insertion", "deletion", "pointing", "max_sensitivity", "random_logit", "gini")
    methods = ("gradcam", "layercam", "lime", "random", "gaussian")
    small = dataclasses.replace(made_up, metrics=metrics, methods=methods)
    return small.save(tmp_path_factory.mktemp("pages") / "evaluation.html")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_fits_and_has_no_serious_accessibility_finding(
    open_page: Callable[..., Page], page_file: Path, size: str, scheme: str
) -> None:
    page = open_page(page_file.as_uri(), viewport=PHONE if size == "phone" else DESKTOP, color_scheme=scheme)
    assert page.locator(".block").count() == 6
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    keep(page, f"evaluation-{size}-{scheme}", whole=True)
    page.click(".help summary")
    page.click(".foot summary")
    assert serious(page) == []


@pytest.mark.browser
def test_keys_reach_everything_and_the_bare_photo_is_one_away(open_page: Callable[..., Page], page_file: Path) -> None:
    page = open_page(page_file.as_uri())
    opacity = "getComputedStyle(document.querySelector('.mapped .overlay')).opacity"
    assert page.evaluate(opacity) == "0.9"
    page.keyboard.down("b")
    assert page.evaluate(opacity) == "0"
    page.keyboard.up("b")
    page.locator("#strength").fill("40")
    assert page.evaluate(opacity) == "0.4"
    page.locator(".matrix tbody a").first.focus()
    page.keyboard.press("Enter")
    assert page.url.endswith("#metric-insertion")
    assert page.locator(".scroller[tabindex='0']").count() == 1


@pytest.mark.browser
def test_without_scripts_and_on_paper(browser: Browser, page_file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator(".mapped .overlay").count() >= 8
    assert page.locator(".panels svg").count() == 8
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "else all of it is printed smaller"
    assert page.locator(".controls").locator("visible=true").count() == 0
    assert page.evaluate("Math.min(...[...document.querySelectorAll('.scale i')].map(bar => bar.offsetHeight))") > 3
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    context.close()
