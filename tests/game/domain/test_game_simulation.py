"""Whole campaigns by simulated players: bots do not lead, caps hold, and what is counted twice agrees (I1, I6, I7)."""

from __future__ import annotations

from collections import Counter

import pytest
from game_rules import rules, seeded

from layerlore.game.domain.assignment import Stream
from layerlore.game.domain.scoring import Ladder, Ledger, ledger, standings, totals
from layerlore.game.domain.simulation import BEGIN, Game, Kind, Skill, as_answers, forgetful, honest, make_world
from layerlore.game.domain.states import EventKind, RoundState

BOTS = (Kind.RANDOM, Kind.INSTANT, Kind.PARROT_BOT, Kind.REPLAY)


@pytest.fixture(scope="module")
def game() -> Game:
    """50 honest players of 25 rounds each, and 12 bots of 75."""
    rng = seeded(11)
    config = rules(quality={"k_max": 25})
    game = Game(make_world(rng, images=90, maps_per_image=2, of_class=2, controls=20), config, rng)
    skills = {f"honest{n}": forgetful(rng) if n % 5 == 0 else honest(rng) for n in range(50)}
    skills |= {f"{kind}{n}": Skill(kind, types=8, abandons=0.05) for kind in BOTS for n in range(3)}
    turns = [name for name in skills for _ in range(25 if name.startswith("honest") else 75)]
    rng.shuffle(turns)
    for name in turns:
        game.play(name, skills[name])
    return game


def test_no_bot_is_among_the_first_ten(game: Game) -> None:
    entries = ledger(game.events, game.config, game.world.facts())
    for ladder in (Ladder.ALL_TIME, Ladder.WEEK):
        first = [name for name, _ in standings(entries, ladder, BEGIN)[:10]]
        assert all(name.startswith("honest") for name in first)


def test_points_per_round_of_bots_are_next_to_nothing(game: Game) -> None:
    rounds = Counter(item.player for item in game.rounds)
    points = totals(ledger(game.events, game.config, game.world.facts()))
    bots = [name for name in rounds if not name.startswith("honest")]
    people = [name for name in rounds if name.startswith("honest")]
    mean = {
        group: sum(points.get(n, 0) for n in names) / sum(rounds[n] for n in names) / 1000
        for group, names in (("bots", bots), ("people", people))
    }
    assert abs(mean["bots"]) < 3
    assert mean["people"] > 30


def test_each_player_has_each_map_and_each_image_once(game: Game) -> None:
    assert max(Counter((item.player, item.map_id) for item in game.rounds).values()) == 1
    images = Counter((item.player, game.world.maps[item.map_id].image_id) for item in game.rounds)
    assert max(images.values()) == 1


def test_caps_hold_and_counters_are_what_a_recount_gives(game: Game) -> None:
    done = Counter(item.map_id for item in game.rounds if item.counts)
    for name, candidate in game.candidates.items():
        assert candidate.done == done[name]
        assert candidate.leased == 0
        if candidate.stream is Stream.NORMAL:
            assert candidate.done <= game.config.quality.k_max


def test_a_repeated_request_leaves_no_second_trace(game: Game) -> None:
    """Replay bots send everything three times."""
    final = Counter(event.round_id for event in game.events if event.kind in (EventKind.WON, EventKind.LOST))
    assert set(final.values()) == {1}
    assert any(item.state is RoundState.EXPIRED for item in game.rounds)


def test_the_ledger_of_a_part_of_the_log_is_a_part_of_the_ledger(game: Game) -> None:
    whole = ledger(game.events, game.config, game.world.facts())
    part = ledger(game.events[: len(game.events) // 3], game.config, game.world.facts())
    assert part
    assert whole[: len(part)] == part
    book = Ledger(game.config, game.world.facts())
    assert [entry for event in game.events for entry in book.take(event)] == whole
    assert max(Counter((entry.round_id, entry.kind, entry.ref) for entry in whole).values()) == 1


def test_answers_hold_rounds_that_count_and_only_those(game: Game) -> None:
    assert len(as_answers(game.rounds)) == sum(item.counts for item in game.rounds) < len(game.rounds)
    assert any(not answer.labels for answer in as_answers(game.rounds))
