"""What can be wrong with a bundle. Each error is one line: the thing, the reason, the way out."""

from __future__ import annotations

from enum import StrEnum

from layerlore.errors import LayerLoreError


class BundleError(LayerLoreError):
    """A bundle that cannot be built, or one that was changed after it was built."""


class Fault(StrEnum):
    """Why a map cannot be revealed step by step."""

    NOT_FINITE = "not-finite"
    NEGATIVE = "negative"
    CONSTANT = "constant"
    LOW_SUPPORT = "low-support"


SENTENCES = {
    Fault.NOT_FINITE: "the map has values that are no numbers",
    Fault.NEGATIVE: "the map has negative values",
    Fault.CONSTANT: "the map has one value everywhere, so it shows no place",
    Fault.LOW_SUPPORT: "the map is positive on less of the picture than the first step shows",
}


class RevealError(BundleError):
    """A map that cannot be revealed step by step.

    Attributes:
        fault: Why.
    """

    def __init__(self, fault: Fault) -> None:
        """Say it in a sentence."""
        super().__init__(f"{SENTENCES[fault]}; leave it out of the campaign")
        self.fault = fault
