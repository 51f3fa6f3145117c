"""Insertion and deletion: the class's probability while the photo is uncovered or taken away.

Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018. The
paper uncovers a blurred photo and deletes to a constant; here both are done against both, so that neither the blur's
softness nor the edges of the holes can make the difference alone.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch

from layerlore.evaluate.metrics.maps import FLAT, ranks
from layerlore.evaluate.records import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.evaluate.case import Case

NAMES = frozenset({"insertion", "deletion", "insertion_mean", "deletion_mean"})

STEPS = 20
"""Intervals of a curve."""

BLUR = 10 / 224
"""Standard deviation of the blur as a share of the input's longer side."""


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """The curves asked for and the areas under them, by trapezoids over the shares that were really changed.

    Insertion and deletion share their ends. Each curve's pictures go through the network by themselves, so that a value
    is the same to the last bit whatever else is asked for.
    """
    note = f"{FLAT}; its pixels are ranked in reading order" if case.saliency.constant else ""
    found = {}
    for ending, baseline in (("", blurred), ("_mean", mean_colour)):
        wanted = [name for name in names if name in (f"insertion{ending}", f"deletion{ending}")]
        if not wanted:
            continue
        curves = _curves(case, baseline(case.subject.inputs), [name.startswith("insertion") for name in wanted])
        for name, curve in zip(wanted, curves, strict=True):
            found[name] = Measurement(area(curve), note, curve, model_calls=len(curve))
    return found


def area(curve: Sequence[tuple[float, float]]) -> float:
    """Area under a curve by trapezoids."""
    return math.fsum((right - left) * (low + high) / 2 for (left, low), (right, high) in itertools.pairwise(curve))


def blurred(inputs: torch.Tensor) -> torch.Tensor:
    """The input without detail: a Gaussian of 10 / 224 of the longer side, mirrored at the borders."""
    rows, columns = inputs.shape[2:]
    sigma = BLUR * max(rows, columns)
    radius = min(math.ceil(3 * sigma), rows - 1, columns - 1)
    places = torch.arange(-radius, radius + 1, dtype=inputs.dtype, device=inputs.device)
    weights = torch.exp(-(places**2) / (2 * sigma**2))
    weights = (weights / weights.sum()).expand(3, 1, -1)
    padded = torch.nn.functional.pad(inputs, (radius,) * 4, mode="reflect")
    across = torch.nn.functional.conv2d(padded, weights[:, :, None, :], groups=3)
    return torch.nn.functional.conv2d(across, weights[:, :, :, None], groups=3)


def mean_colour(inputs: torch.Tensor) -> torch.Tensor:
    """The input's mean in every place."""
    return inputs.mean(dim=(2, 3), keepdim=True).expand_as(inputs)


def _curves(case: Case, baseline: torch.Tensor, inserting: Sequence[bool]) -> list[tuple[tuple[float, float], ...]]:
    """For each entry the curve of insertion or deletion: (share of pixels changed, probability)."""
    photo = case.subject.inputs
    place = ranks(case.heat)
    pixels = place.numel()
    counts = sorted({round(pixels * step / STEPS) for step in range(STEPS + 1)})
    shown = [place < count for count in counts[1:-1]]
    empty, whole = float(case.ask(baseline)[0]), case.photo_probability
    found = []
    for insert in inserting:
        first, then = (photo, baseline) if insert else (baseline, photo)
        inner = case.ask(torch.cat([torch.where(mask, first, then) for mask in shown])).tolist()
        values = [empty, *inner, whole] if insert else [whole, *inner, empty]
        found.append(tuple((count / pixels, value) for count, value in zip(counts, values, strict=True)))
    return found
