"""What a method is made with: metrics that ask what the method has asked already, so that it must do well by them.

Likewise a metric of chance, where the method leaves nothing to chance.

Such a value is true and still no merit: by these metrics the method does not compete, and is neither passed nor failed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from layerlore.local.folding import grounds

if TYPE_CHECKING:
    from collections.abc import Mapping

CORRECTED: Mapping[str, frozenset[str]] = MappingProxyType(
    {"blur": frozenset({"insertion", "deletion"}), "colour": frozenset({"insertion_mean", "deletion_mean"})}
)
"""``layerlore.local.folding.correct`` shows and hides the photo in the map's order on the ground of these metrics."""
ABLATED = frozenset({"c_insertion", "c_deletion", "c_shapley", "c_ablation"})
"""Importance is the Shapley value of a cluster, its channels at zero; exact for three clusters or fewer. No option
changes that."""
UNDRAWN = frozenset({"c_seed"})
"""They draw other numbers; where none are drawn nothing can change, and the value is the best there is."""


def made_with(method: str, metric: str, options: Mapping[str, Any]) -> bool:
    """Whether a method asks what the metric asks, when it is made.

    Args:
        method: Its name.
        metric: Its name.
        options: Of the method, those that were given: without correction nothing is asked of the photo, and on one
            ground only the metrics on that ground are.
    """
    if method != "inv":
        return False
    given = {name: options[name] for name in ("rounds", "hide") if name in options}
    return metric in ABLATED | UNDRAWN or any(metric in CORRECTED[ground] for ground in grounds(**given))
