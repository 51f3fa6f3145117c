"""Clusters as players: areas and orders by hand, a head whose game is known on paper, and real weights."""

from __future__ import annotations

import dataclasses
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import layerlore as ll
from layerlore.errors import SettingError
from layerlore.evaluate.case import make_case
from layerlore.evaluate.clusters import evaluate_clusters
from layerlore.evaluate.clusters.games import score_game
from layerlore.evaluate.clusters.orders import area, best_area, gap, order_by, random_orders, rank_correlation
from layerlore.evaluate.clusters.records import FIGURES, ClusterEvaluation, LayerEvaluation
from layerlore.evaluate.clusters.stability import agreement, paired_cosine, separation, some_of_the_maps
from layerlore.evaluate.measuring import measure
from layerlore.evaluate.registry import METRICS
from layerlore.methods.subject import Subject
from layerlore.network.photos import read_photo
from layerlore.samples import sample_path

values = st.integers(1, 5).flatmap(lambda k: arrays(np.float64, 2**k, elements=st.floats(0, 1)))


def test_areas_by_hand() -> None:
    # Nobody 0, the first alone 0.6, the second alone 0.2, both 1.
    game = np.array([0.0, 0.6, 0.2, 1.0])
    assert area(game, (0, 1), adding=True) == pytest.approx((0 / 2 + 0.6 + 1 / 2) / 2)
    assert area(game, (0, 1), adding=False) == pytest.approx((1 / 2 + 0.2 + 0 / 2) / 2)
    assert best_area(game, adding=True) == area(game, (0, 1), adding=True)
    assert best_area(game, adding=False) == area(game, (0, 1), adding=False)
    assert order_by([1.0, 3.0, 1.0]) == (1, 0, 2)
    assert gap(0.5, 0.4, 0.6) == pytest.approx(0.5)
    assert gap(0.5, 0.5, 0.5) is None


@given(values, st.booleans())
def test_the_best_order_is_the_best_of_all_orders(game: np.ndarray, adding: bool) -> None:
    players = len(game).bit_length() - 1
    areas = [area(game, order, adding=adding) for order in permutations(range(players))]
    assert best_area(game, adding=adding) == pytest.approx(max(areas) if adding else min(areas))


def test_random_orders_are_all_where_there_are_few() -> None:
    generator = np.random.default_rng(0)
    assert sorted(random_orders(3, generator)) == sorted(permutations(range(3)))
    assert len(random_orders(5, generator)) == 20
    assert all(sorted(order) == list(range(5)) for order in random_orders(5, generator))


def test_rank_correlation_says_where_there_is_no_order() -> None:
    assert rank_correlation([3, 1, 2], [0.3, 0.1, 0.2]) == pytest.approx(1)
    assert rank_correlation([1, 2], [2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1], [2, 1]) == 0.0
    assert rank_correlation([1, 2], [1.0, 1.0005]) is None
    assert rank_correlation([1], [1]) is None


def test_a_game_of_sums_is_scored_as_it_is_on_paper() -> None:
    # Worth 4, 2 and -1, each alone: Shapley values are the worths, and effects add up.
    worth = np.array([4.0, 2.0, -1.0])
    logits = 1 + np.array([worth[[s >> j & 1 == 1 for j in range(3)]].sum() for s in range(8)])
    found = score_game(logits, logits / 10, -4.0, {"good": [9, 5, 1], "bad": [1, 5, 9]}, np.random.default_rng(0))
    assert found.shapley == found.alone == (4.0, 2.0, -1.0)
    assert found.additivity == pytest.approx(1)
    assert found.completeness == pytest.approx(5 / 10)  # 6 to 1 without the three, to -4 without the layer
    assert found.orders["good"].insertion_gap == pytest.approx(1)
    assert found.orders["good"].deletion_gap == pytest.approx(1)
    assert found.orders["bad"].insertion_gap == pytest.approx(-1)
    assert found.shapley_rank == {"good": pytest.approx(1), "bad": pytest.approx(-1)}
    # Adding 4, 2, -1 to 1: 1, 5, 7, 6, in tenths.
    assert found.best[0] == pytest.approx((0.1 / 2 + 0.5 + 0.7 + 0.6 / 2) / 3)


def test_the_weight_is_judged_beside_the_number_that_orders_clusters() -> None:
    # Worth 4, 2 and -1: importance ranks them so, the weight has the last two changed over, 1 - 6 * 2 / (3 * 8).
    # The second and the third together are worth 2 more: Shapley values 4, 3 and 0; alone they cost 4, 4 and 1.
    worth = np.array([4.0, 2.0, -1.0])
    present = [[s >> j & 1 for j in range(3)] for s in range(8)]
    logits = np.array([worth @ there + 2 * (there[1] and there[2]) for there in present])
    numbers = {"weight": [50.0, 10.0, 20.0], "importance": [4.0, 3.0, 0.0]}
    game = score_game(logits, logits / 10, -4.0, numbers, np.random.default_rng(0))
    assert game.shapley == (4.0, 3.0, 0.0)
    assert game.alone == (4.0, 4.0, 1.0)
    layer = LayerEvaluation("relu", 3, game, None, 0.8, {}, None, None)
    found = ClusterEvaluation((layer,), "importance", "stable", 0, 1).summary()
    assert (found["c_shapley"], found["c_weight_shapley"]) == (pytest.approx(1), pytest.approx(0.5))
    # Ranks of the falls are 2.5, 2.5 and 1: with those of the weight, 3, 1 and 2, the covariance is 0.
    assert found["c_weight_ablation"] == pytest.approx(0)
    assert found["c_ablation"] == pytest.approx(1.5 / np.sqrt(2 * 1.5))
    by_weight = ClusterEvaluation((layer,), "weight", "paper", 0, 1).summary()
    assert by_weight["c_shapley"] == by_weight["c_weight_shapley"], "one number, so the card counts it once"
    assert by_weight["c_ablation"] == by_weight["c_weight_ablation"]


def test_agreement_and_pairs_by_hand() -> None:
    assert agreement({1: 0, 2: 0, 3: 1, 4: 1}, {1: 5, 2: 5, 3: 2, 4: 2, 9: 0}) == pytest.approx(1)
    assert agreement({1: 0}, {2: 0}) is None
    up, left = np.eye(2, dtype=np.float32), np.ones((2, 2), np.float32)
    assert paired_cosine([up, left], [left, up]) == pytest.approx(1)
    assert paired_cosine([up, left], [up]) == pytest.approx(0.5)
    assert paired_cosine([up], [left]) == pytest.approx(2 / np.sqrt(2 * 4))
    assert paired_cosine([], [up]) == 0.0
    assert paired_cosine([], []) is None


def test_real_groups_are_further_apart_than_shuffled_ones() -> None:
    generator = np.random.default_rng(0)
    corners = np.zeros((30, 7, 7), np.float32)
    for number, one in enumerate(corners):
        row, column = divmod(number % 3, 2)
        one[4 * row : 4 * row + 3, 4 * column : 4 * column + 3] = 1
    maps = (corners + generator.uniform(0, 0.2, corners.shape)).astype(np.float32)
    own, null = separation(maps, np.arange(30) % 3, method="stable", seed=0, generator=generator)
    assert own is not None
    assert null is not None
    assert own > 0.7
    assert null < 0.3
    assert separation(maps[:3], np.arange(3), method="stable", seed=0, generator=generator) == (None, None)
    picked = some_of_the_maps(30, generator)
    assert len(set(picked.tolist())) == 24


@pytest.fixture(scope="module")
def network() -> ll.Network:
    return ll.load_network()


@pytest.fixture(scope="module")
def explanation(network: ll.Network) -> ll.Explanation:
    return ll.explain(network, sample_path("chelsea"), layers=[-3, -1], flow=False)


def test_real_clusters_are_scored_and_the_same_seed_gives_the_same(
    network: ll.Network, explanation: ll.Explanation
) -> None:
    found = evaluate_clusters(network, sample_path("chelsea"), explanation, seed=3)
    assert found.first == "importance"
    assert [layer.name for layer in found.layers] == [layer.name for layer in explanation.layers]
    for layer, own in zip(explanation.layers, found.layers, strict=True):
        assert own.zero is not None
        assert own.zero.alone == pytest.approx([c.ablation.zero.logit_drop for c in layer.clusters], abs=1e-3)
        if len(layer.clusters) <= 3:
            assert own.zero.shapley == pytest.approx([c.importance for c in layer.clusters], abs=1e-3)
        assert own.stability["seed"].agreement == pytest.approx(1), "stable has nothing random"
        assert own.stability["seed"].cosine == pytest.approx(1)
        assert 0 <= own.mass <= 1
        assert own.zero.best[0] >= own.zero.orders["importance"].insertion >= 0
    # What follows the last layer is an average and a linear step: no interactions, and means change nothing.
    last = found.layers[-1]
    assert last.zero is not None
    assert last.mean is not None
    assert last.zero.additivity == pytest.approx(1, abs=1e-3)
    assert last.zero.shapley == pytest.approx(last.zero.alone, abs=1e-3)
    assert max(map(abs, last.mean.shapley)) < 1e-3
    assert last.mean.shapley_rank["importance"] is None
    assert last.zero.shapley_rank["importance"] == pytest.approx(1)
    summary = found.summary()
    assert set(summary) == set(FIGURES) == {name for name, info in METRICS.items() if info.family == "clusters"}
    assert all(value is not None for value in summary.values())
    again = evaluate_clusters(network, sample_path("chelsea"), explanation, seed=3)
    assert again == found
    bare = evaluate_clusters(network, sample_path("chelsea"), explanation, seed=3, stability=False)
    assert bare.summary()["c_seed"] is None
    assert bare.layers[0].zero == found.layers[0].zero


def test_another_photo_or_other_weights_are_refused(network: ll.Network, explanation: ll.Explanation) -> None:
    other = Image.new("RGB", (40, 40), "red")
    with pytest.raises(SettingError, match="give the photo that was explained"):
        evaluate_clusters(network, other, explanation)
    provenance = {**explanation.provenance, "network": {"fingerprint": "f" * 64}}
    with pytest.raises(SettingError, match="weights ffffffff"):
        evaluate_clusters(network, sample_path("chelsea"), dataclasses.replace(explanation, provenance=provenance))


def test_as_metrics_they_are_for_methods_made_of_clusters(network: ll.Network) -> None:
    photo = read_photo(sample_path("chelsea"))
    inputs = network.prepare(photo)[None]
    with torch.no_grad():
        target = int(network.module(inputs).argmax())
    subject = Subject(network, photo, inputs, target)
    case = make_case(subject, "gradcam")
    refused = measure(case, ["c_shapley"])["c_shapley"]
    assert refused.value is None
    assert "makes no clusters" in refused.note
    folded = dataclasses.replace(
        case,
        saliency=dataclasses.replace(
            case.saliency, method="inv", settings={"layers": [network.layers.default[-1].name]}
        ),
    )
    found = measure(folded, ["c_shapley", "c_insertion"])
    assert found["c_shapley"].value is not None
    assert found["c_shapley"].value > 0.9
    few = evaluate_clusters(network, sample_path("chelsea"), ll.explain(network, sample_path("chelsea"), layers=-1))
    assert found["c_insertion"].value == few.summary()["c_insertion"]
