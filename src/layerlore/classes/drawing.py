"""P-values by drawing: as many draws as it takes to tell, and no more.

What is plainly no more than chance is known after few draws: once `ENOUGH` of them were as large as what was seen, that
many by the number of draws is a valid p-value (sequential Monte Carlo tests: Besag & Clifford, Biometrika 78, 1991).
Only what is rare is drawn to the end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from layerlore.significance import SIGNIFICANT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

ENOUGH = 50
"""Draws as large as what was seen after which its p-value is known well enough."""
FIRST_DRAWS, MOST_AT_ONCE = 250, 4000
"""Draws that are made together: few at first, then more and more."""
ROOM = 10
"""Draws, as a multiple of those with which the least p-value could just pass Holm's correction."""


def chances(
    seen: NDArray[np.float64],
    draw: Callable[[NDArray[np.intp], int], NDArray[np.float64]],
    *,
    draws: int,
    at_once: int = MOST_AT_ONCE,
) -> NDArray[np.float64]:
    """How often values that are drawn by chance are as large as those that were seen.

    Args:
        seen: Shape (k,).
        draw: Given the places of those that are not known yet, shape (j,), and a number, draws so many values of each,
            shape (number, j).
        draws: Their number at most.
        at_once: The same of one call.

    Returns:
        P-values of shape (k,), never 0, and valid whether the draws ended early or not.
    """
    found, above = np.ones(len(seen)), np.zeros(len(seen), dtype=np.int64)
    left, done, size = np.arange(len(seen)), 0, FIRST_DRAWS
    while done < draws and len(left):
        values = draw(left, min(size, draws - done, at_once))
        hits = above[left] + np.cumsum(values >= seen[left] - 1e-9, axis=0)
        known = hits[-1] >= ENOUGH
        last = np.argmax(hits >= ENOUGH, axis=0)
        found[left[known]] = ENOUGH / (done + last[known] + 1)
        above[left] = hits[-1]
        left, done, size = left[~known], done + len(values), 2 * size
    found[left] = (1 + above[left]) / (1 + draws)
    return found


def chance_of(seen: float, blind: Sequence[NDArray[np.float64]], generator: np.random.Generator, draws: int) -> float:
    """How often a sum of values that are drawn blindly, one of each list, is as large as the one that was seen.

    Args:
        seen: The sum.
        blind: The values to draw from.
        generator: Of the draws.
        draws: Their number at most.
    """

    def draw(_places: NDArray[np.intp], size: int) -> NDArray[np.float64]:
        sums = np.zeros(size)
        for values in blind:
            sums += values[generator.integers(len(values), size=size)]
        return sums[:, None]

    return float(chances(np.array([seen]), draw, draws=draws)[0])


def enough_draws(tests: int) -> int:
    """Draws with which the least p-value passes Holm's correction over so many tests, and a few hits do not undo it."""
    return math.ceil(ROOM * tests / SIGNIFICANT)
