"""Which clusters of two layers are the same, and how much of the two layers that is.

The measure. A layer's shown clusters are a distribution of weight over places: cluster i of A has weight ``w_i`` and
map ``a_i``, cluster j of B has ``v_j`` and ``b_j``. Two maps agree by their soft Jaccard index

    s_ij = sum min(a_i, b_j) / sum max(a_i, b_j)        over the cells of one common grid,

and two clusters have ``s_ij min(w_i, v_j)`` in common. Clusters are matched one to one so that what the layers have
in common is largest (Hungarian method), and

    agreement = 2 sum s_ij min(w_i, v_j) / (sum w_i + sum v_j)        over matched pairs,    change = 1 - agreement,

the Dice coefficient of the two distributions. It is symmetric, 0 for equal layers, 1 where no place is shared.
Because the matching maximises the very sum that is reported, ties and the order of clusters cannot move the result;
because of the minimum, weight that moves from one place to another counts as change although both places stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.local.explanation import ClusterMap, LayerExplanation

    Region = tuple[float, float, float, float]

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)
DIGITS = 9
"""Decimals of every reported number: what lies beyond is rounding of sums, and would make equal layers differ."""


@dataclass(frozen=True)
class Pair:
    """Two clusters that were matched.

    Attributes:
        a: Position of the cluster in A's layer.
        b: Position in B's layer.
        similarity: Soft Jaccard index of the maps, in (0, 1].
        channel_overlap: Weighted Jaccard index of the channels, each weighed by its share of its cluster, in [0, 1];
            None where the layers are of different architectures, so that channel numbers mean nothing.
    """

    a: int
    b: int
    similarity: float
    channel_overlap: float | None = None


@dataclass(frozen=True)
class Match:
    """The clusters of two layers side by side.

    Attributes:
        pairs: Matched clusters, what they have in common largest first.
        only_a: Positions of A's clusters without a counterpart, heaviest first.
        only_b: The same of B.
        change: 1 - agreement, in [0, 1].
    """

    pairs: tuple[Pair, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    change: float


def match_layers(
    a: LayerExplanation,
    b: LayerExplanation,
    *,
    regions: tuple[Region, Region] = (WHOLE, WHOLE),
    same_channels: bool = False,
) -> Match:
    """Match the clusters of two layers.

    Args:
        a: A layer of the first explanation.
        b: Its partner of the second.
        regions: The part of each view that both networks saw, (left, top, right, bottom) in shares of the view.
        same_channels: Channel numbers mean the same in both layers.

    Returns:
        The match; two layers without clusters do not differ, one without clusters has nothing in common with another.
    """
    if not a.clusters or not b.clusters:
        change = 0.0 if not a.clusters and not b.clusters else 1.0
        return Match((), tuple(range(len(a.clusters))), tuple(range(len(b.clusters))), change)
    from scipy.optimize import linear_sum_assignment

    similar = _similarities(a, b, regions)
    w, v = (np.array([cluster.weight for cluster in layer.clusters]) for layer in (a, b))
    common = similar * np.minimum(w[:, None], v[None, :])
    rows, columns = linear_sum_assignment(common, maximize=True)
    matched = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if common[i, j] > 0]
    matched.sort(key=lambda pair: (-common[pair], pair))
    whole = math.fsum(w) + math.fsum(v)
    agreement = 2 * math.fsum(common[pair] for pair in matched) / whole if whole > 0 else 1.0
    return Match(
        pairs=tuple(
            Pair(
                i,
                j,
                round(float(similar[i, j]), DIGITS),
                channel_overlap(a.clusters[i], b.clusters[j]) if same_channels else None,
            )
            for i, j in matched
        ),
        only_a=_rest(w, {i for i, _ in matched}),
        only_b=_rest(v, {j for _, j in matched}),
        change=round(min(1.0, max(0.0, 1 - agreement)), DIGITS),
    )


def channel_overlap(a: ClusterMap, b: ClusterMap) -> float:
    """Weighted Jaccard index of two clusters' channels, in [0, 1]; the clusters' own weights do not count."""
    shares_a, shares_b = _shares(a), _shares(b)
    channels = sorted({*shares_a, *shares_b})
    pairs = [(shares_a.get(channel, 0.0), shares_b.get(channel, 0.0)) for channel in channels]
    union = math.fsum(max(pair) for pair in pairs)
    return round(math.fsum(min(pair) for pair in pairs) / union, DIGITS) if union > 0 else 0.0


def _shares(cluster: ClusterMap) -> dict[int, float]:
    whole = math.fsum(cluster.channel_weights)
    if whole <= 0:
        return {}
    return {c: weight / whole for c, weight in zip(cluster.channels, cluster.channel_weights, strict=True)}


def _rest(weights: NDArray[np.float64], taken: set[int]) -> tuple[int, ...]:
    return tuple(sorted(set(range(len(weights))) - taken, key=lambda i: (-weights[i], i)))


def _similarities(a: LayerExplanation, b: LayerExplanation, regions: tuple[Region, Region]) -> NDArray[np.float64]:
    """Soft Jaccard index of every map of ``a`` with every map of ``b``, shape (clusters of a, clusters of b).

    Maps without a place are all zero: two of them are equal, one of them has nothing in common with another map.
    """
    height, width = _grid(a.clusters, b.clusters, regions)
    left = _on_grid(a.clusters, regions[0], height, width)
    right = _on_grid(b.clusters, regions[1], height, width)
    result = np.ones((len(left), len(right)))
    for i, one in enumerate(left):
        most = np.maximum(one, right).sum(axis=1)
        least = np.minimum(one, right).sum(axis=1)
        np.divide(least, most, out=result[i], where=most > 0)
    return result


def _grid(a: Sequence[ClusterMap], b: Sequence[ClusterMap], regions: tuple[Region, Region]) -> tuple[int, int]:
    """Rows and columns of the finer of the two layers within the common part."""
    sizes = []
    for clusters, (left, top, right, bottom) in zip((a, b), regions, strict=True):
        for cluster in clusters:
            rows, columns = cluster.map.shape
            sizes.append((math.ceil(rows * (bottom - top) - 1e-6), math.ceil(columns * (right - left) - 1e-6)))
    return max(1, *(rows for rows, _ in sizes)), max(1, *(columns for _, columns in sizes))


def _on_grid(clusters: Sequence[ClusterMap], region: Region, height: int, width: int) -> NDArray[np.float64]:
    """The maps within the region, interpolated between cell centres, shape (clusters, height * width)."""
    left, top, right, bottom = region
    result = np.empty((len(clusters), height * width))
    for row, cluster in enumerate(clusters):
        values = np.zeros(cluster.map.shape) if cluster.constant else cluster.map.astype(np.float64)
        if values.shape != (height, width) or region != WHOLE:
            down = _interpolation(values.shape[0], height, top, bottom)
            across = _interpolation(values.shape[1], width, left, right)
            values = down @ values @ across.T
        result[row] = values.ravel()
    return result


def _interpolation(size: int, out: int, start: float, end: float) -> NDArray[np.float64]:
    """Matrix of shape (out, size) that reads ``size`` cells at ``out`` even places of [start, end]; edges are held."""
    position = (start + (np.arange(out) + 0.5) / out * (end - start)) * size - 0.5
    position = np.clip(position, 0, size - 1)
    return np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(size)))
