"""The clusters of the published method, of all layers, folded here into one map: added up by their weights.

The clusters, their maps and weights are those of Bianchi et al., "Interpretable Network Visualizations", IJCAI 2024.
The paper shows them apart and never folds them: that each map is scaled to [0, 1], counts by its cluster's weight, and
that the layers are added up, each with the same say, is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.methods.folded import fold_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.methods.subject import Raw, Subject


def explain(subject: Subject, seed: int, *, layers: str | int | Sequence[str | int] | None = None) -> Raw:
    """The layers folded.

    Args:
        subject: Photo and class.
        seed: Of t-SNE.
        layers: As for :func:`layerlore.explain`; None = the network's default, nine.
    """
    return fold_layers(subject, seed, "paper", layers)
