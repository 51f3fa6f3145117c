"""RISE: what the class's score is on average when a pixel is shown, over photos that are hidden at random places.

Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018:
S = 1 / (E[M] N) times the sum over N masks of f(I * M_i) M_i. A mask is a grid of s x s cells, each kept with
probability p, enlarged bilinearly to (s + 1) cells of the input's size divided by s, and cut to the input's size at a
random place less than a cell from its corner. So E[M] is p everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.errors import SettingError
from layerlore.methods.masking import check_baseline, score_under
from layerlore.methods.subject import Raw, check_count, check_output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.methods.subject import Subject


def explain(
    subject: Subject,
    seed: int,
    *,
    samples: int = 1000,
    grid: int = 7,
    keep: float = 0.5,
    output: str = "probability",
    baseline: float = 0.0,
    batch: int = 8,
) -> Raw:
    """RISE.

    Args:
        subject: Photo and class.
        seed: Of the masks, together with the photo.
        samples: Masks; public code that repeats the paper takes 4,000 for VGG16 and 8,000 for ResNet-50.
        grid: Cells in a row and in a column.
        keep: Probability that a cell is shown.
        output: Score of the class: ``probability`` (as published) or ``logit``.
        baseline: Value that hidden pixels fade to, in the units of the preprocessed input.
        batch: Masked photos that go through the network together; many at once are slower on a CPU.

    Raises:
        SettingError: An option is out of range.
    """
    samples, batch = check_count("samples", samples, 1), check_count("batch", batch, 1)
    rows, columns = subject.inputs.shape[2:]
    grid, keep = _check_grid(grid, min(rows, columns)), _check_keep(keep)
    baseline, what = check_baseline(baseline), check_output(output)
    total = torch.zeros((rows, columns), dtype=torch.float64)
    # The photo is part of the seed, so over many photos chance in the masks does not favour the same places.
    random = np.random.default_rng([seed, int(subject.photo.image_id, 16)])
    with subject.asking():
        for masks in draw_masks(random, samples, grid=grid, keep=keep, size=(rows, columns), batch=batch):
            scores = score_under(subject, masks, what, baseline)
            total += torch.einsum("n,nhw->hw", scores, masks.double())
    values = total / (keep * samples)
    values -= values.min().clamp(max=0)  # a logit below 0 is no evidence against the class
    settings = {"samples": samples, "grid": grid, "keep": keep, "output": what, "baseline": baseline}
    return Raw(np.asarray(values.numpy()), signed=False, model_calls=subject.asked, settings=settings)


def draw_masks(
    random: np.random.Generator, samples: int, *, grid: int, keep: float, size: tuple[int, int], batch: int
) -> Iterator[torch.Tensor]:
    """The masks, a batch at a time, as all together may not fit in memory; the batch does not change them.

    Args:
        random: Where the numbers come from.
        samples: How many masks.
        grid: Cells in a row and in a column.
        keep: Probability that a cell is 1 and not 0.
        size: The input's rows and columns.
        batch: How many at a time.

    Yields:
        Float32 of shape (n, rows, columns) in [0, 1].
    """
    rows, columns = size
    high, wide = -(-rows // grid), -(-columns // grid)
    cells = torch.from_numpy((random.random((samples, grid, grid)) < keep).astype(np.float32))
    shifts = random.integers((high, wide), size=(samples, 2)).tolist()
    enlarged_size = ((grid + 1) * high, (grid + 1) * wide)
    for first in range(0, samples, batch):
        chosen = cells[first : first + batch, None]
        enlarged = torch.nn.functional.interpolate(chosen, enlarged_size, mode="bilinear", align_corners=False)[:, 0]
        corners = shifts[first : first + batch]
        yield torch.stack(
            [
                one[down : down + rows, right : right + columns]
                for one, (down, right) in zip(enlarged, corners, strict=True)
            ]
        )


def _check_grid(grid: int, side: int) -> int:
    """So many cells that there is something to choose, and that each has a pixel.

    Raises:
        SettingError: There are fewer or more.
    """
    if check_count("grid", grid, 2) > side:
        raise SettingError(f"grid is {grid}, but the input has {side} pixels a side; give at most so many cells")
    return grid


def _check_keep(keep: float) -> float:
    """A probability that leaves something to chance.

    Raises:
        SettingError: It does not.
    """
    if not 0 < keep < 1:
        raise SettingError(f"keep is {keep}; give a probability between 0 and 1, such as 0.5")
    return float(keep)
