"""Which map a player gets: caps, cool-down, streams, balance; and the plan of a campaign."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from game_rules import NOW, rules, seeded
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlore.game.domain.assignment import (
    Candidate,
    PlayerHistory,
    Stream,
    Why,
    choose,
    draw_streams,
    plan,
    player_rng,
)
from layerlore.game.domain.lifecycle import MapState

PLAIN = rules(quality={"honeypot_rate": [[0, 0.0]], "control_rate": 0.0, "training_rounds": 0})
candidates = st.builds(
    Candidate,
    map_id=st.integers(0, 30).map(str),
    image_id=st.sampled_from("abcde"),
    layer=st.sampled_from(["shallow", "deep"]),
    stream=st.sampled_from(Stream),
    state=st.sampled_from(MapState),
    done=st.integers(0, 11),
    leased=st.integers(0, 3),
    weight=st.floats(0, 1),
    entropy=st.none() | st.floats(0, 3),
    languages=st.sampled_from([frozenset(), frozenset({"en"}), frozenset({"it"})]),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(candidates, max_size=25, unique_by=lambda each: each.map_id),
    st.frozensets(st.integers(0, 30).map(str)),
    st.dictionaries(st.sampled_from("abcde"), st.lists(st.integers(0, 400), min_size=1, max_size=2)),
    st.integers(0, 80),
    st.integers(),
    st.integers(1, 2),
)
def test_what_is_given_out_is_allowed(every, had, days_ago, rounds, seed, per_image) -> None:
    config = rules(play={"max_maps_per_image": per_image})
    images = {image: [NOW - timedelta(days=days) for days in ago] for image, ago in days_ago.items()}
    player = PlayerHistory("en", rounds, had, images)
    choice = choose(every, player, seeded(seed), config, NOW)
    assert choice == choose(every, player, seeded(seed), config, NOW)
    if choice is None:
        return
    (chosen,) = (each for each in every if each.map_id == choice.map_id)
    assert chosen.stream is choice.stream
    assert chosen.state is MapState.ACTIVE
    assert chosen.map_id not in had
    assert not chosen.languages or "en" in chosen.languages
    assert sum(days < 180 for days in days_ago.get(chosen.image_id, ())) < per_image
    if chosen.stream is Stream.NORMAL:
        assert chosen.done + chosen.leased < config.quality.k_max
    if choice.why is Why.LEAST_LOADED:
        rivals = [each for each in every if each.stream is Stream.NORMAL and each.state is MapState.ACTIVE]
        free = [
            each for each in rivals if each.map_id not in had and not each.languages and each.image_id not in images
        ]
        assert all(chosen.load <= each.load for each in free)


def test_nothing_is_given_out_twice_and_no_cap_is_passed_when_many_play_at_once() -> None:
    config = rules(
        quality={"k_min": 2, "k_max": 3, "control_rate": 0.0, "honeypot_rate": [[0, 0]], "training_rounds": 0}
    )
    every = {str(n): Candidate(str(n), str(n), "layer") for n in range(20)}
    given_out = Counter()
    for player in range(10):
        history = PlayerHistory("en")
        for turn in range(20):
            choice = choose(every.values(), history, player_rng(b"secret", str(player), turn), config, NOW)
            if choice is None:
                break
            assert choice.map_id not in history.maps
            history = replace(history, maps=history.maps | {choice.map_id}, rounds=turn + 1)
            every[choice.map_id] = replace(every[choice.map_id], leased=every[choice.map_id].leased + 1)
            given_out[choice.map_id] += 1
    assert set(given_out.values()) == {3}


def test_layers_take_turns() -> None:
    """A layer with few maps is not behind one with many when a campaign stops early."""
    every = [Candidate(f"s{n}", f"s{n}", "shallow") for n in range(30)]
    every += [Candidate(f"d{n}", f"d{n}", "deep") for n in range(10)]
    for turn in range(20):
        choice = choose(every, PlayerHistory("en"), player_rng(b"", "ann", turn), PLAIN, NOW)
        every = [replace(each, leased=1) if each.map_id == choice.map_id else each for each in every]
    shares = [sum(each.leased for each in every if each.layer == layer) for layer in ("shallow", "deep")]
    assert shares == [15, 5]


def test_after_k_min_what_is_undecided_and_heavy_comes_more_often() -> None:
    every = [
        Candidate("heavy", "1", "layer", done=3, weight=0.6, entropy=1.0),
        Candidate("light", "2", "layer", done=3, weight=0.2, entropy=1.0),
        Candidate("decided", "3", "layer", done=3, weight=0.9, entropy=0.0),
        Candidate("full", "4", "layer", done=10, weight=0.9, entropy=9.0),
    ]
    picks = Counter(choose(every, PlayerHistory("en"), seeded(n), PLAIN, NOW).map_id for n in range(400))
    assert set(picks) == {"heavy", "light"}
    assert 2 < picks["heavy"] / picks["light"] < 4.5
    assert choose(every[2:], PlayerHistory("en"), seeded(0), PLAIN, NOW) is None


@pytest.mark.parametrize(("rounds", "honeypots"), [(3, 0.25), (10, 0.15), (30, 0.10), (60, 0.05)])
def test_streams_are_drawn_at_their_rates(rounds: int, honeypots: float) -> None:
    rng = seeded(1)
    drawn = Counter(draw_streams(rounds, rng, rules())[0] for _ in range(4000))
    assert drawn[Stream.HONEYPOT] / 4000 == pytest.approx(honeypots, abs=0.02)
    assert drawn[Stream.CONTROL] / 4000 == pytest.approx(0.10, abs=0.02)


def test_the_first_rounds_are_training_and_a_missing_stream_falls_back_to_the_study() -> None:
    every = [Candidate("easy", "1", "layer", Stream.TRAINING), Candidate("normal", "2", "layer")]
    assert choose(every, PlayerHistory("en", rounds=2), seeded(0), rules(), NOW).map_id == "easy"
    assert choose(every, PlayerHistory("en", rounds=3), seeded(0), rules(), NOW).map_id == "normal"
    assert choose(every[1:], PlayerHistory("en"), seeded(0), rules(), NOW).map_id == "normal"


def test_draws_can_be_repeated_but_not_guessed() -> None:
    first = player_rng(b"secret", "ann", 3).random()
    assert player_rng(b"secret", "ann", 3).random() == first
    others = [player_rng(*key).random() for key in ((b"other", "ann", 3), (b"secret", "bob", 3), (b"secret", "ann", 4))]
    assert first not in others


def test_plan_of_the_specifications_example() -> None:
    """100 images, nine layers, five clusters: 15,800 plays and 160 players; two clusters: 6,300 plays."""
    full = plan([45] * 100, rules())
    assert full.labels == 13_500
    assert full.plays == 15_795
    assert full.players_needed == full.players == 158
    assert full.reachable == 1
    assert full.rounds > full.plays / 0.85
    assert plan([18] * 100, rules()).plays == 6318


def test_a_plan_with_too_few_players_says_what_they_reach() -> None:
    half = plan([45] * 100, rules(), players=79)
    assert half.reachable == pytest.approx(0.5, abs=0.01)
    # 100 rounds each on the study's maps take 127: 3 for training, then 7 at 65 %, 20 at 75, 30 at 80, 67 at 85 %.
    assert half.rounds == pytest.approx(79 * 127, abs=79)
    assert half.days == 7
    assert plan([45] * 100, rules(play={"max_maps_per_image": 2}), players=79).reachable == 1


def test_an_image_with_many_maps_needs_many_players() -> None:
    assert plan([100, 1], rules()).players_needed == 351


@pytest.mark.parametrize(("maps", "players", "rounds"), [([], None, 20), ([1], 0, 20), ([1], None, 0)])
def test_a_plan_needs_something_to_plan(maps, players, rounds) -> None:
    with pytest.raises(ValueError, match="give more"):
        plan(maps, rules(), players=players, rounds_per_day=rounds)
