"""How well a grouping agrees with another one: B-cubed and pairwise F1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Agreement:
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean; 0 where both are 0."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def b_cubed(found: Sequence[object], gold: Sequence[object]) -> Agreement:
    """Agreement averaged over items (Bagga & Baldwin, COLING-ACL 1998).

    Args:
        found: Group of each item.
        gold: What it should be.

    Returns:
        Mean share of an item's group that belongs with it, and mean share of what belongs with it that is in its group.
    """
    precision, recall = b_cubed_items(found, gold)
    return Agreement(float(precision.mean()), float(recall.mean()))


def b_cubed_items(found: Sequence[object], gold: Sequence[object]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """B-cubed precision and recall of each item."""
    ours, theirs, both, place = _tables(found, gold)
    shared = both[place]
    return shared / ours, shared / theirs


def pairwise(found: Sequence[object], gold: Sequence[object]) -> Agreement:
    """Agreement over pairs of items: of those put together, how many belong together, and the other way round.

    Where a side has no pair at all it has made no mistake, and its share is 1.
    """
    one, other = _codes(found), _codes(gold)
    pairs = [_pairs(values) for values in (one, other, one * (other.max(initial=0) + 1) + other)]
    together, belonging, right = pairs
    return Agreement(right / together if together else 1.0, right / belonging if belonging else 1.0)


def _codes(groups: Sequence[object]) -> NDArray[np.int64]:
    number: dict[object, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups], dtype=np.int64)


def _pairs(codes: NDArray[np.int64]) -> float:
    sizes = np.unique(codes, return_counts=True)[1].astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum())


def _tables(
    found: Sequence[object], gold: Sequence[object]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Of each item the size of its group, of its gold group, and of what both share (by pair of groups, and where)."""
    one, other = _codes(found), _codes(gold)
    _, place, shared = np.unique(one * (other.max(initial=0) + 1) + other, return_inverse=True, return_counts=True)
    return (
        np.bincount(one)[one].astype(np.float64),
        np.bincount(other)[other].astype(np.float64),
        shared.astype(np.float64),
        place,
    )
