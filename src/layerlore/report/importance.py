"""Importance of clusters in plain words: their shares of what the shown clusters of a layer do to the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.local.explanation import LayerExplanation

OF_WHAT = "of what the layer's shown clusters do to the score"


def shares(layer: LayerExplanation) -> tuple[float, ...] | None:
    """Signed shares in percent, rounded so that the printed sizes add up to 100.0; None where not measured."""
    exact = layer.importance_shares
    if exact is None:
        return None
    sizes = words.rounded([abs(share) for share in exact])
    return tuple(-size if share < 0 else size for size, share in zip(sizes, exact, strict=True))


def together(own: Sequence[float] | None, members: Sequence[int]) -> float | None:
    """The printed shares of several clusters added up; ``members`` are their positions in the layer."""
    return None if own is None else sum(own[member] for member in members)


def clause(share: float | None, weight: str, holds: str = "This cluster holds") -> str:
    """What a cluster is worth: its importance where it was measured, and its weight."""
    if share is None:
        return f"{holds} {weight} of the layer's positive weight"
    if share < 0:
        return (
            f"This cluster works against the class: {words.percent(share)} {OF_WHAT} is its own. "
            f"It holds {weight} of the layer's positive weight"
        )
    return (
        f"Of what the layer's shown clusters do to the score, {words.percent(share)} is this cluster's own. "
        f"It holds {weight} of the layer's positive weight"
    )
