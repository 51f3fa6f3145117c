"""Grad-CAM++: as Grad-CAM, but each position's gradient counts by how much of the map it stands for.

Source: Chattopadhay et al., "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional
Networks", WACV 2018, equations 13 and 19: L = ReLU(sum over k of w_k A_k), w_k = sum over positions of
alpha_k ReLU(g_k) with g_k = dy_c/dA_k and alpha_k = g_k^2 / (2 g_k^2 + S_k g_k^3), S_k the sum of the map A_k. As
there, the class's score is exp(y_c), whose factor is the same for all maps and so leaves the map as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.methods.onelayer import CALLS, see_layer
from layerlore.methods.subject import Raw

if TYPE_CHECKING:
    from layerlore.methods.subject import Subject


def explain(subject: Subject, seed: int, *, layer: str | int = -1) -> Raw:
    """Grad-CAM++.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        layer: Name of a layer, or its place; the default is the last one before pooling.
    """
    del seed
    seen = see_layer(subject, layer)
    above = np.maximum(seen.slopes, 0)
    # alpha = 1 / (2 + S g), as g^2 cancels. Maps after SiLU or GELU are a little negative: only what is above zero is
    # summed, else the denominator could vanish.
    sums = np.maximum(seen.maps, 0).sum(axis=(1, 2))
    weights = (above / (2 + sums[:, None, None] * above)).sum(axis=(1, 2))
    values = np.maximum(np.einsum("k,khw->hw", weights, seen.maps), 0)
    return Raw(values, signed=False, model_calls=CALLS, settings=seen.settings)
