"""The summary: means, differences on the same photo, experts against novices, and what was chosen."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import TYPE_CHECKING

import numpy as np

from layerlore.game.questionnaire.records import (
    EXPERT,
    NOVICE,
    ChoiceShare,
    Estimated,
    GroupTest,
    ItemDifference,
    ItemMean,
    Summary,
)
from layerlore.game.questionnaire.statistics import bootstrap_ratio, choices_by_chance, holm_of_those, mann_whitney
from layerlore.significance import wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from layerlore.game.questionnaire.records import SheetRecord

FEWEST = 5
"""People from whom on a mean or a share is told."""

FEWEST_EACH = 4
"""Novices and experts from whom on they are compared: with fewer no difference could be significant."""

OURS = "layerlore"
RESAMPLES = 4000


@dataclass(frozen=True)
class _Resampling:
    resamples: int
    seed: int

    def mean(self, values: Mapping[str, Sequence[float]]) -> Estimated:
        """The mean over all values of all people; nothing where there are too few people."""
        if len(values) < FEWEST:
            return Estimated()
        people = sorted(values)
        sums = np.array([sum(values[one]) for one in people], np.float64)
        counts = np.array([len(values[one]) for one in people], np.float64)
        return Estimated(*bootstrap_ratio(sums, counts, resamples=self.resamples, seed=self.seed))


def summarise(
    sheets: Sequence[SheetRecord],
    *,
    methods: Sequence[str],
    items: Sequence[str],
    points: int,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Summary:
    """What the answers say. The same answers give the same summary, in whichever order they come.

    Args:
        sheets: Photos that were answered.
        methods: Methods that were compared; ours is compared with each other one, else the first is.
        items: Names of the statements.
        points: Points of the scale.
        seed: Of the resampling.
        resamples: How many.
    """
    sheets = sorted(sheets, key=lambda one: (one.respondent, one.place, one.photo))
    answered = [sheet for sheet in sheets if sheet.answered]
    expertise = {sheet.respondent: sheet.expertise for sheet in answered}
    novices, experts = (sum(one == kind for one in expertise.values()) for kind in (NOVICE, EXPERT))
    drawing = _Resampling(resamples, seed)
    first = OURS if OURS in methods else methods[0]
    others = [method for method in methods if method != first]
    choice_p, shares = _shares(sheets, methods, drawing)
    times = [sheet.seconds for sheet in answered if sheet.seconds is not None]
    return Summary(
        points=points,
        people=len(expertise),
        novices=novices,
        experts=experts,
        sheets=len(answered),
        choices=sum(bool(sheet.choice) for sheet in sheets),
        choice_p=choice_p,
        seconds=median(times) if times else None,
        means=tuple(_mean(sheets, method, item, drawing) for method in methods for item in items),
        differences=tuple(_difference(sheets, first, other, item, drawing) for other in others for item in items),
        groups=_groups(sheets, expertise, [(method, item) for method in methods for item in items]),
        shares=shares,
        notes=tuple(_notes(len(expertise), novices, experts)),
        seed=seed,
        resamples=resamples,
    )


def _notes(people: int, novices: int, experts: int) -> Iterable[str]:
    if people < FEWEST:
        yield f"{people} of at least {FEWEST} people have answered: no means, differences or shares yet"
    if min(novices, experts) < FEWEST_EACH:
        yield (
            f"{novices} novices and {experts} experts of at least {FEWEST_EACH} each have answered: they are not "
            "compared yet"
        )


def _by_person(pairs: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for person, value in pairs:
        found[person].append(value)
    return found


def _rated(sheets: Sequence[SheetRecord], method: str, item: str) -> dict[str, list[float]]:
    """Each person's ratings of a statement about a method."""
    every = ((sheet.respondent, sheet.ratings.get((method, item))) for sheet in sheets)
    return _by_person((person, value) for person, value in every if value is not None)


def _mean(sheets: Sequence[SheetRecord], method: str, item: str, drawing: _Resampling) -> ItemMean:
    values = _rated(sheets, method, item)
    ratings = sum(map(len, values.values()))
    return ItemMean(method, item, len(values), ratings, len(sheets) - ratings, drawing.mean(values))


def _difference(
    sheets: Sequence[SheetRecord], method: str, other: str, item: str, drawing: _Resampling
) -> ItemDifference:
    pairs = [
        (sheet.respondent, sheet.ratings.get((method, item)), sheet.ratings.get((other, item))) for sheet in sheets
    ]
    values = _by_person((person, one - two) for person, one, two in pairs if one is not None and two is not None)
    return ItemDifference(method, other, item, len(values), sum(map(len, values.values())), drawing.mean(values))


def _groups(
    sheets: Sequence[SheetRecord], expertise: Mapping[str, str], cells: Sequence[tuple[str, str]]
) -> tuple[GroupTest, ...]:
    """Experts against novices; p corrected for all statements about all methods."""
    found = []
    for method, item in cells:
        own = {person: fmean(values) for person, values in _rated(sheets, method, item).items()}
        novices, experts = ([own[one] for one in own if expertise[one] == kind] for kind in (NOVICE, EXPERT))
        test = GroupTest(method, item, len(novices), len(experts))
        if min(len(novices), len(experts)) >= FEWEST_EACH:
            result = mann_whitney(experts, novices)
            share = result.u / (len(novices) * len(experts))
            test = replace(
                test,
                novice_mean=fmean(novices),
                expert_mean=fmean(experts),
                u=result.u,
                exact=result.exact,
                p=result.p,
                common_language=share,
                rank_biserial=2 * share - 1,
            )
        found.append(test)
    corrected = holm_of_those([test.p for test in found])
    return tuple(replace(test, p_holm=p) for test, p in zip(found, corrected, strict=True))


def _shares(
    sheets: Sequence[SheetRecord], methods: Sequence[str], drawing: _Resampling
) -> tuple[float | None, tuple[ChoiceShare, ...]]:
    """How often each method was chosen, against chance."""
    people = sorted({sheet.respondent for sheet in sheets if sheet.choice in methods})
    counts = np.zeros((len(people), len(methods)), np.int64)
    for sheet in sheets:
        if sheet.choice in methods:
            counts[people.index(sheet.respondent), methods.index(sheet.choice)] += 1
    chosen = [int(one) for one in counts.sum(axis=0)]
    if len(people) < FEWEST:
        return None, tuple(ChoiceShare(one, times, Estimated()) for one, times in zip(methods, chosen, strict=True))
    together, single = choices_by_chance(counts, resamples=drawing.resamples, seed=drawing.seed)
    corrected = holm_of_those(single)
    found = []
    for place, method in enumerate(methods):
        share = chosen[place] / sum(chosen)
        estimated = Estimated(share, *wilson(share, len(people)))
        found.append(ChoiceShare(method, chosen[place], estimated, single[place], corrected[place]))
    return together, tuple(found)
