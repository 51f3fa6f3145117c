"""What every method gives: one map for one photo and one class, frozen, with all that is needed to make it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Saliency:
    """Where a method says that the evidence for a class lies.

    Attributes:
        map: Evidence for the class, float32 of shape (h, w) in [0, 1], at the resolution of the network's input or of
            its feature maps; evidence against the class counts as none. All zero where ``constant``.
        method: Name of the method, as in ``METHODS``.
        target: Index of the explained class.
        seed: Seed of everything random; it changes nothing where the method draws no numbers.
        settings: All options with their values.
        seconds: Wall time.
        model_calls: Photos that went through the network, forwards and backwards counted each.
        lowest: Lowest value before scaling.
        highest: Highest value before scaling.
        signed: The method also gives evidence against the class, as negative values.
        constant: No place speaks more for the class than another.
    """

    map: NDArray[np.float32] = field(repr=False)
    method: str
    target: int
    seed: int
    settings: Mapping[str, object]
    seconds: float
    model_calls: int
    lowest: float
    highest: float
    signed: bool
    constant: bool


def scale(values: NDArray[np.float64]) -> tuple[NDArray[np.float32], bool]:
    """The part above zero, from its lowest to its highest value scaled to [0, 1]; and whether it is one value only."""
    above = np.maximum(values, 0.0)
    low, high = float(above.min()), float(above.max())
    if not high > low:
        return np.zeros(values.shape, np.float32), True
    return ((above - low) / (high - low)).astype(np.float32), False
