"""Rounds: the table of requests of game.md 2.2, and invariants I2, I5 and I6 under any order of requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from game_rules import LATER, NOW, TOO_LATE, label, opened, rules
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from layerlore.game.domain import states
from layerlore.game.domain.errors import SENTENCES, Refusal, TransitionError
from layerlore.game.domain.scoring import EntryKind, MapFacts, guess_points, ledger
from layerlore.game.domain.states import EventKind, Outcome, RoundState, Typed

CONFIG = rules()
TRUTH = "tench"
ANSWERS = ["", TRUTH, "horn", "pump"]
FINAL = (EventKind.WON, EventKind.LOST, EventKind.RESIGNED)


def guess(current: states.Round, answer: str = TRUTH, *, step: int = 0, tries: int = 0, **more) -> states.Transition:
    options = {"typed": Typed(), "config": CONFIG, "now": LATER} | more
    return states.guess(current, step=step, tries=tries, answer=answer, truth=TRUTH, **options)


def refusal(call, *arguments, **options) -> Refusal:
    with pytest.raises(TransitionError) as caught:
        call(*arguments, **options)
    assert str(caught.value) == SENTENCES[caught.value.code]
    return caught.value.code


def kinds(transition: states.Transition) -> list[str]:
    return [str(event.kind) for event in transition.events]


def test_starting_again_goes_on_with_the_open_round() -> None:
    first = states.start(None, new=opened(), now=NOW)
    assert kinds(first) == ["started"]
    assert first.events[0].value == "phone"
    second = states.start(first.round, new=opened(name="r2"), now=LATER)
    assert (second.round, second.events, second.outcome) == (first.round, (), Outcome.REPEATED)


def test_a_lapsed_round_expires_when_another_is_started() -> None:
    lapsed = states.start(opened(), new=opened(name="r2"), now=TOO_LATE)
    assert (lapsed.round.round_id, lapsed.round.state, lapsed.outcome) == ("r1", RoundState.EXPIRED, Outcome.LAPSED)
    assert states.start(lapsed.round, new=opened(name="r2"), now=TOO_LATE).round.round_id == "r2"


def test_revealing_is_one_step_and_may_be_repeated() -> None:
    shown = states.reveal(opened(), step=0, now=LATER)
    assert (shown.round.step, kinds(shown)) == (1, ["revealed"])
    again = states.reveal(shown.round, step=0, now=LATER)
    assert (again.round, again.events, again.outcome) == (shown.round, (), Outcome.REPEATED)
    assert refusal(states.reveal, shown.round, step=2, now=LATER) is Refusal.STEP
    assert refusal(states.reveal, replace(shown.round, step=3), step=1, now=LATER) is Refusal.STEP
    assert refusal(states.reveal, opened(steps=1), step=0, now=LATER) is Refusal.LAST_STEP


def test_a_right_guess_wins_and_carries_its_labels() -> None:
    typed = Typed((label("fin"), label("scales"), label("fin", language="it")))
    won = guess(opened(), typed=typed)
    assert (won.round.state, won.round.ended, won.round.counts) == (RoundState.WON, LATER, True)
    assert kinds(won) == ["labelled", "labelled", "labelled", "guessed", "won"]
    again = guess(won.round, typed=Typed(typed.labels[::-1]))
    assert (again.round, again.events, again.outcome) == (won.round, (), Outcome.REPEATED)
    assert refusal(guess, won.round, "horn") is Refusal.OVER
    assert refusal(states.resign, won.round, config=CONFIG, now=LATER) is Refusal.OVER
    assert refusal(states.reveal, won.round, step=0, now=LATER) is Refusal.OVER


def test_a_wrong_guess_loses_when_it_was_the_last_try() -> None:
    several = rules(play={"max_guesses": 2})
    first = guess(opened(), "horn", config=several)
    assert (first.round.state, kinds(first)) == (RoundState.OPEN, ["guessed"])
    assert guess(first.round, "horn", config=several).outcome is Outcome.REPEATED
    assert refusal(guess, first.round, config=several) is Refusal.TRIES
    assert refusal(guess, first.round, "horn", tries=1, config=several) is Refusal.SAME_ANSWER
    lost = guess(first.round, "pump", tries=1, config=several)
    assert (lost.round.state, kinds(lost)) == (RoundState.LOST, ["guessed", "lost"])


def test_a_guess_from_an_old_page_is_refused_so_it_never_scores_a_step_that_is_not_shown() -> None:
    shown = states.reveal(opened(), step=0, now=LATER).round
    assert refusal(guess, shown, step=0) is Refusal.STEP
    assert refusal(guess, shown, step=2) is Refusal.STEP
    assert guess(shown, step=1).events[0].step == 1


def test_what_labels_must_be() -> None:
    strict = rules(labels={"require_one": True, "max_per_round": 1})
    one = Typed((label("fin"),))
    assert refusal(guess, opened(), typed=Typed((label("fin", step=1),))) is Refusal.LABEL_STEP
    assert refusal(guess, opened(), config=strict) is Refusal.LABEL_NEEDED
    assert refusal(guess, opened(), typed=Typed((label("fin"), label("eye"))), config=strict) is Refusal.LABEL_COUNT
    assert refusal(guess, opened(), typed=Typed(one.labels, nothing=True)) is Refusal.NOTHING
    assert refusal(guess, opened(), "") is Refusal.ANSWER
    assert guess(opened(), typed=one, config=strict).round.labels == one.labels
    assert guess(opened(), typed=Typed(nothing=True), config=strict).round.nothing


def test_labels_of_several_guesses_are_joined_and_keep_their_first_step() -> None:
    several = rules(play={"max_guesses": 2})
    first = guess(opened(), "horn", typed=Typed((label("fin"),)), config=several).round
    shown = states.reveal(first, step=0, now=LATER).round
    typed = Typed((label("fin", step=1), label("eye", step=1)))
    won = guess(shown, step=1, tries=1, typed=typed, config=several)
    assert [(each.text, each.step) for each in won.round.labels] == [("fin", 0), ("eye", 1)]
    assert kinds(won) == ["labelled", "guessed", "won"]


def test_resigning_keeps_labels_and_may_be_repeated() -> None:
    given_up = states.resign(opened(), typed=Typed((label("fin"),)), config=CONFIG, now=LATER)
    assert (given_up.round.state, kinds(given_up)) == (RoundState.RESIGNED, ["labelled", "resigned"])
    again = states.resign(given_up.round, config=CONFIG, now=LATER)
    assert (again.round, again.outcome) == (given_up.round, Outcome.REPEATED)


@pytest.mark.parametrize("request_", ["reveal", "guess", "resign"])
def test_after_its_time_a_round_expires_instead(request_: str) -> None:
    options = {"reveal": {"step": 0}, "guess": {"step": 0, "tries": 0, "answer": TRUTH, "truth": TRUTH}, "resign": {}}
    more = {} if request_ == "reveal" else {"config": CONFIG}
    late = getattr(states, request_)(opened(), **options[request_], **more, now=TOO_LATE)
    assert (late.round.state, late.outcome, kinds(late)) == (RoundState.EXPIRED, Outcome.LAPSED, ["expired"])
    assert not late.round.holds_lease


def test_expiring() -> None:
    assert refusal(states.expire, opened(), now=LATER) is Refusal.NOT_YET
    assert states.expire(opened(), now=LATER, left=True).round.state is RoundState.EXPIRED
    done = states.expire(opened(), now=NOW + timedelta(minutes=30)).round
    assert states.expire(done, now=TOO_LATE).outcome is Outcome.REPEATED


def test_voiding_never_changes_a_final_state_but_takes_it_out() -> None:
    won = guess(opened()).round
    voided = states.void(won, reason="merged", now=LATER)
    assert (voided.round.state, voided.round.counts, kinds(voided)) == (RoundState.WON, False, ["voided"])
    assert states.void(voided.round, reason="again", now=LATER).outcome is Outcome.REPEATED
    assert states.void(opened(), reason="map retired", now=LATER).round.state is RoundState.VOIDED
    assert refusal(states.void, won, reason=" ", now=LATER) is Refusal.REASON


def test_a_map_needs_a_step() -> None:
    with pytest.raises(ValueError, match="m1 has 0 steps"):
        opened(steps=0)


class RoundMachine(RuleBasedStateMachine):
    """Any requests in any order, some twice, some of an old page, some late."""

    @initialize(guesses=st.integers(1, 3), steps=st.integers(1, 4))
    def begin(self, guesses: int, steps: int) -> None:
        self.config = rules(play={"max_guesses": guesses})
        self.now = NOW
        begun = states.start(None, new=opened(self.config, steps=steps), now=NOW)
        self.round, self.events = begun.round, list(begun.events)

    def do(self, request, **options) -> None:
        """Send a request twice; the second must change nothing more."""
        before = self.round
        try:
            after = request(before, now=self.now, **options)
        except TransitionError:
            return
        assert before.step <= after.round.step <= before.step + 1
        if before.state is not RoundState.OPEN:
            assert replace(after.round, void_reason=before.void_reason) == before
        self.round = after.round
        self.events += after.events
        if after.outcome is Outcome.LAPSED:
            return
        again = request(after.round, now=self.now, **options)
        assert (again.round, again.events, again.outcome) == (after.round, (), Outcome.REPEATED)

    @rule(step=st.integers(-1, 5))
    def reveal(self, step: int) -> None:
        self.do(states.reveal, step=step)

    @rule(
        off=st.integers(-1, 1),
        tries=st.integers(0, 2),
        answer=st.sampled_from(["", TRUTH, "horn", "pump"]),
        data=st.data(),
    )
    def guess(self, off: int, tries: int, answer: str, data: st.DataObject) -> None:
        step = self.round.step + off
        typed = self.typed(data)
        self.do(states.guess, step=step, tries=tries, answer=answer, truth=TRUTH, typed=typed, config=self.config)

    @rule(data=st.data())
    def resign(self, data: st.DataObject) -> None:
        self.do(states.resign, typed=self.typed(data), config=self.config)

    @rule(left=st.booleans())
    def expire(self, left: bool) -> None:
        self.do(states.expire, left=left)

    @precondition(lambda self: len(self.events) > 4)
    @rule()
    def void(self) -> None:
        self.do(states.void, reason="test")

    @rule(minutes=st.sampled_from([1, 12]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def typed(self, data: st.DataObject) -> Typed:
        words = data.draw(st.lists(st.tuples(st.sampled_from(["fin", "eye", "tail"]), st.integers(-1, 3)), max_size=3))
        return Typed(tuple(label(word, step) for word, step in words), nothing=data.draw(st.booleans()))

    @invariant()
    def step_is_one_that_the_map_has(self) -> None:
        assert 0 <= self.round.step < self.round.steps
        assert self.round.step == sum(event.kind is EventKind.REVEALED for event in self.events)

    @invariant()
    def labels_were_sent_before_the_outcome_at_a_step_that_was_shown(self) -> None:
        """I5, and the log holds exactly the labels of the round."""
        order = [event.kind for event in self.events]
        final = [
            place for place, kind in enumerate(order) if kind in (EventKind.WON, EventKind.LOST, EventKind.RESIGNED)
        ]
        logged = [(event.value, event.step) for event in self.events if event.kind is EventKind.LABELLED]
        assert logged == [(each.text, each.step) for each in self.round.labels]
        assert len({each.text for each in self.round.labels}) == len(self.round.labels)
        assert all(0 <= each.step <= self.round.step for each in self.round.labels)
        assert len(final) <= 1
        assert not final or EventKind.LABELLED not in order[final[0] :]

    @invariant()
    def points_follow_from_the_log(self) -> None:
        """I6: what the ledger says of the log is what the round itself says."""
        entries = ledger(self.events, self.config, {"m1": MapFacts(TRUTH, 10)})
        assert entries == ledger(self.events, self.config, {"m1": MapFacts(TRUTH, 10)})
        expected = [
            guess_points(self.config, step=each.step, classes=10, tries=tries, correct=each.answer == TRUTH)
            for tries, each in enumerate(self.round.guesses)
        ]
        assert [entry.points for entry in entries] == ([] if self.round.void_reason else expected)
        assert all(entry.kind is EntryKind.GUESS for entry in entries)


RoundMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=14, deadline=None)
TestRoundMachine = RoundMachine.TestCase
