"""What a method is made with: metrics that ask what the method has asked already, so that it must do well by them.

Likewise a metric of chance, where the method leaves nothing to chance.

Such a value is true and still no merit: by these metrics the method does not compete, and is neither passed nor failed.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from layerlore.local.folding import grounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DIMMED = frozenset({"average_drop", "average_gain", "increase_in_confidence", "adcc"})
"""They ask about the photo times the map: what is hidden is 0, which for most networks is the mean colour of photos."""
ASKED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "blur": frozenset({"insertion", "deletion"}),
        "colour": frozenset({"insertion_mean", "deletion_mean"}) | DIMMED,
        "zero": DIMMED,
    }
)
"""What takes the place of what is hidden, to the metrics that ask about photos with parts hidden so."""
ABLATED = frozenset({"c_insertion", "c_deletion", "c_shapley", "c_ablation"})
"""Importance is the Shapley value of a cluster, its channels at zero; exact for three clusters or fewer. No option
changes that."""
UNDRAWN = frozenset({"c_seed"})
"""They draw other numbers; where none are drawn nothing can change, and the value is the best there is."""


def _corrected(options: Mapping[str, Any]) -> frozenset[str]:
    """``layerlore.local.folding.correct`` climbs the class's probability while parts of the photo are hidden."""
    given = {name: options[name] for name in ("rounds", "hide") if name in options}
    return (ABLATED | UNDRAWN).union(*(ASKED[ground] for ground in grounds(**given)))


def _masked(options: Mapping[str, Any]) -> frozenset[str]:
    """``layerlore.methods.masking`` hides to 0 unless another baseline is given."""
    return ASKED["zero"] if options.get("baseline", 0) == 0 else frozenset()


def _blurred(options: Mapping[str, Any]) -> frozenset[str]:
    """The library reveals rectangles on a blurred photo, however wide the blur."""
    del options
    return ASKED["blur"]


MADE_WITH: Mapping[str, Callable[[Mapping[str, Any]], frozenset[str]]] = MappingProxyType(
    {
        "scorecam": _masked,
        "sise": _masked,
        "adasise": _masked,
        "rise": _masked,
        "inv": _corrected,
        "shap": _blurred,
    }
)
"""Method to the metrics whose question it asks, by the options that were given."""


def made_with(method: str, metric: str, options: Mapping[str, Any]) -> bool:
    """Whether a method asks what the metric asks, when it is made.

    Args:
        method: Its name.
        metric: Its name.
        options: Of the method, those that were given: without correction nothing is asked of the photo, and on one
            ground only the metrics on that ground are.
    """
    return method in MADE_WITH and metric in MADE_WITH[method](options)
