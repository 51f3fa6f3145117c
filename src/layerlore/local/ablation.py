"""What really happens to the class's score when a cluster's channels are removed from their layer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.local.capture import Capture, as_input
from layerlore.local.coalitions import importance_coalitions, importances, without_absent
from layerlore.local.explanation import Ablation, ClusterMap, Effect, LayerExplanation
from layerlore.local.partial import Prefix
from layerlore.local.removing import Without, logits_without
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.network.model import Network

RANDOM_SETS = 4
"""Random sets of channels removed for each cluster, to tell what is no more than chance."""


def ablate(
    network: Network,
    inputs: torch.Tensor,
    captured: Capture,
    layers: Sequence[Sequence[LayerExplanation]],
    *,
    seed: int = 0,
    importance: bool = False,
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
        importance: Also run the sets of clusters that :func:`layerlore.local.coalitions.importances` asks for.

    Returns:
        The same layer explanations, each shown cluster with its :class:`Ablation` and, if asked for, its importance.
    """
    with undisturbed(network.module), torch.no_grad():
        inputs = as_input(network, inputs)
        return [
            _ablate_photo(network, inputs[n : n + 1], captured, n, explained, seed=seed, importance=importance)
            for n, explained in enumerate(layers)
        ]


def _ablate_photo(
    network: Network,
    photo: torch.Tensor,
    captured: Capture,
    number: int,
    layers: Sequence[LayerExplanation],
    *,
    seed: int,
    importance: bool,
) -> list[LayerExplanation]:
    """Measure every shown cluster of the capture's photo ``number``, shape (1, 3, H, W)."""
    prefix = Prefix(network.module, photo, captured.layers)
    target, before = captured.targets[number], captured.logits[number].double()
    result = []
    for position, explained in enumerate(layers):
        if not explained.clusters:
            result.append(explained)
            continue
        clusters = [cluster.channels for cluster in explained.clusters]
        copies = [change for cluster in explained.clusters for change in _changes(explained, cluster, seed)]
        more = without_absent(clusters, importance_coalitions(len(clusters))) if importance else []
        layer = captured.layers[position]
        after = logits_without(network, prefix, photo, position, layer, [*copies, *more])
        drops = torch.stack([before - after, before.softmax(0) - after.softmax(1)], dim=2)[:, target].cpu().numpy()
        single = drops[: len(copies)].reshape(len(clusters), -1, 2)
        measured = _with_effects(explained, single)
        if importance:
            measured = _with_importance(measured, single[:, 0, 0], drops[len(copies) :, 0])
        result.append(measured)
    return result


def _changes(layer: LayerExplanation, cluster: ClusterMap, seed: int) -> list[Without]:
    """The copies of the photo that measure one cluster: zero, mean, and the random sets."""
    generator = np.random.default_rng([seed, layer.index, cluster.index])
    sets = [generator.choice(layer.channels, len(cluster.channels), replace=False) for _ in range(RANDOM_SETS)]
    return [
        Without(cluster.channels),
        Without(cluster.channels, "mean"),
        *(Without(tuple(int(c) for c in channels)) for channels in sets),
    ]


def _with_effects(layer: LayerExplanation, drops: NDArray[np.float64]) -> LayerExplanation:
    """Attach measured effects, shape (clusters, copies of :func:`_changes`, logit and probability)."""

    def effect(values: NDArray[np.float64]) -> Effect:
        return Effect(round(float(values[0]), 6), round(float(values[1]), 6))

    clusters = tuple(
        replace(cluster, ablation=Ablation(zero=effect(own[0]), mean=effect(own[1]), random=effect(own[2:].mean(0))))
        for cluster, own in zip(layer.clusters, drops, strict=True)
    )
    return replace(layer, clusters=clusters)


def _with_importance(
    layer: LayerExplanation, single: NDArray[np.float64], together: NDArray[np.float64]
) -> LayerExplanation:
    """Attach importances, from the falls of the logit without one cluster and without several."""
    values = importances(single, together)
    clusters = tuple(
        replace(cluster, importance=round(float(value), 6))
        for cluster, value in zip(layer.clusters, values, strict=True)
    )
    return replace(layer, clusters=clusters)
