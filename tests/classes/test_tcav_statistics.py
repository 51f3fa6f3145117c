"""The arithmetic of concept vectors against hand computation, scikit-learn and captum."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layerlore.classes.tcav_statistics import (
    Space,
    holm,
    null_derivatives,
    random_runs,
    random_sets,
    sign_score,
    smooth_score,
    two_sided,
    vector_weights,
    wilson,
)


def space_of(pictures: np.ndarray, slopes: np.ndarray) -> Space:
    return Space(pictures @ pictures.T, pictures @ slopes.T)


def test_scores_by_hand() -> None:
    # Vector from (0, 0) to (3, 4). Derivatives: 3, -4, 0 and 5.
    pictures = np.array([[3.0, 4.0], [0.0, 0.0]])
    slopes = np.array([[1.0, 0.0], [0.0, -1.0], [4.0, -3.0], [0.6, 0.8]])
    space = space_of(pictures, slopes)
    along = space.derivatives(np.array([0, 1]), vector_weights(space.gram, 1, "mean"))
    np.testing.assert_allclose(along, [3.0, -4.0, 0.0, 5.0], atol=1e-12)
    assert sign_score(np.array([3.0, -4.0, 0.0, 5.0])) == 0.5
    expected = sum(1 / (1 + math.exp(-value / 2.5)) for value in (3, -4, 0, 5)) / 4
    assert smooth_score(along, 2.5) == pytest.approx(expected)
    assert sign_score(np.zeros(3)) == 0


def test_ridge_is_scikit_learns() -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    pictures, slopes = rng.normal(size=(20, 30)), rng.normal(size=(5, 30))
    pictures[:8] += 0.7
    space = space_of(pictures, slopes)
    weights = vector_weights(space.gram, 8, "ridge")
    centred = pictures - pictures.mean(axis=0)
    alpha = (centred**2).sum() / len(pictures)
    theirs = Ridge(alpha=alpha).fit(pictures, np.where(np.arange(20) < 8, 1.0, -1.0)).coef_
    np.testing.assert_allclose(pictures.T @ weights, theirs, atol=1e-10)
    np.testing.assert_allclose(space.derivatives(np.arange(20), weights), slopes @ theirs, atol=1e-10)


@pytest.mark.parametrize("method", ["mean", "ridge"])
def test_random_sets_are_what_single_vectors_are(method: str) -> None:
    rng = np.random.default_rng(1)
    per, photos, size = 3, 12, 4
    pictures, slopes = rng.normal(size=(per * photos, 9)), rng.normal(size=(6, 9))
    space = space_of(pictures, slopes)
    positive, negative = sets = random_sets(photos, per, size, 40, rng)
    assert all(len(set(row)) == 2 * size for row in np.concatenate(sets, axis=1) // per)
    found = null_derivatives(space, sets, per, method)
    for row in range(40):
        others = np.flatnonzero(~np.isin(np.arange(per * photos) // per, positive[row] // per))
        places = np.concatenate([positive[row], others if method == "mean" else negative[row]])
        weights = vector_weights(space.gram[np.ix_(places, places)], size, method)
        vector = pictures[places].T @ weights
        np.testing.assert_allclose(found[row], slopes @ vector, atol=1e-9)


@pytest.mark.parametrize("method", ["mean", "ridge"])
@pytest.mark.parametrize("kind", ["smooth", "sign"])
def test_random_concepts_are_found_as_rarely_as_they_should(method: str, kind: str) -> None:
    seeds, size, per, photos, features = 400, 8, 2, 30, 12
    found = []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 7])
        spread = np.exp(rng.normal(size=features))  # some channels vary more than others
        level = np.repeat(rng.normal(size=(photos, features)), per, axis=0)  # windows of one photo are alike
        pool = (level + rng.normal(size=(photos * per, features))) * spread
        ours = (rng.normal(size=(size, features)) + rng.normal(size=(size, features))) * spread
        slopes = rng.normal(size=(7, features)) + rng.normal(size=features)
        both = np.concatenate([pool, ours]) - pool.mean(axis=0)
        space = space_of(both, slopes)
        rows = np.arange(len(pool))
        base = Space(space.gram[: len(pool), : len(pool)], space.along[: len(pool)])
        null = null_derivatives(base, random_sets(photos, per, size, 199, rng), per, method)
        negative = rows if method == "mean" else rng.choice(rows, size, replace=False)
        places = np.concatenate([np.arange(len(pool), len(both)), negative])
        along = space.derivatives(places, vector_weights(space.gram[np.ix_(places, places)], size, method))
        scale = float(np.sqrt((null**2).mean()))
        score = sign_score if kind == "sign" else lambda values, scale=scale: smooth_score(values, scale)
        found.append(two_sided(float(score(along)), score(null)) < 0.05)
    # 400 draws at 5 %: above 0.085 would come by chance once in a thousand. The sign is coarse, so it finds less.
    assert sum(found) / seeds < 0.085
    if kind == "smooth":
        assert sum(found) / seeds > 0.02


def test_vector_is_tested_on_pictures_it_was_not_made_of() -> None:
    rng = np.random.default_rng(2)
    for shift, low, high in ((0.0, 0.3, 0.7), (3.0, 0.95, 1.0)):
        # Far more numbers than pictures: on its own pictures any vector would be perfect.
        pictures = rng.normal(size=(80, 400))
        pictures[60:, 0] += shift * 4
        space = space_of(pictures - pictures.mean(axis=0), rng.normal(size=(3, 400)))
        runs = random_runs(space, np.arange(60, 80), np.arange(60), runs=40, method="mean", rng=rng)
        assert low <= runs.accuracy.mean() <= high


def test_p_values_and_intervals_by_hand() -> None:
    assert two_sided(5.0, np.arange(4.0)) == pytest.approx(2 / 5)
    assert two_sided(1.5, np.arange(4.0)) == 1.0
    # Holm 1979: 3 x 0.01, 2 x 0.02 and the larger of it and 0.03; in the order given.
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([]) == []
    # Newcombe 1998, table I: 81 of 263.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=30))
def test_holm_begins_as_bonferroni_and_keeps_the_order(values: list[float]) -> None:
    found = holm(values)
    order = np.argsort(values, kind="stable")
    for value, corrected in zip(values, found, strict=True):
        assert value - 1e-12 <= corrected <= 1
    assert found[order[0]] == pytest.approx(min(1.0, len(values) * values[order[0]]))
    assert all(found[a] <= found[b] + 1e-12 for a, b in pairwise(order))


def test_captum_gives_the_same_scores_for_the_same_vectors(tmp_path) -> None:
    """Vectors of ours in captum's TCAV, at a real layer of the default network; scores by both."""
    concept = pytest.importorskip("captum.concept", reason="captum is not installed")
    from torch.utils.data import DataLoader

    import layerlore as ll
    from layerlore.classes.tcav_features import Features

    network = ll.load_network()
    name = "blocks.5.2.bn2"
    layers = network.layers.select([name])
    rng = torch.Generator().manual_seed(0)
    ours, others, photos = (torch.rand(n, 3, *network.input_size, generator=rng) for n in (6, 6, 5))
    ours[:, 0] += 0.5
    features = Features(network, layers, "flatten", None)
    keep = {"a": ours, "b": others}
    acts = {key: features._pooled(_maps(network, value, layers), mean=True)[0] for key, value in keep.items()}
    from layerlore.local.capture import capture

    slopes = features._pooled(capture(network, photos, [3] * 5, layers).gradients, mean=False)[0].astype(np.float64)
    pictures = np.concatenate([acts["a"], acts["b"]]).astype(np.float64)
    space = space_of(pictures - pictures.mean(axis=0), slopes)
    weights = vector_weights(space.gram, 6, "mean")
    derivatives = space.derivatives(np.arange(12), weights)
    vector = (pictures - pictures.mean(axis=0)).T @ weights

    class Ready(concept.Classifier):
        """Hands over our vector."""

        def __init__(self) -> None:
            self.seen = None

        def train_and_eval(self, dataloader, **_):
            self.seen = torch.cat([x for x, _ in dataloader])
            return {}

        def weights(self):
            return torch.from_numpy(np.stack([vector, -vector])).float()

        def classes(self):
            return [0, 1]

    classifier = Ready()
    sets = [
        concept.Concept(number, key, DataLoader(value, batch_size=6))
        for number, (key, value) in enumerate(keep.items())
    ]
    module = network.module.eval()
    path = layers[0].path
    tcav = concept.TCAV(module, [path], classifier=classifier, save_path=str(tmp_path / "cav"))
    theirs = tcav.interpret(photos, [sets], target=3)["0-1"][path]
    # The very activations that captum sees are ours, and so are the scores.
    np.testing.assert_allclose(classifier.seen.numpy(), pictures, rtol=1e-4, atol=1e-4)
    assert float(theirs["sign_count"][0]) == pytest.approx(float(sign_score(derivatives)))
    assert float(theirs["magnitude"][0]) == pytest.approx(float(derivatives.mean()), rel=1e-3)


def _maps(network, inputs, layers):
    from layerlore.local.capture import capture

    return capture(network, inputs, None, layers).activations
