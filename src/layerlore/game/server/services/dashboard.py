"""What staff see of a campaign: how far it is, what is hard, which labels there are, who plays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Greatest

from layerlore.game.domain.lifecycle import MapReason, MapState
from layerlore.game.server.models import Estimate, Label, Limit, Map, Player, Round
from layerlore.game.server.services.assignment import FINISHED_STATES

if TYPE_CHECKING:
    from datetime import datetime

    from layerlore.game.server.models import Campaign
    from layerlore.game.server.services.campaigns import Rules

WANTED = ("normal", "merged")
SECONDS = 30


@dataclass(frozen=True)
class Cell:
    """Maps of one layer and class.

    Attributes:
        maps: How many.
        ready: With ``k_min`` rounds or more, or satisfied.
        done: Rounds that count.
    """

    maps: int
    ready: int
    done: int

    @property
    def percent(self) -> float:
        """Share of maps that are ready."""
        return 100 * self.ready / self.maps if self.maps else 0.0


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
    ready = Q(done__gte=k_min) | Q(state__in=(MapState.SATISFIED.value, MapState.HARD.value, MapState.DISABLED.value))
    rows = (
        maps.values("layer", "layer_position", "picture__class_index")
        .annotate(maps=Count("pk"), ready=Count("pk", filter=ready), plays=Sum("done"))
        .order_by("layer_position")
    )
    cells: dict[str, dict[int, Cell]] = {}
    for row in rows:
        cell = Cell(row["maps"], row["ready"], row["plays"] or 0)
        cells.setdefault(row["layer"], {})[row["picture__class_index"]] = cell
    used = sorted({index for by_class in cells.values() for index in by_class})
    missing = maps.filter(state=MapState.ACTIVE.value).aggregate(sum=Sum(Greatest(k_min - F("done"), 0)))["sum"]
    return {
        "classes": [the_rules.classes[index].name(language) for index in used],
        "layers": [
            {"name": layer, "cells": [by_class.get(index, Cell(0, 0, 0)) for index in used]}
            for layer, by_class in cells.items()
        ],
        "wanted": missing or 0,
        "reasons": dict(maps.values_list("reason").annotate(maps=Count("pk"))),
    }


def activity(campaign: Campaign, now: datetime, wanted: int) -> dict[str, Any]:
    """Rounds and players lately, and when the campaign may be done if it goes on like this."""
    finished = Round.objects.filter(campaign=campaign, state__in=FINISHED_STATES)
    week = finished.filter(ended__gt=now - timedelta(days=7))
    a_day = week.count() / 7
    return {
        "rounds": finished.count(),
        "open": Round.objects.filter(campaign=campaign, state="open").count(),
        "week": week.count(),
        "players": week.values("player").distinct().count(),
        "done_on": (now + timedelta(days=wanted / a_day)).date() if a_day and wanted else None,
        "limits": list(Limit.objects.filter(refused__gt=0).values("scope").annotate(refused=Sum("refused"))),
    }


def honeypots(campaign: Campaign) -> dict[str, int]:
    """How rounds on maps with a known answer went."""
    rounds = Round.objects.filter(campaign=campaign, map__kind__in=("honeypot", "blank"), state__in=FINISHED_STATES)
    return dict(rounds.values_list("state").annotate(times=Count("pk")))


def hard_maps(campaign: Campaign) -> QuerySet[Map]:
    """Maps that three players resigned and none won, and those that staff switched off."""
    states = (MapState.HARD.value, MapState.DISABLED.value)
    return Map.objects.filter(campaign=campaign, state__in=states).select_related("picture").order_by("state", "pk")


def switch_map(campaign: Campaign, key: str, *, on: bool) -> bool:
    """Switch a map off, or give it out again; False if there is no such map in the other state."""
    off = (MapState.DISABLED.value, MapReason.SWITCHED_OFF.value)
    active = (MapState.ACTIVE.value, MapReason.WANTED.value)
    rows = Map.objects.filter(campaign=campaign, key=key)
    rows = rows.filter(state__in=(MapState.DISABLED.value, MapState.HARD.value)) if on else rows.exclude(state=off[0])
    state, reason = active if on else off
    return bool(rows.update(state=state, reason=reason))


def labels(campaign: Campaign, *, layer: str = "", language: str = "", text: str = "") -> QuerySet[Estimate]:
    """Labels with posterior and lift, the surest first."""
    rows = Estimate.objects.filter(map__campaign=campaign).select_related("map")
    if layer:
        rows = rows.filter(map__layer=layer)
    if language:
        rows = rows.filter(language=language)
    if text:
        rows = rows.filter(text__startswith=text)
    return rows.order_by("-posterior", "-typed", "pk")


def players() -> QuerySet[Player]:
    """Players by the random name, with what is estimated about their answers."""
    finished = Count("rounds", filter=Q(rounds__state__in=FINISHED_STATES))
    kinds = ("guest", "registered")
    return Player.objects.filter(kind__in=kinds).select_related("estimate").annotate(finished=finished).order_by("pk")


def queue() -> QuerySet[Label]:
    """Labels on a list of rude words that nobody has looked at."""
    return Label.objects.filter(flagged=True).select_related("round").order_by("pk")
