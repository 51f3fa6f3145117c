"""The ledger from the log: the domain's own function over all events must give what was booked (I6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from layerlore.game.domain.scoring import Ledger, Tallies
from layerlore.game.domain.states import Event as DomainEvent
from layerlore.game.domain.states import EventKind
from layerlore.game.server.models import (
    Campaign,
    ClassTally,
    Event,
    LabelTally,
    LedgerEntry,
    Map,
    PairTally,
    Player,
    Round,
    Standing,
)
from layerlore.game.server.services.campaigns import rules
from layerlore.game.server.services.ledger import sums_of
from layerlore.game.server.services.snapshots import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 1000


def _log(campaign: Campaign) -> Iterator[DomainEvent]:
    """Events of rounds that count, in their order."""
    rows = Event.objects.filter(round__campaign=campaign, round__void_reason="").order_by("pk")
    columns = ("kind", "round_id", "round__player_id", "round__map_id", "at", "step", "value", "language", "correct")
    for kind, round_id, player, game_map, *rest in rows.values_list(*columns).iterator(BATCH):
        yield DomainEvent(EventKind(kind), str(round_id), str(player), str(game_map), *rest)


def from_the_log(campaign: Campaign) -> Ledger:
    """The ledger as it follows from the log alone."""
    the_rules = rules(campaign)
    maps = Map.objects.filter(campaign=campaign).select_related("picture").only("kind", "picture__class_index")
    facts = {str(one.pk): the_rules.facts(one) for one in maps.iterator(BATCH)}
    shadow = frozenset(
        str(pk) for pk in Player.objects.filter(Q(shadow=True) | Q(held=True)).values_list("pk", flat=True)
    )
    book = Ledger(the_rules.config, facts, shadow)
    for event in _log(campaign):
        book.take(event)
    return book


def recount(campaign: Campaign, *, repair: bool = False) -> int:
    """Compare ledger and standings with the log.

    Args:
        campaign: The campaign.
        repair: Write what the log says, tallies too.

    Returns:
        Number of lines that differ.
    """
    # To compare, it is enough to read what was there at one moment; only a repair keeps players waiting.
    with transaction.atomic() if repair else snapshot():
        if repair:
            Campaign.objects.select_for_update(no_key=True).only("pk").get(pk=campaign.pk)
        book = from_the_log(campaign)
        wanted = [
            LedgerEntry(
                player_id=int(entry.player),
                round_id=int(entry.round_id),
                kind=entry.kind.value,
                ref=entry.ref,
                points=entry.points,
                at=entry.at,
            )
            for entry in book.entries
        ]
        rows = LedgerEntry.objects.filter(round__campaign=campaign)
        sums = {key: value for key, value in sums_of(wanted).items() if value}
        standing = Standing.objects.filter(campaign=campaign)
        stored = {(row.player_id, row.ladder): row.value for row in standing if row.value}
        lines = {_line(row) for row in wanted} ^ {_line(row) for row in rows}
        different = len(lines) + sum(sums.get(key) != stored.get(key) for key in sums.keys() | stored.keys())
        if repair:
            rows.delete()
            LedgerEntry.objects.bulk_create(wanted, batch_size=BATCH)
            standing.delete()
            Standing.objects.bulk_create(
                (
                    Standing(campaign=campaign, player_id=player, ladder=ladder, value=value)
                    for (player, ladder), value in sums.items()
                ),
                batch_size=BATCH,
            )
            _store_tallies(campaign, book.tallies())
            Campaign.objects.filter(pk=campaign.pk).update(recount_due=False)
    return different


def _line(row: LedgerEntry) -> tuple[int, int, str, str, int]:
    return row.player_id, row.round_id, row.kind, row.ref, row.points


def _store_tallies(campaign: Campaign, tallies: Tallies) -> None:
    """What `ledger.book` goes on from."""
    for model in (ClassTally, LabelTally, PairTally):
        model.objects.filter(campaign=campaign).delete()
    ClassTally.objects.bulk_create(
        ClassTally(campaign=campaign, class_index=int(index), rounds=rounds)
        for index, rounds in tallies.class_rounds.items()
    )
    LabelTally.objects.bulk_create(
        (
            LabelTally(campaign=campaign, class_index=int(index), name=name, rounds=rounds)
            for (index, name), rounds in tallies.class_labels.items()
        ),
        batch_size=BATCH,
    )
    PairTally.objects.bulk_create(
        (
            PairTally(campaign=campaign, player_id=int(player), agreed=agreed, expected=expected, pairs=pairs)
            for player, (agreed, expected, pairs) in tallies.pairs.items()
            if pairs
        ),
        batch_size=BATCH,
    )
    changed = []
    for row in Round.objects.filter(campaign=campaign).exclude(counted=None).only("counted").iterator(BATCH):
        counted = tallies.in_cap.get(str(row.pk), row.counted)
        if counted != row.counted:
            row.counted = counted
            changed.append(row)
    Round.objects.bulk_update(changed, ["counted"], batch_size=BATCH)
