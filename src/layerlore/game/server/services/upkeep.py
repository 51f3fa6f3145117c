"""Recounts: what is counted while playing must be what the log says (I6, I7)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from layerlore.game.domain.states import RoundState
from layerlore.game.server.models import Campaign, Map
from layerlore.game.server.services import recounting
from layerlore.game.server.services.assignment import FINISHED_STATES
from layerlore.game.server.services.campaigns import NoCampaignError, current
from layerlore.game.server.services.snapshots import snapshot

if TYPE_CHECKING:
    from datetime import datetime

log = logging.getLogger("layerlore.game.upkeep")


def recount_if_due(now: datetime | None = None) -> None:
    """After a round was voided, or somebody put in shadow, merged or erased, points follow from the log anew."""
    del now
    try:
        campaign = current()
    except NoCampaignError:
        return
    if campaign.recount_due:
        recounting.recount(campaign, repair=True)


def daily_recount(now: datetime | None = None) -> str:
    """Compare points and counters with the log; a difference is an error and fails the health check.

    Returns:
        What differs, or "".
    """
    del now
    campaign = current()
    if campaign.recount_due:
        recounting.recount(campaign, repair=True)
    lines = recounting.recount(campaign)
    maps = len(wrong_counters(campaign))
    problem = f"{lines} lines of points, {maps} maps" if lines or maps else ""
    if problem:
        log.error("the recount differs: %s", problem)
    Campaign.objects.filter(pk=campaign.pk).update(recount_problem=problem)
    return problem


def wrong_counters(campaign: Campaign) -> list[str]:
    """Keys of maps whose counters are not what their rounds say."""
    counts = Q(rounds__state__in=FINISHED_STATES, rounds__void_reason="")
    with snapshot():
        rows = Map.objects.filter(campaign=campaign).annotate(
            true_done=Count("rounds", filter=counts),
            true_leased=Count("rounds", filter=Q(rounds__state=RoundState.OPEN.value)),
            true_won=Count("rounds", filter=counts & Q(rounds__state=RoundState.WON.value)),
            true_resigned=Count("rounds", filter=counts & Q(rounds__state=RoundState.RESIGNED.value)),
        )
        return [
            row.key
            for row in rows.only("key", "done", "leased", "won", "resigned")
            if (row.done, row.leased, row.won, row.resigned)
            != (row.true_done, row.true_leased, row.true_won, row.true_resigned)
        ]
