"""Grad-CAM: feature maps of one layer, each weighted by the mean gradient of the class's logit.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV
2017: L = ReLU(sum over k of a_k A_k) with a_k = mean over positions of dy_c/dA_k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.methods.onelayer import CALLS, see_layer
from layerlore.methods.subject import Raw

if TYPE_CHECKING:
    from layerlore.methods.subject import Subject


def explain(subject: Subject, seed: int, *, layer: str | int = -1) -> Raw:
    """Grad-CAM.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        layer: Name of a layer, or its place; the default is the last one before pooling.
    """
    del seed
    seen = see_layer(subject, layer)
    weights = seen.slopes.mean(axis=(1, 2))
    values = np.maximum(np.einsum("k,khw->hw", weights, seen.maps), 0)
    return Raw(values, signed=False, model_calls=CALLS, settings=seen.settings)
