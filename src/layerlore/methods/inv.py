"""All layers of this project's explanation folded into one map, and put right by asking the network.

Method ``stable`` of :func:`layerlore.explain` finds the clusters; :mod:`layerlore.local.folding` does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.local.folding import ROUNDS, correct
from layerlore.methods.folded import fold_layers
from layerlore.methods.subject import Raw, check_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.methods.subject import Subject


def explain(
    subject: Subject,
    seed: int,
    *,
    layers: str | int | Sequence[str | int] | None = None,
    rounds: int = ROUNDS,
    hide: str = "both",
) -> Raw:
    """The layers folded, then corrected.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        layers: As for :func:`layerlore.explain`; None = the network's default, nine.
        rounds: Corrections, each with eight pictures forwards and backwards; 0 = the folded layers as they are.
        hide: What takes the place of what a correction does not show: ``colour``, ``blur`` or, by turns, ``both``.

    Raises:
        SettingError: An option is out of range.
        LayerError: There is no such layer.
        GradientError: No gradient reaches the photo.
    """
    check_count("rounds", rounds, 0)
    folded = fold_layers(subject, seed, "stable", layers)
    values, asked = correct(subject.network, subject.inputs, subject.target, folded.values, rounds=rounds, hide=hide)
    settings = {**folded.settings, "rounds": rounds, "hide": hide}
    return Raw(values, signed=False, model_calls=folded.model_calls + asked, settings=settings)
