"""What really happens to the class's score when a cluster's channels are removed from their layer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from layerlore.local.capture import Capture, as_input, replaced_outputs
from layerlore.local.explanation import Ablation, ClusterMap, Effect, LayerExplanation
from layerlore.local.partial import Prefix
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.network.layers import Layer
    from layerlore.network.model import Network

CHUNK = 32
"""Changed copies in one forward pass; more costs memory and wins no time on the machines measured."""

RANDOM_SETS = 4
"""Random sets of channels removed for each cluster, to tell what is no more than chance."""

Mode = Literal["zero", "mean", "random"]


@dataclass(frozen=True)
class _Change:
    """One changed copy of a photo: which channels of which layer are removed, for which cluster, and how."""

    layer: int
    cluster: int
    mode: Mode
    channels: tuple[int, ...]


def ablate(
    network: Network,
    inputs: torch.Tensor,
    captured: Capture,
    layers: Sequence[Sequence[LayerExplanation]],
    *,
    seed: int = 0,
) -> list[list[LayerExplanation]]:
    """Measure every shown cluster: its channels set to zero, to their own mean over the map, and a chance level.

    The chance level is the mean effect of setting ``RANDOM_SETS`` random sets of as many channels of the layer to zero;
    they depend on the seed, the layer and the cluster only.

    All changed copies of a photo at one layer go through the network together, and only through the part that comes
    after the layer; no gradient is computed.

    Args:
        network: The network.
        inputs: Preprocessed photos, shape (N, 3, H, W), as captured.
        captured: Their capture, whose logits are the reference.
        layers: For each photo its layer explanations, in the order of ``captured.layers``.
        seed: Seed of the random sets.

    Returns:
        The same layer explanations, each shown cluster with its :class:`Ablation`.
    """
    with undisturbed(network.module), torch.no_grad():
        inputs = as_input(network, inputs)
        return [
            _ablate_photo(
                network, inputs[n : n + 1], captured, captured.logits[n], captured.targets[n], explained, seed
            )
            for n, explained in enumerate(layers)
        ]


def _ablate_photo(
    network: Network,
    photo: torch.Tensor,
    captured: Capture,
    logits: torch.Tensor,
    target: int,
    layers: Sequence[LayerExplanation],
    seed: int,
) -> list[LayerExplanation]:
    """Measure every shown cluster of one photo, shape (1, 3, H, W), whose unchanged logits are (classes,)."""
    prefix = Prefix(network.module, photo, captured.layers)
    before = logits.double()
    result = []
    for position, explained in enumerate(layers):
        changes = [change for cluster in explained.clusters for change in _changes(position, explained, cluster, seed)]
        drops: dict[tuple[int, Mode], list[tuple[float, float]]] = defaultdict(list)
        for start in range(0, len(changes), CHUNK):
            chunk = changes[start : start + CHUNK]
            after = _forward_without(network, prefix, photo, captured.layers[position], chunk).double()
            logit_drops = (before - after)[:, target].tolist()
            probability_drops = (before.softmax(0) - after.softmax(1))[:, target].tolist()
            for change, logit, probability in zip(chunk, logit_drops, probability_drops, strict=True):
                drops[change.cluster, change.mode].append((logit, probability))
        result.append(_with_effects(explained, drops))
    return result


def _changes(position: int, layer: LayerExplanation, cluster: ClusterMap, seed: int) -> list[_Change]:
    """The copies of the photo that measure one cluster."""
    generator = np.random.default_rng([seed, layer.index, cluster.index])
    sets = [generator.choice(layer.channels, len(cluster.channels), replace=False) for _ in range(RANDOM_SETS)]
    return [
        _Change(position, cluster.index, "zero", cluster.channels),
        _Change(position, cluster.index, "mean", cluster.channels),
        *(_Change(position, cluster.index, "random", tuple(int(c) for c in channels)) for channels in sets),
    ]


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
            if change.mode == "mean":
                maps[row, channels] = maps[row, channels].mean(dim=(1, 2), keepdim=True)
            else:
                maps[row, channels] = 0
        return changed

    rows = len(changes)
    with prefix.skipping(changes[0].layer, rows), replaced_outputs(network.module, [layer], remove):
        logits: torch.Tensor = network.module(photo.expand(rows, *photo.shape[1:]).clone())
    return logits


def _with_effects(
    layer: LayerExplanation, drops: dict[tuple[int, Mode], list[tuple[float, float]]]
) -> LayerExplanation:
    """Attach the measured effects to a layer's clusters; where several copies measured one thing, their mean."""

    def effect(cluster: ClusterMap, mode: Mode) -> Effect:
        logit, probability = np.mean(drops[cluster.index, mode], axis=0)
        return Effect(round(float(logit), 6), round(float(probability), 6))

    clusters = tuple(
        replace(
            cluster,
            ablation=Ablation(
                zero=effect(cluster, "zero"), mean=effect(cluster, "mean"), random=effect(cluster, "random")
            ),
        )
        for cluster in layer.clusters
    )
    return replace(layer, clusters=clusters)
