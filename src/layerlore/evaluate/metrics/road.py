"""ROAD: pixels are not blackened but filled in from their neighbours, so that holes give less away by their shape.

Source: Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods", ICML 2022. Each removed
pixel is the mean of its eight neighbours, direct ones with weight 1/6 and diagonal ones with 1/12, plus noise; the
removed ones among them are unknown themselves, which gives one sparse linear system a picture. At the border the
weights of the neighbours that are there are scaled up to sum to 1.

For a share p of the pixels, MoRF removes the highest of the map and LeRF the lowest; the value is the mean over p =
10 %, ..., 90 % of (f(LeRF) - f(MoRF)) / 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.evaluate.metrics.maps import FLAT, ranks
from layerlore.evaluate.records import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.evaluate.case import Case

NAMES = frozenset({"road"})

SHARES = tuple(step / 10 for step in range(1, 10))

NOISE = 0.01
"""Standard deviation of the noise on filled pixels, as a share of the input's range."""

_NEIGHBOURS = ((0, 1, 1 / 6), (1, 0, 1 / 6), (1, 1, 1 / 12), (1, -1, 1 / 12))
"""Rows down, columns right, weight; the other four are the same seen from there."""


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """ROAD combined; its curve is half the difference of both probabilities at each share."""
    del names
    photo = case.subject.inputs[0]
    place = ranks(case.heat)
    pixels = place.numel()
    counts = [round(share * pixels) for share in SHARES]
    gone = [place >= pixels - count for count in counts] + [place < count for count in counts]
    generator = case.generator("road")
    channels_last = photo.permute(1, 2, 0).double().cpu().numpy()
    spread = NOISE * float(np.ptp(channels_last))
    pictures = []
    for missing in gone:
        filled = fill(channels_last, missing.numpy())
        filled[missing.numpy()] += generator.normal(0, spread, (int(missing.sum()), channels_last.shape[2]))
        pictures.append(torch.from_numpy(filled).permute(2, 0, 1).to(photo))
    least, most = case.ask(torch.stack(pictures)).reshape(2, -1)
    halves = ((least - most) / 2).tolist()
    note = f"{FLAT}; its pixels are ranked in reading order" if case.saliency.constant else ""
    curve = tuple((count / pixels, half) for count, half in zip(counts, halves, strict=True))
    return {"road": Measurement(float(np.mean(halves)), note, curve, model_calls=len(pictures))}


def fill(picture: NDArray[np.float64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fill in pixels from their neighbours, without noise.

    Args:
        picture: Shape (H, W, C).
        missing: Which pixels are unknown, shape (H, W); not all.

    Returns:
        A copy, in which each unknown pixel is the weighted mean of its neighbours.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    filled = picture.copy()
    count = int(missing.sum())
    if count == 0:
        return filled
    number = np.full(missing.shape, -1)
    number[missing] = np.arange(count)
    total, known = np.zeros(count), np.zeros((count, picture.shape[2]))
    rows, columns, weights = [], [], []
    for here, there, weight in _pairs(missing.shape):
        own, other = number[here], number[there]
        unknown = own >= 0
        total[own[unknown]] += weight  # each number is there once, so this adds up over the pairs
        both = unknown & (other >= 0)
        rows.append(own[both])
        columns.append(other[both])
        weights.append(np.full(int(both.sum()), -weight))
        given = unknown & (other < 0)
        known[own[given]] += weight * picture[there][given]
    every = np.arange(count)
    entries = np.concatenate([*weights, total])
    places = (np.concatenate([*rows, every]), np.concatenate([*columns, every]))
    system = coo_array((entries, places), shape=(count, count)).tocsc()
    # The system is symmetric and positive definite, for which this ordering fills in least.
    factors = splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    filled[missing] = factors.solve(known)
    return filled


def _pairs(shape: tuple[int, ...]) -> list[tuple[tuple[slice, slice], tuple[slice, slice], float]]:
    """For each of the eight directions: pixels that have a neighbour there, these neighbours, and the weight."""
    height, width = shape
    found = []
    for down, right, weight in _NEIGHBOURS:
        here = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
        there = (slice(down, height), slice(max(0, right), width + min(0, right)))
        found += [(here, there, weight), (there, here, weight)]
    return found
