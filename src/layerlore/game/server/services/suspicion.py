"""Flags for the staff's eyes: who seems to be no person, or several that are one. A burst's label points are held."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from layerlore.game.domain import suspicion
from layerlore.game.domain.scoring import exact_form
from layerlore.game.domain.suspicion import Play, Suspicion
from layerlore.game.server.models import Audit, Player, Round
from layerlore.game.server.services import ledger
from layerlore.game.server.services.assignment import FINISHED_STATES
from layerlore.game.server.services.campaigns import current

if TYPE_CHECKING:
    from datetime import datetime

    from layerlore.game.server.models import Account, Campaign

LATELY = timedelta(days=1)
"""The digest of a guest's network is kept for as long."""

MOST = 20_000
"""Rounds that are looked at, the latest first."""


def look(now: datetime) -> int:
    """Flag who has played suspiciously since yesterday; how many are new."""
    campaign = current()
    plays = _plays(campaign, now)
    new = _flag(campaign, suspicion.bursts(plays), Suspicion.BURST, before=(Suspicion.NONE, Suspicion.SPEED))
    return new + _flag(campaign, suspicion.too_fast(plays), Suspicion.SPEED, before=(Suspicion.NONE,))


def release(campaign: Campaign, player: Player, *, actor: Account) -> None:
    """A person has looked: the player is no longer flagged, nor ever again, and gets the points."""
    with transaction.atomic():
        rows = Player.objects.filter(pk=player.pk, suspicion__in=(Suspicion.SPEED.value, Suspicion.BURST.value))
        if rows.update(suspicion=Suspicion.CLEARED.value, held=False):
            Audit.objects.create(actor=actor, action="released", subject=player.key)
            ledger.due(campaign.pk)


def _plays(campaign: Campaign, now: datetime) -> list[Play]:
    rows = Round.objects.filter(
        campaign=campaign, state__in=FINISHED_STATES, void_reason="", ended__gt=now - LATELY, ended__lte=now
    )
    rows = rows.select_related("player").prefetch_related("labels").order_by("-ended")[:MOST]
    return [
        Play(
            str(row.player_id),
            row.player.network,
            str(row.map_id),
            row.ended,
            frozenset(exact_form(label.language, label.text) for label in row.labels.all()),
            row.ended - row.started,
        )
        for row in rows
        if row.ended is not None
    ]


def _flag(campaign: Campaign, players: frozenset[str], why: Suspicion, *, before: tuple[Suspicion, ...]) -> int:
    wanted = Player.objects.filter(pk__in=map(int, players), suspicion__in=[one.value for one in before])
    with transaction.atomic():
        found = list(wanted.select_for_update())
        held = why is Suspicion.BURST
        Player.objects.filter(pk__in=[one.pk for one in found]).update(suspicion=why.value, held=held)
        action = "flag-burst" if held else "flag-speed"
        Audit.objects.bulk_create(Audit(action=action, subject=one.key) for one in found)
        if found and held:
            ledger.due(campaign.pk)
    return len(found)
