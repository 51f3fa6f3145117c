"""Maps that judge the players and the method: random blobs, blank maps, easy maps, and all maps of a layer as one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.local.explanation import ClusterMap

ROUNDS = 5
"""Turns between the values and the grain of a map; more change nothing that the eye sees."""


def random_blobs(like: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """A random map with the values and the grain of another one: as many pieces, as ragged, in random places.

    With one grain for all, players could tell a control map from a shallow layer's by its few smooth blobs, and what is
    easier to recognise would be no control. The map's power spectrum is kept, its phases are drawn: T. Schreiber and
    A. Schmitz, "Improved surrogate data for nonlinearity tests", Physical Review Letters 77, 1996. It is mirrored
    first, so that its opposite borders need not fit.

    Args:
        like: Map of a layer, shape (h, w).
        seed: Another seed gives another map.

    Returns:
        Array of that shape in [0, 1], above 0 but for its lowest point; zeros where the map has one value everywhere.
    """
    if like.max() == like.min():
        return np.zeros_like(like)
    half = np.concatenate([like, like[:, ::-1]], 1).astype(np.float64)
    whole = np.concatenate([half, half[::-1]])
    grain, values = np.abs(np.fft.rfft2(whole)), np.sort(whole, axis=None)
    made = np.random.default_rng(seed).standard_normal(whole.shape)
    for _ in range(ROUNDS):
        ranked = np.empty(whole.size)
        ranked[np.argsort(made, axis=None, kind="stable")] = values
        phases = np.angle(np.fft.rfft2(ranked.reshape(whole.shape)))
        made = np.fft.irfft2(grain * np.exp(1j * phases), whole.shape)
    made = made[: like.shape[0], : like.shape[1]]
    return np.asarray((made - made.min()) / max(float(np.ptp(made)), 1e-12), np.float32)


def merged_map(clusters: Sequence[ClusterMap]) -> NDArray[np.float32]:
    """All shown maps of a layer as one: their mean, weighted by the clusters' weights ("full merge", method.md 4).

    Args:
        clusters: At least one, of one shape.

    Returns:
        Array of that shape in [0, 1].
    """
    total = sum(cluster.weight for cluster in clusters)
    mean = sum(cluster.weight / total * cluster.map.astype(np.float64) for cluster in clusters)
    return np.asarray(mean, np.float32)


def spread(by_class: Mapping[int, Sequence[str]], share: float, seed: str, *, least: int = 1) -> list[str]:
    """Photos of every class, so many of each as its share of them.

    Args:
        by_class: Class index to photos, best first where it matters.
        share: Of a class's photos, in [0, 1]; rounded up, so that every class has one. 0 for none.
        seed: Decides which.
        least: Photos of a class at least, where it has so many.

    Returns:
        The photos, class by class.
    """
    if share <= 0:
        return []
    chosen: list[str] = []
    for index, photos in sorted(by_class.items()):
        rng = random.Random(f"{seed}:{index}")  # noqa: S311 it must be repeatable, and only this module uses it
        count = min(len(photos), max(least, -int(-len(photos) * share // 1)))
        chosen += rng.sample(list(photos), count)
    return chosen
