"""What any part may need to tell a finding from chance: many tests at once, and the interval of a share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNIFICANT = 0.05
"""P-value, corrected for the number of tests, below which something is more than chance."""

Z = 1.959963984540054
"""Of a 95 % interval."""


def holm(values: Sequence[float]) -> list[float]:
    """P-values corrected for their number: step-down, monotone, at most 1 (Holm, Scand. J. Statist. 6, 1979)."""
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        found[place] = highest
    return [float(value) for value in found]


def wilson(share: float, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, JASA 22, 1927)."""
    middle = (share + Z * Z / (2 * trials)) / (1 + Z * Z / trials)
    half = Z / (1 + Z * Z / trials) * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials**2))
    return max(0.0, middle - half), min(1.0, middle + half)
