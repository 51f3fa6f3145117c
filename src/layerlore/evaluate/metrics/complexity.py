"""Whether the map says something in few places.

Sources: sparseness, Chalasani et al., "Concise Explanations of Neural Networks using Adversarial Training", ICML
2020; complexity, Bhatt et al., "Evaluating and Aggregating Feature-based Model Explanations", IJCAI 2020. Both of the
map at the input's size, so that maps of different resolution can be compared. For values m_1 <= ... <= m_n >= 0 with
sum s:

    Gini = sum over i of (2 i - n - 1) m_i / (n s)    entropy = -sum over i of (m_i / s) ln(m_i / s)

A concise map need not be true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from layerlore.evaluate.metrics.maps import FLAT
from layerlore.evaluate.records import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.evaluate.case import Case

NAMES = frozenset({"gini", "entropy"})


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """The metrics asked for; a map that is the same everywhere counts as ones."""
    heat = torch.ones_like(case.heat) if case.saliency.constant else case.heat
    note = FLAT if case.saliency.constant else ""
    return {name: Measurement({"gini": gini, "entropy": entropy}[name](heat), note) for name in names}


def gini(heat: torch.Tensor) -> float:
    """Gini coefficient: 0 where all places are equal, near 1 where all is in one."""
    values = heat.flatten().double().sort().values
    count = len(values)
    factors = 2 * torch.arange(1, count + 1, dtype=torch.float64) - count - 1
    return float((factors * values).sum() / (count * values.sum()))


def entropy(heat: torch.Tensor) -> float:
    """Shannon entropy in nats of the map as shares of its sum: ln(H W) where all are equal, 0 for one place."""
    shares = heat.flatten().double() / heat.double().sum()
    return float(torch.special.entr(shares).sum())
