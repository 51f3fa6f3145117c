"""Score-CAM: feature maps of one layer, each weighted by the class's score when only what it shows is left.

Source: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR Workshops
2020: L = ReLU(sum over k of w_k A_k), w = softmax over k of y_c(X * M_k), M_k the map enlarged to the input and then
scaled to [0, 1]. The score of the baseline picture that the paper subtracts is the same for all maps, so the softmax
drops it. ``maps`` is the shortcut known as Faster Score-CAM: only the maps that vary most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.methods.masking import ask_masked, check_baseline
from layerlore.methods.onelayer import choose_layer, see_maps
from layerlore.methods.subject import Raw, check_count, check_output

if TYPE_CHECKING:
    from layerlore.methods.subject import Subject


def explain(
    subject: Subject,
    seed: int,
    *,
    layer: str | int = -1,
    maps: int | None = None,
    output: str = "logit",
    baseline: float = 0.0,
    batch: int = 8,
) -> Raw:
    """Score-CAM.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        layer: Name of a layer, or its place; the default is the last one before pooling.
        maps: Use only so many maps, those with the largest standard deviation; None for all, as published.
        output: Score of the class: ``logit`` or ``probability``.
        baseline: Value that hidden pixels fade to, in the units of the preprocessed input.
        batch: Masked photos that go through the network together; many at once are slower on a CPU.

    Raises:
        SettingError: An option is out of range.
        LayerError: There is no such layer, or its maps show no place.
    """
    del seed
    batch, baseline, what = check_count("batch", batch, 1), check_baseline(baseline), check_output(output)
    chosen = choose_layer(subject.network, layer)
    seen = see_maps(subject, chosen)
    spread = seen.flatten(1).std(dim=1, correction=0)
    order = spread.argsort(descending=True, stable=True)
    kept = order[: int((spread > 0).sum()) if maps is None else check_count("maps", maps, 1)].sort().values
    scores = [found for _, found in ask_masked(subject, seen[kept], what, baseline=baseline, batch=batch)]
    weights = torch.cat(scores).softmax(dim=0) if scores else torch.zeros(0, dtype=torch.float64)
    values = torch.einsum("k,khw->hw", weights, seen[kept].double()).clamp(min=0)
    settings = {"layer": chosen.name, "maps": len(kept), "output": what, "baseline": baseline}
    return Raw(np.asarray(values.numpy()), signed=False, model_calls=subject.asked, settings=settings)
