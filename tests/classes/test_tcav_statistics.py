"""The arithmetic of concept vectors against hand computation, scikit-learn and captum."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layerlore.classes.tcav_statistics import (
    Space,
    corrected_interval,
    exchanged,
    held_out_accuracy,
    least_p,
    null_derivatives,
    resampled,
    shuffled,
    sign_score,
    smooth_score,
    two_sided,
    vector_weights,
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
    theirs /= np.linalg.norm(theirs)
    np.testing.assert_allclose(pictures.T @ weights, theirs, atol=1e-10)
    np.testing.assert_allclose(space.derivatives(np.arange(20), weights), slopes @ theirs, atol=1e-10)


@pytest.mark.parametrize("method", ["mean", "ridge"])
def test_random_sets_are_what_single_vectors_are(method: str) -> None:
    rng = np.random.default_rng(1)
    pictures, slopes = rng.normal(size=(36, 9)), rng.normal(size=(6, 9))
    space = space_of(pictures, slopes)
    choices = [np.arange(3 * photo, 3 * photo + 3) for photo in range(4)]
    stratified = exchanged(choices, 40, rng)
    assert (stratified // 3 == np.arange(4)).all()
    assert all(len(set(column)) == 3 for column in stratified.T)
    positive, negative = shuffled(np.arange(5, 36), 4, 20, 40, rng)
    assert all(len(set(row)) == 24 and min(row) >= 5 for row in np.concatenate([positive, negative], axis=1))
    rest = np.arange(12, 36)
    for ours, others in ((stratified, np.tile(rest, (40, 1))), (positive, negative)):
        found = null_derivatives(space, ours, others, method)
        for row in range(40):
            places = np.concatenate([ours[row], others[row]])
            weights = vector_weights(space.gram[np.ix_(places, places)], 4, method)
            np.testing.assert_allclose(found[row], slopes @ pictures[places].T @ weights, atol=1e-9)
    same = null_derivatives(space, stratified, rest, method)
    np.testing.assert_allclose(same, null_derivatives(space, stratified, np.tile(rest, (40, 1)), method))


def p_value(space: Space, ours: np.ndarray, compared: np.ndarray, sets: tuple, method: str, kind: str) -> float:
    """As `layerlore.classes.tcav` computes it."""
    along = null_derivatives(space, ours[None], compared, method)[0]
    null = null_derivatives(space, *sets, method)
    scale = float(np.sqrt((np.vstack([null, along]) ** 2).mean()))
    score = sign_score if kind == "sign" else lambda values: smooth_score(values, scale)
    return two_sided(float(score(along)), score(null))


SIZE, PER, PHOTOS, FEATURES = 8, 4, 24, 12


def pictures_and_slopes(seed: int, shift: float) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Windows of photos, photo after photo; those of the first ``SIZE`` photos are of a class, shifted by ``shift``."""
    rng = np.random.default_rng([seed, 7])
    spread = np.exp(rng.normal(size=FEATURES))  # some channels vary more than others
    level = rng.normal(size=(PHOTOS, FEATURES))  # windows of one photo are alike
    slopes = rng.normal(size=(7, FEATURES)) + rng.normal(size=FEATURES)
    level[:SIZE] += shift * slopes.mean(axis=0) / np.linalg.norm(slopes.mean(axis=0))
    pool = np.repeat(level, PER, axis=0) + rng.standard_t(3, size=(PHOTOS * PER, FEATURES))
    return pool * spread, slopes / spread, rng


def class_windows_found(seed: int, shift: float, method: str, kind: str, *, exchange: bool) -> bool:
    """Whether one random window of each of a class's photos is found for this class, without any concept."""
    pool, slopes, rng = pictures_and_slopes(seed, shift)
    space = space_of(pool - pool.mean(axis=0), slopes)
    choices = [np.arange(photo * PER, photo * PER + PER) for photo in range(SIZE)]
    ours = np.array([rng.choice(rows) for rows in choices])
    negative = np.arange(SIZE * PER, len(pool))
    if method == "ridge":
        negative = rng.choice(negative, SIZE, replace=False)
    if exchange:
        sets = exchanged(choices, 199, rng), negative
    else:
        sets = shuffled(np.arange(len(pool)), SIZE, len(negative), 199, rng)
    return p_value(space, ours, negative, sets, method, kind) < 0.05


@pytest.mark.parametrize("method", ["mean", "ridge"])
@pytest.mark.parametrize("kind", ["smooth", "sign"])
@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_random_windows_of_a_class_are_found_as_rarely_as_they_should(method: str, kind: str, shift: float) -> None:
    seeds = 300
    found = sum(class_windows_found(seed, shift, method, kind, exchange=True) for seed in range(seeds))
    # 300 draws at 5 %: above 0.085 would come by chance 3 times in 1,000. The sign is coarse, so it finds less.
    assert found / seeds < 0.085
    if kind == "smooth":
        assert found / seeds > 0.02


def test_class_mix_alone_is_found_where_pictures_are_not_exchanged_in_their_photos() -> None:
    """The test above can fail: sets of all photos in place of the concept's find a class every time."""
    found = [class_windows_found(seed, 3.0, "mean", "smooth", exchange=False) for seed in range(40)]
    assert sum(found) > 30


@pytest.mark.parametrize("method", ["mean", "ridge"])
@pytest.mark.parametrize("kind", ["smooth", "sign"])
def test_random_pictures_are_found_as_rarely_as_they_should(method: str, kind: str) -> None:
    seeds = 300
    found = []
    for seed in range(seeds):
        pool, slopes, rng = pictures_and_slopes(seed, 0.0)
        rows = rng.permutation(np.arange(0, len(pool), PER))
        ours, negative = rows[:SIZE], rows[SIZE:]
        space = space_of(pool - pool.mean(axis=0), slopes)
        compared = negative if method == "mean" else negative[:SIZE]
        sets = shuffled(rows, SIZE, len(compared), 199, rng)
        found.append(p_value(space, ours, compared, sets, method, kind) < 0.05)
    assert sum(found) / seeds < 0.085
    if kind == "smooth":
        assert sum(found) / seeds > 0.02


@pytest.mark.parametrize("method", ["mean", "ridge"])
def test_planted_concept_is_found_among_windows_of_its_photos(method: str) -> None:
    found = []
    for seed in range(40):
        pool, slopes, rng = pictures_and_slopes(seed, 3.0)
        choices = [np.arange(photo * PER, photo * PER + PER) for photo in range(SIZE)]
        ours = np.array([rng.choice(rows) for rows in choices])
        pool[ours] += 5 * slopes.mean(axis=0) / np.linalg.norm(slopes.mean(axis=0)) * pool.std(axis=0)
        negative = np.arange(SIZE * PER, SIZE * PER + (SIZE if method == "ridge" else len(pool) - SIZE * PER))
        space = space_of(pool - pool.mean(axis=0), slopes)
        found.append(p_value(space, ours, negative, (exchanged(choices, 199, rng), negative), method, "smooth") < 0.05)
    assert np.mean(found) > 0.8


def sample(rng: np.random.Generator, slope: np.ndarray, size: int, others: int) -> Space:
    """Pictures of a concept, random ones, and photos, from the same population each time."""
    pictures = rng.normal(size=(size + others, len(slope)))
    pictures[:size] += 0.5
    return space_of(pictures, slope + rng.normal(size=(20, len(slope))))


@pytest.mark.parametrize("method", ["mean", "ridge"])
def test_interval_holds_what_many_pictures_and_photos_give(method: str) -> None:
    size, held = 16, []
    others = 60 if method == "mean" else size
    ours, negative = np.arange(size), np.arange(size, size + others)
    for seed in range(120):
        rng = np.random.default_rng([seed, 8])
        slope = rng.normal(size=6)
        space, *more = (sample(rng, slope, size, others) for _ in range(31))
        derivatives = null_derivatives(space, ours[None], negative, method)[0]
        scale = float(np.abs(derivatives).mean())
        samples = resampled(space, ours, negative, per=1, method=method, draws=400, rng=rng)
        low, high = corrected_interval(float(smooth_score(derivatives, scale)), smooth_score(samples, scale))
        truth = [smooth_score(null_derivatives(one, ours[None], negative, method)[0], scale) for one in more]
        held.append(low <= np.mean(truth) <= high)
    # Samples of pictures hold some twice, which ridge regression feels more than a mean does.
    assert np.mean(held) > (0.9 if method == "mean" else 0.78)


def test_interval_by_hand() -> None:
    samples = np.arange(1001) / 1000
    assert corrected_interval(0.5, samples) == pytest.approx((0.025, 0.975), abs=1e-3)
    # Three in four samples lie below: both ends move up, by twice the distance (z0 = 0.674).
    low, high = corrected_interval(0.75, samples)
    assert (low, high) == pytest.approx((0.2704, 0.9995), abs=1e-3)
    assert corrected_interval(1.0, np.ones(50)) == (1.0, 1.0)


def test_vector_is_tested_on_pictures_it_was_not_made_of() -> None:
    rng = np.random.default_rng(2)
    for shift, low, high in ((0.0, 0.3, 0.7), (3.0, 0.95, 1.0)):
        # Far more numbers than pictures: on its own pictures any vector would be perfect.
        pictures = rng.normal(size=(80, 400))
        pictures[60:, 0] += shift * 4
        space = space_of(pictures - pictures.mean(axis=0), rng.normal(size=(3, 400)))
        accuracy = held_out_accuracy(space, np.arange(60, 80), np.arange(60), runs=40, method="mean", rng=rng)
        assert low <= accuracy.mean() <= high


def test_p_values_by_hand() -> None:
    assert two_sided(5.0, np.arange(4.0)) == pytest.approx(2 / 5)
    assert two_sided(1.5, np.arange(4.0)) == 1.0


@given(st.integers(1, 9), st.integers(0, 10_000))
def test_no_p_is_below_the_least_that_the_sets_can_give(photos: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # One other window of each photo: so few ways to exchange them that many random sets are the concept's own.
    choices = [np.array([2 * photo, 2 * photo + 1]) for photo in range(photos)]
    sets, own = exchanged(choices, 400, rng), np.arange(photos) * 2 + 1
    values = np.arange(2 * photos) ** 3.0  # the concept's own set has the highest mean
    least = least_p(own, sets)
    assert two_sided(values[own].mean(), values[sets].mean(axis=1)) == pytest.approx(least)
    assert two_sided(rng.random(), rng.random(400)) >= 2 / 401


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
