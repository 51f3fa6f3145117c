"""The arithmetic of concept vectors: vectors, scores, held-out accuracy, and what chance would give.

A concept vector is a weighted sum of the pictures that it is made of, so that everything is computed from inner
products between pictures and photos' gradients; the vector itself, which may have a million numbers, is never formed.
A difference of means keeps its length, which is how far the pictures of the concept differ from random ones: that is
what tells a concept from a random set, whose vector may point anywhere but is short. The vector of a ridge regression
gets shorter the further the pictures differ, so that it is brought to length 1.

What chance gives is found by exchanging pictures: whatever random set is drawn, the concept's own pictures are among
those that it is drawn from, and it is compared with the same pictures as the concept. Without a concept, its score is
then one of these scores like any other, so that the test keeps its level for any number of pictures and photos.

Sources: Kim et al., "Interpretability beyond feature attribution", ICML 2018 (TCAV); Pahde et al., "Navigating neural
space", ICLR 2025 (difference of means as vector); Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010), on p-values
of drawn permutations; Efron, Canad. J. Statist. 9 (1981), on bias-corrected intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from layerlore.significance import Z

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
        gram: Inner products of pictures, centred on the mean of the random ones; shape (m, m).
        along: Derivative of the class's score along each picture, for each photo; shape (m, p), or longer: pictures
            without inner products, of which only means can be made.
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
            intercept on +1 and -1, brought to length 1.

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
    found -= found.mean(axis=-1, keepdims=True)
    length = np.sqrt(np.maximum(np.einsum("...i,...ij,...j->...", found, gram, found), 1e-24))
    return np.asarray(found / length[..., None])


def sign_score(derivatives: Floats) -> Floats:
    """Share of photos with a positive derivative, over the last axis."""
    return np.asarray((derivatives > 0).mean(axis=-1))


def smooth_score(derivatives: Floats, scale: float) -> Floats:
    """Mean of 1 / (1 + exp(-derivative / scale)) over the last axis."""
    return np.asarray(0.5 + 0.5 * np.tanh(derivatives / (2 * scale)).mean(axis=-1))


def exchanged(choices: Sequence[Places], count: int, rng: np.random.Generator) -> Places:
    """Sets in which each picture of a concept is exchanged with others of its own photo, or stays.

    Args:
        choices: For each photo the rows of its pictures: the concept's and the others.
        count: How many sets.
        rng: Where randomness comes from.

    Returns:
        Rows, shape (count, photos).
    """
    return np.stack([rows[rng.integers(0, len(rows), count)] for rows in choices], axis=1)


def shuffled(places: Places, size: int, others: int, count: int, rng: np.random.Generator) -> tuple[Places, Places]:
    """Sets drawn from the concept's pictures and the random ones together, for pictures that are of no photo.

    Args:
        places: Rows of all of them.
        size: Pictures of a set.
        others: Pictures that it is compared with.
        count: How many sets.
        rng: Where randomness comes from.

    Returns:
        Rows of the sets, shape (count, size), and of what they are compared with, shape (count, others).
    """
    order = np.argsort(rng.random((count, len(places)), dtype=np.float32), axis=1)
    rows = places[order[:, : size + others]]
    return rows[:, :size], rows[:, size:]


def null_derivatives(space: Space, positive: Places, negative: Places, method: str) -> Floats:
    """Derivative along each random set's vector for each photo.

    Args:
        space: The layer.
        positive: Rows of each set's pictures, shape (sets, k).
        negative: Rows of what they are compared with, of the same kind; or shape (n,), the same for all sets.
        method: As for :func:`vector_weights`.

    Returns:
        Shape (sets, p).
    """
    if method == "mean":
        compared = space.along[negative].mean(axis=0) if negative.ndim == 1 else _means(space, negative)
        return _means(space, positive) - compared
    negative = np.broadcast_to(negative, (len(positive), negative.shape[-1]))
    starts = range(0, len(positive), BLOCK)
    return np.concatenate([_ridge(space, positive[at : at + BLOCK], negative[at : at + BLOCK]) for at in starts])


def _means(space: Space, sets: Places) -> Floats:
    """Derivative along the mean of each set, by matrices of weights; a picture may be in a set several times."""
    found = [
        _counts(sets[at : at + BLOCK], len(space.along)) @ space.along / sets.shape[1]
        for at in range(0, len(sets), BLOCK)
    ]
    return np.concatenate(found)


def _counts(rows: Places, wide: int) -> Floats:
    """How often each row is in each set, shape (sets, wide)."""
    flat = (rows + np.arange(len(rows))[:, None] * wide).ravel()
    return np.bincount(flat, minlength=len(rows) * wide).reshape(len(rows), wide).astype(np.float64)


def _ridge(space: Space, positive: Places, negative: Places) -> Floats:
    """Ridge regression, one small system for each set."""
    places = np.concatenate([positive, negative], axis=1)
    gram = space.gram[places[:, :, None], places[:, None, :]]
    weights = vector_weights(gram, positive.shape[1], "ridge")
    return np.asarray(np.einsum("si,sip->sp", weights, space.along[places], optimize=True))


def two_sided(observed: float, null: Floats) -> float:
    """Twice the smaller tail, with the observed value among the random ones: never 0 (Phipson & Smyth 2010)."""
    above = 1 + int((null >= observed - 1e-9).sum())
    below = 1 + int((null <= observed + 1e-9).sum())
    return min(1.0, 2 * min(above, below) / (len(null) + 1))


def least_p(own: Places, null: Places) -> float:
    """The least p-value that random sets can give: those that are the concept's own always count on both sides.

    Args:
        own: Rows of the concept's pictures, shape (k,).
        null: Rows of the random sets, shape (sets, k).
    """
    same = int((null == own).all(axis=1).sum())
    return min(1.0, 2 * (1 + same) / (len(null) + 1))


def resampled(
    space: Space, positive: Places, negative: Places, *, per: int, method: str, draws: int, rng: np.random.Generator
) -> Floats:
    """Derivatives along vectors made of bootstrap samples, at bootstrap samples of the photos.

    Args:
        space: The layer.
        positive: Rows of the concept's pictures.
        negative: Rows of those that it is compared with, photo after photo.
        per: How many each photo has; photos are drawn, with all that are of them.
        method: As for :func:`vector_weights`.
        draws: How many samples.
        rng: Where randomness comes from.

    Returns:
        Shape (draws, p).
    """
    ours = positive[rng.integers(0, len(positive), (draws, len(positive)))]
    groups = negative.reshape(-1, per)
    others = groups[rng.integers(0, len(groups), (draws, len(groups)))].reshape(draws, -1)
    found = null_derivatives(space, ours, others, method)
    return np.take_along_axis(found, rng.integers(0, found.shape[1], found.shape), axis=1)


def corrected_interval(value: float, samples: Floats) -> tuple[float, float]:
    """95 % interval from a bootstrap, corrected for its bias (Efron 1981).

    Scores bend, so that samples of a score far from 0.5 lie nearer to it than the score itself.
    """
    normal = NormalDist()
    below = float((samples < value - 1e-9).mean() + (samples <= value + 1e-9).mean()) / 2
    shift = normal.inv_cdf(min(max(below, 0.5 / len(samples)), 1 - 0.5 / len(samples)))
    low, high = np.quantile(samples, [normal.cdf(2 * shift - Z), normal.cdf(2 * shift + Z)])
    return float(low), float(high)


def held_out_accuracy(
    space: Space, positive: Places, negative: Places, *, runs: int, method: str, rng: np.random.Generator
) -> Floats:
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

    Returns:
        Accuracy of each run, both kinds counting half.
    """
    accuracy = np.empty(runs)
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
    return accuracy


def _drawn(rows: Places, count: int, rng: np.random.Generator) -> tuple[Places, Places]:
    """A bootstrap sample, and what is not in it."""
    while True:
        picked = rng.integers(0, len(rows), count)
        left = np.setdiff1d(np.arange(len(rows)), picked)
        if len(left):
            return rows[picked], rows[left]
