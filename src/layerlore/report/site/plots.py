"""Small plots as inline SVG: shapes only; every number that they show stands beside them as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.classes.records import Trend

WIDTH, HEIGHT, EDGE = 160.0, 40.0, 4.0


@dataclass(frozen=True)
class Plot:
    """A line over the layers.

    Attributes:
        points: Of a polyline in a box of ``WIDTH`` by ``HEIGHT``.
        dots: The same points one by one.
        text: What a reader who cannot see it is told.
    """

    points: str
    dots: tuple[tuple[float, float], ...]
    text: str


def trend_plot(trend: Trend, layers: Sequence[str]) -> Plot:
    """A concept's mean score over the layers, from 0 at the foot to its highest at the top."""
    most = max((*trend.means, 0.0)) or 1.0
    step = (WIDTH - 2 * EDGE) / max(1, len(trend.means) - 1)
    dots = tuple(
        (round(EDGE + place * step, 1), round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * max(0.0, mean) / most, 1))
        for place, mean in enumerate(trend.means)
    )
    said = ", ".join(f"{layer} {words.number(mean, 2)}" for layer, mean in zip(layers, trend.means, strict=True))
    return Plot(" ".join(f"{x},{y}" for x, y in dots), dots, f"Mean score of {trend.name}, shallow to deep: {said}")
