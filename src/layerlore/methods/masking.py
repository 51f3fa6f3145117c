"""Feature maps as soft masks over the input: what is left when the photo is dimmed where a map is low."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.methods.subject import Output, Subject


def to_unit(maps: torch.Tensor) -> torch.Tensor:
    """Each map, shape (N, H, W), from its lowest to its highest value scaled to [0, 1]; all zero where it is flat."""
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / torch.where(high > low, high - low, 1.0)


def make_masks(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Maps of shape (N, h, w) enlarged bilinearly to the input's size, then each scaled to [0, 1]."""
    enlarged = torch.nn.functional.interpolate(maps[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    return to_unit(enlarged)


def ask_masked(
    subject: Subject, maps: torch.Tensor, output: Output, *, baseline: float = 0.0, batch: int = 8
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Show the network the input under each mask; a batch at a time, as all masks together may not fit in memory.

    Args:
        subject: Photo and class.
        maps: One for each mask, shape (N, h, w).
        output: What is asked.
        baseline: Value that a pixel fades to, in the units of the preprocessed input.
        batch: Masks that go through the network together.

    Yields:
        Masks of shape (n, H, W) and the class's scores under them, shape (n,).
    """
    rows, columns = subject.inputs.shape[2:]
    with subject.asking():
        for first in range(0, len(maps), batch):
            masks = make_masks(maps[first : first + batch], (rows, columns))
            yield masks, score_under(subject, masks, output, baseline)


def score_under(subject: Subject, masks: torch.Tensor, output: Output, baseline: float) -> torch.Tensor:
    """The class's scores where the input fades to the baseline as masks of shape (N, H, W) fall to 0; shape (N,)."""
    shown = baseline + (subject.inputs - baseline) * masks[:, None]
    return subject.ask(shown, output)[:, subject.target]


def check_baseline(baseline: float) -> float:
    """A number that a pixel can fade to.

    Raises:
        SettingError: It is not finite.
    """
    if not np.isfinite(baseline):
        raise SettingError(f"baseline is {baseline}; give a finite value of the preprocessed input, such as 0")
    return float(baseline)
