"""One saliency map out of the feature maps of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from layerlore.errors import SettingError
from layerlore.local.clustering import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray


def merge_maps(
    activations: NDArray[np.float32],
    gradients: NDArray[np.float32],
    weights: NDArray[np.floating],
    *,
    method: Method = "stable",
) -> NDArray[np.float32]:
    """Merge the feature maps of one cluster into one map, not yet scaled.

    ``paper``: the mean of the maps weighted by their percent weights. ``stable``: the sum over the maps of activation
    times guided gradient, position by position, as LayerCAM weighs a whole layer (Jiang et al., IEEE Transactions on
    Image Processing, 2021); as a sum it may be compared between the clusters of a layer. ``bench/merging.py`` has the
    insertion and deletion scores by which it was chosen.

    Args:
        activations: Feature maps of the cluster, shape (n, h, w).
        gradients: Gradient of the class's logit by them, same shape.
        weights: Their percent weights, shape (n,), not negative.
        method: ``stable`` or ``paper``.

    Returns:
        The merged map, float32 of shape (h, w).

    Raises:
        SettingError: The method is unknown.
    """
    if method == "paper":
        total = float(np.sum(weights, dtype=np.float64))
        shares = np.asarray(weights, np.float64) / total if total > 0 else np.full(len(weights), 1 / len(weights))
        return np.asarray(np.einsum("n,nhw->hw", shares, activations, dtype=np.float64), dtype=np.float32)
    if method == "stable":
        return np.asarray(
            np.einsum("nhw,nhw->hw", np.maximum(gradients, 0), np.maximum(activations, 0)), dtype=np.float32
        )
    raise SettingError(f"unknown method {method!r}: choose one of {', '.join(get_args(Method))}")
