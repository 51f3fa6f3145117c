"""Small charts: numbers as places of bars, which templates draw as SVG without any style of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 0.2
"""Share of a bar's place that stays empty."""


@dataclass(frozen=True)
class Bar:
    """One bar, in the chart's units.

    Attributes:
        x: Left edge.
        y: Upper edge.
        width: Width.
        height: Height.
        label: What it stands for.
        value: Its number.
    """

    x: float
    y: float
    width: float
    height: float
    label: object
    value: float


@dataclass(frozen=True)
class Bars:
    """A chart of bars.

    Attributes:
        width: Of the whole.
        height: Of the whole.
        bars: From left to right.
        top: The largest number.
    """

    width: float
    height: float
    bars: tuple[Bar, ...]
    top: float


def bars(values: Sequence[tuple[object, float]], *, width: float, height: float) -> Bars:
    """Bars for labelled numbers that are not negative; the largest is as high as the chart."""
    top = max((value for _, value in values), default=0.0)
    place = width / max(len(values), 1)
    found = []
    for number, (label, value) in enumerate(values):
        tall = height * value / top if top else 0.0
        found.append(
            Bar(
                x=round(place * (number + GAP / 2), 3),
                y=round(height - tall, 3),
                width=round(place * (1 - GAP), 3),
                height=round(tall, 3),
                label=label,
                value=value,
            )
        )
    return Bars(width, height, tuple(found), top)
