"""Picks a map from the database for `domain.assignment`: a short list by index, then the policy, then a lease."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q

from layerlore.game.domain.assignment import (
    Candidate,
    Choice,
    PlayerHistory,
    Stream,
    choose,
    draw_streams,
    player_rng,
)
from layerlore.game.domain.lifecycle import MapState
from layerlore.game.domain.states import FINISHED
from layerlore.game.server.models import Map, Round
from layerlore.game.server.services.keyed import keyed

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.server.models import Campaign, Player

SHORT_LIST = 32
FEW = 12
KINDS = {
    Stream.NORMAL: ("normal", "merged"),
    Stream.CONTROL: ("control",),
    Stream.HONEYPOT: ("honeypot", "blank"),
    Stream.TRAINING: ("honeypot",),
}
COLUMNS = ("key", "picture_id", "layer", "state", "done", "leased", "weight", "entropy", "accepted")
FINISHED_STATES = [state.value for state in FINISHED]


def pick(campaign: Campaign, player: Player, config: CampaignConfig, *, language: str, now: datetime) -> Choice | None:
    """The map to give a player, or None if there is none for them; nothing is written.

    The short list holds least-loaded maps of the stream that the policy will draw, from a place in their order that is
    the player's own, so that the policy finds in it what it would find among all.
    """
    mine = Round.objects.filter(player=player, campaign=campaign)
    finished = Count("pk", filter=Q(state__in=FINISHED_STATES, void_reason=""))
    counts = mine.aggregate(begun=Count("pk"), finished=finished)
    secret = keyed("assignment", campaign.key).encode()
    name, begun = f"{player.key}:{player.seed}", counts["begun"]
    place = int(player_rng(secret, f"{name}:place", begun).random() * (_facts(campaign.pk).last_rank + 1))
    # The policy draws the same streams again from the same seed.
    streams = draw_streams(counts["finished"], player_rng(secret, name, begun), config)
    candidates: list[Candidate] = []
    for stream in streams:
        candidates = _short_list(stream, campaign, player, config, now, place)
        if candidates:
            break
    # What the player has had was left out by the database, so the policy need not look again.
    history = PlayerHistory(language, counts["finished"])
    return choose(candidates, history, player_rng(secret, name, begun), config, now)


def lease(campaign: Campaign, map_key: str) -> Map | None:
    """Take a place on a map, if it is still active and has one left (I7)."""
    free = Q(cap=None) | Q(cap__gt=F("done") + F("leased"))
    rows = Map.objects.filter(free, campaign=campaign, key=map_key, state=MapState.ACTIVE.value)
    if not rows.update(leased=F("leased") + 1):
        return None
    return Map.objects.select_related("picture").defer("picture__full", "accepted").get(campaign=campaign, key=map_key)


@dataclass(frozen=True)
class _Facts:
    """What of a campaign's maps never changes."""

    last_rank: int
    kinds: frozenset[str]


@lru_cache(maxsize=8)
def _facts(campaign_id: int) -> _Facts:
    maps = Map.objects.filter(campaign=campaign_id)
    kinds = frozenset(maps.order_by().values_list("kind", flat=True).distinct())
    return _Facts(maps.aggregate(last=Max("rank"))["last"] or 0, kinds)


def forget_facts() -> None:
    """Read them again; for tests, where one campaign takes another's number."""
    _facts.cache_clear()


def _short_list(
    stream: Stream, campaign: Campaign, player: Player, config: CampaignConfig, now: datetime, place: int
) -> list[Candidate]:
    """Least-loaded active maps of a stream on pictures that the player may get."""
    found: list[Candidate] = []
    for kind in KINDS[stream]:
        if kind not in _facts(campaign.pk).kinds:
            continue
        every = Map.objects.filter(campaign=campaign, kind=kind, state=MapState.ACTIVE.value)
        least = every.order_by("load").values_list("load", flat=True).first()
        if least is None:
            continue
        fresh = _new_to(player, every, config, now)
        if stream is Stream.NORMAL:
            fresh = fresh.filter(Q(cap=None) | Q(load__lt=F("cap")))
            if least >= config.quality.k_min:
                fresh = fresh.filter(entropy__gt=0)
        wanted = SHORT_LIST if stream is Stream.NORMAL else FEW
        # Another player begins elsewhere among the equally loaded, so that two do not walk the same way.
        some = list(fresh.filter(load=least, rank__gte=place).order_by("rank").values_list(*COLUMNS)[:wanted])
        if not some or (stream is Stream.NORMAL and len(some) < wanted):
            some += list(fresh.order_by("load", "rank").values_list(*COLUMNS)[:wanted])
        found += {row[0]: _candidate(stream, row) for row in some}.values()
    return found


def _candidate(stream: Stream, row: tuple[Any, ...]) -> Candidate:
    key, picture, layer, state, done, leased, weight, entropy, accepted = row
    languages = frozenset(accepted)
    return Candidate(key, str(picture), layer, stream, MapState(state), done, leased, weight, entropy, languages)


def _new_to(player: Player, maps: QuerySet[Map], config: CampaignConfig, now: datetime) -> QuerySet[Map]:
    """Maps that the player never had, on pictures of which they had less than they may within the cool-down."""
    since = now - timedelta(days=config.play.image_cooldown_days)
    lately = Round.objects.filter(player=player, started__gt=since).values("picture")
    seen_enough = lately.annotate(times=Count("pk")).filter(times__gte=config.play.max_maps_per_image)
    had = Round.objects.filter(player=player, map=OuterRef("pk"))
    return maps.filter(~Exists(had)).exclude(picture__in=seen_enough.values("picture"))
