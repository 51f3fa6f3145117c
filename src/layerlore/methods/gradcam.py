"""Grad-CAM: feature maps of one layer, each weighted by the mean gradient of the class's logit.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV
2017: L = ReLU(sum over k of a_k A_k) with a_k = mean over positions of dy_c/dA_k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.local.capture import capture
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
    chosen = subject.network.layers.select(layer)
    with subject.network.lock:
        captured = capture(subject.network, subject.inputs, [subject.target], chosen[-1:])
    activations, gradients = captured.activations[0][0].double(), captured.gradients[0][0].double()
    weights = gradients.mean(dim=(1, 2))
    values = (weights[:, None, None] * activations).sum(dim=0).clamp(min=0)
    return Raw(np.asarray(values.cpu().numpy()), signed=False, model_calls=2, settings={"layer": chosen[-1].name})
