"""A player's own numbers over time: rounds one by one, points by week, and how little they need to see."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Avg, Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from layerlore.game.domain.scoring import shown_points
from layerlore.game.server.models import Label, LedgerEntry, Round, Standing
from layerlore.game.server.services.ledger import week

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from layerlore.game.server.models import Campaign, Player

OVER = ("won", "lost", "resigned")
WEEKS = 12


def finished(campaign: Campaign, player: Player) -> QuerySet[Any]:
    """The player's finished rounds, the last first, each with its ``points`` in thousandths and number of ``typed``."""
    mine = Round.objects.filter(campaign=campaign, player=player, state__in=OVER).select_related("picture")
    paid = LedgerEntry.objects.filter(round=OuterRef("pk")).order_by().values("round")
    typed = Label.objects.filter(round=OuterRef("pk")).order_by().values("round")
    return mine.annotate(
        points=Coalesce(Subquery(paid.annotate(sum=Sum("points")).values("sum")), 0),
        typed=Coalesce(Subquery(typed.annotate(count=Count("pk")).values("count")), 0),
    ).order_by("-ended", "-pk")


def step_at_win(campaign: Campaign, player: Player) -> float | None:
    """The mean step of the player's right guesses, from 1; None without one."""
    won = Round.objects.filter(campaign=campaign, player=player, state="won", void_reason="")
    mean = won.aggregate(mean=Avg("step"))["mean"]
    return None if mean is None else mean + 1


def weeks(campaign: Campaign, player: Player, now: datetime) -> list[tuple[date, int]]:
    """Monday and points of each of the last weeks, the oldest first; from the sums that the ladders show."""
    monday = date.fromisoformat(week(now))
    mondays = [monday - timedelta(weeks=number) for number in range(WEEKS)][::-1]
    sums = dict(
        Standing.objects.filter(
            campaign=campaign, player=player, ladder__in=[one.isoformat() for one in mondays]
        ).values_list("ladder", "value")
    )
    return [(one, shown_points(sums.get(one.isoformat(), 0))) for one in mondays]
