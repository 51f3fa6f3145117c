"""What a method is made with: metrics that ask what the method has asked already, so that it must do well by them.

Such a value is true and still no merit: by these metrics the method does not compete, and is neither passed nor failed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CORRECTED = frozenset({"insertion", "deletion", "insertion_mean", "deletion_mean"})
"""``layerlore.local.folding.correct`` shows and hides the photo in the map's order, on the same blur and colour."""
ABLATED = frozenset({"c_insertion", "c_deletion", "c_shapley", "c_ablation"})
"""Importance is the Shapley value of a cluster, its channels at zero; exact for three clusters or fewer."""

_MADE_WITH: Mapping[str, frozenset[str]] = MappingProxyType({"inv": CORRECTED | ABLATED})


def made_with(method: str, metric: str) -> bool:
    """Whether a method asks what the metric asks, when it is made."""
    return metric in _MADE_WITH.get(method, frozenset())
