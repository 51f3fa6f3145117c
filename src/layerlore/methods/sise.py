"""SISE: feature maps of several depths as masks over the input, scored by the network, merged shallow to deep.

Source: Sattarzadeh et al., "Explaining Convolutional Neural Networks through Attribution-Based Input Sampling and
Block-Wise Feature Aggregation", AAAI 2021 (semantic input segmentation for explanation). Of the last layer of each
block the maps with a positive mean gradient become masks. A layer's visualisation map is the mean of its masks, each
divided by its own sum and times the class's score under it. Then F_1 = V_1, F_l = scaled((F_(l-1) + V_l) B_l), where
B_l is 1 where V_l is above its Otsu threshold: what the deeper layer does not support is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.errors import SettingError
from layerlore.methods.cascade import Choice, explain_by_cascade

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from layerlore.methods.subject import Raw, Subject


def explain(
    subject: Subject,
    seed: int,
    *,
    layers: str | Sequence[str | int] = "auto",
    mu: float = 0.0,
    output: str = "probability",
    baseline: float = 0.0,
    batch: int = 8,
) -> Raw:
    """SISE.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        layers: ``auto`` for the inputs of the down-sampling steps and the last layer; or layers by name or place.
        mu: Use the maps whose mean gradient is above so much of the layer's largest; 0 for all positive ones.
        output: Score of the class: ``probability`` (as published) or ``logit``.
        baseline: Value that hidden pixels fade to, in the units of the preprocessed input.
        batch: Masked photos that go through the network together; many at once are slower on a CPU.

    Raises:
        SettingError: An option is out of range.
        LayerError: There are no such layers, or their values are no evidence.
    """
    del seed
    if not mu < 1:
        raise SettingError(f"mu is {mu}; give a share below 1, such as 0 for all maps with a positive gradient")
    choice = Choice(layers, output, baseline, batch)
    return explain_by_cascade(subject, choice, select=lambda slopes: above_share(slopes, mu), more={"mu": mu})


def above_share(slopes: torch.Tensor, mu: float) -> torch.Tensor:
    """True for the maps whose mean gradient, shape (K,), is above ``mu`` times the largest; none if that is not > 0."""
    top = slopes.max()
    return (slopes > mu * top) & (top > 0)
