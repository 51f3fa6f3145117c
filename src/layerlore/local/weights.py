"""How much each feature map speaks for the class, and which maps and clusters are too weak to show.

Source: Bianchi et al., "Interpretable Network Visualizations", IJCAI 2024 (arXiv 2405.03301), local explanation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIFORM_SHARE = 89.6
"""The paper's thresholds as percent of the uniform share 100/K, at the sizes its table names."""


def guided_weights(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Generalised Grad-CAM weight of each feature map: the mean of its guided gradient.

    The guided gradient is the gradient where both it and the activation are positive, else 0.

    Args:
        activations: Feature maps after the non-linearity, shape (N, K, h, w).
        gradients: Gradient of the class's logit with respect to them, same shape.

    Returns:
        Weights >= 0, float64, shape (N, K).
    """
    guided = torch.where(activations > 0, gradients, 0).clamp_(min=0)
    return guided.mean(dim=(2, 3), dtype=torch.float64)


def percent(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale weights of shape (..., K) to add up to 100; all zero where there is no positive weight."""
    total = weights.sum(axis=-1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(100.0 * weights, total, out=np.zeros_like(weights), where=total > 0)
    return shares


def discard_threshold(channels: int, *, method: str) -> float:
    """Weight in percent that a map must exceed to be kept, in a layer of ``channels`` maps.

    ``paper`` is the paper's table, which is 89.6 % of the uniform share 100/K at powers of two from 64 to 512 and
    up to 2.2 times too strict between and above them; ``stable`` is 89.6/K percent at every size.
    """
    if method == "paper":
        for size, threshold in ((512, 0.175), (256, 0.35), (128, 0.7), (64, 1.4)):
            if channels >= size:
                return threshold
        return 76.8 / channels
    return UNIFORM_SHARE / channels


def keep_clusters(weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which clusters are heavy enough to show: W >= max(max(W)/3, mean(W)/2).

    Args:
        weights: Cluster weights in percent, shape (k,), k >= 1.

    Returns:
        True for each cluster to show, shape (k,); the heaviest always is.
    """
    shown: NDArray[np.bool_] = weights >= max(weights.max() / 3, weights.mean() / 2)
    return shown
