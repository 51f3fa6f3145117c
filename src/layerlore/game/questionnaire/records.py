"""Answers and their summary as plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NOVICE, EXPERT = "novice", "expert"


@dataclass(frozen=True)
class SheetRecord:
    """One photo that somebody answered.

    Attributes:
        respondent: Pseudonym, the same as the player's in the rest of an export.
        expertise: ``novice``, ``expert`` or ``untold``.
        photo: The photo's random name.
        image_id: As in the study, or "" where there is no way back to it.
        right: The network's answer is the photo's class.
        place: How many photos came before it.
        order: Methods, the first shown first.
        ratings: Method and statement to the point on the scale; None where it was skipped.
        choice: The method that was chosen, or "" where none was.
        comment: In free words, or "".
        language: Of the page.
        seconds: From the sheet before to this one, with pauses; None where not known.
        day: When, such as 2026-11-25.
    """

    respondent: str
    expertise: str
    photo: str
    image_id: str
    right: bool
    place: int
    order: tuple[str, ...]
    ratings: Mapping[tuple[str, str], int | None]
    choice: str = ""
    comment: str = ""
    language: str = ""
    seconds: int | None = None
    day: str = ""

    @property
    def answered(self) -> bool:
        """Whether anything that is counted was given: a rating or a choice; all of it may be skipped."""
        return bool(self.choice) or any(value is not None for value in self.ratings.values())


@dataclass(frozen=True)
class Estimated:
    """A mean or a share with its 95 % interval; all None where there are too few people.

    Attributes:
        value: The mean or share.
        low: Lower end.
        high: Upper end.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ItemMean:
    """Mean agreement with a statement about a method.

    Attributes:
        method: The method.
        item: The statement.
        people: Who rated it at least once.
        ratings: Ratings.
        skipped: Times that it was left out.
        mean: Over all ratings; the interval resamples people.
    """

    method: str
    item: str
    people: int
    ratings: int
    skipped: int
    mean: Estimated


@dataclass(frozen=True)
class ItemDifference:
    """How much more people agree for one method than for another on the same photo.

    Attributes:
        method: The method.
        other: What it is compared with.
        item: The statement.
        people: Who rated both at least once.
        pairs: Photos on which somebody rated both.
        difference: Mean of the first minus the second; the interval resamples people.
    """

    method: str
    other: str
    item: str
    people: int
    pairs: int
    difference: Estimated


@dataclass(frozen=True)
class GroupTest:
    """Experts against novices, each person by the mean of their ratings (Mann-Whitney).

    Attributes:
        method: The method.
        item: The statement.
        novices: People.
        experts: People.
        novice_mean: Mean over novices.
        expert_mean: Mean over experts.
        u: U of the experts: pairs in which the expert rates higher, ties counted half.
        exact: p is from all ways to divide the people, not from the normal distribution.
        p: Two-sided.
        p_holm: The same corrected for all tests of the table (Holm).
        common_language: Chance that an expert rates higher than a novice, ties counted half.
        rank_biserial: The same on a scale from -1 to 1.
    """

    method: str
    item: str
    novices: int
    experts: int
    novice_mean: float | None = None
    expert_mean: float | None = None
    u: float | None = None
    exact: bool | None = None
    p: float | None = None
    p_holm: float | None = None
    common_language: float | None = None
    rank_biserial: float | None = None


@dataclass(frozen=True)
class ChoiceShare:
    """How often a method was chosen.

    Attributes:
        method: The method.
        chosen: Times.
        share: Of all choices; Wilson's interval, as if each person had chosen once.
        p: Against chance, two-sided.
        p_holm: The same corrected for the number of methods (Holm).
    """

    method: str
    chosen: int
    share: Estimated
    p: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class Summary:
    """What the questionnaire says.

    Attributes:
        points: Points of the scale.
        people: Who answered at least one photo; not those who skipped everything.
        novices: Of them.
        experts: Of them.
        sheets: Photos answered, by each person; not those on which everything was skipped.
        choices: Photos on which a method was chosen.
        choice_p: All methods against chance: one is preferred over another.
        seconds: Median time for a photo.
        means: One for each method and statement.
        differences: Ours against each other method, for each statement.
        groups: Experts against novices, for each method and statement.
        shares: One for each method.
        notes: What was not computed, and why; one line each.
        seed: Of the resampling.
        resamples: How many.
    """

    points: int
    people: int
    novices: int
    experts: int
    sheets: int
    choices: int
    choice_p: float | None
    seconds: float | None
    means: tuple[ItemMean, ...]
    differences: tuple[ItemDifference, ...]
    groups: tuple[GroupTest, ...]
    shares: tuple[ChoiceShare, ...]
    notes: tuple[str, ...] = field(default=())
    seed: int = 0
    resamples: int = 0
