"""How far people agree: Krippendorff's own examples, a slow way, and properties."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.concepts.agreement import converging, entropy, krippendorff, measure_agreement
from layerlore.concepts.records import AnswerFate, MapKey


def units(*raters: str) -> list[list[str]]:
    """Values of each unit, from a line for each rater; a point is a value that is missing."""
    return [[value for value in column if value != "."] for column in zip(*(line.split() for line in raters))]  # noqa: B905


@pytest.mark.parametrize(
    ("raters", "alpha"),
    [
        # Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A, B and C.
        (("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"), 0.095),
        (("a a b b d c c c e d d a", "b a b b b c c c e d d d"), 0.692),
        (
            (
                "1 2 3 3 2 1 4 1 2 . . .",
                "1 2 3 3 2 2 4 1 2 5 . 3",
                ". 3 3 3 2 3 4 2 2 5 1 .",
                "1 2 3 3 2 4 4 1 2 5 1 .",
            ),
            0.743,
        ),
    ],
)
def test_alpha_is_that_of_published_examples(raters: tuple[str, ...], alpha: float) -> None:
    assert krippendorff(units(*raters)) == pytest.approx(alpha, abs=5e-4)


def slow_alpha(some: list[list[str]]) -> float | None:
    """One minus observed over expected disagreement, both over pairs of values."""
    pairable = [values for values in some if len(values) > 1]
    every = [value for values in pairable for value in values]
    observed = sum(
        sum(one != other for one, other in itertools.permutations(values, 2)) / (len(values) - 1) for values in pairable
    )
    expected = sum(one != other for one, other in itertools.permutations(every, 2))
    return 1 - observed * (len(every) - 1) / expected if expected else None


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=5), max_size=6))
def test_alpha_is_that_of_a_slow_way(some: list[list[str]]) -> None:
    wanted = slow_alpha(some)
    found = krippendorff(some)
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        assert found == pytest.approx(wanted)
        assert found <= 1


def test_entropy_in_bits() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abcd") == pytest.approx(2)
    assert entropy("aaab") == pytest.approx(2 - 0.75 * math.log2(3))


def fate(answer: int, text: str, player: str, *, photo: str = "p", layer: str = "l", **more: Any) -> AnswerFate:
    values: dict[str, Any] = {"language": "en", "read_as": text, "concept_id": text[:3], "reason": "", "step": 0}
    values |= {"guessed": True, **more}
    return AnswerFate(answer, MapKey(photo, 0, layer, 0), text, player=player, **values)


def test_the_first_thing_that_a_player_typed_is_their_value() -> None:
    fates = [
        fate(0, "ears", "anna", step=1),
        fate(1, "fur", "anna", step=0),
        fate(2, "furry", "ben", step=3),
        fate(3, "wheel", "ben", step=4),
        fate(4, "wheel", "carl", concept_id="", reason="control map"),
        fate(5, "nose", "anna", photo="q"),
        fate(6, "wheel", "ben", photo="q"),
        fate(7, "naso", "dora", photo="q", language="it"),  # in a language of its own
        fate(8, "sky", "anna", photo="r", layer="m"),  # alone
    ]
    found = measure_agreement(fates, ["l", "m"])
    assert found["all"]["alpha"] == pytest.approx(krippendorff([["fur", "fur"], ["nos", "whe"]]), abs=1e-4)
    assert (found["all"]["maps"], found["all"]["raters"]) == (2, 4)
    assert list(found["layers"]) == ["l"]
    assert found["all"]["typed_bits"] == pytest.approx((2 + 1) / 2)
    assert found["all"]["concept_bits"] == pytest.approx((1.5 + 1) / 2)
    assert found["all"]["low"] <= found["all"]["alpha"] <= found["all"]["high"]
    assert found == measure_agreement(fates[::-1], ["l", "m"])
    assert measure_agreement(fates[-1:], ["m"]) == {}


def test_people_who_agree_and_people_who_do_not() -> None:
    words = ["ears", "fur", "wheel", "sky", "nose"]
    agreeing, guessing = (
        [
            fate(9 * place + player, words[(place + by * player) % 5], f"p{player}", photo=f"photo {place}")
            for place in range(10)
            for player in range(9)
        ]
        for by in (0, 1)
    )
    one, other = (measure_agreement(some, ["l"]) for some in (agreeing, guessing))
    assert one["all"]["alpha"] == 1
    assert one["convergence"]["raters"] == 1
    assert one["convergence"]["curve"] == [[count, 1.0, 10] for count in range(1, 9)]
    assert other["all"]["alpha"] < 0
    assert other["convergence"]["raters"] > 3
    shares = [share for _, share, _ in other["convergence"]["curve"]]
    assert shares == sorted(shares)


def test_the_best_concept_by_the_papers_score_is_what_converges() -> None:
    # Two who typed "late" at step 9 count for 0.2, one who typed "early" at step 0 for 1.
    late, early = (fate(n, text, text, step=step) for n, (text, step) in enumerate([("late", 9), ("early", 0)]))
    others = [fate(n, "late", f"p{n}", step=9) for n in range(2, 5)]
    found = measure_agreement([late, early, *others], ["l"])
    # "early" is the best of all, so it stays from the rater on who typed it: the mean place of one of five is 3.
    assert 1.5 < found["convergence"]["raters"] < 4.5
    assert converging([])["raters"] is None
    assert Counter(len(row) for row in found["convergence"]["curve"]) == {3: 4}
