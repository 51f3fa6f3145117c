"""Ada-SISE: SISE with only the maps whose gradient stands out, by Otsu's threshold; fewer masks to ask about.

Source: Sudhakar et al., "Ada-SISE: Adaptive Semantic Input Sampling for Efficient Explanation of Convolutional Neural
Networks", ICASSP 2021. All but the selection is as in :mod:`layerlore.methods.sise`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.methods.cascade import Choice, explain_by_cascade, otsu

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from layerlore.methods.subject import Raw, Subject


def explain(
    subject: Subject,
    seed: int,
    *,
    layers: str | Sequence[str | int] = "auto",
    output: str = "probability",
    baseline: float = 0.0,
    batch: int = 8,
) -> Raw:
    """Ada-SISE.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        layers: ``auto`` for the inputs of the down-sampling steps and the last layer; or layers by name or place.
        output: Score of the class: ``probability`` (as published) or ``logit``.
        baseline: Value that hidden pixels fade to, in the units of the preprocessed input.
        batch: Masked photos that go through the network together; many at once are slower on a CPU.

    Raises:
        SettingError: An option is out of range.
        LayerError: There are no such layers, or their values are no evidence.
    """
    del seed
    return explain_by_cascade(subject, Choice(layers, output, baseline, batch), select=above_otsu)


def above_otsu(slopes: torch.Tensor) -> torch.Tensor:
    """True for the maps whose mean gradient, shape (K,), is above the Otsu threshold of the positive ones."""
    positive = slopes > 0
    threshold = otsu(slopes[positive].numpy()) if positive.any() else None
    return positive if threshold is None else slopes > threshold
