"""The few statistics that the summary needs; people are the units, for what one person says hangs together."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from layerlore.significance import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEVEL = 0.95
MOST_EXACT = 20_000
"""Ways to divide people into two groups, up to which all are counted."""


def bootstrap_ratio(
    sums: NDArray[np.float64], counts: NDArray[np.float64], *, resamples: int, seed: int
) -> tuple[float, float, float]:
    """A mean over all answers with an interval that resamples people with all that they answered.

    The percentile interval is widened for few people, by the quantiles of t and by n/(n - 1) (Hesterberg, "What
    Teachers Should Know About the Bootstrap", The American Statistician 69, 2015: the expanded percentile interval).

    Args:
        sums: For each person the sum of their values.
        counts: For each person how many there are; at least one.
        resamples: How many.
        seed: Of the resampling.

    Returns:
        Mean, lower and upper end.
    """
    people = len(sums)
    weights = np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), size=resamples)
    means = (weights @ sums) / (weights @ counts)
    wide = stats.norm.cdf(math.sqrt(people / (people - 1)) * stats.t.ppf((1 - LEVEL) / 2, people - 1))
    low, high = np.quantile(means, [wide, 1 - wide])
    return float(sums.sum() / counts.sum()), float(low), float(high)


@dataclass(frozen=True)
class MannWhitney:
    """Two groups compared by ranks.

    Attributes:
        u: Pairs in which the first group's value is larger, ties counted half.
        p: Two-sided.
        exact: p comes from all ways to divide the values.
    """

    u: float
    p: float
    exact: bool


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> MannWhitney:
    """Mann and Whitney's test (1947); exact also with ties where all ways to divide the values can be counted."""
    ways = math.comb(len(first) + len(second), len(first))
    if ways > MOST_EXACT:
        found = stats.mannwhitneyu(first, second, alternative="two-sided", method="asymptotic")
        return MannWhitney(float(found.statistic), float(found.pvalue), exact=False)
    ranks = stats.rankdata([*first, *second])
    chosen = np.array(list(itertools.combinations(range(len(ranks)), len(first))))
    least = len(first) * (len(first) + 1) / 2
    every = ranks[chosen].sum(axis=1) - least
    middle = len(first) * len(second) / 2
    u = float(ranks[: len(first)].sum() - least)
    p = float(np.mean(np.abs(every - middle) >= abs(u - middle) - 1e-9))
    return MannWhitney(u, p, exact=True)


def holm_of_those(values: Sequence[float | None]) -> list[float | None]:
    """Values of p corrected by Holm's procedure; None stays None and does not count."""
    corrected = iter(holm([value for value in values if value is not None]))
    return [None if value is None else next(corrected) for value in values]


def choices_by_chance(counts: NDArray[np.int64], *, resamples: int, seed: int) -> tuple[float, list[float]]:
    """Whether methods are chosen as if by chance: each person's choices go to the methods in a random order.

    Somebody who always chooses the same counts as one vote for it, not as many, so that this holds also where people
    answer several photos.

    Args:
        counts: Times that each person chose each method, shape (people, methods).
        resamples: How many random orders.
        seed: Of them.

    Returns:
        p of all methods together (sum of squares), and for each method the two-sided p of its share.
    """
    rng = np.random.default_rng(seed)
    expected = counts.sum() / counts.shape[1]
    seen = counts.sum(axis=0) - expected
    together, single = 0, np.zeros(counts.shape[1], np.int64)
    for _ in range(resamples):
        drawn = rng.permuted(counts, axis=1).sum(axis=0) - expected
        together += int((drawn**2).sum() >= (seen**2).sum() - 1e-9)
        single += np.abs(drawn) >= np.abs(seen) - 1e-9
    return (together + 1) / (resamples + 1), [(int(one) + 1) / (resamples + 1) for one in single]
