"""What really happens to the class's score when a cluster's channels are removed from their layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import torch

from layerlore.local.capture import Capture, as_input, replaced_outputs
from layerlore.local.explanation import Ablation, Effect, LayerExplanation
from layerlore.local.partial import Prefix
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.network.layers import Layer
    from layerlore.network.model import Network

CHUNK = 32
"""Changed copies in one forward pass; more costs memory and wins no time on the machines measured."""

Mode = Literal["zero", "mean"]


@dataclass(frozen=True)
class _Change:
    """One changed copy of a photo: which cluster of which layer is removed, and how."""

    layer: int
    cluster: int
    mode: Mode
    channels: tuple[int, ...]


def ablate(
    network: Network, inputs: torch.Tensor, captured: Capture, layers: Sequence[Sequence[LayerExplanation]]
) -> list[list[LayerExplanation]]:
    """Measure every shown cluster: its channels set to zero, and to their own mean over the map.

    All changed copies of a photo at one layer go through the network together, and only through the part that comes
    after the layer; no gradient is computed.

    Args:
        network: The network.
        inputs: Preprocessed photos, shape (N, 3, H, W), as captured.
        captured: Their capture, whose logits are the reference.
        layers: For each photo its layer explanations, in the order of ``captured.layers``.

    Returns:
        The same layer explanations, each shown cluster with its :class:`Ablation`.
    """
    with undisturbed(network.module), torch.no_grad():
        inputs = as_input(network, inputs)
        return [
            _ablate_photo(network, inputs[n : n + 1], captured, captured.logits[n], captured.targets[n], explained)
            for n, explained in enumerate(layers)
        ]


def _ablate_photo(
    network: Network,
    photo: torch.Tensor,
    captured: Capture,
    logits: torch.Tensor,
    target: int,
    layers: Sequence[LayerExplanation],
) -> list[LayerExplanation]:
    """Measure every shown cluster of one photo, shape (1, 3, H, W), whose unchanged logits are (classes,)."""
    prefix = Prefix(network.module, photo, captured.layers)
    before = logits.double()
    result = []
    for position, explained in enumerate(layers):
        changes = [
            _Change(position, cluster.index, mode, cluster.channels)
            for cluster in explained.clusters
            for mode in get_args(Mode)
        ]
        effects: dict[tuple[int, Mode], Effect] = {}
        for start in range(0, len(changes), CHUNK):
            chunk = changes[start : start + CHUNK]
            after = _forward_without(network, prefix, photo, captured.layers[position], chunk).double()
            logit_drops = (before - after)[:, target].tolist()
            probability_drops = (before.softmax(0) - after.softmax(1))[:, target].tolist()
            for change, logit, probability in zip(chunk, logit_drops, probability_drops, strict=True):
                effects[change.cluster, change.mode] = Effect(round(logit, 6), round(probability, 6))
        result.append(_with_effects(explained, effects))
    return result


def _forward_without(
    network: Network, prefix: Prefix, photo: torch.Tensor, layer: Layer, changes: Sequence[_Change]
) -> torch.Tensor:
    """Logits of the photo with each change made to the layer's maps, shape (changes, classes)."""
    axis = 3 if layer.channels_last else 1

    def remove(_position: int, output: torch.Tensor) -> torch.Tensor:
        changed = output.clone()
        maps = changed.movedim(axis, 1)  # a view: writing to it changes the copy
        for row, change in enumerate(changes):
            channels = torch.tensor(change.channels, device=output.device)
            if change.mode == "zero":
                maps[row, channels] = 0
            else:
                maps[row, channels] = maps[row, channels].mean(dim=(1, 2), keepdim=True)
        return changed

    rows = len(changes)
    with prefix.skipping(changes[0].layer, rows), replaced_outputs(network.module, [layer], remove):
        logits: torch.Tensor = network.module(photo.expand(rows, *photo.shape[1:]).clone())
    return logits


def _with_effects(layer: LayerExplanation, effects: dict[tuple[int, Mode], Effect]) -> LayerExplanation:
    """Attach the measured effects to a layer's clusters."""
    clusters = tuple(
        replace(
            cluster,
            ablation=Ablation(zero=effects[cluster.index, "zero"], mean=effects[cluster.index, "mean"]),
        )
        for cluster in layer.clusters
    )
    return replace(layer, clusters=clusters)
