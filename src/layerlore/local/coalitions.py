"""Clusters of a layer as players of a game: what the class's logit is when only some of them are there.

Exact Shapley values (Shapley 1953) share the fall of the logit that removing all of them causes among the clusters, so
that the order of removal does not matter. With k clusters there are 2^k coalitions, few enough to run them all.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

import numpy as np

from layerlore.local.removing import Way, Without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_PLAYERS = 8
"""Clusters up to which all coalitions are run: 256 of them."""


def all_coalitions(players: int) -> NDArray[np.bool_]:
    """Who is there in each coalition, shape (2^k, k): player j is in coalition s where bit j of s is set."""
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def without_absent(clusters: Sequence[Sequence[int]], present: NDArray[np.bool_], way: Way = "zero") -> list[Without]:
    """One changed copy of the photo for each coalition: the channels of the clusters that are not there are removed.

    Args:
        clusters: Channels of each of the k clusters; other channels stay as they are.
        present: Who is there in each coalition, shape (n, k).
        way: What stands in the place of those that are not.
    """
    return [
        Without(tuple(c for cluster, there in zip(clusters, row, strict=True) if not there for c in cluster), way)
        for row in present
    ]


def shapley_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exact Shapley value of each player from the values of all coalitions.

    Args:
        values: Value of each coalition, shape (2^k,), ordered as :func:`all_coalitions`.

    Returns:
        Shape (k,); they add up to the value of all players minus that of none.
    """
    players = len(values).bit_length() - 1
    present = all_coalitions(players)
    size = present.sum(axis=1)
    weight = np.array([1 / (players * comb(players - 1, s)) for s in range(players)])
    return np.array(
        [float(weight[size[~present[:, j]]] @ (values[present[:, j]] - values[~present[:, j]])) for j in range(players)]
    )


def first_and_last(alone: NDArray[np.float64], without: NDArray[np.float64], none: float) -> NDArray[np.float64]:
    """Mean of what each player adds as the first and as the last to come, moved by one constant to add up.

    This is the Shapley value where no three players interact: of pairs, the first to come meets no interaction and
    the last all of them, and half of each is a player's Shapley share. Interactions of three and more are counted too
    much; what they leave over is shared equally.

    Args:
        alone: Value with only player j, shape (k,); the value with all is 0.
        without: Value with all but player j, shape (k,).
        none: Value without any.

    Returns:
        Shape (k,), adding up to ``-none``.
    """
    mean = (alone - none - without) / 2
    return np.asarray(mean - (none + mean.sum()) / len(mean))


def importance_coalitions(players: int) -> NDArray[np.bool_]:
    """The coalitions that :func:`importances` asks for beside those without one cluster, shape (n, k)."""
    none, alone = np.zeros((1, players), dtype=bool), np.eye(players, dtype=bool)
    if players == 1:
        return none[:0]
    return none if players == 2 else np.concatenate([none, alone])


def importances(without_one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """What of the logit's fall without all clusters is owed to each: its Shapley value.

    Exact for up to three clusters, :func:`first_and_last` beyond, which ranks them nearly alike
    (``bench/weights.py``).

    Args:
        without_one: Fall of the logit without cluster j, shape (k,).
        others: Fall for the coalitions of :func:`importance_coalitions`, in their order.

    Returns:
        In logits, shape (k,); they add up to the fall without all.
    """
    players = len(without_one)
    if players > 3:
        return first_and_last(-others[1:], -without_one, -float(others[0]))
    values = np.zeros(2**players)
    whole, one = 2**players - 1, 2 ** np.arange(players)
    values[whole - one] = -without_one
    if players > 1:
        values[0] = -others[0]
    if players > 2:
        values[one] = -others[1:]
    return shapley_values(values)
