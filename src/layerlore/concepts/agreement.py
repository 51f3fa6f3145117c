"""How far the people who labelled agree: Krippendorff's alpha, entropy, and how many people a map needs.

A unit is a cluster map as answered in one language, a rater is a player, and a rater's value is the concept of the
first thing that they typed on it, so that alpha is the plain nominal one (Krippendorff 2011).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.concepts.scoring import paper_score

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.concepts.records import AnswerFate, MapKey

DRAWS = 1000
"""Samples of photos from which intervals are taken."""
ORDERS = 10
"""Random orders in which the raters of a map are taken to have come."""
FEWEST = 4
"""Raters that a map needs before it is asked after how many its best concepts stayed."""
LONGEST = 30
"""Raters up to which the curve of convergence goes."""
ALL = "all"


def krippendorff(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Krippendorff's alpha for nominal values; None where nothing can be compared, or all values are the same.

    Args:
        units: Values that raters gave each unit, in any order; units with fewer than two do not count.
    """
    return _Tables([("", Counter(values)) for values in units]).alpha()


def entropy(values: Iterable[Hashable]) -> float:
    """Shannon entropy in bits of how often values occur; few values make it too low."""
    counts = Counter(values)
    total = sum(counts.values())
    return 0.0 - sum(count / total * math.log2(count / total) for count in counts.values())


class _Tables:
    """Units of values as sums by photo, from which alpha is computed for any weights of the photos."""

    def __init__(self, units: Sequence[tuple[str, Counter[Any]]]) -> None:
        """Take units with the photo of each; those with fewer than two values are left out."""
        from scipy.sparse import csr_array

        kept = [(photo, counts, counts.total()) for photo, counts in units if counts.total() > 1]
        photos, values = dict[str, int](), dict[Any, int]()
        rows = [photos.setdefault(photo, len(photos)) for photo, _, _ in kept]
        apart = [(total**2 - sum(n * n for n in counts.values())) / (total - 1) for _, counts, total in kept]
        cells = [
            (row, values.setdefault(value, len(values)), n)
            for row, (_, counts, _) in zip(rows, kept, strict=True)
            for value, n in counts.items()
        ]
        self.photos = len(photos)
        self.apart = np.bincount(rows, apart, len(photos)).astype(np.float64)
        row, column, count = np.array(cells or np.zeros((0, 3))).T
        shape = (len(photos), len(values))
        self.counts = csr_array((count.astype(np.float64), (row.astype(int), column.astype(int))), shape=shape)
        self.raters = float(count.sum())

    def alphas(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Alpha for each row of weights of the photos; not a number where it is not defined."""
        totals = np.asarray((self.counts.T @ weights.T).T)
        n = totals.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: NDArray[np.float64] = 1 - (n - 1) * (weights @ self.apart) / (n**2 - (totals**2).sum(axis=1))
        return np.where(np.isfinite(found), found, np.nan)

    def alpha(self) -> float | None:
        value = float(self.alphas(np.ones((1, self.photos)))[0])
        return None if math.isnan(value) else value

    def interval(self, seed: int) -> tuple[float, float] | None:
        """The middle 95 % of alpha over samples of photos; None for fewer than two photos."""
        if self.photos < 2:
            return None
        shares = np.full(self.photos, 1 / self.photos)
        drawn = self.alphas(np.random.default_rng(seed).multinomial(self.photos, shares, DRAWS).astype(np.float64))
        if np.isnan(drawn).all():
            return None
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        return float(low), float(high)


@dataclass(frozen=True, slots=True)
class _Rated:
    """What one player typed on a map in one language, in the order of typing."""

    concepts: tuple[str, ...]
    steps: tuple[int | None, ...]
    guessed: bool | None


def measure_agreement(fates: Iterable[AnswerFate], layers: Iterable[str], *, seed: int = 0) -> dict[str, Any]:
    """How far people agree; plain values, empty where no two people had the same map.

    Args:
        fates: Of all answers; those that are behind a concept count.
        layers: Shallow to deep.
        seed: Of the samples of photos and the orders of raters.

    Returns:
        ``all`` and ``layers`` with ``alpha`` (None where it is not defined) and its 95 % interval ``low`` and ``high``
        over ``draws`` bootstrap samples of photos, the ``maps`` and ``raters`` that it is of, and the mean entropy in
        bits of what was typed (``typed_bits``) and of concepts (``concept_bits``) over maps with two answers or more;
        and ``convergence``, see `converging`.
    """
    behind: defaultdict[tuple[MapKey, str], list[AnswerFate]] = defaultdict(list)
    for fate in fates:
        if fate.concept_id:
            behind[fate.key, fate.language].append(fate)
    rated = {unit: _raters(some) for unit, some in sorted(behind.items())}
    if not any(len(raters) > 1 for raters in rated.values()):
        return {}
    parts = {name: _part(behind, rated, name, seed) for name in (ALL, *layers)}
    whole = parts.pop(ALL)
    return {
        "seed": seed,
        "draws": DRAWS,
        "all": whole,
        "layers": {name: part for name, part in parts.items() if part["maps"]},
        "convergence": converging([list(raters.values()) for raters in rated.values()], seed=seed),
    }


def _raters(fates: Sequence[AnswerFate]) -> dict[str, _Rated]:
    """The players of a map, each with what they typed."""
    typed: defaultdict[str, list[AnswerFate]] = defaultdict(list)
    for fate in fates:
        typed[fate.player or f"row {fate.answer}"].append(fate)
    found = {}
    for player, some in sorted(typed.items()):
        some.sort(key=lambda fate: (math.inf if fate.step is None else fate.step, fate.answer))
        guesses = {fate.guessed for fate in some}
        found[player] = _Rated(
            tuple(fate.concept_id for fate in some),
            tuple(fate.step for fate in some),
            True if True in guesses else None if None in guesses else False,
        )
    return found


def _part(
    behind: Mapping[tuple[MapKey, str], Sequence[AnswerFate]],
    rated: Mapping[tuple[MapKey, str], Mapping[str, _Rated]],
    layer: str,
    seed: int,
) -> dict[str, Any]:
    """Alpha and entropies of the maps of one layer, or of all."""
    units = [unit for unit in rated if layer in (ALL, unit[0].layer)]
    tables = _Tables([(unit[0].image_id, Counter(one.concepts[0] for one in rated[unit].values())) for unit in units])
    alpha, ends = tables.alpha(), tables.interval(seed)
    several = [behind[unit] for unit in units if len(behind[unit]) > 1]
    return {
        "alpha": None if alpha is None else round(alpha, 4),
        "low": None if alpha is None or ends is None else round(ends[0], 4),
        "high": None if alpha is None or ends is None else round(ends[1], 4),
        "maps": len({unit[0] for unit in units if len(rated[unit]) > 1}),
        "raters": int(tables.raters),
        "typed_bits": _mean([entropy(" ".join(fate.text.casefold().split()) for fate in some) for some in several]),
        "concept_bits": _mean([entropy(fate.concept_id for fate in some) for some in several]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def converging(maps: Sequence[Sequence[_Rated]], *, seed: int = 0) -> dict[str, Any]:
    """After how many raters the best concepts of a map, all with its highest score, stay the best to the end.

    The raters of each map with at least `FEWEST` come in `ORDERS` random orders. The last rater of a map always agrees
    with the end, so that a map is in the curve only below its own number of raters; close to it the curve flatters.

    Args:
        maps: The raters of each map.
        seed: Of the orders.

    Returns:
        ``maps``; ``raters``, the median over maps of the mean number needed, None without maps; and ``curve``: rows of
        a number of raters, the share of maps (over orders) whose best concepts stay from then on, and of how many maps.
    """
    picks = np.random.default_rng(seed)
    needed, stays, counted = [], Counter[int](), Counter[int]()
    for raters in maps:
        if len(raters) < FEWEST:
            continue
        ends = [_needed([raters[place] for place in picks.permutation(len(raters))]) for _ in range(ORDERS)]
        needed.append(float(np.mean(ends)))
        for count in range(1, min(len(raters), LONGEST + 1)):
            counted[count] += 1
            stays[count] += sum(end <= count for end in ends)
    curve = [[count, round(stays[count] / counted[count] / ORDERS, 4), counted[count]] for count in sorted(counted)]
    return {
        "maps": len(needed),
        "raters": round(float(np.median(needed)), 2) if needed else None,
        "orders": ORDERS,
        "curve": curve,
    }


def _needed(raters: Sequence[_Rated]) -> int:
    """From which rater on the best concepts, by the paper's score, are those of all raters together."""
    steps: defaultdict[str, list[int]] = defaultdict(list)
    counts: Counter[str] = Counter()
    guessed: dict[str, bool | None] = {}
    scores: dict[str, float] = {}
    best: frozenset[str] = frozenset()
    since = 1
    for place, rater in enumerate(raters, 1):
        for concept, step in zip(rater.concepts, rater.steps, strict=True):
            counts[concept] += 1
            if step is not None:
                steps[concept].append(step)
            before = guessed.get(concept, False)
            guessed[concept] = True if before or rater.guessed else None if None in (before, rater.guessed) else False
        for concept in set(rater.concepts):
            mean = sum(steps[concept]) / len(steps[concept]) if steps[concept] else 0.0
            scores[concept] = paper_score(counts[concept], mean, guessed=guessed[concept])
        highest = max(scores.values())
        now = frozenset(concept for concept, score in scores.items() if score == highest)
        if now != best:
            best, since = now, place
    return since
