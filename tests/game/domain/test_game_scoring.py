"""Points: the table of game.md 2.3, chance, deferred labels, and a ledger that a recount gives again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from game_rules import NOW, label, rules
from hypothesis import given
from hypothesis import strategies as st

from layerlore.game.domain import states
from layerlore.game.domain.scoring import (
    COMPARED,
    EntryKind,
    Ladder,
    MapFacts,
    guess_points,
    label_points,
    ledger,
    probability_of_label,
    shown_points,
    standings,
    step_values,
    totals,
    trust,
)
from layerlore.game.domain.states import Typed

MAPS = {"m1": MapFacts("tench", 10), "m2": MapFacts("tench", 10), "control": MapFacts("tench", 10, control=True)}


def played(player: str, map_id: str = "m1", words: str = "", *, answer: str = "tench", at: int = 0, **more) -> list:
    """Events of one round: labels typed at step 0, a guess at the first step."""
    config = more.get("config", rules())
    now = NOW + timedelta(minutes=at)
    new = states.new_round(
        round_id=f"{player} on {map_id}",
        player=player,
        map_id=map_id,
        steps=6,
        config=config,
        now=now,
        device=more.get("device", player),
    )
    begun = states.start(None, new=new, now=now)
    typed = Typed(tuple(label(word) for word in words.split()))
    done = states.guess(
        begun.round, step=0, tries=0, answer=answer, truth=MAPS[map_id].true_class, typed=typed, config=config, now=now
    )
    return [*begun.events, *done.events]


def labels_of(entries, player: str) -> dict[str, int]:
    return {entry.ref: entry.points for entry in entries if (entry.kind, entry.player) == (EntryKind.LABEL, player)}


@pytest.mark.parametrize(
    ("rule", "published"),
    [("table", [100, 80, 60, 40, 20, 10]), ("log", [100, 74, 55, 40, 26, 13]), ("linear", [96, 90, 82, 71, 56, 33])],
)
def test_points_of_the_specification(rule: str, published: list[int]) -> None:
    assert [round(value) for value in step_values(rule, rules().reveal.steps)] == published


@given(st.sampled_from(["table", "log", "linear"]), st.integers(2, 1200), st.integers(0, 5), st.integers(0, 3))
def test_guessing_without_knowledge_is_worth_nothing(rule: str, classes: int, step: int, tries: int) -> None:
    config = rules(score={"rule": rule})
    left = classes - tries
    points = [guess_points(config, step=step, classes=classes, tries=tries, correct=n == 0) for n in range(left)]
    assert sum(points) == 0
    if left > 1:
        value = step_values(rule, config.reveal.steps)[step]
        assert points[0] / 1000 == pytest.approx(value, abs=left / 2000)


def test_without_penalty_a_wrong_guess_costs_nothing() -> None:
    config = rules(score={"wrong_penalty": False})
    assert guess_points(config, step=0, classes=10, tries=0, correct=False) == 0
    assert guess_points(rules(), step=0, classes=10, tries=0, correct=False) == -11_111


def test_points_of_a_label() -> None:
    """5 * bits / 3, halved for each step, bits from 1 to 5."""
    assert label_points(step=0, probability=1 / 8) == 5000
    assert label_points(step=2, probability=1 / 8) == 1250
    assert label_points(step=0, probability=1.0) == 1667
    assert label_points(step=0, probability=1e-9) == 8333
    assert label_points(step=0, probability=1 / 8, trusted=0.5) == 2500
    assert probability_of_label(0, 0) == 0.1
    assert probability_of_label(45, 90) == 0.46


def test_trust_is_agreement_beyond_chance() -> None:
    assert trust(0, 0.0, 0) == 1.0
    assert trust(100, 100.0, 1000) == pytest.approx(2 / 908 / 0.25)
    assert trust(400, 100.0, 1000) == 1.0
    assert trust(0, 100.0, 1000) == 0.0


def test_a_label_is_paid_to_both_when_a_second_player_confirms_it() -> None:
    first, second = played("ann", words="fin eye"), played("bob", words="fin", at=1)
    assert labels_of(ledger(first, rules(), MAPS), "ann") == {}
    entries = ledger(first + second, rules(), MAPS)
    expected = label_points(step=0, probability=probability_of_label(2, 2))
    assert labels_of(entries, "ann") == labels_of(entries, "bob") == {"en:fin": expected}
    assert {entry.at for entry in entries if entry.kind is EntryKind.LABEL} == {second[-1].at}
    third = ledger(first + second + played("cem", words="fin", at=2), rules(), MAPS)
    assert labels_of(third, "ann") == {"en:fin": expected}
    assert list(labels_of(third, "cem")) == ["en:fin"]


@pytest.mark.parametrize(
    ("second", "options"),
    [
        (played("bob", "m2", "fin"), {}),
        (played("ann", "m1", "fin"), {}),
        (played("bob", "m1", "fin", device="ann"), {}),
        (played("bob", "m1", "fin"), {"shadow": ["bob"]}),
        (played("bob", "m1", "fin"), {"shadow": ["ann"]}),
    ],
    ids=["another map", "same player", "same device", "confirmed by shadow", "typed in shadow"],
)
def test_what_does_not_confirm(second, options) -> None:
    entries = ledger(played("ann", words="fin") + second, rules(), MAPS, **options)
    assert not [entry for entry in entries if entry.kind is EntryKind.LABEL]


def test_only_the_latest_rounds_on_a_map_are_compared() -> None:
    between = [event for n in range(COMPARED) for event in played(f"p{n}", words="eye", at=1 + n)]
    late = played("bob", words="fin", at=60)
    assert labels_of(ledger(played("ann", words="fin") + between + late, rules(), MAPS), "ann") == {}
    fewer = [event for event in between if event.player != "p0"]
    assert "en:fin" in labels_of(ledger(played("ann", words="fin") + fewer + late, rules(), MAPS), "ann")


def test_control_maps_pay_no_labels_but_their_guess() -> None:
    entries = ledger(played("ann", "control", "fin") + played("bob", "control", "fin"), rules(), MAPS)
    assert [entry.kind for entry in entries] == [EntryKind.GUESS, EntryKind.GUESS]


def test_words_that_mean_the_same_confirm_each_other() -> None:
    events = played("ann", words="fin") + played("bob", words="fins", at=1)
    entries = ledger(events, rules(), MAPS, same=lambda language, text: text.rstrip("s"))
    assert list(labels_of(entries, "ann")) == ["en:fin"]
    assert list(labels_of(entries, "bob")) == ["en:fins"]


def test_six_labels_are_paid_in_a_round() -> None:
    words = "aa bb cc dd ee ff gg hh"
    entries = ledger(played("ann", words=words) + played("bob", words=words), rules(), MAPS)
    assert len(labels_of(entries, "ann")) == len(labels_of(entries, "bob")) == 6


def test_a_voided_round_is_as_if_it_had_never_been() -> None:
    first, second = played("ann", words="fin"), played("bob", words="fin", at=1)
    gone = states.Event(states.EventKind.VOIDED, "bob on m1", "bob", "m1", NOW, 0, "test")
    assert ledger([*first, *second, gone], rules(), MAPS) == ledger(first, rules(), MAPS)


def test_rounds_beyond_the_daily_cap_do_not_count() -> None:
    config = rules(score={"daily_round_cap": 1})
    first, second = played("ann", "m1"), played("ann", "m2", "fin", at=5)
    other = played("bob", "m2", "fin", at=6)
    tomorrow = played("ann", "m2", at=24 * 60)
    entries = ledger(first + second + other, config, MAPS)
    assert [entry.round_id for entry in entries if entry.player == "ann"] == ["ann on m1"]
    assert list(labels_of(entries, "bob")) == ["en:fin"]
    assert len(ledger(first + tomorrow, config, MAPS)) == 2


def test_totals_and_ladders() -> None:
    last_week = played("ann", "m1", "fin", at=-7 * 24 * 60)
    events = last_week + played("bob", "m1", "fin eye") + played("cem", "m2", answer="horn")
    entries = ledger(events, rules(), MAPS)
    sums = totals(entries)
    assert sums["cem"] == -11_111
    assert shown_points(sums["cem"]) == 0
    assert shown_points(99_500) == 100
    assert [name for name, _ in standings(entries, Ladder.ALL_TIME, NOW)] == ["ann", "bob", "cem"]
    assert dict(standings(entries, Ladder.WEEK, NOW))["bob"] == sums["bob"]
    assert dict(standings(entries, Ladder.WEEK, NOW))["ann"] == sums["ann"] - 99_999
    assert standings(entries, Ladder.CONFIRMED, NOW) == [("ann", 1), ("bob", 1), ("cem", 0)]
