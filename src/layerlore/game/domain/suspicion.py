"""Who does not play like a person (game.md 4.2): bursts of one network, and answers faster than anybody can look.

Neither is a verdict. Many honest players sit behind one address, so a network alone never counts: a burst is one word
that hardly anybody else types, from several guests of one network, on the same maps within minutes. Guests who agree on
another word for each map are not found: they look like a class that sees the same things.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

WINDOW = timedelta(minutes=15)
PLAYERS = 4
"""Players who type a word on a map within `WINDOW` before it is looked at."""

MAPS = 2
"""Maps on which that must happen with the same word: once may be chance."""

RARE = 0.01
"""Share of the others' rounds in which a rare word is typed at most."""

ENOUGH = 50
"""Rounds of others that are needed to call a word rare."""

SOURCES = 5
"""Networks from which these must come, or one burst would make the words of honest players look rare."""

EVERYWHERE = 0.5
"""Where the others are too few: share of a player's rounds in which the same word is no word for what is seen."""

FASTEST = timedelta(seconds=2)
FAST_ROUNDS = 10


class Suspicion(StrEnum):
    """Why somebody is flagged; CLEARED is never flagged again."""

    NONE = ""
    SPEED = "speed"
    BURST = "burst"
    CLEARED = "cleared"


@dataclass(frozen=True)
class Play:
    """A finished round.

    Attributes:
        player: Whose.
        network: Digest of the network from which a guest came; "" where it is not known.
        map_id: On which map.
        ended: When, in UTC.
        words: What was typed, as ``language:text``.
        taken: From start to end.
    """

    player: str
    network: str
    map_id: str
    ended: datetime
    words: frozenset[str]
    taken: timedelta


def bursts(plays: Sequence[Play]) -> frozenset[str]:
    """Players who type the same rare words on the same maps as others of their network, within minutes."""
    by_network: dict[str, list[Play]] = defaultdict(list)
    for play in plays:
        by_network[play.network].append(play)
    found: set[str] = set()
    for network, mine in by_network.items():
        if network and len({play.player for play in mine}) >= PLAYERS:
            found |= _of_network(mine, [play for play in plays if play.network != network])
    return frozenset(found)


def _of_network(mine: Sequence[Play], others: Sequence[Play]) -> set[str]:
    """Players of one network for whom one rare word was a burst on several maps."""
    known = len(others) >= ENOUGH and len({play.network or play.player for play in others}) >= SOURCES
    elsewhere = Counter(word for play in others for word in play.words)
    together: dict[str, dict[str, list[Play]]] = defaultdict(lambda: defaultdict(list))
    for play in mine:
        for word in play.words:
            together[word][play.map_id].append(play)
    found: set[str] = set()
    for word, by_map in together.items():
        if known and elsewhere[word] > RARE * len(others):
            continue
        times = Counter(player for plays in by_map.values() for player in _at_once(plays))
        players = {player for player, maps in times.items() if maps >= MAPS}
        if not known:
            players = {player for player in players if _everywhere(mine, player, word)}
        if len(players) >= PLAYERS:
            found |= players
    return found


def _at_once(plays: Sequence[Play]) -> set[str]:
    """Players who are among `PLAYERS` within `WINDOW`."""
    found: set[str] = set()
    for first in plays:
        near = {play.player for play in plays if timedelta(0) <= play.ended - first.ended <= WINDOW}
        if len(near) >= PLAYERS:
            found |= near
    return found


def _everywhere(plays: Iterable[Play], player: str, word: str) -> bool:
    own = [word in play.words for play in plays if play.player == player]
    return len(own) > MAPS and sum(own) >= EVERYWHERE * len(own)


def too_fast(plays: Sequence[Play]) -> frozenset[str]:
    """Players whose rounds take less time than a look at a picture; this only flags."""
    taken: dict[str, list[float]] = defaultdict(list)
    for play in plays:
        taken[play.player].append(play.taken.total_seconds())
    return frozenset(
        player
        for player, times in taken.items()
        if len(times) >= FAST_ROUNDS and median(times) < FASTEST.total_seconds()
    )
