"""The arithmetic of concept vectors: vectors, scores, held-out accuracy, and what chance would give.

A concept vector is a weighted sum of the pictures that it is made of, so that everything is computed from inner
products between pictures and photos' gradients; the vector itself, which may have a million numbers, is never formed.
It keeps its length: a difference of means is as long as the pictures of the concept differ from random ones, and that
is what tells a concept from a random set, whose vector may point anywhere but is short.

Sources: Kim et al., "Interpretability beyond feature attribution", ICML 2018 (TCAV); Pahde et al., "Navigating neural
space", ICLR 2025 (difference of means as vector); Holm, Scand. J. Statist. 6 (1979); Wilson, JASA 22 (1927).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

SCORES = ("smooth", "sign")
VECTORS = ("mean", "ridge")

RIDGE = 1.0
"""Penalty of ``ridge``, in units of the mean squared length of the centred pictures."""

BLOCK = 1024
"""Random sets that are computed together."""


@dataclass(frozen=True)
class Space:
    """Pictures and photos of one layer by their inner products.

    Attributes:
        gram: Inner products of all pictures, centred on the mean of the random ones; shape (m, m).
        along: Derivative of the class's score along each picture, for each photo; shape (m, p).
    """

    gram: Floats
    along: Floats

    def derivatives(self, places: Places, weights: Floats) -> Floats:
        """Derivative along a vector for each photo, shape (p,).

        Args:
            places: Rows of the pictures, shape (k,).
            weights: Their weights, same shape.
        """
        return np.asarray(weights @ self.along[places])


def vector_weights(gram: Floats, positive: int, method: str) -> Floats:
    """Weights of pictures in a concept vector.

    Args:
        gram: Inner products of the pictures, shape (..., k, k); the first ``positive`` show the concept.
        positive: How many do.
        method: ``mean``, the difference of both means; or ``ridge``, the coefficients of a ridge regression with
            intercept on +1 and -1.

    Returns:
        Shape (..., k); they add up to 0.
    """
    count = gram.shape[-1]
    signs = np.where(np.arange(count) < positive, 1.0, -1.0)
    if method == "mean":
        plain = signs / np.where(signs > 0, positive, count - positive)
        return np.broadcast_to(plain, gram.shape[:-1]).copy()
    centred = gram - gram.mean(axis=-1, keepdims=True)
    centred -= centred.mean(axis=-2, keepdims=True)
    scale = np.trace(centred, axis1=-2, axis2=-1)[..., None, None] / count
    penalty = np.maximum(RIDGE * scale, 1e-12) * np.eye(count)
    wanted = np.broadcast_to(signs - signs.mean(), gram.shape[:-1])[..., None]
    found = np.linalg.solve(centred + penalty, wanted)[..., 0]
    return np.asarray(found - found.mean(axis=-1, keepdims=True))


def sign_score(derivatives: Floats) -> Floats:
    """Share of photos with a positive derivative, over the last axis."""
    return np.asarray((derivatives > 0).mean(axis=-1))


def smooth_score(derivatives: Floats, scale: float) -> Floats:
    """Mean of 1 / (1 + exp(-derivative / scale)) over the last axis."""
    return np.asarray(0.5 + 0.5 * np.tanh(derivatives / (2 * scale)).mean(axis=-1))


def random_sets(photos: int, per: int, size: int, count: int, rng: np.random.Generator) -> tuple[Places, Places]:
    """Random sets of pictures in place of a concept, and as many others in place of its negatives.

    Args:
        photos: Photos that random pictures were cut from.
        per: Pictures of each; those of photo n are rows n * per to (n + 1) * per.
        size: Pictures of a set, each of another photo; at most half of the photos.
        count: How many sets.
        rng: Where randomness comes from.

    Returns:
        Rows of the sets' pictures, shape (count, size), and of their negatives, same shape, of other photos.
    """
    order = np.argsort(rng.random((count, photos), dtype=np.float32), axis=1)[:, : 2 * size]
    rows = order * per + rng.integers(0, per, order.shape)
    return rows[:, :size], rows[:, size:]


def null_derivatives(space: Space, sets: tuple[Places, Places], per: int, method: str) -> Floats:
    """Derivative along each random set's vector for each photo.

    Args:
        space: The layer, with the random pictures alone.
        sets: As from :func:`random_sets`.
        per: Random pictures of each photo.
        method: As for :func:`vector_weights`. ``mean`` compares a set with all pictures of other photos, ``ridge`` with
            as many as it has itself: as for a concept.

    Returns:
        Shape (sets, p).
    """
    one = _ridge_block if method == "ridge" else _mean_block
    positive, negative = sets
    starts = range(0, len(positive), BLOCK)
    blocks = [(positive[start : start + BLOCK], negative[start : start + BLOCK]) for start in starts]
    return np.concatenate([one(space, *block, per) for block in blocks])


def _mean_block(space: Space, positive: Places, _negative: Places, per: int) -> Floats:
    """Difference of means, as one matrix of weights over all random pictures."""
    count, size = positive.shape
    taken = np.zeros((count, len(space.gram) // per), dtype=bool)
    np.put_along_axis(taken, positive // per, values=True, axis=1)
    weights = np.where(np.repeat(taken, per, axis=1), 0.0, -1.0 / (per * (taken.shape[1] - size)))
    np.put_along_axis(weights, positive, 1.0 / size, axis=1)
    return np.asarray(weights @ space.along)


def _ridge_block(space: Space, positive: Places, negative: Places, _per: int) -> Floats:
    """Ridge regression, one small system for each set."""
    places = np.concatenate([positive, negative], axis=1)
    gram = space.gram[places[:, :, None], places[:, None, :]]
    weights = vector_weights(gram, positive.shape[1], "ridge")
    return np.asarray(np.einsum("si,sip->sp", weights, space.along[places]))


def two_sided(observed: float, null: Floats) -> float:
    """Twice the smaller tail, with the observed value among the random ones: never 0 (Phipson & Smyth 2010)."""
    above = 1 + int((null >= observed - 1e-9).sum())
    below = 1 + int((null <= observed + 1e-9).sum())
    return min(1.0, 2 * min(above, below) / (len(null) + 1))


def holm(values: Sequence[float]) -> list[float]:
    """P-values corrected for their number: step-down, monotone, at most 1."""
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        found[place] = highest
    return [float(value) for value in found]


def wilson(share: float, trials: int) -> tuple[float, float]:
    """95 % interval of a share."""
    z = 1.959963984540054
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


@dataclass(frozen=True)
class Runs:
    """What the random runs of a concept in a layer gave.

    Attributes:
        accuracy: Held-out accuracy of each run, both kinds counting half.
        derivatives: Derivative along each run's vector for each photo, shape (runs, p).
    """

    accuracy: Floats
    derivatives: Floats

    def resampled(self, part: slice, rng: np.random.Generator) -> Floats:
        """The derivatives of each run at a bootstrap sample of some of the photos."""
        ours = self.derivatives[:, part]
        return np.take_along_axis(ours, rng.integers(0, ours.shape[1], ours.shape), axis=1)


def random_runs(
    space: Space, positive: Places, negative: Places, *, runs: int, method: str, rng: np.random.Generator
) -> Runs:
    """Make the vector again and again from bootstrap samples, and test it on the pictures left out.

    Each run takes as many random pictures as concept pictures, both drawn with replacement, so that about a third of
    the concept's and all but a few of the random ones are left to test on.

    Args:
        space: The layer.
        positive: Rows of the concept's pictures.
        negative: Rows of the random ones that it may be compared with.
        runs: How many.
        method: As for :func:`vector_weights`.
        rng: Where randomness comes from.
    """
    accuracy, derivatives = np.empty(runs), np.empty((runs, space.along.shape[1]))
    for run in range(runs):
        ours, held = _drawn(positive, len(positive), rng)
        others, held_others = _drawn(negative, len(positive), rng)
        places = np.concatenate([ours, others])
        gram = space.gram[np.ix_(places, places)]
        weights = vector_weights(gram, len(ours), method)
        seen = gram @ weights
        middle = (seen[: len(ours)].mean() + seen[len(ours) :].mean()) / 2
        right = (space.gram[np.ix_(held, places)] @ weights > middle).mean()
        right_others = (space.gram[np.ix_(held_others, places)] @ weights <= middle).mean()
        accuracy[run] = (right + right_others) / 2
        derivatives[run] = space.derivatives(places, weights)
    return Runs(accuracy, derivatives)


def _drawn(rows: Places, count: int, rng: np.random.Generator) -> tuple[Places, Places]:
    """A bootstrap sample, and what is not in it."""
    while True:
        picked = rng.integers(0, len(rows), count)
        left = np.setdiff1d(np.arange(len(rows)), picked)
        if len(left):
            return rows[picked], rows[left]
