"""The report card: whether a method passes a metric, for those that have a mark, and cannot for the others."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.statistics import SIGNIFICANT, sign_flip
from layerlore.evaluate.summary import CONTROL, both_measured
from layerlore.methods.registry import METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from layerlore.evaluate.results import Evaluation

State = Literal["passed", "failed", "open", "told", "missing"]

HALF = 0.5
"""Between "all stays" (1) and "nothing does" (0). Ours: the papers set no mark."""
MARKS: Mapping[str, float] = MappingProxyType(
    {
        "emprt": 0.0,
        "smprt": HALF,
        "random_logit": HALF,
        "later_layers": HALF,
        "c_insertion": 0.0,
        "c_deletion": 0.0,
        "c_shapley": 0.0,
        "c_ablation": 0.0,
        "c_seed": HALF,
        "c_channels": HALF,
        "c_noise": HALF,
        "c_flip": HALF,
        "c_silhouette": 0.0,
    }
)
"""What a mean is held against: the value of a map, or an order, that knows nothing; or half."""
AGAINST_CONTROLS = frozenset({"faithfulness", "localisation"})
"""Families in which the maps that know nothing are the mark."""


@dataclass(frozen=True)
class Check:
    """One method by one metric.

    Attributes:
        metric: Name.
        method: Name.
        state: ``passed`` or ``failed``: on one side of the mark, more than by chance; ``open``: chance could have put
            it there; ``told``: there is no mark; ``missing``: nothing was measured.
        mean: Over photos; None where it is missing.
        n: Photos.
        mark: What the mean is held against; None where that is the controls, or nothing.
        controls: Methods that know nothing of the photo, which the metric measured, too.
        behind: Those of them that the method does not beat by more than chance.
    """

    metric: str
    method: str
    state: State
    mean: float | None = None
    n: int = 0
    mark: float | None = None
    controls: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()


def check(evaluation: Evaluation, method: str, metric: str) -> Check:
    """Hold a method against the mark of a metric.

    A sign-flip test tells, exact for few photos; so fewer than six never tell anything. Where the mark is the controls,
    the p-value is multiplied by the number of controls and of metrics that have them for a mark (Bonferroni).

    Args:
        evaluation: What was measured.
        method: One of its methods.
        metric: One of its metrics.
    """
    values = evaluation.values(method, metric)
    values = values[~np.isnan(values)]
    if not len(values):
        return Check(metric, method, "missing")
    mean, n, mark = float(values.mean()), len(values), MARKS.get(metric)
    if mark is not None:
        return Check(metric, method, _side(values - mark, metric, evaluation.seed, 1), mean, n, mark)
    sides = _against_controls(evaluation, method, metric) if METRICS[metric].family in AGAINST_CONTROLS else {}
    if not sides:
        return Check(metric, method, "told", mean, n)
    behind = tuple(control for control, side in sides.items() if side != "passed")
    state: State = "failed" if "failed" in sides.values() else "open" if behind else "passed"
    return Check(metric, method, state, mean, n, None, tuple(sides), behind)


def _against_controls(evaluation: Evaluation, method: str, metric: str) -> dict[str, State]:
    """Control to the side of it that the method is on."""
    controls = [name for name in evaluation.methods if METHODS[name].source == CONTROL and name != method]
    compared = sum(METRICS[name].family in AGAINST_CONTROLS for name in evaluation.metrics)
    sides: dict[str, State] = {}
    for control in controls:
        mine, other = both_measured(evaluation, metric, method, control)
        if len(mine):
            sides[control] = _side(mine - other, metric, evaluation.seed, len(controls) * compared)
    return sides


def _side(differences: NDArray[np.float64], metric: str, seed: int, comparisons: int) -> State:
    """Which side of the mark the photos are on together."""
    if sign_flip(differences, seed) * comparisons >= SIGNIFICANT:
        return "open"
    good = (differences.mean() > 0) == (METRICS[metric].better == "higher")
    return "passed" if good else "failed"
