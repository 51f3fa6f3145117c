"""Drops, ROAD, localisation and complexity: against values on paper, slow re-implementations and torchcam."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from layerlore.evaluate.measuring import measure
from layerlore.evaluate.metrics import complexity, road

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.evaluate.case import Case

DROPS = ("average_drop", "average_gain", "increase_in_confidence")
PLACES = ("pointing", "energy_pointing", "rank_accuracy")


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def values(case: Case, names: tuple[str, ...]) -> list[float | None]:
    return [one.value for one in measure(case, names).values()]


def test_drop_gain_and_increase_are_those_on_paper(weighted: Callable[..., Case]) -> None:
    ones, photo = [[1, 1], [1, 1]], [[4, 0], [0, -2]]  # f(x) = sigmoid(2)
    better = values(weighted(ones, photo, [[2, 0], [0, 1]]), DROPS)  # m x sums to 4 - 1
    assert better == pytest.approx([0, (sigmoid(3) - sigmoid(2)) / (1 - sigmoid(2)), 1], abs=1e-6)
    worse = values(weighted(ones, photo, [[0, 1], [1, 1]]), DROPS)  # to -2
    assert worse == pytest.approx([(sigmoid(2) - sigmoid(-2)) / sigmoid(2), 0, 0], abs=1e-6)


def test_adcc_is_that_on_paper(weighted: Callable[..., Case]) -> None:
    """M = (1, 0, 0, 1/2) keeps the class, its mean is 3/8; the map of M x is (1, 0, 0, 0)."""
    case = weighted([[1, 1], [1, 1]], [[4, 0], [0, -2]], [[2, 0], [0, 1]])
    alike = (1 - 4 * 0.375 * 0.25) / math.sqrt((1.25 - 4 * 0.375**2) * (1 - 4 * 0.25**2))
    expected = 3 / (1 / 1 + 1 / (1 - 0.375) + 1 / ((1 + alike) / 2))
    assert values(case, ("adcc",)) == pytest.approx([expected], abs=1e-6)


def test_drop_and_increase_are_those_of_torchcam(cat: Case, torchcam_cat: object) -> None:
    metrics = pytest.importorskip("torchcam.metrics")
    theirs = metrics.ClassificationMetric(torchcam_cat, lambda logits: logits.softmax(dim=1))
    theirs.update(cat.subject.inputs, 285)
    summary, ours = theirs.summary(), measure(cat, DROPS)
    assert ours["average_drop"].value == pytest.approx(summary["avg_drop"], abs=1e-4)
    assert ours["increase_in_confidence"].value == summary["conf_increase"]


def filled_slowly(picture: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """ROAD's definition, pixel by pixel, as one dense system."""
    height, width, channels = picture.shape
    left, right = np.eye(height * width), np.zeros((height * width, channels))
    for y in range(height):
        for x in range(width):
            here = y * width + x
            if not missing[y, x]:
                right[here] = picture[y, x]
                continue
            near = [(y + a, x + b, 1 / 12 if a and b else 1 / 6) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
            near = [(v, u, w) for v, u, w in near if 0 <= v < height and 0 <= u < width]
            for v, u, w in near:
                left[here, v * width + u] -= w / sum(weight for *_, weight in near)
    return np.linalg.solve(left, right).reshape(picture.shape)


def test_missing_pixels_are_filled_as_defined() -> None:
    rng = np.random.default_rng(0)
    picture = rng.random((7, 6, 3))
    for share in (0.1, 0.5, 0.9):
        missing = rng.random((7, 6)) < share
        filled = road.fill(picture, missing)
        assert np.allclose(filled, filled_slowly(picture, missing), atol=1e-12)
        assert np.array_equal(filled[~missing], picture[~missing])
    assert np.array_equal(road.fill(picture, np.zeros((7, 6), bool)), picture)
    one = np.zeros((3, 3), bool)
    one[1, 1] = True
    grey = np.arange(9.0).reshape(3, 3, 1) ** 2
    direct, diagonal = grey[[0, 1, 1, 2], [1, 0, 2, 1], 0], grey[[0, 0, 2, 2], [0, 2, 0, 2], 0]
    assert road.fill(grey, one)[1, 1, 0] == pytest.approx(direct.sum() / 6 + diagonal.sum() / 12)


def test_road_is_that_on_paper(weighted: Callable[..., Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten pixels in a row, the first alone is bright and counts; without it, it is filled in with its neighbours' 0.

    MoRF takes it first: sigmoid(0) at every share. LeRF never does: sigmoid(4).
    """
    monkeypatch.setattr(road, "NOISE", 0.0)
    bright = [[1, *[0] * 9]]
    case = weighted([[4, *[0] * 9]], bright, [range(10, 0, -1)])
    half = (sigmoid(4) - sigmoid(0)) / 2
    found = measure(case, ("road",))["road"]
    assert found.value == pytest.approx(half, abs=1e-6)
    assert found.curve == tuple((pytest.approx(step / 10), pytest.approx(half, abs=1e-6)) for step in range(1, 10))
    turned = weighted([[4, *[0] * 9]], bright, [range(1, 11)])
    assert values(turned, ("road",)) == pytest.approx([-half], abs=1e-6)


def test_road_prefers_the_true_evidence_and_is_nothing_where_nothing_is_lost(weighted: Callable[..., Case]) -> None:
    rng = np.random.default_rng(1)
    # Single bright pixels: filling one in from its neighbours takes it away.
    photo = np.zeros((20, 20))
    photo[2::4, 2::4] = 1.0
    weights = photo * rng.uniform(0.1, 1, photo.shape)
    best = measure(weighted(weights, photo, weights), ("road",))["road"]
    others = [measure(weighted(weights, photo, rng.random(photo.shape)), ("road",))["road"] for _ in range(10)]
    assert best.value > max(other.value for other in others)
    assert best == measure(weighted(weights, photo, weights), ("road",))["road"]
    assert best.value == pytest.approx(np.mean([half for _, half in best.curve]))
    even = weighted(weights, np.ones(photo.shape) - 0.5, weights)
    even.subject.inputs.fill_(0.5)  # all channels: one colour, which is what every gap is filled with
    assert measure(even, ("road",))["road"].value == pytest.approx(0, abs=1e-6)


def test_localisation_is_that_on_paper(weighted: Callable[..., Case]) -> None:
    heat = [[4, 1], [1, 2]]  # scaled to 1, 0, 0, 1/3
    ones = np.ones((2, 2))
    first = weighted(ones, ones, heat, truth=np.array([[True, False], [False, False]]))
    assert values(first, PLACES) == pytest.approx([1, 0.75, 1])
    two = weighted(ones, ones, heat, truth=np.array([[True, True], [False, False]]))
    assert values(two, PLACES) == pytest.approx([1, 0.75, 0.5])
    assert [one.chance for one in measure(two, PLACES).values()] == [0.5] * 3
    tied = weighted(ones, ones, [[4, 4], [0, 0]], truth=np.array([[True, False], [True, False]]))
    assert values(tied, ("pointing",)) == [0.5]


def test_an_object_that_cannot_be_pointed_at_is_skipped(weighted: Callable[..., Case]) -> None:
    ones = np.ones((2, 2))
    for truth, words in (
        (None, "nobody says"),
        (np.zeros((2, 2), bool), "is empty"),
        (np.ones((2, 2), bool), "whole photo"),
        (np.ones((3, 2), bool), "is 3 x 2, the network's input 2 x 2"),
    ):
        for one in measure(weighted(ones, ones, [[1, 0], [0, 0]], truth=truth), PLACES).values():
            assert one.value is None
            assert words in one.note


def test_complexity_is_that_on_paper() -> None:
    point, even = torch.zeros(2, 2), torch.ones(2, 2)
    point[1, 0] = 3.0
    assert (complexity.gini(point), complexity.entropy(point)) == pytest.approx((0.75, 0.0))
    assert (complexity.gini(even), complexity.entropy(even)) == pytest.approx((0.0, math.log(4)))
    rng = np.random.default_rng(0)
    some = rng.random(30)
    half_mean_difference = np.abs(some[:, None] - some).mean() / (2 * some.mean())
    assert complexity.gini(torch.from_numpy(some)) == pytest.approx(half_mean_difference)
    shares = some / some.sum()
    assert complexity.entropy(torch.from_numpy(some)) == pytest.approx(-(shares * np.log(shares)).sum())
