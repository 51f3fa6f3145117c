"""The questionnaire's statistics against numbers worked out by hand, SciPy, and crowds whose opinion is known."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from layerlore.game.domain.questionnaire import order_of, orders
from layerlore.game.questionnaire.records import SheetRecord
from layerlore.game.questionnaire.statistics import (
    bootstrap_ratio,
    choices_by_chance,
    holm_of_those,
    mann_whitney,
)
from layerlore.game.questionnaire.summary import summarise

if TYPE_CHECKING:
    from layerlore.game.questionnaire.records import Summary

METHODS = ("layerlore", "gradcam", "lime", "shap")
ITEMS = ("informative", "understandable")


@given(st.integers(2, 8))
def test_each_order_is_at_each_place_and_after_each_other_equally_often(count: int) -> None:
    names = [str(number) for number in range(count)]
    rows = orders(names)
    times = len(rows) // count
    assert all(sorted(row) == names for row in rows)
    for place in range(count):
        assert all([row[place] for row in rows].count(name) == times for name in names)
    neighbours = [pair for row in rows for pair in itertools.pairwise(row)]
    assert all(neighbours.count(pair) == times for pair in itertools.permutations(names, 2))
    assert order_of(names, len(rows) + 1) == rows[1]


def test_mann_whitney_by_hand() -> None:
    """Ranks 1, 2, 3 against 4, 5, 6, 7: of the 35 ways to choose three, two are as far from the middle."""
    found = mann_whitney([1, 2, 3], [4, 5, 6, 7])
    assert (found.u, found.exact) == (0, True)
    assert found.p == pytest.approx(2 / 35)
    tied = mann_whitney([2, 2], [2, 2, 2])
    assert (tied.u, tied.p) == (3, 1)
    # 2 wins once and ties twice, 3 wins three times.
    assert mann_whitney([2, 3], [1, 2, 2]).u == 5


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_mann_whitney_is_scipys(first: int, second: int, seed: int) -> None:
    values = np.random.default_rng(seed).permutation(first + second).astype(float)  # no ties
    ours = mann_whitney(values[:first], values[first:])
    theirs = stats.mannwhitneyu(values[:first], values[first:], method="exact")
    assert ours.u == theirs.statistic
    assert ours.p == pytest.approx(theirs.pvalue)


def test_many_people_are_compared_approximately() -> None:
    values = np.random.default_rng(0).integers(1, 6, 80).astype(float)
    ours = mann_whitney(values[:40], values[40:] + 1)
    assert not ours.exact
    assert ours.p == stats.mannwhitneyu(values[:40], values[40:] + 1, method="asymptotic").pvalue


def test_holm_leaves_out_what_was_not_tested() -> None:
    found = holm_of_those([0.01, 0.04, 0.03, None])
    assert found == [pytest.approx(0.03), pytest.approx(0.06), pytest.approx(0.06), None]


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Ten people with three answers each that hang together; a plain interval over answers would be too short."""
    rng = np.random.default_rng(1)
    inside = plain = 0
    for number in range(300):
        answers = 3 + rng.normal(0, 1, (10, 1)) + rng.normal(0, 0.5, (10, 3))
        _, low, high = bootstrap_ratio(answers.sum(1), np.full(10, 3.0), resamples=400, seed=number)
        inside += low <= 3 <= high
        half = 1.96 * answers.std(ddof=1) / math.sqrt(30)
        plain += abs(answers.mean() - 3) <= half
    assert 0.92 <= inside / 300 <= 0.98
    assert plain / 300 < 0.85


def test_chance_is_found_to_be_chance_also_where_people_repeat_themselves() -> None:
    """Everybody likes one method, at random, and says so on all three photos: nothing is preferred."""
    rng = np.random.default_rng(2)
    small = 0
    for number in range(200):
        counts = np.zeros((12, 4), np.int64)
        counts[np.arange(12), rng.integers(0, 4, 12)] = 3
        small += choices_by_chance(counts, resamples=99, seed=number)[0] <= 0.05
    assert small / 200 <= 0.09  # 0.05 and three standard errors; a chi-square over 36 choices would have 0.5
    assert choices_by_chance(np.tile([3, 0, 0, 0], (8, 1)), resamples=999, seed=0)[0] <= 0.002


def sheet(person: str, place: int, ratings: dict[tuple[str, str], int | None], **more: Any) -> SheetRecord:
    facts = {"expertise": "novice", "photo": f"photo {place}", "image_id": "", "right": True, "order": METHODS}
    return SheetRecord(**{**facts, "respondent": person, "place": place, "ratings": ratings, **more})


def short(sheets: list[SheetRecord], **more: Any) -> Summary:
    return summarise(sheets, methods=METHODS, items=ITEMS, points=5, **{"resamples": 500, **more})


def test_means_and_differences_by_hand() -> None:
    """Five people; the first rates two photos, the fifth skips."""
    ours, theirs = [[4, 5], [3], [5], [4], [None]], [[2, 2], [3], [1], [4], [2]]
    sheets = [
        sheet(str(person), place, {("layerlore", "informative"): mine, ("lime", "informative"): other}, seconds=40)
        for person, (mine_all, other_all) in enumerate(zip(ours, theirs, strict=True))
        for place, (mine, other) in enumerate(zip(mine_all, other_all, strict=True))
    ]
    found = short(sheets)
    assert (found.people, found.sheets, found.seconds) == (5, 6, 40)
    means = {(one.method, one.item): one for one in found.means}
    lime, mine = means["lime", "informative"], means["layerlore", "informative"]
    assert (lime.people, lime.ratings, lime.skipped) == (5, 6, 0)
    assert lime.mean.value == pytest.approx((2 + 2 + 3 + 1 + 4 + 2) / 6)
    assert (mine.people, mine.ratings, mine.skipped, mine.mean.value) == (4, 5, 1, None)  # too few people
    assert means["shap", "understandable"].ratings == 0
    difference = next(one for one in found.differences if (one.other, one.item) == ("lime", "informative"))
    assert (difference.people, difference.pairs, difference.difference.value) == (4, 5, None)
    assert any("novices" in note for note in found.notes)


def test_too_few_people_is_said_and_nothing_is_computed() -> None:
    for people in range(5):
        found = short([sheet(str(one), 0, {("lime", "informative"): 3}, choice="lime") for one in range(people)])
        assert any(f"{people} of at least 5 people" in note for note in found.notes)
        assert all(one.mean.value is None for one in found.means)
        assert found.choice_p is None
        assert all(one.share.value is None and one.p is None for one in found.shares)
        assert all(one.p is None for one in found.groups)


def test_whoever_skips_everything_has_not_answered() -> None:
    """The fifth chooses only, the sixth skips all of two photos, which are skipped ratings and nothing else."""
    cell = ("lime", "informative")
    sheets = [sheet(str(person), 0, {cell: 3}, seconds=40) for person in range(4)]
    idle = [sheet("6", place, {cell: None}, seconds=1, expertise="expert", comment="no") for place in range(2)]
    found = short([*sheets, *idle])
    assert (found.people, found.experts, found.sheets, found.seconds) == (4, 0, 4, 40)
    assert any("4 of at least 5 people" in note for note in found.notes)
    chooser = sheet("5", 0, {cell: None}, choice="lime", seconds=40)
    found = short([*sheets, chooser, *idle])
    assert (found.people, found.sheets, found.choices) == (5, 5, 1)
    assert not any("of at least 5 people" in note for note in found.notes)
    lime = next(one for one in found.means if (one.method, one.item) == cell)
    assert (lime.people, lime.ratings, lime.skipped) == (4, 4, 3)


def crowd(seed: int, people: int = 30) -> list[SheetRecord]:
    """People who prefer ours by one point for information, SHAP by half less; experts understand ours better."""
    rng = np.random.default_rng(seed)
    liking = {"layerlore": 1.0, "gradcam": 0.3, "lime": 0.0, "shap": -0.5}
    sheets = []
    for person in range(people):
        expert, lenient = person % 2 == 0, rng.normal(0, 0.5)
        for place in range(3):
            ratings: dict[tuple[str, str], int | None] = {}
            for method in METHODS:
                extra = {"informative": liking[method], "understandable": 1.6 * (expert and method == "layerlore")}
                for item in ITEMS:
                    value = 3 + lenient + extra[item] + rng.normal(0, 0.7)
                    ratings[method, item] = int(np.clip(round(value), 1, 5)) if rng.random() > 0.05 else None
            odds = np.exp([1.5 * liking[method] for method in METHODS])
            choice = str(rng.choice(METHODS, p=odds / odds.sum()))
            level = "expert" if expert else "novice"
            sheets.append(sheet(str(person), place, ratings, expertise=level, choice=choice))
    return sheets


def test_a_crowds_opinion_is_found_again() -> None:
    sheets = crowd(3)
    found = short(sheets, resamples=2000)
    assert (found.people, found.novices, found.experts, found.notes) == (30, 15, 15, ())
    differences = {(one.other, one.item): one.difference for one in found.differences}
    for other, truth in (("gradcam", 0.7), ("lime", 1.0), ("shap", 1.5)):
        one = differences[other, "informative"]
        assert one.low is not None
        assert one.high is not None
        assert 0 < one.low <= truth <= one.high
    groups = {(one.method, one.item): one for one in found.groups}
    ours = groups["layerlore", "understandable"]
    assert ours.p_holm is not None
    assert ours.rank_biserial is not None
    assert ours.p_holm < 0.01
    assert ours.rank_biserial > 0.5
    assert sum((one.p_holm or 0) < 0.05 for one in found.groups) == 1
    shares = {one.method: one for one in found.shares}
    assert found.choice_p is not None
    assert found.choice_p < 0.01
    assert max(shares.values(), key=lambda one: one.chosen).method == "layerlore"
    ours_p, other_p = shares["layerlore"].p_holm, shares["gradcam"].p_holm
    assert ours_p is not None
    assert other_p is not None
    assert ours_p < 0.05 < other_p
    assert short(list(reversed(sheets)), resamples=2000) == found
    assert short(sheets, resamples=2000, seed=1) != found
