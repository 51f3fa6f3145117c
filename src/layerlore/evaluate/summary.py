"""The table of an evaluation: by metric and method a mean, its interval, and the difference from the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.statistics import Difference, Interval, mean_interval, paired_difference, sign_flip
from layerlore.methods.registry import METHODS
from layerlore.significance import SIGNIFICANT, holm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layerlore.evaluate.results import Evaluation


CONTROL = "control"
"""Source of the methods that know nothing of the photo."""
HITS = frozenset({"pointing", "increase_in_confidence"})
"""Metrics that are 1 for a hit and 0 for none."""
AHEAD, LEVEL_WITH, BEHIND = 1, 0, -1


@dataclass(frozen=True)
class Line:
    """One method by one metric.

    Attributes:
        metric: Name.
        method: Name.
        interval: Mean over photos; None where it was measured on none.
        difference: From the reference, on the same photos; None for the reference itself and where there are none.
        chance: Mean over photos of what a map that knows nothing gets; None where nobody can say.
        made: The method asks what the metric asks when it is made, so that the value is told and not judged.
    """

    metric: str
    method: str
    interval: Interval | None
    difference: Difference | None
    chance: float | None = None
    made: bool = False

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``other`` than the reference; "" where it is not tested, or chance could be."""
        if self.difference is None or not self.difference.told:
            return ""
        better = METRICS[self.metric].better
        if better == "neither":
            return "other"
        return "better" if (self.difference.mean > 0) == (better == "higher") else "worse"

    def as_row(self) -> dict[str, Any]:
        """Plain values."""
        mine, other = self.interval, self.difference
        return {
            "metric": self.metric,
            "method": self.method,
            "n": 0 if mine is None else mine.n,
            "mean": mine and mine.mean,
            "low": mine and mine.low,
            "high": mine and mine.high,
            "chance": self.chance,
            "difference": other and other.mean,
            "difference_low": other and other.low,
            "difference_high": other and other.high,
            "difference_n": 0 if other is None else other.n,
            "p": other and other.p,
            "p_holm": other and other.p_holm,
            "verdict": self.verdict,
            "made": self.made,
        }


def summarise(evaluation: Evaluation) -> tuple[Line, ...]:
    """All lines, by metric and method; the p-values of all differences that are tested are corrected together."""
    lines = [_line(evaluation, method, metric) for metric in evaluation.metrics for method in evaluation.methods]
    raw = {
        place: line.difference.p
        for place, line in enumerate(lines)
        if line.difference is not None and line.difference.p is not None
    }
    for place, p in zip(raw, holm(list(raw.values())), strict=True):
        old = lines[place].difference
        lines[place] = replace(lines[place], difference=old and replace(old, p_holm=p))
    return tuple(lines)


def _line(evaluation: Evaluation, method: str, metric: str) -> Line:
    mine = evaluation.values(method, metric)
    measured = mine[~np.isnan(mine)]
    made, reference_made = (evaluation.made_with(name, metric) for name in (method, evaluation.against))
    if not len(measured):
        return Line(metric, method, None, None, made=made)
    found = [evaluation.measurement(photo, method, metric) for photo in evaluation.photos]
    chances = [one.chance for one in found if one is not None and one.value is not None and one.chance is not None]
    chance = float(np.mean(chances)) if chances else None
    interval = interval_of(metric, measured, evaluation.seed)
    if method == evaluation.against:
        return Line(metric, method, interval, None, chance, made)
    mine, reference = both_measured(evaluation, metric, method, evaluation.against)
    tested = not made and not reference_made
    difference = paired_difference(mine, reference, evaluation.seed, test=tested) if len(mine) else None
    return Line(metric, method, interval, difference, chance, made)


def interval_of(metric: str, values: NDArray[np.float64], seed: int) -> Interval:
    """Mean of a metric with its interval, from its value on each photo."""
    return mean_interval(values, seed, hits=metric in HITS)


@dataclass(frozen=True)
class Leaders:
    """Who is best by one metric.

    Attributes:
        metric: Name.
        best: The method with the best mean among those that no other is ahead of by more than chance.
        alike: Methods that cannot be told from it by chance, best first.
        photos: Photos on which the best was measured.
        measured: Methods that were measured.
        passed: Methods with a better mean that are behind another on the photos that both have; photos on which they
            were not measured make the difference.
    """

    metric: str
    best: str
    alike: tuple[str, ...]
    photos: int
    measured: int
    passed: tuple[str, ...] = ()

    @property
    def pairs(self) -> int:
        """Pairs of methods; each might have been the one that is tested."""
        return self.measured * (self.measured - 1) // 2

    @property
    def telling(self) -> bool:
        """At least one method can be told to be behind the best."""
        return len(self.alike) + 1 < self.measured


def leaders(evaluation: Evaluation, metric: str) -> Leaders | None:
    """The best method by a metric, and those whose paired difference from it chance could have made.

    The best is chosen by looking at the same photos, so every pair of methods might have been the one that is tested:
    the p-values are multiplied by the number of pairs (Bonferroni). Means may be over different photos, differences
    never are: a method that another is ahead of on the photos of both is not the best, whatever its mean. Controls do
    not compete: a map that is the same for every photo is perfectly stable. Nor does a method that is made with what
    the metric asks. Nor do methods by how much of the photo they point at, which is no merit by itself.

    Args:
        evaluation: What was measured.
        metric: Its name.

    Returns:
        None where nobody competes: the metric only describes, or no method that competes was measured.
    """
    better = METRICS[metric].better
    measured = {
        line.method: line.interval
        for line in evaluation.lines
        if line.metric == metric and line.interval is not None and competes(evaluation, line.method, metric)
    }
    if better == "neither" or METRICS[metric].family == "complexity" or not measured:
        return None
    sign = 1 if better == "higher" else -1
    ranked = sorted(measured, key=lambda method: -sign * measured[method].mean)
    pairs = len(ranked) * (len(ranked) - 1) // 2
    for method in ranked:
        sides = {other: _side(evaluation, metric, method, other, pairs) for other in ranked if other != method}
        if BEHIND not in sides.values():
            break
    else:  # each is behind another, on photos of their own: nobody can be told to be the best
        method, sides = ranked[0], dict.fromkeys(ranked[1:], LEVEL_WITH)
    alike = tuple(other for other, side in sides.items() if side == LEVEL_WITH)
    passed = tuple(ranked[: ranked.index(method)])
    return Leaders(metric, method, alike, measured[method].n, len(ranked), passed)


def _side(evaluation: Evaluation, metric: str, method: str, other: str, pairs: int) -> int:
    """Whether a method is ahead of another on the photos of both, by more than chance."""
    mine, theirs = both_measured(evaluation, metric, method, other)
    differences = (mine - theirs) * (1 if METRICS[metric].better == "higher" else -1)
    if not len(mine) or sign_flip(differences, evaluation.seed) * pairs >= SIGNIFICANT:
        return LEVEL_WITH
    return AHEAD if differences.mean() > 0 else BEHIND


def competes(evaluation: Evaluation, method: str, metric: str) -> bool:
    """Whether a good value speaks for a method: it is no control, and not made with what the metric asks."""
    return METHODS[method].source != CONTROL and not evaluation.made_with(method, metric)


def both_measured(
    evaluation: Evaluation, metric: str, method: str, other: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of two methods on the photos on which both were measured."""
    mine, reference = evaluation.values(method, metric), evaluation.values(other, metric)
    both = ~np.isnan(mine) & ~np.isnan(reference)
    return mine[both], reference[both]


def not_better(evaluation: Evaluation, metric: str, control: str) -> tuple[str, ...]:
    """Methods whose lead over a control chance could have made, and those behind it.

    Args:
        evaluation: What was measured.
        metric: One that has a better end.
        control: A method that knows nothing of the photo, such as ``random``.
    """
    sign = 1 if METRICS[metric].better == "higher" else -1
    others = [name for name in evaluation.methods if competes(evaluation, name, metric)]
    found = []
    for method in others:
        mine, reference = both_measured(evaluation, metric, method, control)
        if not len(mine):
            continue
        differences = sign * (mine - reference)
        if differences.mean() <= 0 or sign_flip(differences, evaluation.seed) * len(others) >= SIGNIFICANT:
            found.append(method)
    return tuple(found)


def tellable(photos: int, comparisons: int) -> bool:
    """Whether so few photos could tell any difference from chance: all signs alike is the clearest they can be."""
    return comparisons < SIGNIFICANT * float(2 ** (photos - 1))
