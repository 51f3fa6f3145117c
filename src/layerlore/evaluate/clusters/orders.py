"""Clusters removed or added one by one: areas under the curve, the best order of all, and rank correlation.

C-insertion and C-deletion after Fel et al., CRAFT, CVPR 2023.
"""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RANDOM_ORDERS = 20
FLAT = 1e-4
"""Difference between the best and a random order, in probability, below which all orders are alike."""
TIE = 1e-3
"""Logits by which true values must differ to have an order."""


def order_by(numbers: Sequence[float]) -> tuple[int, ...]:
    """The players, highest number first; ties in the order given."""
    return tuple(sorted(range(len(numbers)), key=lambda j: (-numbers[j], j)))


def area(values: NDArray[np.float64], order: Sequence[int], *, adding: bool) -> float:
    """Area under the value while players come (or go) in an order, by trapezoids over the share of players.

    Args:
        values: Value of each coalition, shape (2^k,), as in :func:`layerlore.local.coalitions.all_coalitions`.
        order: All k players.
        adding: Start from nobody and add; else start from all and remove.
    """
    there = 0 if adding else len(values) - 1
    path = [values[there]]
    for player in order:
        there ^= 1 << player
        path.append(values[there])
    return float(np.trapezoid(path) / len(order))


def best_area(values: NDArray[np.float64], *, adding: bool) -> float:
    """Area of the best of all k! orders: the largest when adding, the smallest when removing.

    A path through the coalitions, found from the last one back: 2^k steps and not k! orders. A way down is a way up
    read backwards, with the same area.
    """
    players = len(values).bit_length() - 1
    whole = len(values) - 1
    signed = values if adding else -values
    best = np.full(len(values), -np.inf)
    best[whole] = signed[whole] / 2
    for there in range(whole - 1, -1, -1):
        onward = max(best[there | 1 << player] for player in range(players) if not there >> player & 1)
        best[there] = onward + (signed[there] / 2 if there == 0 else signed[there])
    found = float(best[0] / players)
    return found if adding else -found


def random_orders(players: int, generator: np.random.Generator) -> list[tuple[int, ...]]:
    """Random orders; all of them where there are no more than ``RANDOM_ORDERS``."""
    if factorial(players) <= RANDOM_ORDERS:
        return list(permutations(range(players)))
    return [tuple(int(j) for j in generator.permutation(players)) for _ in range(RANDOM_ORDERS)]


def gap(own: float, random: float, best: float) -> float | None:
    """How much of the way from random to best; None where they are alike."""
    return None if abs(best - random) < FLAT else (own - random) / (best - random)


def rank_correlation(guess: Sequence[float], truth: Sequence[float]) -> float | None:
    """Spearman's, mean ranks for ties; None where the truth has no order, 0 where only the guess has none."""
    if len(truth) < 2 or max(truth) - min(truth) <= TIE:
        return None
    from scipy.stats import rankdata

    one, other = rankdata(guess), rankdata(truth)
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
