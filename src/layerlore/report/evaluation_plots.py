"""Mean curves with their bands as inline SVG: shapes only; the numbers stand beside them as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.statistics import FEWEST, mean_band
from layerlore.report import evaluation_words as said
from layerlore.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.evaluate.results import Evaluation

WIDTH, HEIGHT = 200.0, 120.0
POINTS = 60
"""A curve has no more points than can be seen."""


@dataclass(frozen=True)
class Panel:
    """One method's curve.

    Attributes:
        method: Its title.
        value: The metric's mean.
        line: Points of the mean curve.
        band: Points round its band.
        reference: Points of the reference's mean curve; "" in its own panel.
        text: What a reader who cannot see it is told.
    """

    method: str
    value: str
    line: str
    band: str
    reference: str
    text: str


@dataclass(frozen=True)
class Curves:
    """All panels of a metric, with one scale.

    Attributes:
        title: The metric's.
        note: What the axes mean.
        panels: By method.
    """

    title: str
    note: str
    panels: tuple[Panel, ...]


def curves(evaluation: Evaluation) -> tuple[Curves, ...]:
    """The mean curves of all metrics that are areas under one."""
    found = []
    for metric in evaluation.metrics:
        if METRICS[metric].family != "faithfulness":
            continue
        bands: dict[str, tuple[NDArray[np.float64], ...]] = {}
        for method in evaluation.methods:
            measured = evaluation.curves(method, metric)
            if len(measured) and measured.shape[1] > 1:
                bands[method] = (measured[..., 0].mean(axis=0), *mean_band(measured[..., 1], evaluation.seed))
        if bands:
            found.append(_curves(evaluation, metric, bands))
    return tuple(found)


def _curves(evaluation: Evaluation, metric: str, bands: dict[str, tuple[NDArray[np.float64], ...]]) -> Curves:
    highs = [float(band[3].max()) for band in bands.values()]
    lows = [min(0.0, float(band[2].min())) for band in bands.values()]
    low, high = min(lows), max(*highs, 1e-9)
    reference = bands.get(evaluation.against)
    panels = []
    for method, (x, mean, lower, upper) in bands.items():
        interval = evaluation.line(method, metric).interval
        number = "" if interval is None else said.value(interval.mean)
        middle = len(x) // 2
        panels.append(
            Panel(
                said.title(method),
                number,
                _points(x, mean, low, high),
                f"{_points(x, upper, low, high)} {_points(x[::-1], lower[::-1], low, high)}",
                ""
                if reference is None or method == evaluation.against
                else _points(reference[0], reference[1], low, high),
                f"Mean curve of {said.title(method)}: from {_percent(mean[0])} by {_percent(mean[middle])} at "
                f"{_percent(x[middle])} of the pixels to {_percent(mean[-1])}",
            )
        )
    amount = len(evaluation.curves(next(iter(bands)), metric))
    note = (
        f"Across: share of the pixels, 0 to {_percent(max(float(band[0].max()) for band in bands.values()))}. "
        f"Up: {_percent(low)} to {_percent(high)}, mean of {words.count(amount, 'photo')}"
        + (f" with the pointwise 95{words.NBSP}% band." if amount >= FEWEST else ".")
    )
    if reference is not None:
        note += f" Dashed: {said.title(evaluation.against)}."
    return Curves(METRICS[metric].title, note, tuple(panels))


def _points(x: Sequence[float] | NDArray[np.float64], y: NDArray[np.float64], low: float, high: float) -> str:
    """A polyline's points in a box of ``WIDTH`` by ``HEIGHT``."""
    xs, ys = np.asarray(x), np.asarray(y)
    if len(xs) > POINTS:
        kept = np.linspace(0, len(xs) - 1, POINTS).round().astype(int)
        xs, ys = xs[kept], ys[kept]
    return " ".join(
        f"{WIDTH * across:.1f},{HEIGHT * (1 - (up - low) / (high - low)):.1f}"
        for across, up in zip(xs, ys, strict=True)
    )


def _percent(share: float) -> str:
    return f"{words.number(100 * float(share), 0)}{words.NBSP}%"
