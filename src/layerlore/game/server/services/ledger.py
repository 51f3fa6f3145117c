"""Points as they arise, answer by answer (I6).

`book` does for one answer in the database what `domain.scoring.Ledger` does for the whole log in memory: it needs
only what is tallied, and the latest rounds on the same map. `recounting` runs the domain's ledger and compares.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import F

from layerlore.game.domain import scoring
from layerlore.game.domain.scoring import EntryKind, exact_form
from layerlore.game.domain.states import EventKind
from layerlore.game.server.models import (
    Campaign,
    ClassTally,
    Event,
    Label,
    LabelTally,
    LedgerEntry,
    PairTally,
    Round,
    Standing,
)
from layerlore.game.server.services.campaigns import UNPAID, Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from typing import Any

    from layerlore.game.domain.states import Event as DomainEvent

ALL_TIME = scoring.Ladder.ALL_TIME.value
CONFIRMED = scoring.Ladder.CONFIRMED.value
FINAL = [kind.value for kind in scoring.FINAL]


def week(at: datetime) -> str:
    """Name of a week's ladder: its Monday in UTC."""
    day = at.astimezone(UTC).date()
    return (day - timedelta(days=day.weekday())).isoformat()


def due(campaign_id: int) -> None:
    """Have the ledger recounted: something has changed that `book` cannot follow."""
    Campaign.objects.filter(pk=campaign_id).update(recount_due=True)


def take_back(entry: LedgerEntry, campaign_id: int) -> None:
    """Remove a line, and what it added to the ladders."""
    for (player, ladder), value in sums_of([entry]).items():
        Standing.objects.filter(player=player, campaign=campaign_id, ladder=ladder).update(value=F("value") - value)
    entry.delete()


def book(row: Round, events: Sequence[DomainEvent], the_rules: Rules) -> None:
    """Points and tallies that follow from one request; call it when its labels are stored.

    On PostgreSQL the campaign's row must be locked, so that answers are booked in the order of their events.
    """
    entries: list[LedgerEntry] = []
    for event in events:
        if event.kind is EventKind.GUESSED:
            entries += _guess(row, event, the_rules)
        elif event.kind in scoring.FINAL:
            entries += _finish(row, event.at)
    LedgerEntry.objects.bulk_create(entries)
    for (player, ladder), value in sorted(sums_of(entries).items()):
        _add(Standing, {"campaign_id": row.campaign_id, "player_id": player, "ladder": ladder}, "value", value)


def place_in_the_day(row: Round, events: Sequence[DomainEvent], the_rules: Rules) -> dict[str, Any]:
    """Columns to change: a round's first answer takes one of the day's places; beyond the cap nothing earns points."""
    answers = [event for event in events if event.kind is EventKind.GUESSED or event.kind in scoring.FINAL]
    if row.counted is not None or not answers:
        return {}
    day = answers[0].at.astimezone(UTC).date()
    before = Round.objects.filter(player=row.player_id, campaign=row.campaign_id, counted_on=day, void_reason="")
    return {"counted": before.count() < the_rules.config.score.daily_round_cap, "counted_on": day}


def _guess(row: Round, event: DomainEvent, the_rules: Rules) -> Iterator[LedgerEntry]:
    if row.counted:
        points = scoring.guess_points(
            the_rules.config,
            step=event.step,
            classes=the_rules.offered,
            tries=[str(answer) for answer, _ in row.guesses].index(event.value),
            correct=bool(event.correct),
        )
        yield _entry(row, EntryKind.GUESS, event.value, points, event.at)


@dataclass(frozen=True)
class _Played:
    """A finished round with its labels by the name under which they are compared."""

    row: Round
    labels: dict[str, Label]


def _finish(row: Round, at: datetime) -> Iterator[LedgerEntry]:
    """Compare a round's labels with those of earlier rounds on its map, and pay what is confirmed."""
    if row.map.kind in UNPAID or row.player.shadow:
        return
    mine = _played([row])[0]
    others = _others(row)
    chance = _tally(mine)
    if not others:
        return
    _compare(mine, others, chance)
    trusted: dict[int, float] = {}
    paid: dict[int, set[str]] = {}
    for name in mine.labels:
        confirming = [other for other in others if name in other.labels]
        for played in [mine, *confirming] if confirming else []:
            yield from _pay(played, name, chance[name], at, trusted, paid)


def _played(rows: list[Round]) -> list[_Played]:
    labels: dict[int, dict[str, Label]] = {row.pk: {} for row in rows}
    for label in Label.objects.filter(round__in=labels).order_by("pk"):
        labels[label.round_id].setdefault(exact_form(label.language, label.text), label)
    return [_Played(row, labels[row.pk]) for row in rows]


def _others(row: Round) -> list[_Played]:
    """The latest independent rounds that were finished on the map before, in the order in which they were."""
    ends = Event.objects.filter(
        round__map=row.map_id, kind__in=FINAL, round__void_reason="", round__player__shadow=False
    ).exclude(round__player=row.player_id)
    if row.device:
        ends = ends.exclude(round__device=row.device)
    latest = [event.round for event in ends.select_related("round").order_by("-pk")[: scoring.COMPARED]]
    return _played(latest[::-1])


def _tally(mine: _Played) -> dict[str, float]:
    """Count the round and its labels for its class; the probability of its labels, and of any other of the class."""
    key = {"campaign_id": mine.row.campaign_id, "class_index": mine.row.picture.class_index}
    _add(ClassTally, key, "rounds", 1)
    for name in mine.labels:
        _add(LabelTally, {**key, "name": name}, "rounds", 1)
    return _Chances(key)


class _Chances(dict[str, float]):
    """Label to its probability given the class, looked up when it is asked for."""

    def __init__(self, key: dict[str, Any]) -> None:
        super().__init__()
        self.key = key

    @cached_property
    def rounds(self) -> int:
        """Rounds of the class."""
        return ClassTally.objects.get(**self.key).rounds

    def __missing__(self, name: str) -> float:
        typed = LabelTally.objects.filter(**self.key, name=name).values_list("rounds", flat=True).first() or 0
        self[name] = scoring.probability_of_label(typed, self.rounds)
        return self[name]


def _compare(mine: _Played, others: list[_Played], chance: dict[str, float]) -> None:
    """Note which labels of one round the other has, and how many it would have by chance; in the domain's order."""
    ids = {mine.row.player_id, *(other.row.player_id for other in others)}
    known = {
        tally.player_id: tally for tally in PairTally.objects.filter(campaign=mine.row.campaign_id, player__in=ids)
    }
    touched: dict[int, PairTally] = {}
    for other in others:
        for one, another in ((mine, other), (other, mine)):
            player = one.row.player_id
            for name in one.labels:
                tally = touched.setdefault(
                    player, known.get(player) or PairTally(campaign_id=mine.row.campaign_id, player_id=player)
                )
                tally.agreed += name in another.labels
                tally.expected += chance[name]
                tally.pairs += 1
    PairTally.objects.bulk_create([tally for tally in touched.values() if tally.pk is None])
    PairTally.objects.bulk_update(
        [tally for tally in touched.values() if tally.player_id in known], ["agreed", "expected", "pairs"]
    )


def _pay(
    played: _Played, name: str, chance: float, at: datetime, trusted: dict[int, float], paid: dict[int, set[str]]
) -> Iterator[LedgerEntry]:
    """Credit a label once, if its round is within the daily cap and has not had six paid labels."""
    row = played.row
    if row.pk not in paid:
        lines = LedgerEntry.objects.filter(round=row, kind=EntryKind.LABEL.value)
        paid[row.pk] = set(lines.values_list("ref", flat=True))
    if not row.counted or name in paid[row.pk] or len(paid[row.pk]) >= scoring.PAID_LABELS:
        return
    paid[row.pk].add(name)
    if row.player_id not in trusted:
        tally = PairTally.objects.get(campaign=row.campaign_id, player=row.player_id)
        trusted[row.player_id] = scoring.trust(tally.agreed, tally.expected, tally.pairs)
    step = played.labels[name].step
    points = scoring.label_points(step=step, probability=chance, trusted=trusted[row.player_id])
    yield _entry(row, EntryKind.LABEL, name, points, at)


def _entry(row: Round, kind: EntryKind, ref: str, points: int, at: datetime) -> LedgerEntry:
    return LedgerEntry(player_id=row.player_id, round=row, kind=kind.value, ref=ref, points=points, at=at)


def _add(model: type[Any], key: dict[str, Any], column: str, amount: int) -> None:
    """Add to a counter, which is made where it is missing; only one writer is at work."""
    if not model.objects.filter(**key).update(**{column: F(column) + amount}):
        model.objects.create(**key, **{column: amount})


def sums_of(entries: Iterable[LedgerEntry]) -> Counter[tuple[int, str]]:
    """What lines of the ledger add to a player's ladders."""
    sums: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        sums[entry.player_id, ALL_TIME] += entry.points
        sums[entry.player_id, week(entry.at)] += entry.points
        if entry.kind == EntryKind.LABEL.value:
            sums[entry.player_id, CONFIRMED] += 1
    return sums
