"""Bursts of sock puppets are flagged, a school class behind one address is not (game.md 4.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from game_rules import seeded

from layerlore.game.domain.simulation import honest, make_world, typed_words
from layerlore.game.domain.suspicion import Play, bursts, too_fast

if TYPE_CHECKING:
    from collections.abc import Iterable

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def people(seed: int, network: str, count: int, *, minutes: int) -> list[Play]:
    """Honest players who all play the same fifteen maps of a small campaign."""
    rng = seeded(seed)
    world = make_world(seeded(5), images=15, of_class=2)
    plays = []
    for number in range(count):
        skill = honest(rng)
        for item in world.maps.values():
            words = typed_words(skill, item, item.true_class, world, rng)
            at = BEGIN + timedelta(minutes=rng.uniform(0, minutes))
            named = frozenset(f"en:{word}" for word in words)
            taken = timedelta(seconds=rng.uniform(8, 60))
            plays.append(Play(f"{network}{number}", network, item.map_id, at, named, taken))
    return plays


def puppets(words: Iterable[str], *, minutes: float = 1) -> list[Play]:
    """Twenty guests of one network, each on three maps, with the same words."""
    return [
        Play(
            f"puppet{number}",
            "network",
            f"m{place}-0",
            BEGIN + timedelta(minutes=number * minutes),
            frozenset(words),
            timedelta(seconds=9),
        )
        for number in range(20)
        for place in range(3)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_puppets_are_flagged_and_a_class_of_25_is_not(seed: int) -> None:
    others = [play for number in range(6) for play in people(10 * seed + number, f"home{number}", 1, minutes=600)]
    school = people(100 + seed, "school", 25, minutes=30)
    fakes = puppets(["en:zorb"])
    assert bursts(school + others) == frozenset()
    assert bursts(school) == frozenset()
    assert bursts(fakes + school + others) == {play.player for play in fakes}
    assert bursts(fakes) == {play.player for play in fakes}


@pytest.mark.parametrize(
    "fakes",
    [
        puppets(["en:zorb"], minutes=30),
        [play for play in puppets(["en:zorb"]) if play.map_id == "m0-0"],
        [play for play in puppets(["en:zorb"]) if play.player < "puppet11"],
        [Play(p.player, "", p.map_id, p.ended, p.words, p.taken) for p in puppets(["en:zorb"])],
        [Play(p.player, p.player, p.map_id, p.ended, p.words, p.taken) for p in puppets(["en:zorb"])],
    ],
    ids=["over hours", "on one map", "three", "network not known", "each from elsewhere"],
)
def test_what_is_no_burst(fakes: list[Play]) -> None:
    others = [play for number in range(6) for play in people(number, f"home{number}", 1, minutes=600)]
    assert bursts(fakes + others) == frozenset()


def test_ten_rounds_within_two_seconds_each_are_too_fast() -> None:
    fast = [Play("bot", "", f"m{number}", BEGIN, frozenset(), timedelta(seconds=1)) for number in range(10)]
    assert too_fast(fast) == {"bot"}
    assert too_fast(fast[1:]) == frozenset()
    assert too_fast(people(1, "school", 25, minutes=30)) == frozenset()
