"""Points from an export alone: the same as the server gave, for they follow from the log (game.md I6)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from layerlore.game.domain.config import parse_config
from layerlore.game.domain.scoring import Entry, MapFacts, ledger
from layerlore.game.domain.states import Event, EventKind

if TYPE_CHECKING:
    from layerlore.game.exchange.records import CampaignExport

UNPAID = ("control", "blank")


def points(export: CampaignExport) -> list[Entry]:
    """The ledger of an export that has all rounds (``--include training,shadow``); without them points are missing."""
    config = parse_config(export.facts.config)
    classes = len(export.facts.classes)
    offered = min(config.classes.show or classes, classes)
    maps = {one.map_key: MapFacts(str(one.class_index), offered, one.kind in UNPAID) for one in export.maps}
    log = sorted(
        ((event.number, event, one) for one in export.rounds if not one.void_reason for event in one.events),
        key=lambda entry: entry[0],
    )
    events = [
        Event(
            kind=EventKind(event.kind),
            round_id=one.round,
            player=one.player,
            map_id=one.map_key,
            at=datetime.fromisoformat(event.at),
            step=event.step,
            value=event.value,
            language=event.language,
            correct=event.correct,
        )
        for _, event, one in log
    ]
    return ledger(events, config, maps, shadow={one.player for one in export.players if one.shadow or one.held})
