"""The silhouette of every cut of a dendrogram, exactly, in about the time that its matrix of distances takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def best_cut(tree: NDArray[np.float64], distances: NDArray[np.float32]) -> int:
    """Number of groups from 2 to n - 1 whose mean silhouette is highest; the fewest of those that are equal.

    Args:
        tree: As scipy's ``linkage`` gives it, of n > 2 items.
        distances: ``(n, n)``, symmetric; not changed.
    """
    values = silhouettes(tree, distances)
    return int(np.argmax(values)) + 2


def silhouettes(tree: NDArray[np.float64], distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean silhouette (Rousseeuw 1987) of the cuts into 2, 3, ... n - 1 groups; an item alone counts 0.

    One merge after the other is done, and of each item is kept how far it is from each group on average. A merged
    group is never nearer than the nearer of its parts was, so that only the items whose nearest group is merged, and
    those in it, are looked at again.

    Args:
        tree: As scipy's ``linkage`` gives it, of n > 2 items.
        distances: ``(n, n)``, symmetric; not changed.
    """
    count = len(distances)
    sums = distances.astype(np.float64)  # of each item to each group; a column is a group
    sizes = np.ones(count)
    of = np.arange(count)  # the column that an item's group is in
    column = np.concatenate([np.arange(count), np.full(count - 1, -1)])  # of each node of the tree
    alive = np.ones(count, dtype=bool)
    own = np.zeros(count)
    near = np.empty(count)
    nearest = np.empty(count, dtype=np.int64)

    def look(items: NDArray[np.int64]) -> None:
        columns = np.flatnonzero(alive)
        means = sums[np.ix_(items, columns)] / sizes[columns]
        means[of[items][:, None] == columns[None, :]] = np.inf
        best = means.argmin(axis=1)
        nearest[items] = columns[best]
        near[items] = means[np.arange(len(items)), best]

    look(np.arange(count))
    found = np.zeros(count - 2)
    for step in range(count - 2):
        one, other = sorted((column[int(tree[step, 0])], column[int(tree[step, 1])]))
        sums[:, one] += sums[:, other]
        sizes[one] += sizes[other]
        alive[other] = False
        of[of == other] = one
        column[count + step] = one
        inside = of == one
        own[inside] = sums[inside, one] / (sizes[one] - 1)
        look(np.flatnonzero(inside | (nearest == one) | (nearest == other)))
        wider = np.maximum(own, near)
        shown = (sizes[of] > 1) & (wider > 0)
        found[count - 3 - step] = ((near - own)[shown] / wider[shown]).sum() / count
    return found
