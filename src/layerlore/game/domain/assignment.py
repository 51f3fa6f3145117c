"""Which map a player gets next (game.md 2.4): hard filter, draw of the stream, least-loaded first."""

from __future__ import annotations

import hashlib
import math
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from layerlore.game.domain.lifecycle import MapState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from layerlore.game.domain.config import CampaignConfig

PLAYS_PER_LABEL = 1.17  # abandoned rounds and the plays beyond k_min that leases cannot prevent


class Stream(StrEnum):
    """What a map is there for. Nothing that a player sees differs between streams."""

    NORMAL = "normal"
    HONEYPOT = "honeypot"
    CONTROL = "control"
    TRAINING = "training"


@dataclass(frozen=True)
class Candidate:
    """A map as the policy sees it.

    Attributes:
        map_id: Its name.
        image_id: Its image.
        layer: Its layer.
        stream: What it is there for.
        state: Only an active map is given out.
        done: Rounds that count.
        leased: Open rounds.
        weight: Weight of its cluster.
        entropy: `aggregation.entropy` of its labels; 0 if all are decided, None before the first fit.
        languages: Languages it may be played in; empty for all.
    """

    map_id: str
    image_id: str
    layer: str
    stream: Stream = Stream.NORMAL
    state: MapState = MapState.ACTIVE
    done: int = 0
    leased: int = 0
    weight: float = 1.0
    entropy: float | None = None
    languages: frozenset[str] = frozenset()

    @property
    def load(self) -> int:
        """Rounds that count or still may."""
        return self.done + self.leased

    @property
    def worth(self) -> float:
        """What one more round may tell, for maps that have k_min: entropy times weight of the cluster."""
        return self.weight * (1.0 if self.entropy is None else self.entropy)


@dataclass(frozen=True)
class PlayerHistory:
    """A player as the policy sees them; a guest like everybody else.

    Attributes:
        language: In which they play.
        rounds: Rounds they have finished in this campaign.
        maps: Maps they have had, also in rounds that expired or were voided.
        images: For each image the times at which they began a round on one of its maps.
    """

    language: str
    rounds: int = 0
    maps: frozenset[str] = frozenset()
    images: Mapping[str, Sequence[datetime]] = field(default_factory=dict)


class Why(StrEnum):
    """Which rule chose a map; for the audit log."""

    STREAM = "stream"
    LEAST_LOADED = "least-loaded"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Choice:
    """The map to give out.

    Attributes:
        map_id: Its name.
        stream: Its stream.
        why: Which rule chose it.
    """

    map_id: str
    stream: Stream
    why: Why


def player_rng(secret: bytes, player: str, rounds_begun: int) -> random.Random:
    """Generator for one choice: the same for the same player and round, not predictable without the secret.

    Args:
        secret: The campaign's, kept on the server.
        player: Name of the player.
        rounds_begun: Rounds that the player has begun, so that each has its own draw.
    """
    key = hashlib.blake2b(f"{rounds_begun}:{player}".encode(), key=secret[:64], digest_size=16).digest()
    return random.Random(int.from_bytes(key, "big"))  # noqa: S311 - the seed is keyed; the draw must be repeatable


def allowed(candidate: Candidate, player: PlayerHistory, config: CampaignConfig, now: datetime) -> bool:
    """The hard filter: active, below its cap (I7), a new map for this player, and its image not too lately."""
    capped = candidate.stream is Stream.NORMAL and candidate.load >= config.quality.k_max
    if candidate.state is not MapState.ACTIVE or capped or candidate.map_id in player.maps:
        return False
    if candidate.languages and player.language not in candidate.languages:
        return False
    cooldown = timedelta(days=config.play.image_cooldown_days)
    lately = sum(now - begun < cooldown for begun in player.images.get(candidate.image_id, ()))
    return lately < config.play.max_maps_per_image


def draw_streams(rounds: int, rng: random.Random, config: CampaignConfig) -> tuple[Stream, ...]:
    """Streams to try, in order, for a player who has finished so many rounds; always one draw.

    The first rounds are training. After that a honeypot or a control map is drawn at the campaign's rates. Where a
    stream has nothing for the player, a normal map comes instead.
    """
    draw = rng.random()
    honeypot = config.honeypot_rate(rounds)
    drawn: tuple[Stream, ...] = (Stream.NORMAL,)
    if draw < honeypot:
        drawn = (Stream.HONEYPOT, Stream.NORMAL)
    elif draw < honeypot + config.quality.control_rate:
        drawn = (Stream.CONTROL, Stream.NORMAL)
    return (Stream.TRAINING, *drawn) if rounds < config.quality.training_rounds else drawn


def choose(
    candidates: Iterable[Candidate],
    player: PlayerHistory,
    rng: random.Random,
    config: CampaignConfig,
    now: datetime,
) -> Choice | None:
    """The map to give a player, or None if there is none for them.

    The time it takes grows with the number of candidates. A server may give the least loaded ones of each layer and
    stream only, as long as some of them are new to the player.

    Args:
        candidates: Maps of the campaign, all or a short list.
        player: What the player has had.
        rng: From `player_rng`.
        config: The campaign's.
        now: In UTC.
    """
    everything = list(candidates)
    streams = draw_streams(player.rounds, rng, config)
    possible = [candidate for candidate in everything if allowed(candidate, player, config, now)]
    for stream in streams:
        found = [candidate for candidate in possible if candidate.stream is stream]
        if found and stream is not Stream.NORMAL:
            return Choice(rng.choice(_least_loaded(found)).map_id, stream, Why.STREAM)
        if found:
            return _choose_normal(found, everything, rng, config)
    return None


def _choose_normal(
    found: list[Candidate], everything: list[Candidate], rng: random.Random, config: CampaignConfig
) -> Choice | None:
    """Least-loaded until k_min, layer by layer; then what is undecided, by entropy times cluster weight."""
    wanting = [candidate for candidate in found if candidate.load < config.quality.k_min]
    if wanting:
        chosen = rng.choice(_next_layer(_least_loaded(wanting), everything, rng))
        return Choice(chosen.map_id, Stream.NORMAL, Why.LEAST_LOADED)
    undecided = [candidate for candidate in found if candidate.worth > 0]
    if not undecided:
        return None
    weights = [candidate.worth for candidate in undecided]
    return Choice(rng.choices(undecided, weights)[0].map_id, Stream.NORMAL, Why.UNDECIDED)


def _least_loaded(found: list[Candidate]) -> list[Candidate]:
    least = min(candidate.load for candidate in found)
    return [candidate for candidate in found if candidate.load == least]


def _next_layer(tied: list[Candidate], everything: list[Candidate], rng: random.Random) -> list[Candidate]:
    """Those of the layer that has had the fewest rounds a map, so that each layer is usable if the campaign stops."""
    loads: dict[str, list[int]] = defaultdict(list)
    for candidate in everything:
        if candidate.stream is Stream.NORMAL:
            loads[candidate.layer].append(candidate.load)
    layers = sorted({candidate.layer for candidate in tied})
    rng.shuffle(layers)
    layer = min(layers, key=lambda name: sum(loads[name]) / len(loads[name]))
    return [candidate for candidate in tied if candidate.layer == layer]


@dataclass(frozen=True)
class Plan:
    """What a campaign needs.

    Attributes:
        maps: Maps to label.
        labels: Wanted rounds that count: maps times k_min.
        plays: Rounds on those maps, abandoned ones included.
        rounds: All rounds, with honeypots, control maps and training.
        players_needed: Players without whom it cannot be done, as each gets few maps of an image.
        players: Players it was planned with.
        days: Days it takes them.
        reachable: Share of the plays that these players can serve.
    """

    maps: int
    labels: int
    plays: int
    rounds: int
    players_needed: int
    players: int
    days: int
    reachable: float


def plan(
    maps_per_image: Sequence[int], config: CampaignConfig, *, players: int | None = None, rounds_per_day: int = 20
) -> Plan:
    """Plays, players and days that a campaign needs (game.md 2.4), to be seen before it is opened.

    Args:
        maps_per_image: For each image the number of its maps in the campaign.
        config: The campaign's; players are counted within one cool-down.
        players: Active players to expect; None for as many as are needed.
        rounds_per_day: Rounds that an active player plays a day; the daily cap bounds it.

    Raises:
        ValueError: There is no map, no player, or no round a day.
    """
    if sum(maps_per_image) < 1 or (players is not None and players < 1) or rounds_per_day < 1:
        raise ValueError("a plan needs at least one map, one player and one round a day; give more")
    quality, per_image = config.quality, config.play.max_maps_per_image
    wanted = [PLAYS_PER_LABEL * quality.k_min * maps for maps in maps_per_image]
    plays = math.ceil(round(sum(wanted), 6))
    needed = max(quality.k_min, *(math.ceil(round(each / per_image, 6)) for each in wanted))
    active = players or needed
    reachable = sum(min(each, active * per_image) for each in wanted) / sum(wanted)
    served = plays * reachable
    extra = _extra_rounds(math.ceil(served / active), config)
    rounds = math.ceil(round(served + active * extra, 6))
    days = math.ceil(rounds / active / min(rounds_per_day, config.score.daily_round_cap))
    return Plan(
        sum(maps_per_image), quality.k_min * sum(maps_per_image), plays, rounds, needed, active, days, reachable
    )


def _extra_rounds(normal: int, config: CampaignConfig) -> float:
    """Training, honeypots and control maps that a player gets beside so many normal maps, on average."""
    rounds = float(config.quality.training_rounds)
    played = 0.0
    while played < normal:
        share = 1 - config.honeypot_rate(int(rounds)) - config.quality.control_rate
        played += share
        rounds += 1
    return rounds - normal
