"""Rounds of an export as rows of the study's ``answers.parquet``."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from layerlore.game.exchange.records import FINISHED_STATES, day_of
from layerlore.study.answers import AnswerRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from layerlore.game.exchange.records import CampaignFacts, LabelRecord, MapRecord, PlayerRecord, RoundRecord

MIDNIGHT = "T00:00:00.000000Z"


class AnswerRows:
    """Makes rows of rounds: one for each label of a finished round, one for a round without labels."""

    def __init__(self, facts: CampaignFacts, maps: Iterable[MapRecord], players: Iterable[PlayerRecord]) -> None:
        """Index the maps, and the players who are in shadow."""
        self._facts = facts
        self._maps = {one.map_key: one for one in maps}
        self._shadow = {one.player for one in players if one.shadow}

    def of(self, one: RoundRecord) -> Iterator[AnswerRow]:
        """The rows of a round; none where it was not finished."""
        if one.state in FINISHED_STATES:
            yield from _of_round(one, self._maps[one.map_key], self._facts, shadow=one.player in self._shadow)


def _of_round(one: RoundRecord, of: MapRecord, facts: CampaignFacts, *, shadow: bool) -> Iterator[AnswerRow]:
    labels: tuple[LabelRecord | None, ...] = one.labels or (None,)
    last = one.guesses[-1] if one.guesses else None
    for label in labels:
        yield AnswerRow(
            campaign=facts.key,
            round=one.round,
            player=one.player,
            device=one.device,
            shadow=shadow,
            voided=bool(one.void_reason),
            kind=of.kind,
            stream=one.stream,
            image_id=of.image_id,
            target=of.target,
            image_label=of.image_label or None,
            layer=of.layer,
            layer_index=of.layer_index,
            cluster=of.cluster,
            map_key=of.map_key,
            round_language=one.language,
            language=label.language if label else one.language,
            text=label.text if label else None,
            label=label.label if label else None,
            merged=label.merged if label else None,
            label_kind=label.kind if label else "",
            assisted=bool(label and label.assisted),
            step=label.step if label else None,
            fraction=of.fractions[label.step] if label else None,
            steps=one.steps,
            outcome=one.state,
            guess=facts.class_name(last.class_index) if last else None,
            guess_index=last.class_index if last else None,
            guess_step=last.step if last else None,
            nothing=one.nothing,
            day=date.fromisoformat(day_of(one.ended)) if one.ended else None,
            seconds=_seconds(one),
        )


def _seconds(one: RoundRecord) -> float | None:
    """How long a round took; None where its times were blurred to the day, since the player was erased."""
    if one.ended is None or (one.started.endswith(MIDNIGHT) and one.ended.endswith(MIDNIGHT)):
        return None
    took = datetime.fromisoformat(one.ended) - datetime.fromisoformat(one.started)
    return round(took.total_seconds(), 1)
