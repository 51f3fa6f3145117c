"""A round and its transitions (game.md 2.2), as pure functions on frozen records.

Each returns the new round and the events that lead to it; whoever stores rounds writes both in one transaction. A
request that was carried out before is answered with ``REPEATED`` and no events, because a browser repeats a request
whose answer got lost. A request that does not fit raises `TransitionError`, and nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from layerlore.game.domain.errors import Refusal, TransitionError

if TYPE_CHECKING:
    from datetime import datetime

    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.domain.labels import Label


class RoundState(StrEnum):
    """Where a round is; all but OPEN are final (I2)."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    RESIGNED = "resigned"
    EXPIRED = "expired"
    VOIDED = "voided"


FINISHED = frozenset({RoundState.WON, RoundState.LOST, RoundState.RESIGNED})


class EventKind(StrEnum):
    """What happened in a round."""

    STARTED = "started"
    REVEALED = "revealed"
    LABELLED = "labelled"
    GUESSED = "guessed"
    WON = "won"
    LOST = "lost"
    RESIGNED = "resigned"
    EXPIRED = "expired"
    VOIDED = "voided"


@dataclass(frozen=True)
class Event:
    """One line of the event log; points are a pure function of the log (I6).

    Attributes:
        kind: What happened.
        round_id: In which round.
        player: Whose round.
        map_id: On which map.
        at: When, in UTC.
        step: Step of the round then; for a label the step at which it was typed.
        value: The device (started), the guessed class (guessed), the label's normal form (labelled), the reason
            (voided), else "".
        language: The label's, else "".
        correct: Whether the guess was right, else None.
    """

    kind: EventKind
    round_id: str
    player: str
    map_id: str
    at: datetime
    step: int
    value: str = ""
    language: str = ""
    correct: bool | None = None


@dataclass(frozen=True)
class Guess:
    """A committed guess.

    Attributes:
        answer: The class.
        step: Step of the round then.
    """

    answer: str
    step: int


@dataclass(frozen=True)
class Round:
    """One player on one map. It does not hold the map's class, so showing it cannot tell it (I4).

    Attributes:
        round_id: Its name, not guessable.
        player: Whose it is.
        map_id: Its map.
        steps: Number of steps that this map has.
        started: When it was started, in UTC.
        expires: When it expires, in UTC.
        device: Device it is played on, for the independence of players; "" if not known.
        state: Where it is.
        step: Step that is shown, from 0.
        guesses: Guesses so far.
        labels: Labels that were sent so far, without repetition.
        nothing: The player said that there is nothing to recognise.
        request: Fingerprint of the last guess or resignation that was carried out, or "".
        ended: When it became final, or None.
        void_reason: Why it does not count although it may have been finished, or "".
    """

    round_id: str
    player: str
    map_id: str
    steps: int
    started: datetime
    expires: datetime
    device: str = ""
    state: RoundState = RoundState.OPEN
    step: int = 0
    guesses: tuple[Guess, ...] = ()
    labels: tuple[Label, ...] = ()
    nothing: bool = False
    request: str = ""
    ended: datetime | None = None
    void_reason: str = ""

    @property
    def holds_lease(self) -> bool:
        """It occupies a place on its map (I7)."""
        return self.state is RoundState.OPEN

    @property
    def counts(self) -> bool:
        """It was finished and not voided: it counts for its map, for points and for aggregates."""
        return self.state in FINISHED and not self.void_reason

    def lapsed(self, now: datetime) -> bool:
        """Its time is over, although it may still be open."""
        return self.state is RoundState.OPEN and now >= self.expires


class Outcome(StrEnum):
    """What became of a request."""

    DONE = "done"
    REPEATED = "repeated"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class Transition:
    """Answer to a request.

    Attributes:
        round: The round as it is now.
        events: What to append to the log; empty if nothing changed.
        outcome: DONE; REPEATED if it had been carried out before; LAPSED if the round's time was over, so that it has
            expired instead.
    """

    round: Round
    events: tuple[Event, ...] = ()
    outcome: Outcome = Outcome.DONE


@dataclass(frozen=True)
class Typed:
    """What a player sends with a guess or a resignation.

    Attributes:
        labels: Labels, checked by `labels.check_labels`.
        nothing: The player pressed "I recognise nothing".
    """

    labels: tuple[Label, ...] = field(default=())
    nothing: bool = False


NO_LABELS = Typed()


def start(open_round: Round | None, *, new: Round, now: datetime) -> Transition:
    """Open a round, or go on with the one that is open (I1).

    If the time of the open one is over, it expires instead (LAPSED): store that, then start again.

    Args:
        open_round: The player's open round in this campaign, if there is one.
        new: The round to open, from `new_round`.
        now: In UTC.
    """
    if open_round is not None and open_round.lapsed(now):
        return _expired(open_round, now, Outcome.LAPSED)
    if open_round is not None and open_round.state is RoundState.OPEN:
        return Transition(open_round, outcome=Outcome.REPEATED)
    return Transition(new, (_event(new, EventKind.STARTED, now, value=new.device),))


def new_round(
    *, round_id: str, player: str, map_id: str, steps: int, config: CampaignConfig, now: datetime, device: str = ""
) -> Round:
    """A round at its first step, with the campaign's time to live.

    Args:
        round_id: Not guessable.
        player: Whose it is.
        map_id: Its map.
        steps: Steps that the map has; fewer than the campaign's where its support is small (game.md 2.7).
        config: The campaign's.
        now: In UTC.
        device: Device cookie.

    Raises:
        ValueError: The map has no step.
    """
    if steps < 1:
        raise ValueError(f"map {map_id} has {steps} steps; a map needs one at least")
    expires = now + timedelta(minutes=config.play.ttl_minutes)
    return Round(round_id, player, map_id, steps, now, expires, device)


def reveal(current: Round, *, step: int, now: datetime) -> Transition:
    """Show the step after ``step``, which the request names so that it can be repeated.

    Raises:
        TransitionError: OVER, STEP (another step is shown) or LAST_STEP.
    """
    if current.step == step + 1:
        return Transition(current, outcome=Outcome.REPEATED)
    if current.state is not RoundState.OPEN:
        raise TransitionError(Refusal.OVER)
    if current.lapsed(now):
        return _expired(current, now, Outcome.LAPSED)
    if step != current.step:
        raise TransitionError(Refusal.STEP)
    if step >= current.steps - 1:
        raise TransitionError(Refusal.LAST_STEP)
    shown = replace(current, step=step + 1)
    return Transition(shown, (_event(shown, EventKind.REVEALED, now),))


def guess(
    current: Round,
    *,
    step: int,
    tries: int,
    answer: str,
    truth: str,
    typed: Typed = NO_LABELS,
    config: CampaignConfig,
    now: datetime,
) -> Transition:
    """Commit a guess with the labels typed so far.

    Args:
        current: The round.
        step: Step that the player saw; it must be the one that is shown, else a race could score a lower one.
        tries: Guesses that had been made when the player's page was loaded.
        answer: The guessed class.
        truth: The map's class.
        typed: Labels; those sent before are kept, so a page may send them again.
        config: The campaign's.
        now: In UTC.

    Raises:
        TransitionError: OVER, STEP, TRIES, ANSWER, SAME_ANSWER, LABEL_STEP, LABEL_COUNT, LABEL_NEEDED or NOTHING.
    """
    request = fingerprint("guess", step, tries, answer, typed)
    if current.request == request:
        return Transition(current, outcome=Outcome.REPEATED)
    if current.state is not RoundState.OPEN:
        raise TransitionError(Refusal.OVER)
    if current.lapsed(now):
        return _expired(current, now, Outcome.LAPSED)
    _check_guess(current, step, tries, answer)
    labelled, events = _with_labels(current, typed, config, now, needed=config.labels.require_one)
    correct = answer == truth
    guesses = (*current.guesses, Guess(answer, step))
    guessed = replace(labelled, guesses=guesses, request=request)
    events.append(_event(guessed, EventKind.GUESSED, now, value=answer, correct=correct))
    if correct or len(guesses) >= config.play.max_guesses:
        state = RoundState.WON if correct else RoundState.LOST
        guessed = replace(guessed, state=state, ended=now)
        events.append(_event(guessed, EventKind(state.value), now))
    return Transition(guessed, tuple(events))


def _check_guess(current: Round, step: int, tries: int, answer: str) -> None:
    """The guess is one for the round as it is.

    Raises:
        TransitionError: STEP, TRIES, ANSWER or SAME_ANSWER.
    """
    if step != current.step:
        raise TransitionError(Refusal.STEP)
    if tries != len(current.guesses):
        raise TransitionError(Refusal.TRIES)
    if not answer:
        raise TransitionError(Refusal.ANSWER)
    if any(earlier.answer == answer for earlier in current.guesses):
        raise TransitionError(Refusal.SAME_ANSWER)


def resign(current: Round, *, typed: Typed = NO_LABELS, config: CampaignConfig, now: datetime) -> Transition:
    """Give up; the labels are kept. A round that was resigned before stays as it was.

    Raises:
        TransitionError: OVER, LABEL_STEP, LABEL_COUNT or NOTHING.
    """
    if current.state is RoundState.RESIGNED:
        return Transition(current, outcome=Outcome.REPEATED)
    if current.state is not RoundState.OPEN:
        raise TransitionError(Refusal.OVER)
    if current.lapsed(now):
        return _expired(current, now, Outcome.LAPSED)
    labelled, events = _with_labels(current, typed, config, now, needed=False)
    request = fingerprint("resign", current.step, len(current.guesses), "", typed)
    given_up = replace(labelled, state=RoundState.RESIGNED, ended=now, request=request)
    return Transition(given_up, (*events, _event(given_up, EventKind.RESIGNED, now)))


def expire(current: Round, *, now: datetime, left: bool = False) -> Transition:
    """End a round whose time is over, or whose player left; a final one stays as it is, so a sweep may repeat.

    Raises:
        TransitionError: NOT_YET, if its time is not over and the player has not left.
    """
    if current.state is not RoundState.OPEN:
        return Transition(current, outcome=Outcome.REPEATED)
    if not left and not current.lapsed(now):
        raise TransitionError(Refusal.NOT_YET)
    return _expired(current, now, Outcome.DONE)


def void(current: Round, *, reason: str, now: datetime) -> Transition:
    """Take a round out of points and aggregates: an admin did it, the map was retired, or accounts were merged.

    An open round becomes VOIDED. A final one keeps its state (I2) and gets a reason why it does not count.

    Raises:
        TransitionError: REASON, if none is given.
    """
    if not reason.strip():
        raise TransitionError(Refusal.REASON)
    if current.void_reason:
        return Transition(current, outcome=Outcome.REPEATED)
    voided = replace(current, void_reason=reason)
    if current.state is RoundState.OPEN:
        voided = replace(voided, state=RoundState.VOIDED, ended=now)
    return Transition(voided, (_event(voided, EventKind.VOIDED, now, value=reason),))


def fingerprint(request: str, step: int, tries: int, answer: str, typed: Typed) -> str:
    """64 hex digits that are equal for equal requests; what tells a repeated request from another one."""
    labels = sorted([label.language, label.text, label.step, label.kind] for label in typed.labels)
    payload = json.dumps([request, step, tries, answer, labels, typed.nothing], ensure_ascii=True)
    return hashlib.sha256(payload.encode("ascii")).hexdigest()


def _with_labels(
    current: Round, typed: Typed, config: CampaignConfig, now: datetime, *, needed: bool
) -> tuple[Round, list[Event]]:
    """The round with more labels, and their events.

    Raises:
        TransitionError: LABEL_STEP, LABEL_COUNT, LABEL_NEEDED or NOTHING.
    """
    known = {(label.language, label.text) for label in current.labels}
    fresh = {(label.language, label.text): label for label in reversed(typed.labels)}
    added = tuple(label for name, label in reversed(fresh.items()) if name not in known)
    labels = (*current.labels, *added)
    nothing = typed.nothing or (current.nothing and not added)
    if any(not 0 <= label.step <= current.step for label in typed.labels):
        raise TransitionError(Refusal.LABEL_STEP)
    if typed.nothing and labels:
        raise TransitionError(Refusal.NOTHING)
    if len(labels) > config.labels.max_per_round:
        raise TransitionError(Refusal.LABEL_COUNT)
    if needed and not labels and not nothing:
        raise TransitionError(Refusal.LABEL_NEEDED)
    events = [
        replace(_event(current, EventKind.LABELLED, now, value=label.text), step=label.step, language=label.language)
        for label in added
    ]
    return replace(current, labels=labels, nothing=nothing), events


def _expired(current: Round, now: datetime, outcome: Outcome) -> Transition:
    ended = replace(current, state=RoundState.EXPIRED, ended=now)
    return Transition(ended, (_event(ended, EventKind.EXPIRED, now),), outcome)


def _event(current: Round, kind: EventKind, at: datetime, *, value: str = "", correct: bool | None = None) -> Event:
    ids = (current.round_id, current.player, current.map_id)
    return Event(kind, *ids, at, current.step, value, correct=correct)
