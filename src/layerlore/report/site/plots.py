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
    """A line over the layers, with a gap where nobody was asked.

    Attributes:
        lines: Points of polylines in a box of ``WIDTH`` by ``HEIGHT``; a point alone has none.
        dots: All points one by one.
        text: What a reader who cannot see it is told.
    """

    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    text: str


def trend_plot(trend: Trend, layers: Sequence[str]) -> Plot:
    """A concept's mean score over the layers, from 0 at the foot to its highest at the top."""
    most = max((mean for mean in trend.means if mean is not None), default=0.0) or 1.0
    step = (WIDTH - 2 * EDGE) / max(1, len(trend.means) - 1)
    parts: list[list[tuple[float, float]]] = [[]]
    for place, mean in enumerate(trend.means):
        if mean is None:
            parts.append([])
        else:
            high = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * max(0.0, mean) / most
            parts[-1].append((round(EDGE + place * step, 1), round(high, 1)))
    said = ", ".join(f"{layer} {mean}" for layer, mean in zip(layers, told(trend), strict=True))
    return Plot(
        lines=tuple(" ".join(f"{x},{y}" for x, y in part) for part in parts if len(part) > 1),
        dots=tuple(point for part in parts for point in part),
        text=f"Mean score of {trend.name}, shallow to deep: {said}",
    )


def told(trend: Trend) -> tuple[str, ...]:
    """The mean scores as text."""
    return tuple("not asked" if mean is None else words.number(mean, 2) for mean in trend.means)
