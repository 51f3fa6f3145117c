"""What a metric found for one photo and one map."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One metric of one map.

    Attributes:
        value: What was measured; None where nothing could be.
        note: Why not, or what is special about it, in one line; else "".
        curve: Points that the value sums up, for insertion and deletion (share of pixels, probability of the class),
            for others as their metric says.
        chance: What a map that knows nothing gets here; None where nobody can say.
        model_calls: Pictures that went through the network, forwards and backwards counted each.
    """

    value: float | None
    note: str = ""
    curve: tuple[tuple[float, float], ...] = ()
    chance: float | None = None
    model_calls: int = 0
