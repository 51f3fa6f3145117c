"""How alike the clusters of a layer stay when nothing that matters is changed, and how far apart they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.local.clustering import Method, cluster_maps, euclidean_distances, mean_silhouette, scale_maps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

BOOTSTRAP = 0.8
"""Share of a layer's maps that are clustered anew."""
FEWEST = 4
"""Maps below which nothing is clustered."""


def agreement(one: Mapping[int, int], other: Mapping[int, int]) -> float | None:
    """Adjusted Rand index of two groupings of channels, over the channels that both group."""
    common = sorted(one.keys() & other.keys())
    if len(common) < 2:
        return None
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score([one[c] for c in common], [other[c] for c in common]))


def paired_cosine(ones: Sequence[NDArray[np.float32]], others: Sequence[NDArray[np.float32]]) -> float | None:
    """Mean cosine of maps paired one to one for the largest sum; a map without a partner counts 0.

    Args:
        ones: Maps of shape (h, w).
        others: Likewise.
    """
    if not ones and not others:
        return None
    if not ones or not others:
        return 0.0
    from scipy.optimize import linear_sum_assignment

    left, right = (np.stack([map_.ravel() for map_ in maps]).astype(np.float64) for maps in (ones, others))
    norms = np.linalg.norm(left, axis=1)[:, None] * np.linalg.norm(right, axis=1)[None]
    cosines = np.divide(left @ right.T, norms, out=np.zeros_like(norms), where=norms > 0)
    rows, columns = linear_sum_assignment(-cosines)
    return float(cosines[rows, columns].sum() / max(len(ones), len(others)))


def some_of_the_maps(count: int, generator: np.random.Generator) -> NDArray[np.intp]:
    """80 % of a layer's kept maps at random, each at most once: twins would only make clusters look firm."""
    return np.sort(generator.choice(count, min(count, max(FEWEST, round(BOOTSTRAP * count))), replace=False))


def separation(
    maps: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    method: Method,
    seed: int,
    generator: np.random.Generator,
) -> tuple[float | None, float | None]:
    """Mean silhouette of the clusters between the scaled maps, and the same of maps whose places were shuffled.

    The space of the maps is not the one that clusters are looked for in, where the silhouette would flatter. Shuffling
    keeps each map's values and destroys where they are, so clusters of it are clusters of noise.
    """
    if len(maps) < FEWEST:
        return None, None
    shuffled = generator.permuted(maps.reshape(len(maps), -1), axis=1).reshape(maps.shape)
    return _silhouette(maps, labels), _silhouette(shuffled, cluster_maps(shuffled, method=method, seed=seed).labels)


def _silhouette(maps: NDArray[np.float32], labels: NDArray[np.int64]) -> float | None:
    if not 1 <= labels.max() < len(labels) - 1:
        return None
    flat = np.clip(scale_maps(maps).astype(np.float64).reshape(len(maps), -1), 0, 1)
    return mean_silhouette(euclidean_distances(flat), labels)
