"""Which clusters of a layer feed which clusters of the next explained layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.local.capture import Capture, as_input, forward_with_maps
from layerlore.local.explanation import LayerExplanation, LayerFlow
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.network.model import Network


def trace_flow(
    network: Network,
    inputs: torch.Tensor,
    captured: Capture,
    layers: Sequence[Sequence[LayerExplanation]],
    *,
    method: str,
) -> list[tuple[LayerFlow, ...]]:
    """Attribute each cluster map to the clusters of the layer below by gradient x activation.

    Let S_j be the sum over positions and channels of the maps of an upper layer's cluster j, each times its merging
    coefficient, which is held fixed: the guided gradient at the position (``stable``), or the map's weight
    (``paper``). Lower cluster i contributes the sum over its channels and positions of dS_j/dA * A; of the ways tried
    in ``bench/flow.py`` this net contribution is nearest to what removing the lower cluster does. The contributions to
    one upper cluster, with everything that is not shown below as one more row, are divided by the sum of their absolute
    values. What goes around the lower layer, by shortcuts and biases, is not attributed.

    One vector-Jacobian product gives all contributions to one upper cluster, for all photos of the batch at once, and
    runs only through what lies between the two layers.

    Args:
        network: The network.
        inputs: Preprocessed photos, shape (N, 3, H, W), as captured.
        captured: Their capture.
        layers: For each photo its layer explanations, in the order of ``captured.layers``.
        method: How the maps were merged, ``stable`` or ``paper``.

    Returns:
        For each photo one :class:`LayerFlow` for each pair of neighbouring layers.
    """
    flows: list[list[LayerFlow]] = [[] for _ in layers]
    with undisturbed(network.module):
        maps, _ = forward_with_maps(network, as_input(network, inputs), captured.layers)
        for lower in range(len(maps) - 1):
            columns: list[list[NDArray[np.float64]]] = [[] for _ in layers]
            for rank in range(max(len(explained[lower + 1].clusters) for explained in layers)):
                direction = _direction(captured, layers, lower + 1, rank, method=method)
                if captured.layers[lower + 1].channels_last:
                    direction = direction.permute(0, 2, 3, 1)
                (slope,) = torch.autograd.grad(
                    maps[lower + 1],
                    maps[lower],
                    direction.to(maps[lower + 1].dtype),
                    retain_graph=True,
                    allow_unused=True,
                )
                parts = _channel_parts(slope, maps[lower], channels_last=captured.layers[lower].channels_last)
                for photo, explained in enumerate(layers):
                    if rank < len(explained[lower + 1].clusters):
                        columns[photo].append(_shares(parts[photo], explained[lower]))
            for photo, explained in enumerate(layers):
                shape = (len(explained[lower].clusters) + 1, 0)
                shares = np.stack(columns[photo], axis=1) if columns[photo] else np.zeros(shape)
                flows[photo].append(LayerFlow(lower, np.round(shares, 2).astype(np.float32)))
    return [tuple(flow) for flow in flows]


def _direction(
    captured: Capture, layers: Sequence[Sequence[LayerExplanation]], upper: int, rank: int, *, method: str
) -> torch.Tensor:
    """dS/dA at the upper layer for each photo's cluster of this rank, shape (N, K, h, w); 0 where it has none."""
    gradients = captured.gradients[upper]
    direction = torch.zeros_like(gradients)
    for photo, explained in enumerate(layers):
        if rank < len(explained[upper].clusters):
            cluster = explained[upper].clusters[rank]
            channels = torch.tensor(cluster.channels, device=gradients.device)
            weights = torch.tensor(cluster.channel_weights, device=gradients.device, dtype=gradients.dtype)
            if method == "paper":
                direction[photo, channels] = weights[:, None, None].expand_as(direction[photo, channels])
            else:
                positive = captured.activations[upper][photo, channels] > 0
                direction[photo, channels] = gradients[photo, channels].clamp(min=0) * positive
    return direction


def _channel_parts(slope: torch.Tensor | None, maps: torch.Tensor, *, channels_last: bool) -> NDArray[np.float64]:
    """Contribution of each channel of the lower layer, shape (N, K); 0 where no path leads up."""
    axes = (1, 2) if channels_last else (2, 3)
    if slope is None:
        slope = torch.zeros_like(maps)
    parts: NDArray[np.float64] = (slope * maps.detach()).sum(dim=axes, dtype=torch.float64).cpu().numpy()
    return parts


def _shares(parts: NDArray[np.float64], lower: LayerExplanation) -> NDArray[np.float64]:
    """Signed percent of the gross for each lower cluster and, last, for all that is not shown."""
    contributions = [float(parts[list(cluster.channels)].sum()) for cluster in lower.clusters]
    contributions.append(float(parts.sum()) - sum(contributions))
    net: NDArray[np.float64] = np.array(contributions)
    gross = np.abs(net).sum()
    return 100.0 * net / gross if gross > 0 else net
