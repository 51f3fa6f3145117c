"""Intervals, differences and tests of an evaluation: known coverage, exact values, nothing by the order of things."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools

import numpy as np
import pytest

from layerlore.errors import SettingError
from layerlore.evaluate.construction import made_with
from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.results import Evaluation, MethodRun, PhotoFacts, PhotoResult
from layerlore.evaluate.statistics import EXACT, mean_band, mean_interval, paired_difference, sign_flip
from layerlore.evaluate.summary import leaders, not_better, tellable
from layerlore.methods.registry import METHODS
from layerlore.report import evaluation_words


def made_up(values: dict[str, list[float | None]], metric: str = "insertion", against: str = "gradcam") -> Evaluation:
    """An evaluation by one metric with these values of each method on each photo."""
    amount = len(next(iter(values.values())))
    photos = [
        PhotoResult(
            PhotoFacts(f"{number:016x}", f"{number}.png", f"{number}.png", None, 0, "ant", 0.5),
            {
                method: MethodRun(method, "{}", measured={metric: Measurement(ours[number])})
                for method, ours in values.items()
            },
        )
        for number in range(amount)
    ]
    return Evaluation(tuple(photos), tuple(values), (metric,), against, 0, {})


def test_intervals_hold_the_true_mean_about_as_often_as_they_say() -> None:
    """Exponential values are skewed; of 200 samples of 40 photos 95 % are to hold the mean, 2 standard errors = 3 %."""
    rng = np.random.default_rng(5)
    held = 0
    for sample in range(200):
        found = mean_interval(rng.exponential(1.0, 40), sample)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.0 <= found.high
    assert 0.89 <= held / 200 <= 0.985


def test_small_and_constant_samples() -> None:
    assert mean_interval([0.5], 0) == mean_interval([0.5], 9)
    assert mean_interval([0.5], 0).low is None
    one = mean_interval([0.25] * 8, 0)
    assert (one.mean, one.low, one.high, one.n) == (0.25, None, None, 8)  # alike here is not alike everywhere
    assert mean_interval([0.0, 1.0, 0.2, 0.7], 0).low is None  # too few photos for an interval
    five = mean_interval([0.0, 1.0, 0.2, 0.7, 0.6], 0)
    assert five.low is not None
    assert five.low <= 0.5 <= (five.high or 0)


def test_a_share_of_hits_has_an_interval_even_if_all_are() -> None:
    """By hand: 1 of 1 with Wilson begins at n / (n + z^2), 17 / (17 + 3.8415)."""
    metrics = ("pointing", "increase_in_confidence", "c_seed")
    for metric, low in zip(metrics, (0.8157, 0.8157, None), strict=True):
        interval = made_up({"gradcam": [1.0] * 17}, metric).line("gradcam", metric).interval
        assert interval is not None
        assert (interval.low, interval.high) == (low and pytest.approx(low, abs=1e-4), low and 1.0)
    tied = made_up({"gradcam": [*[1.0] * 16, 0.5]}, "pointing").line("gradcam", "pointing").interval
    assert tied == mean_interval([*[1.0] * 16, 0.5], 0), "half a hit is no trial"


@pytest.mark.parametrize("pairs", [3, EXACT])
def test_few_pairs_are_tested_exactly(pairs: int) -> None:
    differences = np.random.default_rng(pairs).normal(0.4, 1, pairs)
    flipped = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=pairs)]
    by_hand = np.mean([value >= abs(differences.sum()) - 1e-9 for value in flipped])
    assert sign_flip(differences, 0) == pytest.approx(by_hand)
    assert sign_flip(np.ones(pairs), 0) == pytest.approx(2 / 2**pairs)
    assert sign_flip(np.zeros(pairs), 0) == 1


def test_chance_is_called_more_than_chance_as_often_as_it_should() -> None:
    rng = np.random.default_rng(2)
    p = np.array([sign_flip(rng.standard_t(3, 20), 0) for _ in range(300)])
    assert p.min() > 0
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.03)
    assert sign_flip(rng.normal(1.5, 1, 40), 0) < 0.001


def test_a_difference_is_of_the_same_photos() -> None:
    """Photos differ by 1, methods by 0.05: paired it is clear, unpaired it would drown."""
    photos = np.linspace(0, 1, 30)
    noise = np.random.default_rng(0).normal(0, 0.02, 30)
    found = paired_difference(photos + 0.05 + noise, photos, 0)
    assert found.mean == pytest.approx(0.05 + noise.mean())
    assert found.low is not None
    assert found.low > 0.03
    assert found.p < 0.001


def test_the_order_of_photos_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    values, curves = rng.random(30), rng.random((30, 4))
    turned = rng.permutation(30)
    assert mean_interval(values, 0) == mean_interval(values[turned], 0)
    assert sign_flip(values - 0.4, 0) == sign_flip(values[turned] - 0.4, 0)
    for one, other in zip(mean_band(curves, 0), mean_band(curves[turned], 0), strict=True):
        assert np.array_equal(one, other)


def test_a_band_holds_the_mean_and_narrows_with_photos() -> None:
    curves = np.random.default_rng(0).random((80, 5))
    mean, low, high = mean_band(curves, 0)
    assert np.allclose(mean, curves.mean(axis=0))
    assert (low < mean).all()
    assert (mean < high).all()
    few = mean_band(curves[:10], 0)
    assert (high - low < few[2] - few[1]).all()
    assert np.array_equal(mean_band(curves[:1], 0)[1], curves[0])


def test_all_differences_of_the_table_are_corrected_together() -> None:
    base = list(np.linspace(0.2, 0.8, 10))
    found = made_up(
        {
            "gradcam": base,
            "layercam": [value + 0.1 for value in base],
            "random": [value - 0.1 for value in base],
            "gaussian": [*base[:5], *[None] * 5],
        }
    )
    assert found.line("gradcam", "insertion").difference is None
    better, worse, same = (found.line(name, "insertion") for name in ("layercam", "random", "gaussian"))
    assert better.difference is not None
    assert better.difference.p == pytest.approx(2 / 1024)
    assert better.difference.p_holm == pytest.approx(3 * 2 / 1024)
    assert (better.verdict, worse.verdict, same.verdict) == ("better", "worse", "")
    assert same.difference is not None
    assert (same.difference.n, same.interval and same.interval.n) == (5, 5)
    table = found.table()
    assert list(table["method"]) == ["gradcam", "layercam", "random", "gaussian"]
    assert table["mean"][1] == pytest.approx(0.6)


def test_lower_is_better_where_it_is_and_nothing_where_neither_is() -> None:
    base = list(np.linspace(0.2, 0.8, 10))
    values = {"gradcam": base, "layercam": [value + 0.1 for value in base]}
    assert made_up(values, "deletion").line("layercam", "deletion").verdict == "worse"
    assert made_up(values, "deletion").line("gradcam", "deletion").verdict == ""
    best = leaders(made_up(values, "deletion"), "deletion")
    assert best is not None
    assert (best.best, best.alike) == ("gradcam", ())


def test_the_best_shares_its_place_with_whom_chance_could_have_put_behind_it() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(20)
    found = made_up(
        {
            "gradcam": list(base),
            "layercam": list(base + 0.001 + 0.05 * rng.standard_normal(20)),
            "fam": list(base - 0.3),
            "random": list(base - 0.1),
            "gaussian": list(base + 1),
        }
    )
    best = leaders(found, "insertion")
    assert best is not None
    assert {best.best, *best.alike} == {"gradcam", "layercam"}
    assert not_better(found, "insertion", "random") == ("fam",)
    assert not_better(found, "insertion", "gaussian") == ("gradcam", "layercam", "fam")
    alone = leaders(made_up({"gradcam": [0.1, 0.2], "random": [0.3, 0.4]}), "insertion")
    assert alone is not None
    assert (alone.best, alone.measured) == ("gradcam", 1)
    with pytest.raises(SettingError, match="not in this evaluation"):
        made_up({"gradcam": [0.1, 0.2]}).line("lime", "insertion")
    assert leaders(made_up({"random": [0.1, 0.2]}, against="random"), "insertion") is None
    assert not tellable(4, 3)


def test_a_better_mean_over_other_photos_is_not_the_best() -> None:
    """LayerCAM is ahead by 0.1 wherever both are; Grad-CAM's mean is better, as it was measured on the easy photos."""
    shared = list(np.linspace(0.2, 0.4, 40))
    easy = [0.9] * 40
    found = made_up(
        {
            "gradcam": [*shared, *easy],
            "layercam": [*[value + 0.1 for value in shared], *[None] * 40],
            "fam": [*[value - 0.1 for value in shared], *[None] * 40],
        }
    )
    best = leaders(found, "insertion")
    assert best is not None
    assert (best.best, best.alike, best.passed) == ("layercam", (), ("gradcam",))
    first, second, *_ = evaluation_words.verdicts(found, "insertion")
    assert first.startswith("Best is LayerCAM")
    assert second.startswith("Grad-CAM is behind another method on the photos of both")
    one, two, three = (list(np.linspace(0.2, 0.4, 30) + up) for up in (0.0, 0.1, 0.2))
    none = [None] * 30
    circle = leaders(
        made_up(
            {
                "gradcam": [*two, *none, *one],
                "layercam": [*one, *two, *none],
                "fam": [*none, *one, *three],
            }
        ),
        "insertion",
    )
    assert circle is not None
    assert len(circle.alike) == 2, "each is ahead of another: nobody is the best"


def test_what_is_by_construction_is_told_and_neither_tested_nor_counted() -> None:
    """SHAP leads by insertion, which it is made with: the other differences are corrected for two tests, not three."""
    base = list(np.linspace(0.2, 0.8, 10))
    values = {
        "gradcam": base,
        "layercam": [value + 0.1 for value in base],
        "shap": [value + 0.2 for value in base],
        "random": [value - 0.1 for value in base],
    }
    found = made_up(values)
    rows = found.table().set_index("method")
    assert list(rows["made"]) == [False, False, True, False]
    shap = found.line("shap", "insertion")
    assert shap.interval is not None
    assert shap.difference is not None
    assert (shap.difference.n, shap.verdict, rows["verdict"]["shap"]) == (10, "", "")
    assert rows["difference"]["shap"] == pytest.approx(0.2)
    assert (shap.as_row()["p"], shap.as_row()["p_holm"]) == (None, None)
    assert rows["p_holm"]["layercam"] == pytest.approx(2 * 2 / 1024)
    assert {row["made"] for row in found.rows() if (row["method"], row["metric"]) == ("shap", "insertion")} == {True}
    against = made_up(values, against="shap")
    assert {line.verdict for line in against.lines} == {""}, "a reference that must do well is no yardstick"


def test_what_does_not_compete_is_no_loss_in_the_headline() -> None:
    """SHAP is made with insertion; it is the best by both metrics that it competes in."""
    rng = np.random.default_rng(0)
    photos = rng.random(30)
    one = made_up({"gradcam": list(photos)})
    ups = {
        "insertion": {"gradcam": 0.1, "layercam": 0.0, "shap": 0.0},
        "insertion_mean": {"gradcam": 0.0, "layercam": 0.0, "shap": 0.1},
        "road": {"gradcam": 0.0, "layercam": 0.0, "shap": 0.1},
    }
    found = dataclasses.replace(
        one,
        methods=("gradcam", "layercam", "shap"),
        metrics=tuple(ups),
        photos=tuple(
            dataclasses.replace(
                photo,
                runs={
                    method: MethodRun(
                        method,
                        "{}",
                        measured={
                            metric: Measurement(photos[place] + up[method] + 0.01 * rng.standard_normal())
                            for metric, up in ups.items()
                        },
                    )
                    for method in ("gradcam", "layercam", "shap")
                },
            )
            for place, photo in enumerate(one.photos)
        ),
    )
    assert all(best.telling for best in found.leading.values())
    assert "".join(text for text, _ in evaluation_words.headline(found)).endswith(
        "SHAP is among the best throughout the one family of metrics that tells methods apart."
    )
    assert "So for SHAP these do not count: “Insertion (on a blurred photo)”." in evaluation_words.lead(found)
    only = dataclasses.replace(found, metrics=("insertion",))
    assert "SHAP" not in "".join(text for text, _ in evaluation_words.headline(only)), "at least one metric"


def test_so_few_photos_tell_nothing() -> None:
    assert not tellable(4, 3)
    assert tellable(12, 3)


@pytest.mark.parametrize(
    ("method", "options", "made"),
    [
        ("scorecam", {}, "average_drop average_gain increase_in_confidence adcc"),
        ("sise", {"mu": 0.3}, "average_drop average_gain increase_in_confidence adcc"),
        ("adasise", {"baseline": 0}, "average_drop average_gain increase_in_confidence adcc"),
        ("rise", {"baseline": 0.0}, "average_drop average_gain increase_in_confidence adcc"),
        ("rise", {"baseline": -1.5}, ""),
        ("scorecam", {"baseline": 1}, ""),
        ("shap", {"blur": 0.2}, "insertion deletion"),
        ("inv", {"rounds": 0}, "c_insertion c_deletion c_shapley c_ablation c_seed"),
        ("lime", {}, ""),
        ("gradcam", {}, ""),
        ("random", {}, ""),
    ],
)
def test_what_methods_ask_when_they_are_made(method: str, options: dict[str, float], made: str) -> None:
    assert {metric for metric in METRICS if made_with(method, metric, options)} == set(made.split())


def test_all_that_hide_to_a_baseline_hide_to_zero_unless_told() -> None:
    """The table takes 0 for granted where nothing was given."""
    found = {
        name: parameter.default
        for name in METHODS
        if not METHODS[name].library
        for parameter in [
            inspect.signature(importlib.import_module(f"layerlore.methods.{name}").explain).parameters.get("baseline")
        ]
        if parameter is not None
    }
    assert found == dict.fromkeys(("scorecam", "sise", "adasise", "rise"), 0)
