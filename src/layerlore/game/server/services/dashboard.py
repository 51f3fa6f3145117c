"""How far a campaign is: coverage, pace, rounds on maps with a known answer, limits that were hit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db.models import Count, F, Min, Q, Sum
from django.db.models.functions import Greatest, TruncDate

from layerlore.game.domain.lifecycle import MapState
from layerlore.game.server.models import Label, Limit, Map, Round
from layerlore.game.server.services.assignment import FINISHED_STATES

if TYPE_CHECKING:
    from datetime import date, datetime

    from layerlore.game.server.models import Campaign
    from layerlore.game.server.services.campaigns import Rules

WANTED = ("normal", "merged")
KNOWN = ("honeypot", "blank")
SECONDS = 30
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


def coverage(campaign: Campaign, the_rules: Rules, language: str) -> dict[str, Any]:
    """Layers x classes, and the rounds that are still wanted."""
    name = f"coverage-{campaign.pk}-{language}"
    found: dict[str, Any] | None = cache.get(name)
    if found is None:
        found = _coverage(campaign, the_rules, language)
        cache.set(name, found, SECONDS)
    return found


def _coverage(campaign: Campaign, the_rules: Rules, language: str) -> dict[str, Any]:
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
    finished = Round.objects.filter(campaign=campaign, state__in=FINISHED_STATES, void_reason="")
    week = finished.filter(ended__gt=now - WEEK)
    useful = week.filter(map__kind__in=WANTED).count()
    first = finished.aggregate(first=Min("ended"))["first"]
    days = min(7.0, max(1.0, (now - first) / timedelta(days=1))) if first else 7.0
    pace = useful / days
    return {
        "rounds": finished.count(),
        "open": Round.objects.filter(campaign=campaign, state="open", expires__gt=now).count(),
        "week": week.count(),
        "players": week.values("player").distinct().count(),
        "everybody": finished.values("player").distinct().count(),
        "pace": pace,
        "done_on": forecast(now, wanted, pace),
    }


def forecast(now: datetime, wanted: int, pace: float) -> date | None:
    """The day on which so many rounds are done at so many a day; None if never, or not within a hundred years."""
    if not wanted or not pace or wanted / pace > 36_500:
        return None
    return (now + timedelta(days=wanted / pace)).date()


def rounds_by_day(campaign: Campaign, now: datetime, days: int = DAYS) -> list[tuple[date, int]]:
    """Finished rounds of each of the last days, the earliest first; days are UTC's."""
    start = now.date() - timedelta(days=days - 1)
    rows = Round.objects.filter(campaign=campaign, state__in=FINISHED_STATES, void_reason="", ended__date__gte=start)
    counts = dict(rows.annotate(day=TruncDate("ended")).values_list("day").annotate(times=Count("pk")))
    every = [start + timedelta(days=number) for number in range(days)]
    return [(day, counts.get(day, 0)) for day in every]


def known_answers(campaign: Campaign) -> list[dict[str, Any]]:
    """How rounds on maps with a known answer went: on easy ones most should win, on blank ones nobody sees a thing."""
    rounds = Round.objects.filter(campaign=campaign, state__in=FINISHED_STATES, void_reason="")
    counts: dict[tuple[str, str], int] = {}
    for kind, state, times in (
        rounds.filter(map__kind__in=KNOWN).values_list("map__kind", "state").annotate(times=Count("pk"))
    ):
        counts[kind, state] = times
    typed = Label.objects.filter(round__in=rounds.filter(map__kind__in=KNOWN).values("pk"))
    with_labels = dict(typed.values_list("map__kind").annotate(times=Count("round", distinct=True)))
    found = []
    for kind in KNOWN:
        states = {state: counts.get((kind, state), 0) for state in FINISHED_STATES}
        every = sum(states.values())
        found.append({"kind": kind, "rounds": every, **states, "labelled": with_labels.get(kind, 0)})
    return found


def limits_hit() -> list[Any]:
    """What was refused in the last day because it was too often, the most first; networks are only digests."""
    rows = Limit.objects.filter(refused__gt=0).values("scope")
    return list(rows.annotate(times=Sum("refused"), sources=Count("who", distinct=True)).order_by("-times", "scope"))
