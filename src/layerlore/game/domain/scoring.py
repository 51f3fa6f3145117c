"""Points (game.md 2.3): a pure function of the event log (I6).

Points are whole thousandths, so that sums do not depend on their order and a recount gives the same. A right guess is
rounded to a multiple of what a wrong one costs, so guessing without knowledge is worth exactly 0 on average.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from layerlore.game.domain.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.domain.states import Event

POINT = 1000
TABLE = (100, 80, 60, 40, 20, 10)
AFTER_LAST = 1.5  # the step that would follow: .45 after the paper's .30, as its sequence grows
LABEL_BASE = 5
PAID_LABELS = 6
BITS_MIN, BITS_MAX, BITS_UNIT = 1.0, 5.0, 3.0
PRIOR_TYPED, PRIOR_ROUNDS = 1, 10


def step_values(rule: str, steps: Sequence[float]) -> tuple[float, ...]:
    """What a right guess is worth at each step, in points.

    ``log`` is 100 ln(e/p) / ln(e/p0) and ``linear`` is 100 (1 - p/e), for a step that shows the share p, the first
    step p0, and e = 1.5 times the last step; ``table`` is 100, 80, 60, 40, 20, 10.
    """
    end = AFTER_LAST * steps[-1]
    if rule == "table":
        return tuple(float(value) for value in TABLE[: len(steps)])
    if rule == "linear":
        return tuple(100 * (1 - share / end) for share in steps)
    return tuple(100 * math.log(end / share) / math.log(end / steps[0]) for share in steps)


def guess_points(config: CampaignConfig, *, step: int, classes: int, tries: int, correct: bool) -> int:
    """Points of a guess, in thousandths.

    A wrong guess costs the right one's points divided by the number of other classes, so that the mean over the
    classes that are left is 0. A guess when one class is left is worth nothing: it needs no knowledge.

    Args:
        config: The campaign's.
        step: Step at which it was committed.
        classes: Classes to choose from.
        tries: Guesses made before in this round.
        correct: Whether it was right.
    """
    others = classes - tries - 1
    if others < 1:
        return 0
    value = step_values(config.score.rule, config.reveal.steps)[step]
    wrong = round(POINT * value / others)
    if correct:
        return wrong * others
    return -wrong if config.score.wrong_penalty else 0


def probability_of_label(typed: int, rounds: int) -> float:
    """How likely a label is, given the class: its share of the class's rounds, drawn to one in ten while few are known.

    Args:
        typed: Rounds on maps of this class in which it was typed.
        rounds: Rounds on maps of this class.
    """
    return (typed + PRIOR_TYPED) / (rounds + PRIOR_ROUNDS)


def label_points(*, step: int, probability: float) -> int:
    """Points of a label that someone else confirmed, in thousandths.

    Args:
        step: Step at which it was typed; each step after the first halves the points.
        probability: From `probability_of_label`; a label that says less about the map is worth less.
    """
    bits = min(max(-math.log2(probability), BITS_MIN), BITS_MAX)
    return round(POINT * LABEL_BASE * bits / BITS_UNIT * 0.5**step)


class EntryKind(StrEnum):
    """What points were given for."""

    GUESS = "guess"
    LABEL = "label"


@dataclass(frozen=True)
class Entry:
    """One line of the ledger; there is at most one for a round, kind and reference.

    Attributes:
        player: Who gets it.
        round_id: For which round.
        kind: For a guess or a label.
        ref: The guessed class, or the label as ``language:text``.
        points: Thousandths of a point.
        at: When; for a label when it was confirmed.
    """

    player: str
    round_id: str
    kind: EntryKind
    ref: str
    points: int
    at: datetime


@dataclass(frozen=True)
class MapFacts:
    """What scoring must know of a map.

    Attributes:
        true_class: Its class.
        classes: Classes that its rounds offer.
        control: It shows a random region, so its labels are not paid.
    """

    true_class: str
    classes: int
    control: bool = False


@dataclass
class _Score:
    """The log so far; `ledger` feeds it event by event."""

    config: CampaignConfig
    maps: Mapping[str, MapFacts]
    shadow: frozenset[str]
    same: Callable[[str, str], str]
    entries: list[Entry] = field(default_factory=list)
    devices: dict[str, str] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    counted: dict[str, bool] = field(default_factory=dict)
    today: Counter[tuple[str, dt.date]] = field(default_factory=Counter)
    typed: dict[tuple[str, str], list[Event]] = field(default_factory=lambda: defaultdict(list))
    paid: set[tuple[str, str]] = field(default_factory=set)
    paid_labels: Counter[str] = field(default_factory=Counter)
    class_rounds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    class_labels: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def take(self, event: Event) -> None:
        """Go on by one event."""
        if event.kind is EventKind.STARTED:
            self.devices[event.round_id] = event.value
        elif event.kind is EventKind.GUESSED:
            self._guessed(event)
        elif event.kind is EventKind.LABELLED:
            self._labelled(event)
        if event.kind in (EventKind.GUESSED, EventKind.RESIGNED) and event.player not in self.shadow:
            self.class_rounds[self.maps[event.map_id].true_class].add(event.round_id)

    def _counts(self, event: Event) -> bool:
        """Whether the round is within the player's daily cap; it takes its place with its first answer."""
        if event.round_id not in self.counted:
            day = (event.player, event.at.astimezone(dt.UTC).date())
            self.today[day] += 1
            self.counted[event.round_id] = self.today[day] <= self.config.score.daily_round_cap
        return self.counted[event.round_id]

    def _guessed(self, event: Event) -> None:
        tries, self.tries[event.round_id] = self.tries[event.round_id], self.tries[event.round_id] + 1
        if self._counts(event):
            points = guess_points(
                self.config,
                step=event.step,
                classes=self.maps[event.map_id].classes,
                tries=tries,
                correct=bool(event.correct),
            )
            self.entries.append(Entry(event.player, event.round_id, EntryKind.GUESS, event.value, points, event.at))

    def _labelled(self, event: Event) -> None:
        facts = self.maps[event.map_id]
        self._counts(event)
        if facts.control or event.player in self.shadow:
            return
        name = self.same(event.language, event.value)
        self.class_rounds[facts.true_class].add(event.round_id)
        self.class_labels[facts.true_class, name].add(event.round_id)
        others = self.typed[event.map_id, name]
        confirming = [other for other in others if self._independent(event, other)]
        for label in [event, *confirming] if confirming else []:
            self._pay(label, name, facts, event.at)
        others.append(event)

    def _independent(self, one: Event, other: Event) -> bool:
        """Another player on another device (game.md 2.6); the same network is no sign."""
        device, another = self.devices.get(one.round_id, ""), self.devices.get(other.round_id, "")
        return one.player != other.player and (not device or device != another)

    def _pay(self, label: Event, name: str, facts: MapFacts, at: datetime) -> None:
        """Credit a label once, if its round counts and has not had six paid labels."""
        if (label.round_id, name) in self.paid or not self.counted[label.round_id]:
            return
        if self.paid_labels[label.round_id] >= PAID_LABELS:
            return
        self.paid.add((label.round_id, name))
        self.paid_labels[label.round_id] += 1
        typed = len(self.class_labels[facts.true_class, name])
        chance = probability_of_label(typed, len(self.class_rounds[facts.true_class]))
        points = label_points(step=label.step, probability=chance)
        ref = f"{label.language}:{label.value}"
        self.entries.append(Entry(label.player, label.round_id, EntryKind.LABEL, ref, points, at))


def exact_form(language: str, text: str) -> str:
    """Labels are the same if language and normal form are."""
    return f"{language}:{text}"


def ledger(
    events: Sequence[Event],
    config: CampaignConfig,
    maps: Mapping[str, MapFacts],
    *,
    shadow: Iterable[str] = (),
    same: Callable[[str, str], str] = exact_form,
) -> list[Entry]:
    """All points of a campaign, from its log in the order in which things happened.

    Guesses score at once. A label scores when a second, independent player types it on the same map, for both of
    them; what it is worth depends on how common it is among the rounds of its class up to then. Voided rounds are as
    if they had never been. A player in shadow keeps points for guesses, but neither earns by labels nor confirms any.

    Args:
        events: The log.
        config: The campaign's.
        maps: Facts of every map in the log.
        shadow: Players who are served but not aggregated.
        same: Name under which a label of a language is compared; labels with one name confirm each other.
    """
    voided = {event.round_id for event in events if event.kind is EventKind.VOIDED}
    score = _Score(config, maps, frozenset(shadow), same)
    for event in events:
        if event.round_id not in voided:
            score.take(event)
    return score.entries


def totals(entries: Iterable[Entry]) -> dict[str, int]:
    """Thousandths of each player; may be below 0."""
    sums: Counter[str] = Counter()
    for entry in entries:
        sums[entry.player] += entry.points
    return dict(sums)


def shown_points(thousandths: int) -> int:
    """A total as a player sees it: whole points, never below 0."""
    return max(0, (thousandths + POINT // 2) // POINT)


class Ladder(StrEnum):
    """The three leaderboards."""

    WEEK = "week"
    ALL_TIME = "all-time"
    CONFIRMED = "confirmed"


def standings(entries: Iterable[Entry], ladder: Ladder, now: datetime) -> list[tuple[str, int]]:
    """Players and what they have, best first; equal ones in the order of their names.

    Args:
        entries: The ledger.
        ladder: Points since Monday 0:00 UTC, points of all time (both in thousandths), or number of confirmed labels.
        now: In UTC.
    """
    sums: Counter[str] = Counter()
    day = now.astimezone(dt.UTC).date()
    monday = day - dt.timedelta(days=day.weekday())
    for entry in entries:
        if ladder is Ladder.CONFIRMED:
            sums[entry.player] += entry.kind is EntryKind.LABEL
        elif ladder is Ladder.ALL_TIME or entry.at.astimezone(dt.UTC).date() >= monday:
            sums[entry.player] += entry.points
    return sorted(sums.items(), key=lambda item: (-item[1], item[0]))
