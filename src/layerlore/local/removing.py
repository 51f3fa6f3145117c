"""Running the rest of a network with some of a layer's channels taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from layerlore.local.capture import replaced_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.local.partial import Prefix
    from layerlore.network.layers import Layer
    from layerlore.network.model import Network

CHUNK = 32
"""Changed copies in one forward pass; more costs memory and wins no time on the machines measured."""

Way = Literal["zero", "mean"]


@dataclass(frozen=True)
class Without:
    """One changed copy of a photo: which channels of a layer are taken away, and what stands in their place.

    Attributes:
        channels: The channels.
        way: ``zero``, or ``mean``: each channel's own mean over the map.
    """

    channels: tuple[int, ...]
    way: Way = "zero"


def logits_without(
    network: Network, prefix: Prefix, photo: torch.Tensor, position: int, layer: Layer, copies: Sequence[Without]
) -> torch.Tensor:
    """Logits of a photo with each change made to a layer's maps, in float64.

    All copies go through the network together, and only through what comes after the layer. To be called inside
    :func:`layerlore.network.state.undisturbed` and ``torch.no_grad``.

    Args:
        network: The network.
        prefix: The photo's kept outputs.
        photo: The preprocessed photo, shape (1, 3, H, W).
        position: Place of the layer among those that the prefix was made for.
        layer: The layer.
        copies: The changes, n >= 1.

    Returns:
        Logits of shape (n, classes).
    """
    parts = [
        _forward(network, prefix, photo, position, layer, copies[start : start + CHUNK])
        for start in range(0, len(copies), CHUNK)
    ]
    return torch.cat(parts).double()


def _forward(
    network: Network, prefix: Prefix, photo: torch.Tensor, position: int, layer: Layer, copies: Sequence[Without]
) -> torch.Tensor:
    axis = 3 if layer.channels_last else 1

    def remove(_position: int, output: torch.Tensor) -> torch.Tensor:
        changed = output.clone()
        maps = changed.movedim(axis, 1)  # a view: writing to it changes the copy
        for row, copy in enumerate(copies):
            channels = torch.tensor(copy.channels, dtype=torch.long, device=output.device)
            if copy.way == "mean":
                maps[row, channels] = maps[row, channels].mean(dim=(1, 2), keepdim=True)
            else:
                maps[row, channels] = 0
        return changed

    rows = len(copies)
    with prefix.skipping(position, rows), replaced_outputs(network.module, [layer], remove):
        logits: torch.Tensor = network.module(photo.expand(rows, *photo.shape[1:]).clone())
    return logits
