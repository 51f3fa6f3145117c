"""The last layer of each resolution: the input of every step that makes the maps smaller, and the last maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.errors import LayerError

if TYPE_CHECKING:
    from layerlore.network.layers import Layer
    from layerlore.network.model import Network

# Their lowest value is near zero, so a map still tells where there is evidence.
_NEARLY_RECTIFIED = frozenset({"SiLU", "GELU", "Hardswish", "Mish"})


def downsampling_layers(network: Network) -> tuple[Layer, ...]:
    """The last layer before each down-sampling step and the last layer of all, shallow to deep.

    In VGG these are the inputs of the max-pools, in ResNet the stem and the ends of the four stages, in MobileNet and
    EfficientNet the inputs of the strided depthwise convolutions and the head.

    Raises:
        LayerError: The network never makes its maps smaller.
    """
    own = frozenset(network.layers.candidates)
    # Outside blocks the table also lists pooled copies of earlier maps, which are no candidates.
    layers = [layer for layer in network.layers if layer.block is not None or layer in own]
    groups: list[Layer] = []
    for layer in layers:
        place = next((n for n, one in enumerate(groups) if _same_size(one, layer)), len(groups))
        groups[place : place + 1] = [layer]
    found = tuple(_before_block(layer, layers) for layer in sorted(groups, key=lambda one: one.index))
    if len(found) < 2:
        raise LayerError(
            f"{network.name} has maps of one size only, so there are no down-sampling steps to take layers from; "
            "name layers instead"
        )
    return found


def _same_size(one: Layer, other: Layer) -> bool:
    """True unless a down-sampling step lies between; a convolution without padding loses a few rows only."""
    return max(one.height, other.height) < 1.5 * min(one.height, other.height)


def _before_block(layer: Layer, layers: list[Layer]) -> Layer:
    """The layer that feeds the block, where the last layer of a resolution lies inside a block that makes maps smaller.

    A residual block down-samples as a whole, shortcut and all, so its step's input is the block's input. Where that is
    no layer, because it comes after no non-linearity, as in MobileNet, it is the layer inside.
    """
    smaller = any(one.block == layer.block and not _same_size(one, layer) for one in layers if one.index > layer.index)
    if layer.block is None or not smaller:
        return layer
    before = [one for one in layers if one.index < layer.index and one.block != layer.block]
    if before and _same_size(before[-1], layer) and before[-1].block == before[-1].path:
        return before[-1]
    return layer


def check_evidence(layers: tuple[Layer, ...], method: str) -> None:
    """Refuse layers whose low values say as much as their high ones.

    Raises:
        LayerError: There is one.
    """
    for layer in layers:
        if not layer.rectified and layer.nonlinearity not in _NEARLY_RECTIFIED:
            after = layer.nonlinearity or "no non-linearity"
            raise LayerError(
                f"{method} takes high values of a map for evidence, but layer {layer.name!r} comes after {after}, "
                "where low values say as much; choose layers after ReLU or the like"
            )
