"""What the methods with one layer share: its feature maps and their gradients for one photo and one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.errors import LayerError
from layerlore.local.capture import as_input, capture, channels_first, forward_with_maps

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from numpy.typing import NDArray

    from layerlore.methods.subject import Subject
    from layerlore.network.layers import Layer
    from layerlore.network.model import Network

CALLS = 2
"""Photos through the network: once forwards, once backwards."""


@dataclass(frozen=True, eq=False)
class OneLayer:
    """One layer for one photo.

    Attributes:
        layer: Which.
        maps: Its feature maps, shape (K, h, w).
        slopes: Gradient of the class's logit with respect to them, same shape.
    """

    layer: Layer
    maps: NDArray[np.float64]
    slopes: NDArray[np.float64]

    @property
    def settings(self) -> Mapping[str, object]:
        """The layer's name, as a result keeps it."""
        return {"layer": self.layer.name}


def see_layer(subject: Subject, layer: str | int) -> OneLayer:
    """Capture a layer.

    Raises:
        LayerError: There is no such layer, or its maps show no place.
    """
    chosen = choose_layer(subject.network, layer)
    with subject.network.lock:
        captured = capture(subject.network, subject.inputs, [subject.target], [chosen])
    maps, slopes = (
        np.asarray(tensors[0][0].double().cpu().numpy()) for tensors in (captured.activations, captured.gradients)
    )
    return OneLayer(chosen, maps, slopes)


def see_maps(subject: Subject, layer: Layer) -> torch.Tensor:
    """A layer's feature maps without their gradient, in main memory, float32 of shape (K, h, w)."""
    with subject.asking():
        (maps,), _ = forward_with_maps(subject.network, as_input(subject.network, subject.inputs), [layer])
    subject.asked += 1
    return channels_first(maps.detach(), layer)[0].float().cpu()


def choose_layer(network: Network, layer: str | int) -> Layer:
    """The deepest of the layers that were asked for.

    Raises:
        LayerError: There is none, or its maps show no place.
    """
    chosen = network.layers.select(layer)[-1]
    if chosen.height == chosen.width == 1:
        raise LayerError(
            f"layer {chosen.name!r} of {network.name} has maps of one position, which show no place; choose a layer "
            "before the pooling, `layerlore layers` shows all"
        )
    return chosen
