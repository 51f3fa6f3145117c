"""What concepts are made of: frozen records, each with the way back to the answers behind it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class MapKey(NamedTuple):
    """Which cluster map of a study.

    Attributes:
        image_id: Its photo.
        target: Index of the class that was explained.
        layer: Its layer.
        cluster: Rank in its layer, 0 = heaviest; -1 for all maps of the layer as one.
    """

    image_id: str
    target: int
    layer: str
    cluster: int


class LeftOut(StrEnum):
    """Why a whole round counts for no concept, whatever was typed in it; all but the first are no games, either."""

    NOTHING = "nothing typed"
    SHADOW = "player in shadow"
    VOID = "void round"
    TRAINING = "training round"
    HONEYPOT = "honeypot"
    BLANK = "blank map"
    CONTROL = "control map"


NO_GAMES = frozenset(LeftOut) - {LeftOut.NOTHING}


class Games(NamedTuple):
    """How the rounds about a map ended; those of which it is not known are in none of the three."""

    won: int = 0
    lost: int = 0
    resigned: int = 0


@dataclass(frozen=True, slots=True)
class AnswerFate:
    """What became of one answer: the concept that it is behind, or why it is behind none.

    A round in which nothing was typed is one, too: with no text, and `LeftOut.NOTHING` as its reason.

    Attributes:
        answer: Row of the answer in its file, from 0.
        key: The cluster map that it is about.
        text: As typed.
        language: Language that it was taken to be in, such as ``en``; "" where it cannot be told.
        read_as: What it was read as: folded, repaired, translated, without names of the class; "" if nothing is left.
        concept_id: Concept that it is behind, or "".
        reason: Why it is behind none (`LeftOut`, or what reading it told), or "".
        player: Who typed it, or "".
        step: Reveal step at which it was typed, from 0; None where that is not known.
        guessed: Whether its player guessed the class; None where that is not known.
        round: Which round, or "".
        round_language: Language that the round was played in, or "".
        outcome: How the round ended: ``won``, ``lost``, ``resigned``; "" where that is not known.
        grouped: Dictionary form of the group it was put in, before people decided anything; "" if in none.
        grouped_name: What that group was called.
    """

    answer: int
    key: MapKey
    text: str
    language: str
    read_as: str
    concept_id: str
    reason: str
    player: str
    step: int | None
    guessed: bool | None
    round: str = ""
    round_language: str = ""
    outcome: str = ""
    grouped: str = ""
    grouped_name: str = ""


@dataclass(frozen=True, slots=True)
class Concept:
    """One canonical label with the answers behind it.

    Attributes:
        concept_id: 16 hex digits that depend on language and lemma only, so that a link to it stays.
        name: As shown: its most frequent surface form, or what a person named it.
        lemma: Its dictionary form, by which groups are the same.
        language: Such as ``en``.
        forms: What was read from the answers, with how often, most frequent first.
        machine: Proposed by a model, not by people.
        decided: A person merged, split or renamed it.
    """

    concept_id: str
    name: str
    lemma: str
    language: str
    forms: tuple[tuple[str, int], ...]
    machine: bool = False
    decided: bool = False

    @property
    def answers(self) -> int:
        """Answers behind it."""
        return sum(count for _, count in self.forms)


@dataclass(frozen=True, slots=True)
class MapConcept:
    """A concept on one cluster map.

    Attributes:
        key: The map.
        layer_index: Place of the layer among all explainable layers of the network.
        concept_id: The concept.
        name: Its name, so that a row can be read alone.
        score: frequency x (1 - 0.1 x mean step), a quarter of it where it is known that nobody who typed it guessed
            the class (Bianchi et al. 2024, section 3; method.md 3.6). For a model's proposals their similarity.
        frequency: Answers on this map.
        players: Different players.
        mean_step: Mean reveal step, from 0.
        guessed: Whether anybody who typed it guessed the class; None where that is not known.
        seen: Players who had this map in the concept's language, whether they typed it or not; 0 where not known.
        posterior: Probability that it is there, from two-coin aggregation, or None.
        lift: How much more often it is typed here than on control maps of the class, as a ratio, or None.
        answers: Rows of the answers behind it.
    """

    key: MapKey
    layer_index: int
    concept_id: str
    name: str
    score: float
    frequency: int
    players: int
    mean_step: float
    guessed: bool | None
    seen: int = 0
    posterior: float | None = None
    lift: float | None = None
    answers: tuple[int, ...] = ()


@dataclass(frozen=True)
class ConceptSet:
    """Concepts of a study, on its cluster maps.

    Attributes:
        concepts: By concept_id.
        maps: Map to its concepts, best first. Maps without one are not in it.
        fates: What became of every answer, in the order of the answers.
        source: Where the answers come from: ``people``, or ``clip:MODEL`` for a model's proposals.
        settings: What the concepts were made with; plain values.
        facts: Counts and measures to show beside them; plain values.
    """

    concepts: Mapping[str, Concept]
    maps: Mapping[MapKey, tuple[MapConcept, ...]]
    fates: tuple[AnswerFate, ...] = field(repr=False)
    source: str = "people"
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def machine(self) -> bool:
        """They are a model's proposals; to be said wherever they are shown."""
        return self.source != "people"

    @property
    def simulated(self) -> bool:
        """A program stood in for people and gave the answers; to be said wherever they are shown."""
        return bool(self.facts.get("simulated"))

    def best(self, key: MapKey, count: int = 3) -> tuple[MapConcept, ...]:
        """The best concepts of a map; empty where it has none."""
        return self.maps.get(key, ())[:count]

    def top(self, key: MapKey) -> tuple[MapConcept, ...]:
        """All concepts that share the map's highest score ("best labels" in the paper; method.md 4)."""
        found = self.maps.get(key, ())
        return tuple(one for one in found if one.score == found[0].score)

    def maps_of(self, concept_id: str) -> tuple[MapConcept, ...]:
        """A concept on all its maps, highest score first."""
        return self._by_concept.get(concept_id, ())

    @cached_property
    def games(self) -> Mapping[MapKey, Games]:
        """How the rounds about each map ended; maps that nobody had are not in it."""
        ended: dict[MapKey, dict[str, str]] = defaultdict(dict)
        for fate in self.fates:
            if fate.reason not in NO_GAMES:
                ended[fate.key][fate.round or f"row {fate.answer}"] = fate.outcome
        counts = {key: Counter(rounds.values()) for key, rounds in ended.items()}
        return {key: Games(some["won"], some["lost"], some["resigned"]) for key, some in counts.items()}

    @cached_property
    def _by_concept(self) -> Mapping[str, tuple[MapConcept, ...]]:
        found: dict[str, list[MapConcept]] = defaultdict(list)
        for some in self.maps.values():
            for one in some:
                found[one.concept_id].append(one)
        return {name: tuple(sorted(some, key=lambda one: (-one.score, one.key))) for name, some in found.items()}
