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
from layerlore.significance import holm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from layerlore.evaluate.results import Evaluation

State = Literal["passed", "failed", "open", "told", "made", "missing"]

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
OWN_MARK = ""
"""Stands for the number in ``MARKS``, where controls have their names."""
WIDE_WIN = frozenset({"average_drop", "average_gain", "increase_in_confidence", "adcc"})
"""Of those families, metrics by which wide maps win, also those that know nothing: no mark."""


@dataclass(frozen=True)
class Check:
    """One method by one metric.

    Attributes:
        metric: Name.
        method: Name.
        state: ``passed`` or ``failed``: on one side of the mark, more than by chance; ``open``: chance could have put
            it there; ``told``: there is no mark; ``made``: the method asks the same when it is made, so that a good
            value is no merit; ``missing``: nothing was measured.
        mean: Over photos; None where it is missing.
        n: Photos.
        mark: What the mean is held against; None where that is the controls, or nothing.
        controls: Methods that know nothing of the photo, which the metric measured, too.
        behind: Those of them that it is worse than where it failed, and that it cannot be told from where it is open.
    """

    metric: str
    method: str
    state: State
    mean: float | None = None
    n: int = 0
    mark: float | None = None
    controls: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()


def check_all(evaluation: Evaluation, method: str) -> dict[str, Check]:
    """Hold a method against the marks of all metrics.

    A sign-flip test tells, exact for few photos; so fewer than six never tell anything. The p-values of all that is
    held against anything, each control by itself, are corrected together (Holm).

    Args:
        evaluation: What was measured.
        method: One of its methods.

    Returns:
        Metric to what came out, for all metrics.
    """
    held = {name: _held_against(evaluation, method, name) for name in METRICS}
    flat = [differences for sides in held.values() for differences in sides.values()]
    corrected = iter(holm([sign_flip(differences, evaluation.seed) for differences in flat]))
    sides = {
        name: {mark: _side(differences, name, next(corrected)) for mark, differences in own.items()}
        for name, own in held.items()
    }
    return {name: _check(evaluation, method, name, own) for name, own in sides.items()}


def _check(evaluation: Evaluation, method: str, metric: str, sides: Mapping[str, State]) -> Check:
    """One check, from what it is held against to the side of it that the method is on."""
    values = evaluation.values(method, metric)
    values = values[~np.isnan(values)]
    if not len(values):
        return Check(metric, method, "missing")
    mean, n = float(values.mean()), len(values)
    if evaluation.made_with(method, metric):
        return Check(metric, method, "made", mean, n)
    if not sides:
        return Check(metric, method, "told", mean, n)
    if metric in MARKS:
        return Check(metric, method, sides[OWN_MARK], mean, n, MARKS[metric])
    found = set(sides.values())
    state: State = "failed" if "failed" in found else "open" if "open" in found else "passed"
    behind = () if state == "passed" else tuple(control for control, side in sides.items() if side == state)
    return Check(metric, method, state, mean, n, None, tuple(sides), behind)


def _held_against(evaluation: Evaluation, method: str, metric: str) -> dict[str, NDArray[np.float64]]:
    """What the method is held against, a number or controls, to the differences from it on the photos."""
    values = evaluation.values(method, metric)
    values = values[~np.isnan(values)]
    if not len(values) or evaluation.made_with(method, metric):
        return {}
    if metric in MARKS:
        return {OWN_MARK: values - MARKS[metric]}
    if METRICS[metric].family not in AGAINST_CONTROLS or metric in WIDE_WIN:
        return {}
    controls = [name for name in evaluation.methods if METHODS[name].source == CONTROL and name != method]
    pairs = {control: both_measured(evaluation, metric, method, control) for control in controls}
    return {control: mine - other for control, (mine, other) in pairs.items() if len(mine)}


def _side(differences: NDArray[np.float64], metric: str, p: float) -> State:
    """Which side of the mark the photos are on together."""
    if p >= SIGNIFICANT:
        return "open"
    good = (differences.mean() > 0) == (METRICS[metric].better == "higher")
    return "passed" if good else "failed"
