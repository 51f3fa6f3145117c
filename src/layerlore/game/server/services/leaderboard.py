"""Ladders: sums of the ledger, kept by `ledger` and shown from a cache that is at most a minute old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.db.models import Sum

from layerlore.game.domain.scoring import Ladder, shown_points
from layerlore.game.server.models import LedgerEntry, Round, Standing
from layerlore.game.server.services.assignment import FINISHED_STATES
from layerlore.game.server.services.ledger import ALL_TIME, CONFIRMED, week

if TYPE_CHECKING:
    from datetime import datetime

    from layerlore.game.server.models import Campaign, Player

TOP = 20
SECONDS = 60


@dataclass(frozen=True)
class Rank:
    """One line.

    Attributes:
        place: From 1; equal values have equal places.
        player_id: Whose, to mark one's own.
        nickname: "" for a former player.
        value: Points, or confirmed labels.
    """

    place: int
    player_id: int
    nickname: str
    value: int


@dataclass(frozen=True)
class Statistics:
    """A player's own numbers.

    Attributes:
        rounds: Finished ones.
        won: Of these.
        labels: Typed in them.
        points: All of them, as shown.
        confirmed: Labels that somebody else typed too.
        label_points: What these earned, as shown.
    """

    rounds: int
    won: int
    labels: int
    points: int
    confirmed: int
    label_points: int


def ladder_key(ladder: Ladder, now: datetime) -> str:
    """Name under which the sums of a ladder are kept."""
    return {Ladder.WEEK: week(now), Ladder.ALL_TIME: ALL_TIME, Ladder.CONFIRMED: CONFIRMED}[ladder]


def top(campaign: Campaign, ladder: Ladder, now: datetime) -> list[Rank]:
    """The best; players in shadow are not among them."""
    key = ladder_key(ladder, now)
    name = f"top-{campaign.pk}-{key}"
    found: list[Rank] | None = cache.get(name)
    if found is None:
        rows = (
            Standing.objects.filter(campaign=campaign, ladder=key, value__gt=0, player__shadow=False)
            .order_by("-value", "player__key")
            .values_list("player_id", "player__nickname", "value")[:TOP]
        )
        found = _places(ladder, list(rows))
        cache.set(name, found, SECONDS)
    return found


def own(campaign: Campaign, ladder: Ladder, player: Player, now: datetime) -> Rank | None:
    """The player's line, also where it is not among the best; None without points."""
    key = ladder_key(ladder, now)
    mine = Standing.objects.filter(campaign=campaign, ladder=key, player=player, value__gt=0).first()
    if mine is None:
        return None
    name = f"own-{campaign.pk}-{key}-{player.pk}"
    better: int | None = cache.get(name)
    if better is None:
        rows = Standing.objects.filter(campaign=campaign, ladder=key, value__gt=mine.value, player__shadow=False)
        better = rows.count()
        cache.set(name, better, SECONDS)
    return Rank(better + 1, player.pk, player.nickname, _shown(ladder, mine.value))


def statistics(campaign: Campaign, player: Player) -> Statistics:
    """A player's own numbers, as they are now."""
    rounds = Round.objects.filter(campaign=campaign, player=player, state__in=FINISHED_STATES, void_reason="")
    sums = dict(
        Standing.objects.filter(campaign=campaign, player=player, ladder__in=(ALL_TIME, CONFIRMED)).values_list(
            "ladder", "value"
        )
    )
    labels = LedgerEntry.objects.filter(player=player, round__campaign=campaign, kind="label")
    return Statistics(
        rounds=rounds.count(),
        won=rounds.filter(state="won").count(),
        labels=rounds.filter(labels__isnull=False).values("labels").count(),
        points=shown_points(sums.get(ALL_TIME, 0)),
        confirmed=sums.get(CONFIRMED, 0),
        label_points=shown_points(labels.aggregate(sum=Sum("points"))["sum"] or 0),
    )


def _places(ladder: Ladder, rows: list[tuple[int, str, int]]) -> list[Rank]:
    values = [value for _, _, value in rows]
    return [
        Rank(values.index(value) + 1, player_id, nickname, _shown(ladder, value)) for player_id, nickname, value in rows
    ]


def _shown(ladder: Ladder, value: int) -> int:
    return value if ladder is Ladder.CONFIRMED else shown_points(value)
