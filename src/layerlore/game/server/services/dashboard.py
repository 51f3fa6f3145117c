"""How far a campaign is: coverage, pace, rounds on maps with a known answer, limits that were hit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Greatest

from layerlore.game.domain.lifecycle import MapState
from layerlore.game.server.models import Label, Limit, Map, Player, Round
from layerlore.game.server.services.assignment import FINISHED_STATES

if TYPE_CHECKING:
    from datetime import date, datetime

    from django.db.models import QuerySet

    from layerlore.game.server.models import Campaign
    from layerlore.game.server.services.campaigns import Rules

WANTED = ("normal", "merged")
KNOWN = ("honeypot", "blank")
SECONDS = 60
DAYS = 28
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Cell:
    """Maps of one layer and class.

    Attributes:
        maps: How many.
        ready: With ``k_min`` rounds or more, or stopped.
        done: Rounds that count.
        wanted: Rounds until each active map has ``k_min``.
    """

    maps: int
    ready: int
    done: int
    wanted: int

    @property
    def percent(self) -> float:
        """Share of maps that are ready."""
        return 100 * self.ready / self.maps if self.maps else 0.0

    @property
    def shade(self) -> int:
        """The share in tenths, for the colour; only what is complete has the last one."""
        return int(self.percent // 10)


def total(cells: list[Cell]) -> Cell:
    """Several cells as one."""
    return Cell(*(sum(column) for column in zip(*((c.maps, c.ready, c.done, c.wanted) for c in cells), strict=True)))


def overview(campaign: Campaign, the_rules: Rules, language: str, now: datetime) -> dict[str, Any]:
    """Everything about rounds that staff's first page shows; at most a minute old."""
    name = f"overview-{campaign.pk}-{language}"
    found: dict[str, Any] | None = cache.get(name)
    if found is None:
        covered = coverage(campaign, the_rules, language)
        found = {
            "coverage": covered,
            "activity": activity(campaign, now, covered["wanted"]),
            "days": rounds_by_day(campaign, now),
            "known": known_answers(campaign),
        }
        cache.set(name, found, SECONDS)
    return found


def coverage(campaign: Campaign, the_rules: Rules, language: str) -> dict[str, Any]:
    """Layers x classes, and the rounds that are still wanted."""
    k_min = the_rules.config.quality.k_min
    maps = Map.objects.filter(campaign=campaign, kind__in=WANTED)
    active = Q(state=MapState.ACTIVE.value)
    rows = (
        maps.values("layer", "layer_position", "picture__class_index")
        .annotate(
            maps=Count("pk"),
            ready=Count("pk", filter=Q(done__gte=k_min) | ~active),
            plays=Sum("done"),
            wanted=Sum(Greatest(k_min - F("done"), 0), filter=active),
        )
        .order_by("layer_position")
    )
    cells: dict[str, dict[int, Cell]] = {}
    for row in rows:
        cell = Cell(row["maps"], row["ready"], row["plays"] or 0, row["wanted"] or 0)
        cells.setdefault(row["layer"], {})[row["picture__class_index"]] = cell
    used = sorted({index for by_class in cells.values() for index in by_class})
    empty = Cell(0, 0, 0, 0)
    totals = {layer: total(list(by_class.values())) for layer, by_class in cells.items()}
    everything = total(list(totals.values())) if totals else empty
    return {
        "classes": [the_rules.classes[index].name(language) for index in used],
        "layers": [
            {"name": layer, "cells": [by_class.get(index, empty) for index in used], "total": totals[layer]}
            for layer, by_class in cells.items()
        ],
        "total": everything,
        "wanted": everything.wanted,
        "k_min": k_min,
        "reasons": sorted(maps.values_list("reason").annotate(maps=Count("pk"))),
    }


def activity(campaign: Campaign, now: datetime, wanted: int) -> dict[str, Any]:
    """Rounds and players lately, and when the campaign may be done if it goes on like this.

    The pace is that of the last seven days, or of the days since the first round if these are fewer; rounds on maps
    that only check answers do not bring the end nearer, and are not in it.
    """
    finished = _finished(campaign)
    week = finished.filter(ended__gt=now - WEEK)
    useful = week.filter(map__kind__in=WANTED).count()
    first = finished.order_by("pk").values_list("started", flat=True).first()
    days = min(7.0, max(1.0, (now - first) / timedelta(days=1))) if first else 7.0
    pace = useful / days
    played = finished.filter(player=OuterRef("pk"))
    return {
        "rounds": Map.objects.filter(campaign=campaign).aggregate(sum=Sum("done"))["sum"] or 0,
        "open": Round.objects.filter(campaign=campaign, state="open", expires__gt=now).count(),
        "week": week.count(),
        "players": week.values("player").distinct().count(),
        "everybody": Player.objects.filter(Exists(played)).count(),
        "pace": pace,
        "done_on": forecast(now, wanted, pace),
    }


def _finished(campaign: Campaign) -> QuerySet[Round]:
    """Rounds that count."""
    return Round.objects.filter(campaign=campaign, state__in=FINISHED_STATES, void_reason="")


def forecast(now: datetime, wanted: int, pace: float) -> date | None:
    """The day on which so many rounds are done at so many a day; None if never, or not within a hundred years."""
    if not wanted or not pace or wanted / pace > 36_500:
        return None
    return (now + timedelta(days=wanted / pace)).date()


def rounds_by_day(campaign: Campaign, now: datetime, days: int = DAYS) -> list[tuple[date, int]]:
    """Finished rounds of each of the last days, the earliest first; days are UTC's."""
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    # A range for each day, as the index has it: to make a day of each time takes SQLite seconds.
    starts = [tomorrow - timedelta(days=number) for number in range(days, 0, -1)]
    finished = _finished(campaign)
    return [
        (start.date(), finished.filter(ended__gte=start, ended__lt=start + timedelta(days=1)).count())
        for start in starts
    ]


def known_answers(campaign: Campaign) -> list[dict[str, Any]]:
    """How rounds on maps with a known answer went: on easy ones most should win, on blank ones nobody sees a thing."""
    maps = Map.objects.filter(campaign=campaign, kind__in=KNOWN)
    counts = {
        row["kind"]: row
        for row in maps.values("kind").annotate(plays=Sum("done"), wins=Sum("won"), resignations=Sum("resigned"))
    }
    typed = _finished(campaign).filter(map__in=maps).filter(Exists(Label.objects.filter(round=OuterRef("pk"))))
    labelled = dict(typed.values_list("map__kind").annotate(times=Count("pk")))
    found = []
    for kind in KNOWN:
        row = counts.get(kind) or {"plays": 0, "wins": 0, "resignations": 0}
        lost = row["plays"] - row["wins"] - row["resignations"]
        more = {"lost": lost, "resigned": row["resignations"], "labelled": labelled.get(kind, 0)}
        found.append({"kind": kind, "rounds": row["plays"], "won": row["wins"], **more})
    return found


def limits_hit() -> list[Any]:
    """What was refused in the last day because it was too often, the most first; networks are only digests."""
    rows = Limit.objects.filter(refused__gt=0).values("scope")
    return list(rows.annotate(times=Sum("refused"), sources=Count("who", distinct=True)).order_by("-times", "scope"))
