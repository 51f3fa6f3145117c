"""``layerlore campaign status``: how far a campaign is; also while players play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from layerlore.game.exchange.opening import Opened


@dataclass(frozen=True)
class LayerStatus:
    """How far the maps of a layer are.

    Attributes:
        layer: Its name.
        maps: How many.
        ready: Those that have as many rounds as every map gets first, or that were stopped.
        rounds: Rounds that count.
        wanted: Rounds that are still wanted.
    """

    layer: str
    maps: int
    ready: int
    rounds: int
    wanted: int


@dataclass(frozen=True)
class CampaignStatus:
    """How far a campaign is.

    Attributes:
        name: The campaign's.
        state: draft, open, paused, closed or archived.
        rounds: State of rounds to their number; those that do not count are "voided".
        players: Players with a finished round.
        labels: Labels of rounds that count.
        layers: From shallow to deep.
        wanted: Rounds until every map has as many as it gets first.
        pace: Such rounds a day, lately.
        days: Days until then at that pace; None where nobody plays, or 0 where none is wanted.
        done_on: That day, or "".
        maps: State of maps to their number.
        last_answer: Time of the newest answer in UTC, or "".
    """

    name: str
    state: str
    rounds: Mapping[str, int]
    players: int
    labels: int
    layers: tuple[LayerStatus, ...]
    wanted: int
    pace: float
    days: float | None
    done_on: str
    maps: Mapping[str, int]
    last_answer: str


def status_of(found: Opened, now: datetime | None = None) -> CampaignStatus:
    """How far a campaign is.

    Args:
        found: Its open database.
        now: The time; None for the present.
    """
    from django.db.models import Count, Max
    from django.utils import timezone

    from layerlore.game.exchange.database import as_text
    from layerlore.game.server.models import Label, Map, Round
    from layerlore.game.server.services import campaigns, dashboard
    from layerlore.game.server.services.assignment import FINISHED_STATES
    from layerlore.game.server.services.snapshots import snapshot

    campaign = found.campaign
    with snapshot():
        the_rules = campaigns.rules(campaign)
        coverage = dashboard.coverage(campaign, the_rules, the_rules.config.campaign.languages[0])
        lately = dashboard.activity(campaign, now or timezone.now(), coverage["wanted"])
        rounds = Round.objects.filter(campaign=campaign)
        counting = rounds.filter(void_reason="").exclude(state="voided")
        states = dict(counting.values_list("state").annotate(times=Count("pk")).order_by("state"))
        states["voided"] = rounds.count() - sum(states.values())
        maps = Map.objects.filter(campaign=campaign, kind__in=dashboard.WANTED)
        last = rounds.filter(state__in=FINISHED_STATES).aggregate(last=Max("ended"))["last"]
        wanted, pace = coverage["wanted"], lately["pace"]
        return CampaignStatus(
            name=campaign.name,
            state=campaign.state,
            rounds=states,
            players=lately["everybody"],
            labels=Label.objects.filter(round__in=counting.filter(state__in=FINISHED_STATES)).count(),
            layers=tuple(
                LayerStatus(one["name"], one["total"].maps, one["total"].ready, one["total"].done, one["total"].wanted)
                for one in coverage["layers"]
            ),
            wanted=wanted,
            pace=round(pace, 2),
            days=0.0 if not wanted else round(wanted / pace, 1) if pace else None,
            done_on=lately["done_on"].isoformat() if lately["done_on"] else "",
            maps=dict(maps.values_list("state").annotate(times=Count("pk")).order_by("state")),
            last_answer=as_text(last) or "",
        )
