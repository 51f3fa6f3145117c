"""k-means for every number of clusters, without a random start.

The usual remedy for k-means' dependence on its start is many random starts. Here each solution is started from its
neighbours instead: those for k clusters by splitting each cluster of the solution for k - 1, and on the way back by
merging near pairs of the solution for k + 1. The better solution is kept each time, so nothing is random; the tests
hold the result to that of thirty random starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ROUNDS = 60
TRIAL_ROUNDS = 3
SURVIVORS = 2
"""After so many rounds only the most promising starts go on."""
AXES = 3
SPLITS = 4
MERGES = 2
"""Of all ways to split a cluster in two, or to merge two, so many are tried: those that promise the best fit."""


@dataclass(frozen=True, eq=False)
class Solution:
    """One k-means solution: labels (n,), centres (k, c), and the sum of squared distances to the own centre."""

    labels: NDArray[np.int64]
    centres: NDArray[np.float64]
    inertia: float


def kmeans_path(
    points: NDArray[np.float64], most: int, *, first_guesses: Sequence[NDArray[np.int64]] = ()
) -> list[NDArray[np.int64]]:
    """Return the labels for 3, 4, ... ``most`` clusters.

    Args:
        points: Points on their principal axes, the widest first, shape (n, c), n > ``most``.
        most: Largest number of clusters, >= 3.
        first_guesses: Labels for 2, 3, ... clusters to start from as well, such as the cuts of a Ward tree.

    Returns:
        For each number of clusters labels of shape (n,), numbered 0, 1, ...; a cluster may have come out empty.
    """
    guesses = {int(labels.max()) + 1: _centres(points, labels) for labels in first_guesses}
    halves = [(points[:, axis] > 0).astype(np.int64) for axis in range(min(AXES, points.shape[1]))]
    starts = [_centres(points, half) for half in halves if half.any() and not half.all()]
    best = {2: _lloyd(points, [*starts, *_of(guesses, 2)])}
    for count in range(3, most + 1):
        starts = _splits(points, best[count - 1])
        best[count] = _lloyd(points, [*starts, *_of(guesses, count)])
    for count in range(most - 1, 2, -1):
        other = _lloyd(points, _merges(best[count + 1]))
        if other.inertia < best[count].inertia * (1 - 1e-9):
            best[count] = other
    return [best[count].labels for count in range(3, most + 1)]


def _of(guesses: dict[int, NDArray[np.float64]], count: int) -> list[NDArray[np.float64]]:
    return [guesses[count]] if count in guesses else []


def _centres(points: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    members = np.eye(int(labels.max()) + 1)[labels]
    return np.asarray((members.T @ points) / members.sum(axis=0)[:, None])


def _splits(points: NDArray[np.float64], solution: Solution) -> list[NDArray[np.float64]]:
    """Centres with one more cluster: a cluster is cut across its own main axis, where that gains most."""
    count = len(solution.centres)
    members = np.eye(count)[solution.labels]
    sizes = members.sum(axis=0)
    offsets = points - solution.centres[solution.labels]
    # One call for the axes of all clusters; the last is the longest.
    spreads = (members[:, :, None] * offsets[:, None, :]).transpose(1, 2, 0) @ offsets
    axes = np.linalg.eigh(spreads)[1][:, :, -1]
    above = (offsets * axes[solution.labels]).sum(axis=1) > 0
    upper = members * above[:, None]
    upper_sizes = upper.sum(axis=0)
    lower_sizes = sizes - upper_sizes
    upper_means = (upper.T @ points) / np.maximum(upper_sizes, 1)[:, None]
    lower_means = ((members - upper).T @ points) / np.maximum(lower_sizes, 1)[:, None]
    gains = upper_sizes * lower_sizes / np.maximum(sizes, 1) * ((upper_means - lower_means) ** 2).sum(axis=1)
    chosen = [cluster for cluster in np.argsort(-gains, kind="stable")[:SPLITS] if gains[cluster] > 0]
    starts = [
        np.vstack([np.delete(solution.centres, cluster, axis=0), upper_means[cluster], lower_means[cluster]])
        for cluster in chosen
    ]
    return starts or [np.vstack([solution.centres, points[-1]])]


def _merges(solution: Solution) -> list[NDArray[np.float64]]:
    """Centres with one cluster fewer: the pairs whose union costs least, one at a time."""
    sizes = np.bincount(solution.labels, minlength=len(solution.centres))
    first, second = np.triu_indices(len(sizes), 1)
    gaps = ((solution.centres[first] - solution.centres[second]) ** 2).sum(axis=1)
    costs = sizes[first] * sizes[second] / np.maximum(sizes[first] + sizes[second], 1) * gaps
    starts = []
    for rank in np.argsort(costs, kind="stable")[:MERGES]:
        a, b = first[rank], second[rank]
        union = sizes[a] * solution.centres[a] + sizes[b] * solution.centres[b]
        rest = np.delete(solution.centres, [a, b], axis=0)
        starts.append(np.vstack([rest, union / max(sizes[a] + sizes[b], 1)]))
    return starts


def _lloyd(points: NDArray[np.float64], starts: Sequence[NDArray[np.float64]]) -> Solution:
    """Run k-means from all starts at once, after a few rounds only from the most promising, and return the best."""
    centres = np.stack(starts)
    count, size = centres.shape[1:]
    doubled = 2 * points.T
    clusters = np.arange(count)[:, None]
    labels = np.full((len(centres), len(points)), -1)
    for number in range(ROUNDS):
        gaps = (centres**2).sum(axis=2)[..., None] - (centres.reshape(-1, size) @ doubled).reshape(
            -1, count, len(points)
        )
        moved = gaps.argmin(axis=1)
        if np.array_equal(moved, labels):
            break
        labels = moved
        members = (labels[:, None, :] == clusters).astype(np.float64)
        sizes = members.sum(axis=2)[..., None]
        sums = (members.reshape(-1, len(points)) @ points).reshape(-1, count, size)
        # An emptied cluster keeps its centre, so that it can fill again.
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres)
        if number == TRIAL_ROUNDS and len(centres) > SURVIVORS:
            keep = np.argsort(-_between(sums, sizes), kind="stable")[:SURVIVORS]
            centres, labels, sums, sizes = centres[keep], labels[keep], sums[keep], sizes[keep]
    between = _between(sums, sizes)
    best = int(between.argmax())
    inertia = float((points**2).sum()) - float(between[best])
    return Solution(labels[best].astype(np.int64), centres[best], inertia)


def _between(sums: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the centres of each start explain, shape (s,): sums (s, k, c) and sizes (s, k, 1) of its clusters."""
    return np.asarray(((sums**2).sum(axis=2, keepdims=True) / np.maximum(sizes, 1)).sum(axis=(1, 2)))
