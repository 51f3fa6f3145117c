"""What the tests with concept vectors (TCAV) found, for the page of a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.classes.tcav_reach import listed, why
from layerlore.classes.tcav_records import Null
from layerlore.report import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from layerlore.classes.tcav_records import ConceptScore, Untested, Validation

OTHERS = {
    Null.maps: "other maps of the same photos",
    Null.places: "other places of the same photos",
    Null.mixed: "other maps or places of the same photos",
    Null.random: "random parts of the study's photos",
}
"""What a concept is compared with."""

LISTED = 10
"""Reasons for what was not tested that a page lists."""


@dataclass(frozen=True)
class TestRow:
    """A concept in one layer; positions are percent of a bar from 0 to 1.

    Attributes:
        layer: The layer.
        score: The score with its interval, or why there is none.
        at: Where the score stands; None without one.
        start: Where its interval begins.
        width: How long that is.
        null_start: Where the scores by chance begin (95 % of them).
        null_width: How long that is.
        accuracy: How often the vector tells the concept from random pictures, with its interval.
        chance: The corrected p-value, or "".
        significant: The class depends on the concept here.
    """

    layer: str
    score: str
    at: float | None
    start: float
    width: float
    null_start: float
    null_width: float
    accuracy: str
    chance: str
    significant: bool


@dataclass(frozen=True)
class TestedConcept:
    """A concept with its tests in all layers, and what they say in one sentence."""

    name: str
    concept_id: str
    sentence: str
    rows: tuple[TestRow, ...]


@dataclass(frozen=True)
class Tested:
    """The tests of a class.

    Attributes:
        concepts: With their tests.
        untested: What was not tested, with the reason.
        tests: Tests of the class, over which p-values are corrected.
        kind: Name of the score.
    """

    concepts: tuple[TestedConcept, ...]
    untested: tuple[str, ...]
    tests: int
    kind: str


def tested(found: Validation, label: str, known: Mapping[str, object]) -> Tested:
    """The tests of a class.

    Args:
        found: All tests of the study.
        label: The class.
        known: Concepts that have a page.
    """
    scores: dict[str, list[ConceptScore]] = {}
    for one in found.of(label):
        scores.setdefault(one.concept_id, []).append(one)
    beyond = {one["concept_id"]: why(one) for one in listed(found.facts) if one["label"] == label}
    return Tested(
        concepts=tuple(_concept(some, known, beyond.get(some[0].concept_id, "")) for some in scores.values()),
        untested=tuple(_untested(label, found.untested)),
        tests=len(found.of(label)),
        kind=str(found.settings.get("score", "")),
    )


def _untested(label: str, untested: Sequence[Untested]) -> Iterator[str]:
    mine = [one for one in untested if one.label in ("", label)]
    for one in mine[:LISTED]:
        yield f"{one.name}: {one.reason}" if one.name else one.reason
    if len(mine) > LISTED:
        yield f"and {len(mine) - LISTED:,} more"


def _concept(scores: Sequence[ConceptScore], known: Mapping[str, object], beyond: str) -> TestedConcept:
    first = scores[0]
    concept_id = first.concept_id if first.concept_id in known else ""
    return TestedConcept(first.name, concept_id, _sentence(scores, beyond), tuple(map(_row, scores)))


def _sentence(scores: Sequence[ConceptScore], beyond: str) -> str:
    usable = [one for one in scores if one.score is not None]
    layers = words.count(len(scores), "layer")
    if not usable:
        return f"In none of {layers} can its vector tell it from random pictures, so nothing is said."
    if beyond:
        return f"It cannot be significant in any of {layers}, whatever the network does: {beyond}."
    others = OTHERS[scores[0].null]
    higher = sum(one.significant and one.above for one in usable)
    lower = sum(one.significant and not one.above for one in usable)
    said = [f"higher in {higher:,}"] * bool(higher) + [f"lower in {lower:,}"] * bool(lower)
    if not said:
        return f"In none of {layers} does its score differ from that of {others} by more than chance."
    return (
        f"Its score is {words.listed(said)} of {layers} than that of {others}, by more than chance.{_caution(scores)}"
    )


def _caution(scores: Sequence[ConceptScore]) -> str:
    """What must stand beside a result of a folder's pictures: they differ from photos in more than the concept."""
    if scores[0].null is not Null.random:
        return ""
    return (
        " That alone is no evidence for what the pictures show: they differ from parts of photos in more than that, "
        "and in a trial 12 of 19 textures that have nothing to do with the class were found, too."
    )


def _row(one: ConceptScore) -> TestRow:
    accuracy = (
        f"{words.number(100 * one.accuracy, 0)}{words.NBSP}% "
        f"({words.number(100 * one.accuracy_low, 0)} to {words.number(100 * one.accuracy_high, 0)})"
    )
    if one.score is None:
        return TestRow(one.layer, "none: vector at chance", None, 0, 0, 0, 0, accuracy, "", significant=False)
    low, high = _or(one.low, one.score), _or(one.high, one.score)
    null_low, null_high = _or(one.null_low, 0.5), _or(one.null_high, 0.5)
    return TestRow(
        layer=one.layer,
        score=f"{words.number(one.score, 2)} ({words.number(low, 2)} to {words.number(high, 2)})",
        at=100 * one.score,
        start=100 * low,
        width=100 * (high - low),
        null_start=100 * null_low,
        null_width=100 * (null_high - null_low),
        accuracy=accuracy,
        chance="" if one.p_holm is None else _chance(one.p_holm),
        significant=one.significant,
    )


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _chance(p: float) -> str:
    return f"<{words.NBSP}0.001" if p < 0.001 else words.number(p, 3)
