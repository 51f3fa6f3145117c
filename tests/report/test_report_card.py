"""The report card: its marks, its sentences, what it says where something is missing, and how it looks in a browser."""

from __future__ import annotations

import dataclasses
import html
import re
import shutil
from typing import TYPE_CHECKING

import hand_evaluation
import numpy as np
import pytest
from seen import DESKTOP, PAPER, PHONE, keep, serious
from typer.testing import CliRunner

from layerlore.cli import app
from layerlore.evaluate.card import SAME, Number, check_all
from layerlore.evaluate.construction import ABLATED
from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.storage import DEFAULT, Folder, Identity, load_evaluation
from layerlore.evaluate.summary import leaders
from layerlore.report import evaluation_view, evaluation_words
from layerlore.report.site import report_card_words, write_site
from layerlore.report.site.report_card import Card
from layerlore.report.words import NBSP
from layerlore.study.study import Study
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from layerlore.evaluate.results import Evaluation

LEVELS = {"emprt": 0.2, "smprt": 0.2, "random_logit": 0.9, "c_insertion": 0.6, "c_shapley": 0.97, "c_flip": 0.3}
LEVELS |= {"c_weight_shapley": -0.3, "c_weight_ablation": 0.4}
"""Metric to the mean of this project's own map; others are around their middle, where nothing can be told."""
METHODS = ("gradcam", "inv", "random", "gaussian")
DIMMED = ("average_drop", "average_gain", "increase_in_confidence", "adcc")


def made_up(study: Study, photos: int = 12, metrics: tuple[str, ...] = tuple(METRICS)) -> Evaluation:
    """Made-up numbers for the study's own photos: faithful, sane but for the other class, unstable when mirrored."""
    whole = hand_evaluation.evaluation(photos)
    rng = np.random.default_rng(1)
    results = []
    for one, image in zip(whole.photos, study.images, strict=False):
        runs = {name: one.runs[name] for name in METHODS}
        measured = dict(runs["inv"].measured)
        for metric, level in LEVELS.items():
            measured[metric] = Measurement(level + 0.02 * rng.standard_normal())
        for metric in ("insertion", "deletion", "road"):
            control = max if METRICS[metric].better == "higher" else min
            best = control(runs[name].measured[metric].value or 0.0 for name in ("random", "gaussian"))
            measured[metric] = Measurement(best + (0.2 if control is max else -0.2) + 0.01 * rng.standard_normal())
        measured["energy_pointing"] = runs["gaussian"].measured["energy_pointing"]
        runs["inv"] = dataclasses.replace(runs["inv"], measured=measured)
        for name, run in runs.items():
            kept = {metric: run.measured[metric] for metric in metrics}
            runs[name] = dataclasses.replace(run, measured=kept)
        results.append(
            dataclasses.replace(one, photo=dataclasses.replace(one.photo, image_id=image.image_id), runs=runs)
        )
    network = study.manifest.network
    facts = {
        **whole.facts,
        "network": network["name"],
        "fingerprint": network["fingerprint"],
        "options": {},
        "versions": present_versions(),
    }
    return dataclasses.replace(whole, photos=tuple(results), methods=METHODS, metrics=metrics, facts=facts, failed={})


def store(study: Study, found: Evaluation, place: Path | None = None, preprocess: str = "") -> None:
    """As ``layerlore evaluate`` keeps it."""
    folder = Folder(place or study.folder / DEFAULT)
    (folder.path / "photos").mkdir(parents=True, exist_ok=True)
    preprocess = preprocess or study.manifest.network["preprocess"]
    identity = Identity(found.facts["fingerprint"], preprocess, found.seed, found.facts["target"])
    folder.write_settings(identity, found, [one.photo.image_id for one in found.photos])
    for photo in found.photos:
        folder.write(photo)


def text_of(path: Path) -> str:
    return html.unescape(path.read_text(encoding="utf-8")).replace(NBSP, " ").replace("<wbr>", "")


def test_a_mark_is_passed_or_failed_only_where_chance_could_not_have_done_it(study: Study) -> None:
    found = made_up(study)
    states = {name: one.state for name, one in check_all(found, "inv").items()}
    assert {states[name] for name in ("emprt", "smprt", "road")} == {"passed"}
    assert {states[name] for name in ("random_logit", "c_flip")} == {"failed"}
    assert states["c_mass"] == states["max_sensitivity"] == "told"
    wide = check_all(with_options(found, '{"rounds": 0}'), "inv")
    assert {wide[name].state for name in DIMMED} == {"told"}
    energy = check_all(found, "inv")["energy_pointing"]
    assert (energy.state, energy.controls, energy.behind) == ("open", ("random", "gaussian"), ("gaussian",))
    turned = dataclasses.replace(found, methods=("random", "inv"))
    assert check_all(turned, "random")["insertion"].controls == (), "a control is not held against itself"
    few = made_up(study, 5)
    unsure = tuple(check_all(few, "inv")[name] for name in LEVELS if not found.made_with("inv", name))
    assert {one.state for one in unsure} == {"open"}, "five photos cannot tell anything"
    assert report_card_words.headline("Net", unsure)[1] == "nothing"
    assert check_all(dataclasses.replace(found, photos=()), "inv")["emprt"].state == "missing"
    results = []
    for one in found.photos:
        run = one.runs["inv"]
        worse = dataclasses.replace(run, measured={**run.measured, "road": Measurement(-1.0)})
        results.append(dataclasses.replace(one, runs={**one.runs, "inv": worse}))
    worse = check_all(dataclasses.replace(found, photos=tuple(results)), "inv")["road"]
    assert (worse.state, worse.behind) == ("failed", ("random", "gaussian"))
    assert report_card_words.means(worse).startswith("By this metric the map is worse than a random map or")


def test_what_a_method_is_made_with_is_told_and_not_judged(study: Study) -> None:
    found = made_up(study)
    checks = check_all(found, "inv")
    made = {name for name, one in checks.items() if one.state == "made"}
    assert made == {
        *("insertion", "deletion", "insertion_mean", "deletion_mean"),
        *DIMMED,
        *("c_insertion", "c_deletion", "c_shapley", "c_ablation", "c_seed"),
    }
    assert "could not fail" in report_card_words.means(checks["c_seed"])
    assert not found.made_with("inv_paper", "c_seed"), "its t-SNE begins from drawn numbers"
    assert all(report_card_words.means(checks[name]).startswith("By construction") for name in made)
    judged = {"passed", "failed", "open"}
    counted = sum(one.state in judged for one in checks.values())
    assert report_card_words.headline("Net", tuple(checks.values()))[1].endswith(f" of {counted}")
    assert check_all(found, "gradcam")["insertion"].state in judged


def judged_of(found: Evaluation, method: str, first: Number | None) -> dict[str, tuple[str, str]]:
    """State and reason of the checks that are about numbers of clusters."""
    about = (*ABLATED, *SAME)
    return {name: (one.state, one.reason) for name, one in check_all(found, method, first).items() if name in about}


def test_the_number_that_pages_show_first_is_the_one_that_is_judged(study: Study) -> None:
    found = made_up(study)
    by_weight = judged_of(found, "inv", "weight")
    assert {by_weight[name] for name in ABLATED} == {("told", "not shown")}
    assert {by_weight[name] for name in SAME} == {("failed", ""), ("passed", "")}
    by_importance = judged_of(found, "inv", "importance")
    assert {by_importance[name] for name in ABLATED} == {("made", "")}
    assert [by_importance[name] for name in SAME] == [by_weight[name] for name in SAME]
    paper = dataclasses.replace(
        found,
        methods=("inv_paper",),
        photos=tuple(
            dataclasses.replace(one, runs={"inv_paper": dataclasses.replace(one.runs["inv"], method="inv_paper")})
            for one in found.photos
        ),
    )
    once = judged_of(paper, "inv_paper", "weight")
    assert {once[name] for name in SAME} == {("told", "counted")}, "the same number is not counted twice"
    assert once["c_shapley"] == ("passed", "")
    told = report_card_words.means(check_all(paper, "inv_paper", "weight")["c_weight_ablation"])
    assert "“Ablation rank correlation” again; it is counted there, once" in told
    only = dataclasses.replace(
        paper,
        photos=tuple(
            dataclasses.replace(
                one,
                runs={
                    "inv_paper": dataclasses.replace(
                        run, measured={"c_weight_shapley": run.measured["c_weight_shapley"]}
                    )
                },
            )
            for one in paper.photos
            for run in one.runs.values()
        ),
    )
    assert check_all(only, "inv_paper", "weight")["c_weight_shapley"].state == "failed", "nowhere else counted"


def test_the_card_says_by_which_number_pages_order_clusters_and_how_to_have_the_other(study: Study) -> None:
    store(study, made_up(study))
    page = text_of(write_site(study, workers=1).index.parent / "card.html")
    assert "The pages of this study order clusters by their weight, so that is judged." in page
    assert "<code>layerlore study run study --ablation && layerlore report study</code>" in page
    assert page.count(report_card_words.NOT_SHOWN) == len(ABLATED)
    assert "By construction: importance" not in page
    for method, ablation, number in (("stable", True, "importance"), ("paper", True, "weight")):
        settings = dataclasses.replace(study.manifest.settings, method=method, ablation=ablation)
        study.__dict__["manifest"] = study.manifest.with_set(settings)
        card = Card(study)
        assert card.first == number
        note = next(section.note for section in card.sections() if section.name == "clusters")
        assert (None if note is None else note.command) == (None if method == "paper" else "")


def test_too_few_photos_are_told_with_the_number_that_it_takes(study: Study) -> None:
    few = check_all(made_up(study, 5), "inv")["emprt"]
    assert (few.state, few.n) == ("open", 5)
    assert few.tests * 2 * 0.5**few.fewest < 0.05 <= few.tests * 2 * 0.5 ** (few.fewest - 1)
    assert few.tests > 10
    assert f"tests that are open: it takes at least {few.fewest}." in report_card_words.means(few)
    enough = [one for one in check_all(made_up(study, 12), "inv").values() if one.state == "open"]
    assert enough
    assert {one.fewest for one in enough} == {0}
    assert all(f"ore photos than {one.n} might tell" in report_card_words.means(one) for one in enough)


def with_options(found: Evaluation, *options: str) -> Evaluation:
    """The same with such options of this project's own method, by turns from photo to photo."""
    photos = [
        dataclasses.replace(
            one, runs={**one.runs, "inv": dataclasses.replace(one.runs["inv"], options=options[place % len(options)])}
        )
        for place, one in enumerate(found.photos)
    ]
    return dataclasses.replace(found, photos=tuple(photos))


@pytest.mark.parametrize(
    ("options", "made"),
    [
        ('{"rounds": 0}', ()),
        ('{"rounds": 0, "hide": "colour"}', ()),
        ('{"hide": "colour"}', ("insertion_mean", "deletion_mean", *DIMMED)),
        ('{"hide": "blur"}', ("insertion", "deletion")),
        ('{"rounds": 1}', ("insertion", "deletion")),  # the first correction blurs, the second would take the colour
        ('{"rounds": 2}', ("insertion", "deletion", "insertion_mean", "deletion_mean", *DIMMED)),
    ],
)
def test_what_is_by_construction_depends_on_the_options(study: Study, options: str, made: tuple[str, ...]) -> None:
    found = with_options(made_up(study), options)
    checks = check_all(found, "inv")
    importance = {"c_insertion", "c_deletion", "c_shapley", "c_ablation", "c_seed"}
    assert {name for name, one in checks.items() if one.state == "made"} == {*made, *importance}
    for metric in ("insertion", "deletion", "insertion_mean", "deletion_mean", *DIMMED):
        judged = metric not in made and metric not in DIMMED  # wide maps win by these, so they have no mark at all
        assert (checks[metric].controls != ()) == judged, "what is no merit by construction is judged"
        assert ("inv" in {leaders(found, metric).best, *leaders(found, metric).alike}) <= (metric not in made)
        footnote = any("(†)" in text for text in evaluation_words.verdicts(found, metric))
        assert footnote == (metric in made)
        [block] = evaluation_view.families(dataclasses.replace(found, metrics=(metric,)))[0].blocks
        assert [row.made for row in block.rows if row.method.startswith("all layers")] == [metric in made]
    assert report_card_words.headline("Net", tuple(checks.values()))[1].endswith(
        f" of {sum(one.state in {'passed', 'failed', 'open'} for one in checks.values())}"
    )
    if not made:
        assert checks["insertion"].state == "passed"  # better than both controls by 0.2


def test_options_are_told_as_they_are_typed_and_the_strictest_of_several_counts(study: Study) -> None:
    mixed = with_options(made_up(study), "{}", '{"hide": "colour", "rounds": 0}')
    assert mixed.given_options == "inv.hide=colour inv.rounds=0 or inv without options"
    assert mixed.made_with("inv", "insertion"), "some of its maps are corrected"
    store(study, with_options(made_up(study), '{"rounds": 0}'))
    page = text_of(write_site(study, workers=1).index.parent / "card.html")
    assert "Methods had options of their own: inv.rounds=0." in page
    assert "By construction: importance" not in page, "pages of this study show no importance"
    assert "By construction: the map is corrected" not in page
    assert made_up(study).given_options == ""


def test_p_values_of_a_card_are_corrected_for_all_that_it_judges(study: Study) -> None:
    found = made_up(study, 6)
    alone = dataclasses.replace(
        found,
        methods=("inv",),
        photos=tuple(
            dataclasses.replace(one, runs={"inv": dataclasses.replace(run, measured={"emprt": run.measured["emprt"]})})
            for one in found.photos
            for run in (one.runs["inv"],)
        ),
    )
    assert check_all(alone, "inv")["emprt"].state == "passed"  # p = 2 / 64
    assert check_all(found, "inv")["emprt"].state == "open"  # the same numbers, one of many checks


def test_every_metric_that_has_a_mark_says_what_it_means() -> None:
    from layerlore.evaluate.card import MARKS

    assert set(report_card_words.MEANS) == set(MARKS)
    assert {info.family for info in METRICS.values()} - set(report_card_words.SECTIONS) == {"complexity"}


def test_the_card_says_what_came_out_what_is_missing_and_when_it_is_of_something_else(study: Study) -> None:
    site = write_site(study, workers=1)
    card = site.index.parent / "card.html"
    everything = "layerlore evaluate study --methods inv,gradcam,random,gaussian --metrics sanity,faithfulness,clusters"
    assert f"<code>{everything},robustness && layerlore report study</code>" in text_of(card)
    assert "are <b>not checked</b> yet" in text_of(site.index)
    assert 'href="card.html"' in text_of(site.index)

    found = made_up(study, metrics=("insertion", "road", "emprt", "random_logit", "c_flip"))
    store(study, found)
    page = text_of(write_site(study, workers=1).index.parent / "card.html")
    assert "pass <em>2 of 4</em> checks" in page
    assert "Failed: “Random logit” and “Clusters of the mirrored photo”." in page
    assert "With random weights the map falls into disorder" in page
    assert "The map is better than a random map and a centred Gaussian" in page
    assert re.search(r"For comparison, a random map has \S?0\.\d{3} and a centred Gaussian has \S?0\.\d{3}\.", page)
    judged, made = page.index("</span> ROAD, combined"), page.index("</span> Insertion (on a blurred photo)")
    assert judged < made, "what is no merit comes last"
    assert "--metrics smprt,later_layers && layerlore report study" in page, "only what is missing is asked for"
    assert "another network" not in page
    assert write_site(study, workers=1).written == 0

    other = dataclasses.replace(found, facts={**found.facts, "fingerprint": "cd" * 32, "target": "label"})
    store(study, other)
    page = text_of(write_site(study, workers=1).index.parent / "card.html")
    assert "is of another network" in page
    assert "--restart && layerlore report study" in page
    assert "falls into disorder" not in page
    same = dataclasses.replace(found, facts={**found.facts, "target": "label", "versions": {"torch": "1.0"}})
    store(study, same)
    page = text_of(write_site(study, workers=1).index.parent / "card.html")
    assert (
        "The study explains the network's own answer, the evaluation measured maps for each photo's own class" in page
    )
    assert "It was measured with" in page
    assert "--target label" in page
    others = [dataclasses.replace(one, runs={"gradcam": one.runs["gradcam"]}) for one in found.photos]
    store(study, dataclasses.replace(found, methods=("gradcam",), photos=tuple(others)))
    for file in list((study.folder / DEFAULT / "photos").iterdir())[2:]:
        file.unlink()
    card = Card(study)
    assert (card.checks, card.source.waiting) == ((), 10)
    told = " ".join(state.text for state in card.states()).replace(NBSP, " ")
    assert "stopped before its end: 10 photos were not measured" in told
    assert "This study's own maps (method inv) were not measured" in told


def test_a_table_that_would_repeat_the_checks_is_left_out(study: Study) -> None:
    found = made_up(study, metrics=("road", "c_flip"))
    photos = []
    for one in found.photos:
        runs = {
            name: dataclasses.replace(run, measured=run.measured if name == "inv" else {"road": run.measured["road"]})
            for name, run in one.runs.items()
        }
        photos.append(dataclasses.replace(one, runs=runs))
    store(study, dataclasses.replace(found, photos=tuple(photos)))
    tables = {section.name: section.table for section in Card(study).sections()}
    assert (len(tables["faithfulness"]), tables["clusters"]) == (4, ())


def test_photos_that_failed_do_not_wait_and_files_that_were_never_asked_for_count_for_none(study: Study) -> None:
    found = made_up(study, metrics=("emprt",))
    asked = {one.photo.image_id for one in found.photos}
    failed, *waiting = [image for image in study.images if image.image_id in asked][2:]
    reasons = {
        f"photos/{failed.path}": "is gone",  # paths as they are from a folder above
        "espresso/zz.png": "the same content as espresso/coffee-1.png",
        "elsewhere/other.png": "no photo",
    }
    store(study, dataclasses.replace(found, failed=reasons))
    for image in (failed, *waiting):
        (study.folder / DEFAULT / "photos" / f"{image.image_id}.parquet").unlink()
    assert Card(study).source.waiting == len(waiting) == 9


def test_what_earlier_runs_measured_still_counts(study: Study) -> None:
    found = made_up(study)
    store(study, found)
    last = dataclasses.replace(found, metrics=("emprt",), methods=("inv",), photos=found.photos[:2])
    Folder(study.folder / DEFAULT).write_settings(
        Identity(found.facts["fingerprint"], "", 0, "predicted"), last, [one.photo.image_id for one in last.photos]
    )
    assert load_evaluation(study.folder).metrics == ("emprt",)
    every = load_evaluation(study.folder, every_run=True)
    assert (set(every.methods), set(every.metrics), len(every.photos)) == (set(METHODS), set(METRICS), 12)


def test_an_evaluation_that_is_kept_elsewhere_is_named(study: Study, tmp_path: Path) -> None:
    elsewhere = tmp_path / "kept" / "measured"
    found = made_up(study, metrics=("emprt", "random_logit"))
    store(study, found, elsewhere)
    out = study.folder / "report"
    card, command = out / "card.html", ["report", str(study.folder), "--no-open", "--workers", "1"]
    named = [*command, "--evaluation", str(elsewhere)]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert "are <em>not checked</em> yet" in text_of(card)
    assert CliRunner().invoke(app, named).exit_code == 0
    page = text_of(card)
    assert "pass <em>1 of 2</em> checks" in page
    assert "Failed: “Random logit”" in page
    assert (
        "--metrics smprt,later_layers --out kept/measured && layerlore report study --evaluation kept/measured" in page
    )
    assert "<code>kept/measured/evaluation.html</code>" in page
    assert str(tmp_path) not in page
    assert "pass <b>1 of 2</b>" in text_of(out / "index.html")

    written = card.stat().st_mtime_ns
    assert CliRunner().invoke(app, named).exit_code == 0
    assert card.stat().st_mtime_ns == written, "nothing has changed"
    strangers = [
        dataclasses.replace(one, photo=dataclasses.replace(one.photo, image_id=f"{place:016x}"))
        for place, one in enumerate(found.photos[:5])
    ]
    store(study, dataclasses.replace(found, photos=(*found.photos[:7], *strangers)), elsewhere)
    for one in found.photos[7:]:
        (elsewhere / "photos" / f"{one.photo.image_id}.parquet").unlink()
    assert study.report(evaluation=elsewhere) == out / "index.html"
    page = text_of(card)
    assert "5 photos of 12 that were measured are not in the study: they are left out here." in page
    assert "<dd>7 <small>of 21 in the study</small></dd>" in page
    assert CliRunner().invoke(app, command).exit_code == 0
    assert "are <em>not checked</em> yet" in text_of(card), "it has to be named each time"


def test_an_evaluation_that_does_not_belong_to_the_study_is_refused_in_a_line(study: Study, tmp_path: Path) -> None:
    found = made_up(study, metrics=("emprt",))
    store(study, dataclasses.replace(found, facts={**found.facts, "fingerprint": "cd" * 32}), tmp_path / "network")
    store(study, found, tmp_path / "prepared", preprocess="otherwise")
    others = [
        dataclasses.replace(one, photo=dataclasses.replace(one.photo, image_id=f"{place:016x}"))
        for place, one in enumerate(found.photos)
    ]
    store(study, dataclasses.replace(found, photos=tuple(others)), tmp_path / "photos")
    for folder, words in {
        "nowhere": "is no evaluation; make one with layerlore evaluate",
        "network": "weights cdcdcdcdcdcd, while the study's has",
        "prepared": "photos are prepared for it in another way",
        "photos": "of other photos, none of them is in the study",
    }.items():
        ran = CliRunner().invoke(
            app, ["report", str(study.folder), "--no-open", "--workers", "1", "--evaluation", str(tmp_path / folder)]
        )
        assert (ran.exit_code, len(ran.stderr.splitlines())) == (1, 1)
        assert ran.stderr.startswith(f"error: {tmp_path / folder}")
        assert words in ran.stderr
    assert not (study.folder / "report").exists()


@pytest.fixture(scope="module")
def card_site(study_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card") / "study"
    shutil.copytree(study_folder, folder, ignore=shutil.ignore_patterns("report"))
    study = Study.open(folder)
    store(study, made_up(study, metrics=tuple(name for name in METRICS if name != "smprt")))
    return write_site(study, workers=1).index.parent


@pytest.mark.browser
@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("desktop", "dark"), ("phone", "light")])
def test_the_card_is_read_on_a_desktop_on_a_phone_and_in_the_dark(
    open_page: Callable[..., Page], card_site: Path, size: str, scheme: str
) -> None:
    start = (card_site / "index.html").as_uri()
    page = open_page(start, viewport=PHONE if size == "phone" else DESKTOP, color_scheme=scheme)
    page.locator(".card-teaser a").click()
    page.wait_for_selector("html[data-ready]")
    assert page.url.endswith("card.html")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".check").count() > 15
    assert page.locator("nav [aria-current]").inner_text() == "Report card"
    keep(page, f"card-{size}-{scheme}", whole=True)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert serious(page) == []
    page.emulate_media(media="print")
    page.set_viewport_size(PAPER)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "else all of it is printed smaller"
