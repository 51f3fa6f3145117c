"""Picks a map from the database for `domain.assignment`: a short list by index, then the policy, then a lease."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connection
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
from layerlore.game.server.services.prepared import Prepared
from layerlore.game.server.services.questionnaire import seen_pictures

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class Played:
    """Rounds of a player in a campaign.

    Attributes:
        begun: All.
        finished: Those that were won, lost or resigned and not voided.
    """

    begun: int
    finished: int


def so_far(campaign: Campaign, player: Player) -> Played:
    """What the player has played."""
    found = _PLAYED.first(player=player.pk, campaign=campaign.pk)
    return Played(*found) if found else Played(0, 0)


def pick(
    campaign: Campaign,
    player: Player,
    config: CampaignConfig,
    *,
    language: str,
    now: datetime,
    played: Played | None = None,
) -> Choice | None:
    """The map to give a player, or None if there is none for them; nothing is written.

    The short list holds least-loaded maps of the stream that the policy will draw, from a place in their order that is
    the player's own, so that the policy finds in it what it would find among all.
    """
    played = played or so_far(campaign, player)
    secret = keyed("assignment", campaign.key).encode()
    name, begun = f"{player.key}:{player.seed}", played.begun
    place = int(player_rng(secret, f"{name}:place", begun).random() * (_facts(campaign.pk).last_rank + 1))
    # The policy draws the same streams again from the same seed.
    streams = draw_streams(played.finished, player_rng(secret, name, begun), config)
    candidates: list[Candidate] = []
    for stream in streams:
        candidates = _short_list(stream, campaign, player, config, now, place)
        if candidates:
            break
    # What the player has had was left out by the database, so the policy need not look again.
    history = PlayerHistory(language, played.finished)
    return choose(candidates, history, player_rng(secret, name, begun), config, now)


def lease(campaign: Campaign, map_key: str) -> Map | None:
    """Take a place on a map, if it is still active and has one left (I7)."""
    with connection.cursor() as cursor:
        cursor.execute(_LEASE, [campaign.pk, map_key, MapState.ACTIVE.value])
        if not cursor.rowcount:
            return None
    return _LEASED.first(campaign=campaign.pk, key=map_key)


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
    normal = stream is Stream.NORMAL
    wanted, asked = SHORT_LIST if normal else FEW, config.questionnaire.enabled
    for kind in KINDS[stream]:
        if kind not in _facts(campaign.pk).kinds:
            continue
        least = _LEAST.first(campaign=campaign.pk, kind=kind)
        if least is None:
            continue
        values = {
            "campaign": campaign.pk,
            "kind": kind,
            "player": player.pk,
            "since": now - timedelta(days=config.play.image_cooldown_days),
            "times": config.play.max_maps_per_image,
        }
        undecided = normal and least >= config.quality.k_min
        # Another player begins elsewhere among the equally loaded, so that two do not walk the same way.
        some = _fresh(capped=normal, undecided=undecided, asked=asked, limit=wanted, from_place=True).all(
            **values, least=least, place=place
        )
        if not some or (normal and len(some) < wanted):
            some += _fresh(capped=normal, undecided=undecided, asked=asked, limit=wanted, from_place=False).all(
                **values
            )
        found += {row[0]: _candidate(stream, row) for row in some}.values()
    return found


@lru_cache
def _fresh(*, capped: bool, undecided: bool, asked: bool, limit: int, from_place: bool) -> Prepared[tuple[Any, ...]]:
    """Active maps that the player never had, on pictures of which they had less than they may within the cool-down.

    Args:
        capped: Only maps below their cap.
        undecided: Only maps with labels that are not decided.
        asked: None on pictures that the questionnaire has shown to the player.
        limit: How many.
        from_place: The least loaded from a place in their order; else all, by load.
    """

    def query(
        campaign: int, kind: str, player: int, since: datetime, times: int, least: int = 0, place: int = 0
    ) -> QuerySet[Map, tuple[Any, ...]]:
        lately = Round.objects.filter(player=player, started__gt=since).values("picture")
        seen_enough = lately.annotate(times=Count("pk")).filter(times__gte=times)
        had = Round.objects.filter(player=player, map=OuterRef("pk"))
        maps = _active(campaign, kind).filter(~Exists(had)).exclude(picture__in=seen_enough.values("picture"))
        if asked:
            maps = maps.exclude(picture__in=seen_pictures(player))
        if capped:
            maps = maps.filter(Q(cap=None) | Q(load__lt=F("cap")))
        if undecided:
            maps = maps.filter(entropy__gt=0)
        maps = (
            maps.filter(load=least, rank__gte=place).order_by("rank") if from_place else maps.order_by("load", "rank")
        )
        return maps.values_list(*COLUMNS)[:limit]

    more: dict[str, type] = {"least": int, "place": int} if from_place else {}
    return Prepared(query, campaign=int, kind=str, player=int, since=datetime, times=int, **more)


def _active(campaign: int, kind: str) -> QuerySet[Map]:
    return Map.objects.filter(campaign=campaign, kind=kind, state=MapState.ACTIVE.value)


_LEAST = Prepared(
    lambda campaign, kind: _active(campaign, kind).order_by("load").values_list("load", flat=True)[:1],
    campaign=int,
    kind=str,
)
_PLAYED = Prepared(
    lambda player, campaign: (
        Round.objects.filter(player=player, campaign=campaign)
        .order_by()
        .values("campaign")
        .annotate(begun=Count("pk"), finished=Count("pk", filter=Q(state__in=FINISHED_STATES, void_reason="")))
        .values_list("begun", "finished")
    ),
    player=int,
    campaign=int,
)
_LEASE = (
    "UPDATE game_map SET leased = leased + 1 WHERE campaign_id = %s AND key = %s AND state = %s "
    "AND (cap IS NULL OR cap > done + leased)"
)
_LEASED = Prepared(
    lambda campaign, key: (
        Map.objects.select_related("picture").defer("picture__full", "accepted").filter(campaign=campaign, key=key)
    ),
    campaign=int,
    key=str,
)


def _candidate(stream: Stream, row: tuple[Any, ...]) -> Candidate:
    key, picture, layer, state, done, leased, weight, entropy, accepted = row
    languages = frozenset(accepted)
    return Candidate(key, str(picture), layer, stream, MapState(state), done, leased, weight, entropy, languages)
