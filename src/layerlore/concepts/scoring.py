"""How well a concept fits a cluster map: the paper's score, and beside it what the game's aggregation says.

The score is the paper's (method.md 3.6). Posterior and lift are the game's (`layerlore.game.domain.aggregation`), here
of concepts instead of what was typed: that a player had the map and did not type a concept counts against it; and what
is typed as often where the map shows a random region belongs to the class, not to the map.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from layerlore.concepts.records import AnswerFate, LeftOut, MapConcept, MapKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from layerlore.concepts.records import Concept
    from layerlore.game.domain.aggregation import Answer

STEP_COSTS = 0.1
NOBODY_GUESSED = 4
DECIMALS = 9
"""Scores that are equal to so many decimals are the same: the best labels of a map are those that share its highest."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer behind a concept.

    Attributes:
        fate: The answer.
        concept_id: The concept.
    """

    fate: AnswerFate
    concept_id: str


def paper_score(frequency: int, mean_step: float, *, guessed: bool | None) -> float:
    """Frequency x (1 - 0.1 x mean step), a quarter of it if nobody who typed it guessed the class (method.md 3.6).

    Args:
        frequency: How often it was typed.
        mean_step: Mean reveal step, from 0. After step 10 the score stays 0.
        guessed: Whether anybody who typed it guessed the class; None, where it is not known, costs nothing.
    """
    score = frequency * max(0.0, 1 - STEP_COSTS * mean_step)
    return round(score / NOBODY_GUESSED if guessed is False else score, DECIMALS)


def score_maps(
    said: Sequence[Said], fates: Iterable[AnswerFate], concepts: Mapping[str, Concept], layers: Mapping[str, int]
) -> dict[MapKey, tuple[MapConcept, ...]]:
    """Concepts of every cluster map, best first.

    Args:
        said: Every answer that was read as something, those on control and blank maps too.
        fates: Of all answers; rounds in which nothing was typed count, too.
        concepts: By concept_id.
        layers: Layer to its place among all layers that can be explained.
    """
    behind: defaultdict[MapKey, defaultdict[str, list[AnswerFate]]] = defaultdict(lambda: defaultdict(list))
    for one in said:
        if not one.fate.reason:
            behind[one.fate.key][one.concept_id].append(one.fate)
    votes = _votes(said, fates, concepts)
    found = {}
    for key in sorted(behind):
        some = [
            _map_concept(key, layers.get(key.layer, -1), concepts[concept_id], typed, votes)
            for concept_id, typed in behind[key].items()
        ]
        found[key] = tuple(sorted(some, key=lambda one: (-one.score, -one.players, one.name, one.concept_id)))
    return found


@dataclass(frozen=True)
class _Votes:
    """What the aggregation says of a concept on a map: seen, posterior, and lift where there are control maps."""

    seen: dict[tuple[MapKey, str], int] = field(default_factory=dict)
    posterior: dict[tuple[MapKey, str], float] = field(default_factory=dict)
    lift: dict[tuple[MapKey, str], float] = field(default_factory=dict)


def _map_concept(
    key: MapKey, layer_index: int, concept: Concept, typed: Sequence[AnswerFate], votes: _Votes
) -> MapConcept:
    steps = [fate.step for fate in typed if fate.step is not None]
    mean_step = sum(steps) / len(steps) if steps else 0.0
    guesses = {fate.guessed for fate in typed}
    guessed = True if True in guesses else None if None in guesses else False
    name = (key, concept.concept_id)
    return MapConcept(
        key=key,
        layer_index=layer_index,
        concept_id=concept.concept_id,
        name=concept.name,
        score=paper_score(len(typed), mean_step, guessed=guessed),
        frequency=len(typed),
        players=len({_player(fate) for fate in typed}),
        mean_step=mean_step,
        guessed=guessed,
        seen=votes.seen.get(name, 0),
        posterior=votes.posterior.get(name),
        lift=votes.lift.get(name),
        answers=tuple(sorted(fate.answer for fate in typed)),
    )


def _votes(said: Sequence[Said], fates: Iterable[AnswerFate], concepts: Mapping[str, Concept]) -> _Votes:
    """Fit the game's model to concepts."""
    from layerlore.game.domain.aggregation import lifts, two_coin

    # The kind is in the key: a control map of a layer may have the layer's own name.
    rounds: dict[tuple[str, MapKey, str, str], set[str]] = {}
    for fate in fates:
        if fate.reason not in _NO_VOTES:
            rounds.setdefault((_kind(fate), fate.key, _player(fate), fate.round_language), set())
    for one in said:
        name = (_kind(one.fate), one.fate.key, _player(one.fate), concepts[one.concept_id].language)
        rounds.setdefault(name, set()).add(one.concept_id)
    answers, controls, classes, keys, blank = _answers(rounds)
    found = _Votes()
    for verdict in two_coin(answers, known=dict.fromkeys(blank, frozenset())).verdicts:
        if verdict.map_id not in blank:
            of = keys[verdict.map_id], verdict.label
            found.seen[of], found.posterior[of] = verdict.seen, round(verdict.posterior, DECIMALS)
    for lift in lifts(answers, controls, classes):
        if lift.control_seen and lift.map_id not in blank:
            found.lift[keys[lift.map_id], lift.label] = round(lift.lift, DECIMALS)
    return found


def _answers(
    rounds: Mapping[tuple[str, MapKey, str, str], set[str]],
) -> tuple[list[Answer], list[Answer], dict[str, str], dict[str, MapKey], set[str]]:
    """Answers on maps and blank maps, those on control maps, the class of each map, its key, and which are blank."""
    from layerlore.game.domain.aggregation import Answer

    answers: list[Answer] = []
    controls: list[Answer] = []
    classes: dict[str, str] = {}
    keys: dict[str, MapKey] = {}
    blank: set[str] = set()
    for (kind, key, player, language), labels in sorted(rounds.items(), key=lambda item: item[0]):
        map_id = "\t".join((kind, key.image_id, str(key.target), key.layer, str(key.cluster)))
        classes[map_id], keys[map_id] = str(key.target), key
        answer = Answer(map_id, player, frozenset(labels), language)
        (controls if kind == LeftOut.CONTROL else answers).append(answer)
        if kind == LeftOut.BLANK:
            blank.add(map_id)
    return answers, controls, classes, keys, blank


_KINDS = (LeftOut.CONTROL, LeftOut.BLANK)
_NO_VOTES = (LeftOut.SHADOW, LeftOut.VOID, LeftOut.TRAINING, LeftOut.HONEYPOT)


def _kind(fate: AnswerFate) -> str:
    return fate.reason if fate.reason in _KINDS else ""


def _player(fate: AnswerFate) -> str:
    """Whose answer it is; one of nobody's is somebody else's than all others."""
    return fate.player or f"row {fate.answer}"
