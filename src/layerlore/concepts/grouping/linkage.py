"""Average linkage of any number of items without a matrix between all of them.

The likeness of two items is the product of a left and a right vector, so that the mean likeness of two groups is the
product of their mean vectors: nothing else is needed to link groups on average (UPGMA; Sokal & Michener 1958). Groups
that are each other's nearest are merged in rounds. Average linkage cannot make a merged group nearer than its parts
were, which has three consequences: such pairs may be merged in any order (Murtagh 1983), a group keeps its nearest one
until that one is merged, and a group whose nearest is below the threshold is finished. Time grows with the square of
the items and memory with the items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 512
"""Rows that are compared with all others at once."""


def average_linkage(
    left: NDArray[np.float32], right: NDArray[np.float32], threshold: float, *, overwrite: bool = False
) -> NDArray[np.int64]:
    """Group of each item, from 0 in the order of first items: average linkage cut at a mean likeness.

    Args:
        left: ``(n, d)``; ``left @ right.T`` is the likeness of items and symmetric.
        right: ``(n, d)``.
        threshold: Groups are merged while their mean likeness is at least this.
        overwrite: ``left`` and ``right`` may be changed; saves a copy of both.
    """
    count = len(left)
    parent = np.arange(count)
    if not overwrite:
        left, right = left.copy(), right.copy()
    sizes = np.ones(count)
    nearest = np.full(count, -1)
    likeness = np.full(count, -np.inf, dtype=np.float32)
    active = np.arange(count)
    stale = active
    while len(active) > 1 and len(stale):
        likeness[stale], nearest[stale] = _nearest(left, right, stale, active)
        active = active[likeness[active] >= threshold]
        one, other = _pairs(likeness, nearest, active)
        if not len(one):
            break
        share = (sizes[other] / (sizes[one] + sizes[other])).astype(np.float32)[:, None]
        left[one] += share * (left[other] - left[one])
        right[one] += share * (right[other] - right[one])
        sizes[one] += sizes[other]
        parent[other] = one
        merged = np.zeros(count, dtype=bool)
        merged[one] = merged[other] = True
        gone = np.zeros(count, dtype=bool)
        gone[other] = True
        active = active[~gone[active]]
        stale = active[merged[active] | merged[nearest[active]]]
    return _numbered(parent)


def _pairs(
    likeness: NDArray[np.float32], nearest: NDArray[np.int64], active: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Groups that are each other's nearest; where equal likeness goes round in a ring, the one most alike pair."""
    one = active[nearest[nearest[active]] == active]
    one = one[(one < nearest[one]) & np.isin(nearest[one], active)]
    if not len(one):
        open_ = active[np.isin(nearest[active], active)]
        one = open_[likeness[open_].argmax()][None] if len(open_) else open_
    return one, nearest[one]


def _nearest(
    left: NDArray[np.float32], right: NDArray[np.float32], rows: NDArray[np.int64], among: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Of each row the most alike other item, the first of those that are equal, and how alike."""
    best = np.empty(len(rows), dtype=np.float32)
    place = np.empty(len(rows), dtype=np.int64)
    others = (right if len(among) == len(right) else right[among]).T
    column = np.full(len(left), -1)
    column[among] = np.arange(len(among))
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        alike = left[part] @ others
        alike[np.arange(len(part)), column[part]] = -np.inf
        chosen = alike.argmax(axis=1)
        best[start : start + BLOCK] = alike[np.arange(len(part)), chosen]
        place[start : start + BLOCK] = among[chosen]
    return best, place


def _numbered(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    root = parent
    while not np.array_equal(root, parent[root]):
        root = parent[root]
    _, first, place = np.unique(root, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place]
