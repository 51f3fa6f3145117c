"""Rows of rounds as the domain's records, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.game.domain.labels import Label as DomainLabel
from layerlore.game.domain.states import Guess, RoundState
from layerlore.game.domain.states import Round as DomainRound
from layerlore.game.server.models import Event, Label
from layerlore.game.server.services.rude import is_rude

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from layerlore.game.domain.states import Event as DomainEvent
    from layerlore.game.server.models import Round


def to_record(row: Round) -> DomainRound:
    """The domain's view of a row; reads its labels, which are stored with the first answer."""
    answered = row.tries > 0 or row.state != RoundState.OPEN.value
    return DomainRound(
        round_id=row.token,
        player=str(row.player_id),
        map_id=str(row.map_id),
        steps=row.steps,
        started=row.started,
        expires=row.expires,
        device=row.device,
        state=RoundState(row.state),
        step=row.step,
        guesses=tuple(Guess(str(answer), step) for answer, step in row.guesses),
        labels=tuple(_label(label) for label in row.labels.order_by("pk")) if answered else (),
        nothing=row.nothing,
        request=row.request,
        ended=row.ended,
        void_reason=row.void_reason,
    )


def _label(row: Label) -> DomainLabel:
    return DomainLabel(row.text, row.language, row.step, row.raw, row.kind, row.assisted)


def columns(record: DomainRound) -> dict[str, Any]:
    """What of a record may have changed, as columns."""
    return {
        "state": record.state.value,
        "step": record.step,
        "tries": len(record.guesses),
        "guesses": [[int(guess.answer), guess.step] for guess in record.guesses],
        "nothing": record.nothing,
        "request": record.request,
        "ended": record.ended,
        "void_reason": record.void_reason,
    }


def event_rows(row: Round, events: Iterable[DomainEvent]) -> list[Event]:
    """Rows of the log."""
    return [
        Event(
            round=row,
            kind=event.kind.value,
            at=event.at,
            step=event.step,
            value=event.value,
            language=event.language,
            correct=event.correct,
        )
        for event in events
    ]


def label_rows(row: Round, labels: Iterable[DomainLabel]) -> list[Label]:
    """Rows of labels."""
    return [
        Label(
            round=row,
            map_id=row.map_id,
            text=label.text,
            raw=label.raw,
            language=label.language,
            step=label.step,
            kind=label.kind,
            assisted=label.assisted,
            flagged=is_rude(label.text, label.language),
        )
        for label in labels
    ]
