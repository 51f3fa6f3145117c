"""Groups of similar feature maps of one layer.

``paper`` is the published way (method.md, section 1, step 4). ``stable`` is ours: no random start, no t-SNE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from layerlore.errors import SettingError
from layerlore.local.kmeans import kmeans_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Method = Literal["stable", "paper"]

FEWEST_CLUSTERS = 3
MOST_CLUSTERS = 8

# Of ``stable``, which bench/clustering.py compares with other ways.
COMPONENTS = 10
CONTRAST = 1.5
"""Power of the map values: bright places count more than the haze between them, which is what noise changes."""
SMALLEST_CLUSTER = 3
FIT_SHARE = 0.5
"""Weight of the explained variance beside the silhouette, which alone nearly always asks for three clusters."""


@dataclass(frozen=True, eq=False)
class Clustering:
    """Which map belongs to which cluster.

    Attributes:
        labels: Cluster of each map, int64 of shape (n,), 0..k-1, numbered in the order of first appearance.
        silhouette: Mean silhouette in the space in which k was chosen, in [-1, 1], or None.
        note: A plain sentence for an edge case, else "".
    """

    labels: NDArray[np.int64]
    silhouette: float | None
    note: str


def cluster_maps(maps: NDArray[np.float32], *, method: Method = "stable", seed: int = 0) -> Clustering:
    """Group the kept feature maps of one layer by what they look like.

    Each map is scaled to [0, 1] first. Fewer than four different maps are not clustered: each different map
    is a cluster of its own, and equal maps share one.

    Args:
        maps: Raw feature maps, shape (n, h, w), finite.
        method: ``stable`` or ``paper``.
        seed: Seed of the t-SNE of ``paper``; ``stable`` has nothing random.

    Returns:
        The clusters.

    Raises:
        SettingError: The method is unknown.
    """
    if method not in get_args(Method):
        raise SettingError(f"unknown method {method!r}: choose one of {', '.join(get_args(Method))}")
    points = _flatten(scale_maps(maps))
    order, kinds = _sort_maps(points)
    different = int(kinds.max()) + 1 if len(kinds) else 0
    if different <= FEWEST_CLUSTERS:
        return Clustering(_renumber(kinds), None, _few_note(len(maps), different))
    most = min(MOST_CLUSTERS, different, len(maps) - 1)
    if method == "paper":
        labels, silhouette = _paper(points, most, seed)
        return Clustering(_renumber(labels), silhouette, "")
    sorted_labels, silhouette = _stable(points[order], most)
    labels = np.empty_like(sorted_labels)
    labels[order] = sorted_labels
    return Clustering(_renumber(labels), silhouette, "")


def cluster_layers(layers: Sequence[NDArray[np.float32]], *, method: Method, seed: int) -> list[Clustering]:
    """Group the kept maps of each layer of one photo; see :func:`cluster_maps`."""
    return [cluster_maps(maps, method=method, seed=seed) for maps in layers]


def scale_maps(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each map to [0, 1] by its own extremes; a constant map stays as it is.

    Args:
        maps: Feature maps, shape (n, h, w), finite.

    Returns:
        Scaled maps, float32 of the same shape.
    """
    maps = np.asarray(maps, dtype=np.float32)
    if maps.size == 0:
        return maps.copy()
    low = maps.min(axis=(1, 2), keepdims=True)
    high = maps.max(axis=(1, 2), keepdims=True)
    span = high - low
    constant = span == 0
    return np.where(constant, maps, (maps - low) / np.where(constant, np.float32(1), span))


def _flatten(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    return maps.reshape(len(maps), maps.shape[1] * maps.shape[2])


def _few_note(maps: int, different: int) -> str:
    if maps == 0:
        return "There are no feature maps to group."
    if maps == 1:
        return "Only one feature map is left, so nothing is grouped."
    kinds = "one kind" if different == 1 else f"{different} different kinds"
    return f"The {maps} feature maps are of {kinds} only, so each kind is a cluster of its own."


def _sort_maps(points: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return an order that does not depend on the order given, and the number of each map's kind.

    Maps that agree to 1e-5 after rounding are of one kind.
    """
    if len(points) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # Adding 0 turns -0 into 0, which has other bytes. Sorted bytes are no numeric order, but any fixed order will do.
    keys = [row.tobytes() for row in np.round(points, 5) + np.float32(0)]
    rank = {key: number for number, key in enumerate(sorted(set(keys)))}
    kinds = np.array([rank[key] for key in keys], dtype=np.int64)
    return np.argsort(kinds, kind="stable"), kinds


def _renumber(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number clusters in the order of first appearance."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[inverse.reshape(-1)].astype(np.int64)


def _paper(points: NDArray[np.float32], most: int, seed: int) -> tuple[NDArray[np.int64], float]:
    """PCA, t-SNE to the plane, Ward there, k by the silhouette there."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    count, size = points.shape
    # The automatic solver is randomised at some shapes, and then runs differ.
    reduced = PCA(n_components=min(50, count, size), svd_solver="full").fit_transform(points)
    if size == 1:  # t-SNE starts from two principal components
        reduced = np.pad(reduced, ((0, 0), (0, 1)))
    plane = TSNE(perplexity=min(30, count - 1), random_state=seed).fit_transform(reduced)
    cuts = _ward_cuts(plane, range(FEWEST_CLUSTERS, most + 1))
    return _best_cut(euclidean_distances(plane), cuts)


def _stable(points: NDArray[np.float32], most: int) -> tuple[NDArray[np.int64], float]:
    """k-means on ten principal components, k by how well the maps are separated and how well their means fit.

    What was measured, and against what, is in ``bench/clustering.py``. A constant map counts as no brighter than 1, or
    the maps of a saturated ReLU6 would outweigh all others.
    """
    maps = np.clip(points.astype(np.float64), 0, 1)
    reduced = _principal_components(maps**CONTRAST, COMPONENTS)
    tree = _ward_cuts(reduced, range(2, most + 1))
    cuts = [_renumber(cut) for cut in kmeans_path(reduced, most, first_guesses=tree)]
    whole = [cut for cut in cuts if np.bincount(cut).min() >= SMALLEST_CLUSTER]
    if not whole:
        alone = np.bincount(cuts[0])[cuts[0]] < SMALLEST_CLUSTER
        if len(points) - int(alone.sum()) > most:
            return _stable_without(points, alone, most)
    cuts = whole or cuts
    distances = euclidean_distances(maps)
    silhouettes = [mean_silhouette(distances, cut) if cut.max() > 0 else 0.0 for cut in cuts]
    scores = [s + FIT_SHARE * _explained(maps, cut) for s, cut in zip(silhouettes, cuts, strict=True)]
    best = int(np.argmax(scores))
    return cuts[best], silhouettes[best]


def _stable_without(
    points: NDArray[np.float32], alone: NDArray[np.bool_], most: int
) -> tuple[NDArray[np.int64], float]:
    """Cluster the other maps, then give each map that stands alone to the cluster with the nearest mean."""
    inner, silhouette = _stable(points[~alone], most)
    members = np.eye(int(inner.max()) + 1)[inner]
    means = (members.T @ points[~alone]) / members.sum(axis=0)[:, None]
    labels = np.empty(len(points), np.int64)
    labels[~alone] = inner
    gaps = ((points[alone][:, None, :] - means[None]) ** 2).sum(axis=2)
    labels[alone] = gaps.argmin(axis=1)
    return labels, silhouette


def _explained(points: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Share of the variance of the points that their cluster means explain, in [0, 1]."""
    members = np.eye(int(labels.max()) + 1)[labels]
    sums = members.T @ points
    centre = points.mean(axis=0)
    between = ((sums**2).sum(axis=1) / members.sum(axis=0)).sum() - len(points) * float(centre @ centre)
    total = float(((points - centre) ** 2).sum())
    return float(between / total) if total > 0 else 0.0


def _principal_components(points: NDArray[np.floating], most: int) -> NDArray[np.float64]:
    """Coordinates on the first principal components, shape (n, c)."""
    centred = points - points.mean(axis=0, dtype=np.float64)
    if centred.shape[1] <= centred.shape[0]:
        _, axes = _largest_axes(centred.T @ centred, most)
        return np.asarray(centred @ axes)
    values, vectors = _largest_axes(centred @ centred.T, most)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))


def _largest_axes(matrix: NDArray[np.float64], most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest eigenvalues of a symmetric matrix and their vectors as columns, largest first."""
    from scipy.linalg import eigh

    size = len(matrix)
    values, vectors = eigh(matrix, subset_by_index=(max(size - most, 0), size - 1), check_finite=False)
    return values[::-1], vectors[:, ::-1]


def _ward_cuts(points: NDArray[np.floating], counts: Sequence[int]) -> list[NDArray[np.int64]]:
    """One Ward tree cut into each of these numbers of clusters."""
    from scipy.cluster.hierarchy import linkage

    # SciPy's own cut_tree walks the whole tree in Python for every call: half the time of ``stable``.
    pairs = linkage(points, "ward")[:, :2].astype(np.int64)
    most = max(counts)
    owner, names = _cut(pairs.tolist(), most)
    cuts = {most: owner}
    for count in range(most - 1, min(counts) - 1, -1):
        step = len(pairs) - count  # the merge that leaves so many clusters
        owner = np.where(np.isin(owner, pairs[step]), names + step, owner)
        cuts[count] = owner
    return [_renumber(cuts[count]) for count in counts]


def _cut(pairs: list[list[int]], count: int) -> tuple[NDArray[np.int64], int]:
    """Undo the last merges of a tree, so that ``count`` clusters are left.

    Args:
        pairs: What each step merged; the n points are 0..n-1, step i makes node n + i.
        count: Number of clusters, 1..n.

    Returns:
        The node that each point is in, shape (n,), and n.
    """
    points = len(pairs) + 1
    owner = list(range(2 * points - 1))
    for step in range(points - count - 1, -1, -1):
        for node in pairs[step]:
            owner[node] = owner[points + step]
    return np.array(owner[:points]), points


def euclidean_distances(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Euclidean distances, shape (n, n), by one matrix product."""
    exact = np.asarray(points, dtype=np.float64)
    squares = (exact**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2 * (exact @ exact.T), 0)
    np.fill_diagonal(distances, 0)
    return np.asarray(np.sqrt(distances))


def _best_cut(distances: NDArray[np.float64], cuts: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], float]:
    """Return the labels with the best mean silhouette, and that silhouette; the fewer clusters on a tie."""
    scores = [mean_silhouette(distances, cut) for cut in cuts]
    best = int(np.argmax(scores))
    return cuts[best], scores[best]


def mean_silhouette(distances: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean silhouette (Rousseeuw 1987) from a distance matrix; a point alone in its cluster counts 0."""
    members = np.eye(int(labels.max()) + 1)[labels]
    sizes = members.sum(axis=0)
    sums = distances @ members
    rows = np.arange(len(labels))
    own_size = sizes[labels]
    inside = sums[rows, labels] / np.maximum(own_size - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    outside = means.min(axis=1)
    widest = np.maximum(inside, outside)
    scores = np.where((own_size > 1) & (widest > 0), (outside - inside) / np.where(widest > 0, widest, 1), 0.0)
    return float(scores.mean())
