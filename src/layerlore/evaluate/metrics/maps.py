"""What the metrics do with a map before they measure: bring it to the input's size, rank its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.local import folding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FLAT = "the map is the same everywhere"


def upsample(values: NDArray[np.floating], size: Sequence[int]) -> torch.Tensor:
    """A map of shape (h, w) at another size (H, W), float64: bilinear, pixel centres aligned, as torch does it."""
    return torch.from_numpy(folding.upsample(np.asarray(values, np.float64), (size[0], size[1])))


def ranks(heat: torch.Tensor) -> torch.Tensor:
    """The place of each pixel, 0 for the highest, shape (H, W); equal ones in reading order."""
    order = torch.argsort(heat.flatten(), descending=True, stable=True)
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order))
    return places.reshape(heat.shape)
