"""Points (game.md 2.3): a pure function of the event log (I6).

Points are whole thousandths, so that sums do not depend on their order and a recount gives the same. A right guess is
rounded to a multiple of what a wrong one costs, so guessing without knowledge is worth exactly 0 on average.

Confirmed labels are paid by `trust` too, which the specification does not have: without it, bots that type eight common
words on every map earn a quarter of what an honest player earns in a round, and play more (bench/game_domain.py).
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
FULL_TRUST, PRIOR_PAIRS = 0.25, 8
COMPARED = 20
"""Rounds before it on its map with which a round is compared: enough to tell, and easy maps have thousands."""

FINAL = frozenset({EventKind.WON, EventKind.LOST, EventKind.RESIGNED})


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


def trust(agreed: int, expected: float, pairs: int) -> float:
    """How much of their label points a player gets, from 0 to 1: agreement beyond chance, as in Cohen's kappa.

    A pair is a label of the player and another round on the same map; the two agree if that round has the label too.
    By chance, so for one who does not look or who only knows the class, they agree as often as the label is typed on
    maps of the class. A new player is trusted; kappa of 0.25 is enough, since honest people forget much.

    Args:
        agreed: Pairs that agree.
        expected: Sum over the pairs of the label's probability, from `probability_of_label`.
        pairs: Number of pairs.
    """
    kappa = (agreed - expected + FULL_TRUST * PRIOR_PAIRS) / (pairs - expected + PRIOR_PAIRS)
    return min(max(kappa / FULL_TRUST, 0.0), 1.0)


def label_points(*, step: int, probability: float, trusted: float = 1.0) -> int:
    """Points of a label that someone else confirmed, in thousandths.

    Args:
        step: Step at which it was typed; each step after the first halves the points.
        probability: From `probability_of_label`; a label that says less about the map is worth less.
        trusted: From `trust`.
    """
    bits = min(max(-math.log2(probability), BITS_MIN), BITS_MAX)
    return round(POINT * LABEL_BASE * bits / BITS_UNIT * 0.5**step * trusted)


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


@dataclass(frozen=True)
class _Played:
    """A finished round on a map: its labels, by the name under which they are compared."""

    round_id: str
    player: str
    device: str
    labels: Mapping[str, Event]


def exact_form(language: str, text: str) -> str:
    """Labels are the same if language and normal form are."""
    return f"{language}:{text}"


@dataclass(frozen=True)
class Tallies:
    """What a ledger must know of the past to go on; whoever books in a database keeps it there.

    Attributes:
        class_rounds: Class to its finished rounds.
        class_labels: Class and label to the finished rounds that have the label.
        in_cap: Round that was answered to whether it is within its player's daily cap.
        pairs: Player to what `trust` takes: pairs that agree, sum of their probabilities, and their number.
    """

    class_rounds: Mapping[str, int]
    class_labels: Mapping[tuple[str, str], int]
    in_cap: Mapping[str, bool]
    pairs: Mapping[str, tuple[int, float, int]]


@dataclass
class Ledger:
    """The ledger of a campaign, kept event by event; `ledger` makes it from a whole log.

    Attributes:
        config: The campaign's.
        maps: Facts of every map.
        shadow: Players who are served but not aggregated: they neither earn by labels nor confirm any.
        same: Name under which a label of a language is compared; labels with one name confirm each other.
        entries: What was booked so far.
    """

    config: CampaignConfig
    maps: Mapping[str, MapFacts]
    shadow: frozenset[str] = frozenset()
    same: Callable[[str, str], str] = exact_form
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with nobody's history."""
        self._devices: dict[str, str] = {}
        self._tries: Counter[str] = Counter()
        self._typed: dict[str, dict[str, Event]] = defaultdict(dict)
        self._in_cap: dict[str, bool] = {}
        self._today: Counter[tuple[str, dt.date]] = Counter()
        self._on_map: dict[str, list[_Played]] = defaultdict(list)
        self._class_rounds: Counter[str] = Counter()
        self._class_labels: Counter[tuple[str, str]] = Counter()
        self._paid: set[tuple[str, str]] = set()
        self._paid_labels: Counter[str] = Counter()
        self._pairs: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0])

    def take(self, event: Event) -> list[Entry]:
        """Go on by one event, and return what it adds. Events of a round that is voided later must not be given."""
        before = len(self.entries)
        if event.kind is EventKind.STARTED:
            self._devices[event.round_id] = event.value
        elif event.kind is EventKind.LABELLED:
            self._typed[event.round_id].setdefault(self.same(event.language, event.value), event)
        elif event.kind is EventKind.GUESSED:
            self._guessed(event)
        elif event.kind in FINAL:
            self._finished(event)
        return self.entries[before:]

    def tallies(self) -> Tallies:
        """What was learnt from the events so far."""
        pairs = {player: (int(agreed), chance, int(count)) for player, (agreed, chance, count) in self._pairs.items()}
        return Tallies(dict(self._class_rounds), dict(self._class_labels), dict(self._in_cap), pairs)

    def _counts(self, event: Event) -> bool:
        """Whether the round is within the player's daily cap; it takes its place when it is first answered."""
        if event.round_id not in self._in_cap:
            day = (event.player, event.at.astimezone(dt.UTC).date())
            self._today[day] += 1
            self._in_cap[event.round_id] = self._today[day] <= self.config.score.daily_round_cap
        return self._in_cap[event.round_id]

    def _guessed(self, event: Event) -> None:
        tries, self._tries[event.round_id] = self._tries[event.round_id], self._tries[event.round_id] + 1
        if self._counts(event):
            classes = self.maps[event.map_id].classes
            correct = bool(event.correct)
            points = guess_points(self.config, step=event.step, classes=classes, tries=tries, correct=correct)
            self.entries.append(Entry(event.player, event.round_id, EntryKind.GUESS, event.value, points, event.at))

    def _finished(self, event: Event) -> None:
        """Compare a round's labels with those of the earlier rounds on its map, and pay what is confirmed."""
        self._counts(event)
        facts = self.maps[event.map_id]
        if facts.control or event.player in self.shadow:
            return
        labels = self._typed.pop(event.round_id, {})
        mine = _Played(event.round_id, event.player, self._devices.get(event.round_id, ""), labels)
        self._class_rounds[facts.true_class] += 1
        self._class_labels.update((facts.true_class, name) for name in mine.labels)
        others = [other for other in self._on_map[event.map_id] if _independent(mine, other)][-COMPARED:]
        for other in others:
            self._compare(mine, other, facts)
            self._compare(other, mine, facts)
        for name in mine.labels:
            confirming = [other for other in others if name in other.labels]
            for played in [mine, *confirming] if confirming else []:
                self._pay(played, name, facts, event.at)
        self._on_map[event.map_id].append(mine)

    def _probability(self, name: str, facts: MapFacts) -> float:
        typed = self._class_labels[facts.true_class, name]
        return probability_of_label(typed, self._class_rounds[facts.true_class])

    def _compare(self, one: _Played, other: _Played, facts: MapFacts) -> None:
        """Note for `trust` which labels of one round the other has, and how many it would have by chance."""
        sums = self._pairs[one.player]
        for name in one.labels:
            sums[0] += name in other.labels
            sums[1] += self._probability(name, facts)
            sums[2] += 1

    def _pay(self, played: _Played, name: str, facts: MapFacts, at: datetime) -> None:
        """Credit a label once, if its round is within the daily cap and has not had six paid labels."""
        if (played.round_id, name) in self._paid or not self._in_cap[played.round_id]:
            return
        if self._paid_labels[played.round_id] >= PAID_LABELS:
            return
        self._paid.add((played.round_id, name))
        self._paid_labels[played.round_id] += 1
        label = played.labels[name]
        agreed, expected, pairs = self._pairs[played.player]
        trusted = trust(int(agreed), expected, int(pairs))
        points = label_points(step=label.step, probability=self._probability(name, facts), trusted=trusted)
        ref = f"{label.language}:{label.value}"
        self.entries.append(Entry(played.player, played.round_id, EntryKind.LABEL, ref, points, at))


def _independent(one: _Played, other: _Played) -> bool:
    """Another player on another device (game.md 2.6); the same network is no sign."""
    return one.player != other.player and (not one.device or one.device != other.device)


def ledger(
    events: Sequence[Event],
    config: CampaignConfig,
    maps: Mapping[str, MapFacts],
    *,
    shadow: Iterable[str] = (),
    same: Callable[[str, str], str] = exact_form,
) -> list[Entry]:
    """All points of a campaign, from its log in the order in which things happened.

    Guesses score at once. A label scores when a second, independent player has typed it on the same map, for both of
    them; what it is worth depends on how common it is among the rounds of its class up to then, and on how far the
    player's labels agree with others' beyond chance. Voided rounds are as if they had never been. The ledger of the
    beginning of a log is the beginning of the ledger, unless a round is voided or a player put in shadow later.

    Args:
        events: The log.
        config: The campaign's.
        maps: Facts of every map in the log.
        shadow: As in `Ledger`.
        same: As in `Ledger`.
    """
    voided = {event.round_id for event in events if event.kind is EventKind.VOIDED}
    book = Ledger(config, maps, frozenset(shadow), same)
    for event in events:
        if event.round_id not in voided:
            book.take(event)
    return book.entries


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
