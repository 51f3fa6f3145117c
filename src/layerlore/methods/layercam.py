"""LayerCAM: at each position, each feature map times its positive gradient there; fits shallow layers too.

Source: Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE Transactions on
Image Processing 2021, equations 5 and 6: L = ReLU(sum over k of ReLU(dy_c/dA_k) A_k).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.methods.onelayer import CALLS, see_layer
from layerlore.methods.subject import Raw

if TYPE_CHECKING:
    from layerlore.methods.subject import Subject


def explain(subject: Subject, seed: int, *, layer: str | int = -1) -> Raw:
    """LayerCAM.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        layer: Name of a layer, or its place; the default is the last one before pooling.
    """
    del seed
    seen = see_layer(subject, layer)
    values = np.maximum(np.einsum("khw,khw->hw", np.maximum(seen.slopes, 0), seen.maps), 0)
    return Raw(values, signed=False, model_calls=CALLS, settings=seen.settings)
