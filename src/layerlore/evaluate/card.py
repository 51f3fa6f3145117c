"""The report card: whether a method passes a metric, for those that have a mark, and cannot for the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from layerlore.evaluate.construction import ABLATED, DIMMED
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.statistics import sign_flip
from layerlore.evaluate.summary import CONTROL, both_measured, tellable
from layerlore.methods.registry import METHODS
from layerlore.significance import SIGNIFICANT, holm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from layerlore.evaluate.results import Evaluation

State = Literal["passed", "failed", "open", "told", "made", "missing"]
Number = Literal["importance", "weight"]
"""What clusters are ordered by."""
Reason = Literal["", "not shown", "counted"]

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
        "c_weight_shapley": 0.0,
        "c_weight_ablation": 0.0,
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
WIDE_WIN = DIMMED
"""Of those families, metrics by which wide maps win, also those that know nothing: no mark."""
ORDERED_BY: Mapping[str, Number] = MappingProxyType({"inv": "importance", "inv_paper": "weight"})
"""Method to the number by which its clusters are measured: importance, where the method has it."""
SAME: Mapping[str, str] = MappingProxyType({"c_weight_shapley": "c_shapley", "c_weight_ablation": "c_ablation"})
"""Where that number is the weight, each of these is another one again; it is counted once, there."""


@dataclass(frozen=True)
class Check:
    """One method by one metric.

    Attributes:
        metric: Name.
        method: Name.
        state: ``passed`` or ``failed``: on one side of the mark, more than by chance; ``open``: chance could have put
            it there; ``told``: it is not judged; ``made``: the method asks the same when it is made, so that a good
            value is no merit; ``missing``: nothing was measured.
        mean: Over photos; None where it is missing.
        n: Photos.
        mark: What the mean is held against; None where that is the controls, or nothing.
        controls: Methods that know nothing of the photo, which the metric measured, too.
        behind: Those of them that it is worse than where it failed, and that it cannot be told from where it is open.
        reason: Why it is told and not judged: it is of a number that pages do not show, or counted elsewhere; "" where
            there is no mark.
        tests: Tests of the card that are open, where the photos are too few for so many; else 0.
        fewest: Photos that it then takes at least, else 0.
    """

    metric: str
    method: str
    state: State
    mean: float | None = None
    n: int = 0
    mark: float | None = None
    controls: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    reason: Reason = ""
    tests: int = 0
    fewest: int = 0


def check_all(evaluation: Evaluation, method: str, first: Number | None = None) -> dict[str, Check]:
    """Hold a method against the marks of all metrics.

    A sign-flip test tells, exact for few photos. The p-values of all that is held against anything, each control by
    itself, are corrected together (Holm), so the more is held, the more photos it takes.

    Args:
        evaluation: What was measured.
        method: One of its methods.
        first: What pages show of its clusters first; None: there are no pages, and what it orders them by counts.

    Returns:
        Metric to what came out, for all metrics.
    """
    reasons = {name: _reason(evaluation, method, name, first) for name in METRICS}
    held = {name: {} if reasons[name] else _held_against(evaluation, method, name) for name in METRICS}
    flat = [differences for sides in held.values() for differences in sides.values()]
    corrected = holm([sign_flip(differences, evaluation.seed) for differences in flat])
    tests = sum(p >= SIGNIFICANT for p in corrected)
    fewest = next(photos for photos in count(1) if tellable(photos, tests))
    following = iter(corrected)
    found = {}
    for name, own in held.items():
        sides = {mark: _side(differences, name, next(following)) for mark, differences in own.items()}
        check = _check(evaluation, method, name, sides, reasons[name])
        if any(sides[mark] == "open" and len(differences) < fewest for mark, differences in own.items()):
            check = replace(check, tests=tests, fewest=fewest)
        found[name] = check
    return found


def _reason(evaluation: Evaluation, method: str, metric: str, first: Number | None) -> Reason:
    """Why a metric of clusters is not judged, though it has a mark."""
    ordered = ORDERED_BY.get(method)
    if metric in ABLATED and ordered == "importance" and first == "weight":
        return "not shown"
    other = SAME.get(metric)
    if other and ordered == "weight" and not np.isnan(evaluation.values(method, other)).all():
        return "counted"
    return ""


def _check(evaluation: Evaluation, method: str, metric: str, sides: Mapping[str, State], reason: Reason) -> Check:
    """One check, from what it is held against to the side of it that the method is on."""
    values = evaluation.values(method, metric)
    values = values[~np.isnan(values)]
    if not len(values):
        return Check(metric, method, "missing")
    mean, n = float(values.mean()), len(values)
    if reason:
        return Check(metric, method, "told", mean, n, reason=reason)
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
