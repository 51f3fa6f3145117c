"""Points as they arise, answer by answer (I6).

`book` does for one answer in the database what `domain.scoring.Ledger` does for the whole log in memory: it needs
only what is tallied, and the latest rounds on the same map. `recounting` runs the domain's ledger and compares.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, F

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
from layerlore.game.server.services import statements
from layerlore.game.server.services.campaigns import UNPAID, Rules
from layerlore.game.server.services.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from layerlore.game.domain.states import Event as DomainEvent

ALL_TIME = scoring.Ladder.ALL_TIME.value
CONFIRMED = scoring.Ladder.CONFIRMED.value
FINAL = [kind.value for kind in scoring.FINAL]
_COUNTED = Prepared(
    # By the time of its start too, for which there is an index with the player; no round lasts longer than a day.
    lambda player, campaign, day, since: (
        Round.objects.filter(player=player, campaign=campaign, counted_on=day, started__gte=since, void_reason="")
        .order_by()
        .values("player")
        .annotate(rounds=Count("pk"))
        .values_list("rounds", flat=True)
    ),
    player=int,
    campaign=int,
    day=date,
    since=datetime,
)
_HEEDED = {"round__player__shadow": False, "round__player__held": False}
_LATEST = Prepared(
    lambda game_map, player, device: (
        Event.objects.filter(round__map=game_map, kind__in=FINAL, round__void_reason="", **_HEEDED)
        .exclude(round__player=player)
        .exclude(round__device=device)
        # Not "-pk": SQLite would look through the whole log from its end instead of the map's few rounds.
        .order_by((F("pk") + 0).desc())
        .values_list("round_id", "round__player_id", "round__counted")[: scoring.COMPARED]
    ),
    game_map=int,
    player=int,
    device=str,
)
NO_DEVICE = "-"
"""No device's digest; a round without a device is compared with all others."""


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
    statements.insert(entries)
    ladders = [
        {"campaign_id": row.campaign_id, "player_id": player, "ladder": ladder, "value": value}
        for (player, ladder), value in sorted(sums_of(entries).items())
    ]
    statements.add(Standing, ladders, "value")


def place_in_the_day(row: Round, events: Sequence[DomainEvent], the_rules: Rules) -> dict[str, Any]:
    """Columns to change: a round's first answer takes one of the day's places; beyond the cap nothing earns points."""
    answers = [event for event in events if event.kind is EventKind.GUESSED or event.kind in scoring.FINAL]
    if row.counted is not None or not answers:
        return {}
    day = answers[0].at.astimezone(UTC).date()
    since = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    before = _COUNTED.first(player=row.player_id, campaign=row.campaign_id, day=day, since=since) or 0
    return {"counted": before < the_rules.config.score.daily_round_cap, "counted_on": day}


def _guess(row: Round, event: DomainEvent, the_rules: Rules) -> Iterator[LedgerEntry]:
    if row.counted:
        points = scoring.guess_points(
            the_rules.config,
            step=event.step,
            classes=the_rules.offered,
            tries=[str(answer) for answer, _ in row.guesses].index(event.value),
            correct=bool(event.correct),
        )
        yield LedgerEntry(
            player_id=row.player_id,
            round_id=row.pk,
            kind=EntryKind.GUESS.value,
            ref=event.value,
            points=points,
            at=event.at,
        )


@dataclass(frozen=True)
class _Played:
    """A finished round; its labels by the name under which they are compared, with their step."""

    pk: int
    player_id: int
    counted: bool | None
    labels: dict[str, int]


def _finish(row: Round, at: datetime) -> Iterator[LedgerEntry]:
    """Compare a round's labels with those of earlier rounds on its map, and pay what is confirmed."""
    if row.map.kind in UNPAID or row.player.shadow or row.player.held:
        return
    *others, mine = _with_labels([*_others(row), (row.pk, row.player_id, row.counted)])
    of_class = {"campaign_id": row.campaign_id, "class_index": row.picture.class_index}
    rounds = statements.add(ClassTally, [{**of_class, "rounds": 1}], "rounds")
    statements.add(LabelTally, [{**of_class, "name": name, "rounds": 1} for name in sorted(mine.labels)], "rounds")
    names = sorted({name for played in (mine, *others) for name in played.labels}) if others else []
    if not names:
        return
    tallies = dict(statements.select(LabelTally, of_class, "name", names, ("name", "rounds")))
    chance = {name: scoring.probability_of_label(tallies.get(name, 0), rounds[0]) for name in names}
    pairs = _compare(row.campaign_id, mine, others, chance)
    if any(name in other.labels for other in others for name in mine.labels):
        yield from _confirm(mine, others, chance, pairs, at)


def _with_labels(rounds: list[tuple[int, int, bool | None]]) -> list[_Played]:
    """Rounds, given by number, player and whether they count, with their labels."""
    labels: dict[int, dict[str, int]] = {pk: {} for pk, _, _ in rounds}
    columns = ("round_id", "language", "text", "step")
    for pk, language, text, step in statements.select(Label, {}, "round_id", list(labels), columns):
        labels[pk].setdefault(exact_form(language, text), step)
    return [_Played(*one, labels[one[0]]) for one in rounds]


def _others(row: Round) -> list[tuple[int, int, bool | None]]:
    """The latest independent rounds that were finished on the map before, in the order in which they were."""
    device = row.device or NO_DEVICE
    latest: list[Any] = _LATEST.all(game_map=row.map_id, player=row.player_id, device=device)
    return latest[::-1]


def _compare(
    campaign_id: int, mine: _Played, others: list[_Played], chance: Mapping[str, float]
) -> dict[int, tuple[int, float, int]]:
    """Note which labels of one round the other has, and how many it would have by chance; in the domain's order."""
    ids = sorted({mine.player_id, *(other.player_id for other in others)})
    columns = ("player_id", "agreed", "expected", "pairs")
    known = statements.select(PairTally, {"campaign_id": campaign_id}, "player_id", ids, columns)
    pairs = {player: (agreed, expected, number) for player, agreed, expected, number in known}
    touched = set()
    for other in others:
        for one, another in ((mine, other), (other, mine)):
            for name in one.labels:
                agreed, expected, number = pairs.get(one.player_id, (0, 0.0, 0))
                pairs[one.player_id] = (agreed + (name in another.labels), expected + chance[name], number + 1)
                touched.add(one.player_id)
    rows = [
        {"campaign_id": campaign_id, "player_id": player, **dict(zip(columns[1:], pairs[player], strict=True))}
        for player in sorted(touched)
    ]
    statements.put(PairTally, rows, columns[1:])
    return pairs


def _confirm(
    mine: _Played,
    others: list[_Played],
    chance: Mapping[str, float],
    pairs: Mapping[int, tuple[int, float, int]],
    at: datetime,
) -> Iterator[LedgerEntry]:
    """Credit each label once, if its round is within the daily cap and has not had six paid labels."""
    paid: dict[int, set[str]] = {played.pk: set() for played in (mine, *others)}
    kind = {"kind": EntryKind.LABEL.value}
    for pk, ref in statements.select(LedgerEntry, kind, "round_id", list(paid), ("round_id", "ref")):
        paid[pk].add(ref)
    for name in mine.labels:
        confirming = [other for other in others if name in other.labels]
        for played in [mine, *confirming] if confirming else []:
            had = paid[played.pk]
            if not played.counted or name in had or len(had) >= scoring.PAID_LABELS:
                continue
            had.add(name)
            trusted = scoring.trust(*pairs[played.player_id])
            points = scoring.label_points(step=played.labels[name], probability=chance[name], trusted=trusted)
            yield LedgerEntry(
                player_id=played.player_id,
                round_id=played.pk,
                kind=EntryKind.LABEL.value,
                ref=name,
                points=points,
                at=at,
            )


def sums_of(entries: Iterable[LedgerEntry]) -> Counter[tuple[int, str]]:
    """What lines of the ledger add to a player's ladders."""
    sums: Counter[tuple[int, str]] = Counter()
    for entry in entries:
        sums[entry.player_id, ALL_TIME] += entry.points
        sums[entry.player_id, week(entry.at)] += entry.points
        if entry.kind == EntryKind.LABEL.value:
            sums[entry.player_id, CONFIRMED] += 1
    return sums
