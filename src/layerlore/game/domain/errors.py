"""What the rules refuse. Each error is one line: the thing, the reason, the way out."""

from __future__ import annotations

from enum import StrEnum


class DomainError(Exception):
    """Base of all errors of the game's rules."""


class ConfigError(DomainError):
    """A key of a campaign's configuration that is unknown, missing or wrong.

    Attributes:
        key: Full name of the key, such as ``play.max_guesses``.
    """

    def __init__(self, key: str, message: str) -> None:
        """Keep the key beside the message."""
        super().__init__(f"{key}: {message}")
        self.key = key


class Refusal(StrEnum):
    """Why a request does not fit the state of a round, a map or a campaign."""

    OVER = "over"
    STEP = "step"
    LAST_STEP = "last-step"
    TRIES = "tries"
    ANSWER = "answer"
    SAME_ANSWER = "same-answer"
    LABEL_STEP = "label-step"
    LABEL_COUNT = "label-count"
    LABEL_NEEDED = "label-needed"
    NOTHING = "nothing"
    NOT_YET = "not-yet"
    REASON = "reason"
    CAMPAIGN = "campaign"
    BUNDLE = "bundle"


SENTENCES = {
    Refusal.OVER: "This round is over; look at its result and start another one.",
    Refusal.STEP: "The picture has moved on since this page was loaded; go on from where it is now.",
    Refusal.LAST_STEP: "No more of the picture can be shown; guess or resign.",
    Refusal.TRIES: "Another guess arrived before this one; look at the round again.",
    Refusal.ANSWER: "No class was chosen; choose one, or resign.",
    Refusal.SAME_ANSWER: "You have guessed this class before; choose another one.",
    Refusal.LABEL_STEP: "A label belongs to a step that you have not seen; type it again.",
    Refusal.LABEL_COUNT: "Too many labels for one round; remove some.",
    Refusal.LABEL_NEEDED: "Type at least one label, or say that you recognise nothing.",
    Refusal.NOTHING: "You typed labels and also said that you recognise nothing; keep one of the two.",
    Refusal.NOT_YET: "The round's time is not over; wait, or resign.",
    Refusal.REASON: "Voiding a round needs a reason; give one.",
    Refusal.CAMPAIGN: "The campaign cannot go to that state from where it is.",
    Refusal.BUNDLE: "The bundle is not the one the campaign was opened with; put that one back.",
}


class TransitionError(DomainError):
    """A request that does not fit the present state; nothing has changed.

    Attributes:
        code: Why. `SENTENCES` has a line for the player for each; none depends on the true class (I4).
    """

    def __init__(self, code: Refusal) -> None:
        """Say it in the code's sentence."""
        super().__init__(SENTENCES[code])
        self.code = code
