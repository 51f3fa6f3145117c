"""What really happens to the class's score when a cluster's channels are removed from their layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch

from layerlore.local.capture import Capture, as_input, replaced_outputs
from layerlore.local.explanation import Ablation, Effect, LayerExplanation
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.network.layers import Layer
    from layerlore.network.model import Network

CHUNK = 32
"""Rows in one forward pass; more costs memory and wins no time on the machines measured."""


@dataclass(frozen=True)
class _Row:
    """One changed copy of a photo: which channels of which layer are removed, and how."""

    photo: int
    layer: int
    cluster: int
    mode: Literal["zero", "mean"]
    channels: tuple[int, ...]


def ablate(
    network: Network, inputs: torch.Tensor, captured: Capture, layers: Sequence[Sequence[LayerExplanation]]
) -> list[list[LayerExplanation]]:
    """Measure every shown cluster: its channels set to zero, and to their own mean over the map.

    All clusters of all layers go through the network together, ``CHUNK`` changed copies at a time, whichever
    layer they change; no gradient is computed.

    Args:
        network: The network.
        inputs: Preprocessed photos, shape (N, 3, H, W), as captured.
        captured: Their capture, whose logits are the reference.
        layers: For each photo its layer explanations, in the order of ``captured.layers``.

    Returns:
        The same layer explanations, each shown cluster with its :class:`Ablation`.
    """
    rows = [
        _Row(photo, position, cluster.index, mode, cluster.channels)
        for position in range(len(captured.layers))
        for photo, explained in enumerate(layers)
        for cluster in explained[position].clusters
        for mode in ("zero", "mean")
    ]
    effects: dict[tuple[int, int, int, str], Effect] = {}
    targets = torch.tensor(captured.targets, device=captured.logits.device)
    with undisturbed(network.module), torch.no_grad():
        inputs = as_input(network, inputs)
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            of_photo = torch.tensor([row.photo for row in chunk], device=targets.device)
            after = _forward_without(network, inputs[of_photo], captured.layers, chunk).double()
            before = captured.logits[of_photo].double()
            column = targets[of_photo][:, None]
            logit_drop = (before - after).gather(1, column)[:, 0].tolist()
            probability_drop = (before.softmax(1) - after.softmax(1)).gather(1, column)[:, 0].tolist()
            for row, logit, probability in zip(chunk, logit_drop, probability_drop, strict=True):
                effects[row.photo, row.layer, row.cluster, row.mode] = Effect(round(logit, 6), round(probability, 6))
    return [
        [_with_effects(layer, photo, position, effects) for position, layer in enumerate(explained)]
        for photo, explained in enumerate(layers)
    ]


def _forward_without(
    network: Network, inputs: torch.Tensor, layers: Sequence[Layer], rows: Sequence[_Row]
) -> torch.Tensor:
    """Logits of each row's photo with the row's channels removed, shape (rows, classes)."""
    used = sorted({row.layer for row in rows})

    def remove(position: int, output: torch.Tensor) -> torch.Tensor:
        axis = 3 if layers[used[position]].channels_last else 1
        changed = output.clone()
        maps = changed.movedim(axis, 1)  # a view: writing to it changes the copy
        for number, row in enumerate(rows):
            if row.layer != used[position]:
                continue
            channels = torch.tensor(row.channels, device=output.device)
            if row.mode == "zero":
                maps[number, channels] = 0
            else:
                maps[number, channels] = maps[number, channels].mean(dim=(1, 2), keepdim=True)
        return changed

    with replaced_outputs(network.module, [layers[position] for position in used], remove):
        logits: torch.Tensor = network.module(inputs)
    return logits


def _with_effects(
    layer: LayerExplanation, photo: int, position: int, effects: dict[tuple[int, int, int, str], Effect]
) -> LayerExplanation:
    """Attach the measured effects to a layer's clusters."""
    clusters = tuple(
        replace(
            cluster,
            ablation=Ablation(
                zero=effects[photo, position, cluster.index, "zero"],
                mean=effects[photo, position, cluster.index, "mean"],
            ),
        )
        for cluster in layer.clusters
    )
    return replace(layer, clusters=clusters)
