"""Points as they arise, and a recount that must give the same (I6).

`book` does for one answer what `domain.scoring.ledger` does for the whole log: it needs only what is counted in
the tallies and the labels of the same map. `recount` runs the domain's function over the log and compares.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q

from layerlore.game.domain import scoring
from layerlore.game.domain.scoring import EntryKind, exact_form
from layerlore.game.domain.states import Event as DomainEvent
from layerlore.game.domain.states import EventKind
from layerlore.game.server.models import (
    Campaign,
    ClassTally,
    Event,
    Label,
    LabelTally,
    LedgerEntry,
    Map,
    Player,
    Round,
    Standing,
)
from layerlore.game.server.services.campaigns import UNPAID, Rules, rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from typing import Any

ALL_TIME = scoring.Ladder.ALL_TIME.value
CONFIRMED = scoring.Ladder.CONFIRMED.value
BATCH = 1000


def week(at: datetime) -> str:
    """Name of a week's ladder: its Monday in UTC."""
    day = at.astimezone(UTC).date()
    return (day - timedelta(days=day.weekday())).isoformat()


def due(campaign_id: int) -> None:
    """Have the ledger recounted: something has changed that `book` cannot follow."""
    Campaign.objects.filter(pk=campaign_id).update(recount_due=True)


def take_back(entry: LedgerEntry, campaign_id: int) -> None:
    """Remove a line, and what it added to the ladders."""
    for (player, ladder), value in _sums([entry]).items():
        Standing.objects.filter(player=player, campaign=campaign_id, ladder=ladder).update(value=F("value") - value)
    entry.delete()


def book(row: Round, events: Sequence[DomainEvent], the_rules: Rules) -> None:
    """Points and tallies that follow from one request; call it before its labels are stored.

    On PostgreSQL the campaign's row must be locked, so that answers are booked in the order of their events.
    """
    labels = [event for event in events if event.kind is EventKind.LABELLED]
    guesses = [event for event in events if event.kind is EventKind.GUESSED]
    if labels or guesses:
        _take_place(row, events[0].at, the_rules)
    entries: list[LedgerEntry] = []
    seen = row.player.shadow
    if labels and not seen and row.map.kind not in UNPAID:
        entries += _labels(row, labels)
    for event in guesses:
        entries += _guess(row, event, the_rules)
    if not seen and any(event.kind in (EventKind.GUESSED, EventKind.RESIGNED) for event in events):
        _tally_round(row)
    _store(row.campaign_id, entries)


def _take_place(row: Round, at: datetime, the_rules: Rules) -> None:
    """The round's first answer takes one of the day's places; beyond the cap nothing earns points."""
    if row.counted is not None:
        return
    day = at.astimezone(UTC).date()
    before = Round.objects.filter(player=row.player_id, campaign=row.campaign_id, counted_on=day, void_reason="")
    row.counted = before.count() < the_rules.config.score.daily_round_cap
    row.counted_on = day
    Round.objects.filter(pk=row.pk).update(counted=row.counted, counted_on=day)


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


def _labels(row: Round, events: Iterable[DomainEvent]) -> Iterator[LedgerEntry]:
    """Labels that somebody independent has typed on this map before pay both."""
    _tally_round(row)
    for event in events:
        name = exact_form(event.language, event.value)
        common = _tally_label(row, name)
        chance = scoring.probability_of_label(common, _rounds_of_class(row))
        same = Label.objects.filter(
            map=row.map_id,
            language=event.language,
            text=event.value,
            round__void_reason="",
            round__player__shadow=False,
        )
        others = [label for label in same.select_related("round").order_by("pk") if _independent(row, label.round)]
        if others:
            yield from _pay(row, event.step, name, chance, event.at)
        for label in others:
            yield from _pay(label.round, label.step, name, chance, event.at)


def _independent(one: Round, other: Round) -> bool:
    """Another player on another device."""
    return one.player_id != other.player_id and (not one.device or one.device != other.device)


def _pay(row: Round, step: int, name: str, chance: float, at: datetime) -> Iterator[LedgerEntry]:
    paid = set(LedgerEntry.objects.filter(round=row, kind=EntryKind.LABEL.value).values_list("ref", flat=True))
    if row.counted and name not in paid and len(paid) < scoring.PAID_LABELS:
        points = scoring.label_points(step=step, probability=chance)
        entry = _entry(row, EntryKind.LABEL, name, points, at)
        entry.save()  # at once, so that the next label of this round counts it
        yield entry


def _entry(row: Round, kind: EntryKind, ref: str, points: int, at: datetime) -> LedgerEntry:
    return LedgerEntry(player_id=row.player_id, round=row, kind=kind.value, ref=ref, points=points, at=at)


def _tally_round(row: Round) -> None:
    """Count the round among those of its class, once."""
    if not row.tallied:
        row.tallied = True
        Round.objects.filter(pk=row.pk).update(tallied=True)
        _add(ClassTally, {"campaign_id": row.campaign_id, "class_index": row.picture.class_index}, "rounds", 1)


def _rounds_of_class(row: Round) -> int:
    return ClassTally.objects.get(campaign=row.campaign_id, class_index=row.picture.class_index).rounds


def _tally_label(row: Round, name: str) -> int:
    key = {"campaign_id": row.campaign_id, "class_index": row.picture.class_index, "name": name}
    _add(LabelTally, key, "rounds", 1)
    return LabelTally.objects.get(**key).rounds


def _add(model: type[Any], key: dict[str, Any], column: str, amount: int) -> None:
    """Add to a counter, which is made where it is missing; only one writer is at work."""
    if not model.objects.filter(**key).update(**{column: F(column) + amount}):
        model.objects.create(**key, **{column: amount})


def _store(campaign_id: int, entries: list[LedgerEntry]) -> None:
    LedgerEntry.objects.bulk_create([entry for entry in entries if entry.pk is None])
    for (player, ladder), value in sorted(_sums(entries).items()):
        _add(Standing, {"campaign_id": campaign_id, "player_id": player, "ladder": ladder}, "value", value)


def _sums(entries: Iterable[LedgerEntry]) -> Counter[tuple[int, str]]:
    sums: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        sums[entry.player_id, ALL_TIME] += entry.points
        sums[entry.player_id, week(entry.at)] += entry.points
        if entry.kind == EntryKind.LABEL.value:
            sums[entry.player_id, CONFIRMED] += 1
    return sums


class _Log:
    """The event log in its order, read from the database each time it is walked."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign

    def __iter__(self) -> Iterator[DomainEvent]:
        rows = (
            Event.objects.filter(round__campaign=self.campaign)
            .order_by("pk")
            .values_list(
                "kind", "round_id", "round__player_id", "round__map_id", "at", "step", "value", "language", "correct"
            )
        )
        for kind, round_id, player, game_map, at, step, value, language, correct in rows.iterator(BATCH):
            yield DomainEvent(
                EventKind(kind), str(round_id), str(player), str(game_map), at, step, value, language, correct
            )


def expected(campaign: Campaign) -> list[scoring.Entry]:
    """The ledger as it follows from the log alone."""
    the_rules = rules(campaign)
    maps = Map.objects.filter(campaign=campaign).select_related("picture").only("kind", "picture__class_index")
    facts = {str(one.pk): the_rules.facts(one) for one in maps.iterator(BATCH)}
    shadow = [str(pk) for pk in Player.objects.filter(shadow=True).values_list("pk", flat=True)]
    log: Any = _Log(campaign)
    return scoring.ledger(log, the_rules.config, facts, shadow=shadow)


def recount(campaign: Campaign, *, repair: bool = False) -> int:
    """Compare ledger and standings with the log.

    Args:
        campaign: The campaign.
        repair: Write what the log says.

    Returns:
        Number of lines that differ.
    """
    with transaction.atomic():
        Campaign.objects.select_for_update(no_key=True).only("pk").get(pk=campaign.pk)
        wanted = [
            LedgerEntry(
                player_id=int(entry.player),
                round_id=int(entry.round_id),
                kind=entry.kind.value,
                ref=entry.ref,
                points=entry.points,
                at=entry.at,
            )
            for entry in expected(campaign)
        ]
        rows = list(LedgerEntry.objects.filter(round__campaign=campaign))
        sums = {key: value for key, value in _sums(wanted).items() if value}
        standing = Standing.objects.filter(campaign=campaign)
        stored = {(row.player_id, row.ladder): row.value for row in standing if row.value}
        lines = {_line(row) for row in wanted} ^ {_line(row) for row in rows}
        different = len(lines) + sum(sums.get(key) != stored.get(key) for key in sums.keys() | stored.keys())
        if repair and different:
            LedgerEntry.objects.filter(round__campaign=campaign).delete()
            LedgerEntry.objects.bulk_create(wanted, batch_size=BATCH)
            standing.delete()
            Standing.objects.bulk_create(
                (
                    Standing(campaign=campaign, player_id=player, ladder=ladder, value=value)
                    for (player, ladder), value in sums.items()
                ),
                batch_size=BATCH,
            )
        if repair:
            _retally(campaign)
            Campaign.objects.filter(pk=campaign.pk).update(recount_due=False)
    return different


def _line(row: LedgerEntry) -> tuple[int, int, str, str, int]:
    return row.player_id, row.round_id, row.kind, row.ref, row.points


def _retally(campaign: Campaign) -> None:
    """Tallies and places in the day from the log, so that `book` goes on from what the domain would know."""
    class_rounds: dict[int, set[int]] = {}
    label_rounds: dict[tuple[int, str], set[int]] = {}
    per_day: Counter[tuple[int, Any]] = Counter()
    cap = rules(campaign).config.score.daily_round_cap
    counted: dict[int, tuple[bool, Any]] = {}
    events = Event.objects.filter(round__campaign=campaign, round__void_reason="").order_by("pk")
    answers = (EventKind.LABELLED.value, EventKind.GUESSED.value, EventKind.RESIGNED.value)
    for kind, round_id, player, shadow, map_kind, class_index, at, name, language in events.filter(
        kind__in=answers
    ).values_list(
        "kind", "round_id", "round__player_id", "round__player__shadow", "round__map__kind",
        "round__picture__class_index", "at", "value", "language",
    ).iterator(BATCH):  # fmt: skip
        labelled = kind == EventKind.LABELLED.value
        if kind != EventKind.RESIGNED.value and round_id not in counted:
            day = at.astimezone(UTC).date()
            per_day[player, day] += 1
            counted[round_id] = (per_day[player, day] <= cap, day)
        if shadow or (labelled and map_kind in UNPAID):
            continue
        class_rounds.setdefault(class_index, set()).add(round_id)
        if labelled:
            label_rounds.setdefault((class_index, exact_form(language, name)), set()).add(round_id)
    ClassTally.objects.filter(campaign=campaign).delete()
    LabelTally.objects.filter(campaign=campaign).delete()
    ClassTally.objects.bulk_create(
        ClassTally(campaign=campaign, class_index=index, rounds=len(some)) for index, some in class_rounds.items()
    )
    LabelTally.objects.bulk_create(
        (
            LabelTally(campaign=campaign, class_index=index, name=name, rounds=len(some))
            for (index, name), some in label_rounds.items()
        ),
        batch_size=BATCH,
    )
    tallied = set().union(*class_rounds.values())
    _mark_rounds(campaign, counted, tallied)


def _mark_rounds(campaign: Campaign, counted: dict[int, tuple[bool, Any]], tallied: set[int]) -> None:
    """Write what `_retally` found to the rounds that differ."""
    changed = []
    for row in Round.objects.filter(Q(campaign=campaign)).only("counted", "counted_on", "tallied").iterator(BATCH):
        state = (*counted.get(row.pk, (None, None)), row.pk in tallied)
        if state != (row.counted, row.counted_on, row.tallied):
            row.counted, row.counted_on, row.tallied = state
            changed.append(row)
    Round.objects.bulk_update(changed, ["counted", "counted_on", "tallied"], batch_size=BATCH)
