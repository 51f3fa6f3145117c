"""What can be said of a number measured on some photos: intervals, paired differences, and whether chance would do.

Photos are the sample: intervals are bootstraps over photos, and a difference is of two methods on the same photos.
Nothing here depends on the order of methods, metrics or photos: every number draws from a generator of its own, and
photos are sorted by their values first.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.significance import SIGNIFICANT, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 2000
FLIPS = 19_999
"""Random sign flips; the smallest p-value is 1 / (FLIPS + 1)."""
EXACT = 13
"""Up to so many photos all sign flips are gone through."""
FEWEST = 5
"""Photos below which there is no interval: a bootstrap of so few only says what they are."""
FEW = 10
"""Photos below which a bootstrap interval is known to be too narrow; it is told."""
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over photos with its 95 % interval.

    Attributes:
        mean: The mean.
        low: Lower end; None for fewer than ``FEWEST`` photos, and where all values are one.
        high: Upper end.
        n: Photos.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """A mean paired difference with its 95 % interval.

    Attributes:
        mean: Mean of method minus reference.
        low: Lower end; None for fewer than ``FEWEST`` photos, and where all differences are one.
        high: Upper end.
        n: Photos on which both were measured.
        p: Of the sign-flip test: how often would chance give a mean difference as large. None where it is not tested,
            as a method or the reference asks the metric's question when it is made.
        p_holm: The same, corrected for the number of differences that are tested in the table.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    p: float | None
    p_holm: float | None = None

    @property
    def told(self) -> bool:
        """The difference can be told from chance."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT


def mean_interval(values: Sequence[float] | NDArray[np.float64], seed: int, *, hits: bool = False) -> Interval:
    """Mean and BCa bootstrap interval over photos (Efron, JASA 1987).

    Values that are all one have no interval: resampling them only says the same again.

    Args:
        values: One for each photo, at least one.
        seed: Of the resampling.
        hits: A value is 1 for a hit and 0 for none; where all are, the mean is a share and has Wilson's interval.
    """
    from scipy.stats import bootstrap

    data = np.sort(np.asarray(values, dtype=np.float64))
    mean = float(data.mean())
    if len(data) < FEWEST:
        return Interval(mean, None, None, len(data))
    if hits and np.isin(data, (0, 1)).all():
        return Interval(mean, *wilson(mean, len(data)), len(data))
    if float(np.ptp(data)) <= 1e-12 * max(1.0, abs(mean)):
        return Interval(mean, None, None, len(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where BCa has no answer, it says so by NaN as well
        found = bootstrap(
            (data,),
            np.mean,
            n_resamples=RESAMPLES,
            confidence_level=LEVEL,
            method="BCa",
            random_state=np.random.default_rng(seed),
        ).confidence_interval
    low, high = float(found.low), float(found.high)
    if np.isfinite(low) and np.isfinite(high):
        return Interval(mean, low, high, len(data))
    low, high = np.quantile(_resampled_means(data[:, None], seed)[:, 0], _tails())
    return Interval(mean, float(low), float(high), len(data))


def mean_band(
    curves: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean curve and its pointwise 95 % percentile bootstrap band.

    Args:
        curves: Shape (photos, points).
        seed: Of the resampling.

    Returns:
        Mean, lower and upper edge, each of shape (points,); edges are the mean for fewer than ``FEWEST`` photos.
    """
    curves = curves[np.lexsort(curves.T)]
    mean = curves.mean(axis=0)
    if len(curves) < FEWEST:
        return mean, mean, mean
    low, high = np.quantile(_resampled_means(curves, seed), _tails(), axis=0)
    return mean, np.asarray(low), np.asarray(high)


def paired_difference(
    values: NDArray[np.float64], reference: NDArray[np.float64], seed: int, *, test: bool = True
) -> Difference:
    """Mean of ``values - reference`` on the same photos, with interval and sign-flip test.

    Args:
        values: One for each photo.
        reference: For the same photos in the same order.
        seed: Of resampling and flips.
        test: Whether there is anything to tell from chance.
    """
    differences = np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    found = mean_interval(differences, seed)
    return Difference(found.mean, found.low, found.high, found.n, sign_flip(differences, seed) if test else None)


def sign_flip(differences: NDArray[np.float64], seed: int) -> float:
    """Two-sided p-value of a mean difference: signs of the pairs are exchangeable if chance alone is at work.

    Exact for up to ``EXACT`` pairs; else the observed signs count among the random ones, so that it is never 0
    (Phipson and Smyth 2010).
    """
    differences = np.sort(differences)
    signs = _signs(len(differences), seed)
    observed = abs(float(differences.sum()))
    if observed == 0:
        return 1.0
    # Sums that are equal but for rounding count as equal.
    as_large = int((np.abs(signs @ differences) >= observed * (1 - 1e-9)).sum())
    if len(differences) <= EXACT:
        return as_large / len(signs)
    return (1 + as_large) / (1 + len(signs))


@functools.lru_cache(maxsize=8)
def _signs(pairs: int, seed: int) -> NDArray[np.float32]:
    """Signs of shape (flips, pairs); the same ones for all differences of as many pairs."""
    if pairs <= EXACT:
        bits = (np.arange(2**pairs)[:, None] >> np.arange(pairs)) & 1
    else:
        bits = np.random.default_rng(seed).integers(0, 2, (FLIPS, pairs), dtype=np.int8)
    return (1 - 2 * bits).astype(np.float32)


def _tails() -> tuple[float, float]:
    return (1 - LEVEL) / 2, (1 + LEVEL) / 2


def _resampled_means(curves: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Means of bootstrap samples of the rows, shape (resamples, points)."""
    n = len(curves)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return np.asarray(drawn @ curves / n)
