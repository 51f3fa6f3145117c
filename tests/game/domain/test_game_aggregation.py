"""Labels from many players: the fit against a slow one by the textbook, agreement, lift, parrots."""

from __future__ import annotations

import math

import pytest
from game_rules import rules, seeded
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlore.game.domain.aggregation import (
    Answer,
    Parroting,
    agreed,
    entropy,
    lifts,
    parroting,
    two_coin,
)
from layerlore.game.domain.simulation import Kind, Skill, as_answers, honest, make_world, survey


def answer(map_id: str, player: str, words: str = "", **more: str) -> Answer:
    return Answer(map_id, player, frozenset(words.split()), **more)


def slow_two_coin(answers: list[Answer], rounds: int) -> dict[tuple[str, str], float]:
    """Dawid and Skene with two coins, vote by vote, with the same priors."""
    votes = {
        (each.map_id, word, each.player): word in each.labels
        for each in answers
        for word in {word for other in answers if other.map_id == each.map_id for word in other.labels}
    }
    items = sorted({(map_id, word) for map_id, word, _ in votes})
    by_item = {item: [(key[2], vote) for key, vote in votes.items() if key[:2] == item] for item in items}
    value = {item: sum(vote for _, vote in by_item[item]) / len(by_item[item]) for item in items}
    for _ in range(rounds):
        sees, rejects = {}, {}
        for player in {each.player for each in answers}:
            mine = [(item, vote) for item in items for name, vote in by_item[item] if name == player]
            hit, there = sum(value[item] for item, vote in mine if vote), sum(value[item] for item, _ in mine)
            right = sum(1 - value[item] for item, vote in mine if not vote)
            sees[player] = (hit + 4) / (there + 7)
            rejects[player] = (right + 8) / (len(mine) - there + 10)
        share = (50 + sum(value.values())) / (100 + len(items))
        for item in items:
            yes, no = share, 1 - share
            for player, vote in by_item[item]:
                yes *= sees[player] if vote else 1 - sees[player]
                no *= 1 - rejects[player] if vote else rejects[player]
            value[item] = yes / (yes + no)
    return value


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("mno"), st.sampled_from("abcd")), st.frozensets(st.sampled_from("xyz")), min_size=1
    )
)
def test_two_coin_is_the_textbooks(typed) -> None:
    answers = [Answer(map_id, player, words) for (map_id, player), words in typed.items()]
    fast = two_coin(answers, iterations=7, tolerance=0)
    slow = slow_two_coin(answers, 7)
    assert {(each.map_id, each.label): each.posterior for each in fast.verdicts} == pytest.approx(slow)
    assert fast.iterations == 7


def test_two_coin_counts_and_languages() -> None:
    """Who plays in Italian does not vote against an English word."""
    answers = [answer("m", "ann", "fin", language="en"), answer("m", "bob", language="en")]
    answers += [answer("m", "cem", "pinna", language="it"), answer("m", "ann", "eye", language="en")]
    verdicts = {(each.language, each.label): (each.typed, each.seen) for each in two_coin(answers).verdicts}
    assert verdicts == {("en", "fin"): (1, 2), ("en", "eye"): (1, 2), ("it", "pinna"): (1, 1)}
    assert two_coin([]).verdicts == ()


def test_a_known_map_is_not_estimated_but_teaches_about_players() -> None:
    answers = [answer("m", "good", "fin"), answer("m", "bad", "wheel")]
    answers += [answer(f"blank{n}", name, words) for n in range(5) for name, words in (("good", ""), ("bad", "wheel"))]
    known = {f"blank{n}": frozenset[str]() for n in range(5)}
    result = two_coin(answers, known=known)
    value = {each.label: each.posterior for each in result.verdicts if each.map_id == "m"}
    assert value["fin"] > 0.5 > value["wheel"]
    assert {each.posterior for each in result.verdicts if each.map_id != "m"} == {0.0}
    assert result.players["good"].weight > result.players["bad"].weight
    low, high = result.players["good"].interval
    assert low < result.players["good"].weight < high <= 1
    assert result.players["good"].answers == 6


def test_a_word_that_a_honeypots_list_lacks_is_no_mistake() -> None:
    others = [f"p{n}" for n in range(4)]
    answers = [answer("pot", name, "fin, eye") for name in others] + [answer("pot", "silent", "fin")]
    result = two_coin(answers, known={"pot": frozenset({"fin"})})
    value = {each.label: each.posterior for each in result.verdicts}
    assert value["fin"] == 1
    assert value["eye"] > 0.5
    assert result.players["p0"].weight > result.players["silent"].weight


@pytest.fixture(scope="module")
def crowd():
    """300 maps, five players each, a third of the players only parrots."""
    rng = seeded(5)
    world = make_world(rng, images=300, known_of_class=14)
    skills = {f"h{n:02}": honest(rng) for n in range(20)}
    skills |= {f"p{n:02}": Skill(Kind.PARROT, recognises=1.0) for n in range(10)}
    return world, as_answers(survey(world, skills, 5, rules(), rng))


def test_two_coin_beats_counting_when_some_only_parrot(crowd) -> None:
    world, answers = crowd
    result = two_coin(answers)
    true = {(name, word) for name, item in world.maps.items() for word in item.words}

    def f1(found: set[tuple[str, str]]) -> float:
        return 2 * len(found & true) / (len(found) + len(true))

    posterior = f1({(each.map_id, each.label) for each in result.verdicts if each.posterior > 0.5})
    counted = f1({(map_id, word) for map_id, _, word in agreed(answers)})
    raw = f1({(each.map_id, each.label) for each in result.verdicts})
    assert posterior > 0.82
    assert posterior > counted + 0.05 > raw + 0.05
    honest_ones = [each.weight for name, each in result.players.items() if name.startswith("h")]
    parrots = [each.weight for name, each in result.players.items() if name.startswith("p")]
    assert min(honest_ones) > max(parrots)


def test_parrots_are_told_from_people_who_look(crowd) -> None:
    world, answers = crowd
    scores = parroting(answers, world.classes())
    parrots = [each.score for name, each in scores.items() if name.startswith("p")]
    others = [each.score for name, each in scores.items() if name.startswith("h")]
    assert min(parrots) > 0 > max(others)


def test_parrot_score_by_hand() -> None:
    """Ann types "x" on m1; of the others one of one has it on m1, and it is one of two answers anywhere."""
    answers = [answer("m1", "ann", "x"), answer("m1", "bob", "x"), answer("m2", "bob")]
    everywhere = (1 + 0.5 / 4) / 3
    in_class = (1 + everywhere) / 3
    on_map = (1 + in_class) / 2
    expected = Parroting(math.log2(in_class / everywhere), math.log2(on_map / everywhere), 1)
    found = parroting(answers, {"m1": "tench", "m2": "tench"})["ann"]
    assert (found.class_bits, found.map_bits, found.labels) == pytest.approx(
        (expected.class_bits, expected.map_bits, 1)
    )
    assert found.score < 0


def test_lift_is_high_for_what_only_the_map_can_suggest() -> None:
    classes = {"m": "truck", "c1": "truck", "c2": "truck", "c3": "horn"}
    answers = [answer("m", "ann", "wheel stripe"), answer("m", "bob", "wheel")]
    controls = [answer("c1", "ann", "wheel"), answer("c2", "bob", "wheel"), answer("c2", "cem"), answer("c3", "ann")]
    found = {each.label: each for each in lifts(answers, controls, classes)}
    assert found["wheel"].lift == pytest.approx((2.5 / 3) / (2.5 / 4))
    assert found["stripe"].lift == pytest.approx((1.5 / 3) / (0.5 / 4))
    assert (found["wheel"].typed, found["wheel"].seen) == (2, 2)
    assert (found["wheel"].control_typed, found["wheel"].control_seen) == (2, 3)


def test_agreement_counts_independent_players() -> None:
    answers = [answer("m", "ann", "fin", device="pc"), answer("m", "bob", "fin", device="pc")]
    assert agreed(answers) == {}
    answers.append(answer("m", "cem", "fin eye"))
    assert agreed(answers) == {("m", "", "fin"): 2}
    assert agreed(answers, at_least=1) == {("m", "", "eye"): 1, ("m", "", "fin"): 2}


def test_entropy() -> None:
    assert entropy([0.5, 0.5, 0.0, 1.0]) == 2.0
    assert entropy([]) == 0.0
