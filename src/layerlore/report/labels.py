"""The words on a page: the best labels of each map, and the maps of a layer together by what people call them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from layerlore.concepts.merging import BEST, FULL_LABELS, LEVELS, merge_layer, with_labels
from layerlore.concepts.records import ConceptSet, MapKey
from layerlore.report import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from layerlore.concepts.merging import Level, MergedLabel, MergedMap
    from layerlore.concepts.records import AnswerFate, Games, MapConcept
    from layerlore.local.explanation import ClusterMap, Explanation, LayerExplanation

WHOLE = -1
"""Cluster of a key that means all maps of a layer as one."""
SURE = 0.5
"""Posterior below which a word is doubtful."""


@dataclass(frozen=True)
class Label:
    """A word on a map, ready for the template.

    Attributes:
        name: The word.
        concept_id: Its concept; "" where only the word is known.
        short: How many people said so, such as "3 of 9"; for a model's proposals their similarity; else "".
        said: The same in words.
        lift: How much more often than on control maps, in words, or "".
        doubt: Why not to rely on it, or "".
        machine: Proposed by a model, not by people.
    """

    name: str
    concept_id: str = ""
    short: str = ""
    said: str = ""
    lift: str = ""
    doubt: str = ""
    machine: bool = False


@dataclass(frozen=True)
class PageWords:
    """What people, or a model, said about the maps of one explanation.

    Attributes:
        explanation: With the best labels of each map in ``ClusterMap.labels``.
        concepts: Those of its photo.
    """

    explanation: Explanation
    concepts: ConceptSet = field(repr=False)

    @classmethod
    def of(cls, explanation: Explanation, concepts: ConceptSet) -> PageWords:
        """Bring an explanation and its concepts together."""
        return cls(with_labels(explanation, concepts), concepts)

    @property
    def any(self) -> bool:
        """Some map has a word."""
        return any(cluster.labels for layer in self.explanation.layers for cluster in layer.clusters)

    @property
    def source(self) -> str:
        """The model that proposed the words, or "" where people gave them."""
        return self.concepts.source if self.concepts.machine else ""

    @property
    def who(self) -> str:
        """Who the words are of, such as "People see"."""
        if self.concepts.machine:
            return "A model proposes"
        return "Simulated players see" if self.concepts.simulated else "People see"

    def labels(self, layer: LayerExplanation, cluster: ClusterMap) -> tuple[Label, ...]:
        """The best words of a map."""
        found = self.concepts.best(self.key(layer, cluster), BEST)
        return tuple(map_label(one, machine=self._machine(one.concept_id)) for one in found)

    def games(self, layer: LayerExplanation, cluster: ClusterMap) -> str:
        """How the rounds about a map ended, in one sentence, or ""."""
        return games_sentence(self.concepts.games.get(self.key(layer, cluster)))

    def as_one(self, layer: LayerExplanation) -> tuple[tuple[Label, ...], str]:
        """What people said of all clusters of a layer when they were shown as one map, and how those rounds ended."""
        key = MapKey(self.explanation.photo.image_id, self.explanation.target.index, layer.name, WHOLE)
        found = self.concepts.best(key, FULL_LABELS)
        labels = tuple(map_label(one, machine=self._machine(one.concept_id)) for one in found)
        return labels, games_sentence(self.concepts.games.get(key))

    def merged_labels(self, one: MergedMap, count: int) -> tuple[Label, ...]:
        """The best words of several maps as one."""
        members = set(one.members)
        people: defaultdict[str, set[str]] = defaultdict(set)
        for fate in self.concepts.fates:
            if fate.key in members:
                people[fate.concept_id].add(fate.player or f"row {fate.answer}")
        return tuple(self._merged_label(label, len(people[label.concept_id])) for label in one.labels[:count])

    def _merged_label(self, label: MergedLabel, people: int) -> Label:
        machine = self._machine(label.concept_id)
        if machine or not people:
            score = words.number(label.score, 2)
            return Label(label.name, label.concept_id, score, f"mean score {score}", machine=machine)
        return Label(label.name, label.concept_id, f"{people:,}{words.TIMES}", words.count(people, "person", "people"))

    def level(self, level: Level) -> tuple[tuple[MergedMap, ...], ...]:
        """The maps of every layer at one level of merging, layers shallow to deep."""
        return self._levels[level]

    def key(self, layer: LayerExplanation, cluster: ClusterMap) -> MapKey:
        """Which map of the study a cluster is."""
        return MapKey(self.explanation.photo.image_id, self.explanation.target.index, layer.name, cluster.index)

    def one_voice(self, key: MapKey) -> bool:
        """Only one person said what the map is best known as."""
        top = self.concepts.top(key)
        return bool(top) and not self.concepts.machine and all(one.players == 1 for one in top)

    def _machine(self, concept_id: str) -> bool:
        concept = self.concepts.concepts.get(concept_id)
        return self.concepts.machine or (concept is not None and concept.machine)

    @cached_property
    def _levels(self) -> Mapping[Level, tuple[tuple[MergedMap, ...], ...]]:
        photo, target = self.explanation.photo.image_id, self.explanation.target.index
        return {
            level: tuple(merge_layer(layer, photo, target, self.concepts, level) for layer in self.explanation.layers)
            for level in LEVELS
        }


def map_label(one: MapConcept, *, machine: bool) -> Label:
    """A word of one map, with how many people said so."""
    if machine:
        said = f"similarity {words.number(one.score, 2)}"
        return Label(one.name, one.concept_id, words.number(one.score, 2), said, machine=True)
    people = words.count(one.players, "person", "people")
    said = f"{one.players:,} of {words.count(one.seen, 'person', 'people')}" if one.seen else people
    short = f"{one.players:,} of {one.seen:,}" if one.seen else f"{one.players:,}{words.TIMES}"
    lift = "" if one.lift is None else f"{words.number(one.lift)} times as often as on a random region of the class"
    return Label(one.name, one.concept_id, short, said, lift, _doubt(one))


def _doubt(one: MapConcept) -> str:
    """The first reason that there is; one voice is no agreement, whatever else speaks for it."""
    if one.guessed is False:
        return "nobody who said it guessed the class"
    if one.posterior is not None and one.posterior < SURE:
        return f"the answers as a whole speak against it (probability {words.number(one.posterior, 2)})"
    if one.lift is not None and one.lift <= 1:
        return "said no more often than where the map shows a random region"
    return "one person only" if one.players == 1 else ""


def games_sentence(games: Games | None) -> str:
    """How rounds ended, such as "Of 5 rounds about it people won 3, lost 1 and gave up 1."."""
    if games is None or not sum(games):
        return ""
    won, lost, resigned = (f"{amount:,}" for amount in games)
    return f"Of {words.count(sum(games), 'round')} about it people won {won}, lost {lost} and gave up {resigned}."


def by_photo(concepts: ConceptSet) -> dict[str, ConceptSet]:
    """The part of a study's concepts that each photo's page needs."""
    maps: defaultdict[str, dict[MapKey, tuple[MapConcept, ...]]] = defaultdict(dict)
    for key, some in concepts.maps.items():
        maps[key.image_id][key] = some
    fates: defaultdict[str, list[AnswerFate]] = defaultdict(list)
    for fate in concepts.fates:
        fates[fate.key.image_id].append(fate)
    return {
        image_id: replace(
            concepts,
            concepts={name: concepts.concepts[name] for name in _names(maps[image_id].values())},
            maps=maps[image_id],
            fates=tuple(fates[image_id]),
            settings={},
            facts=_kept(concepts),
        )
        for image_id in sorted(maps.keys() | fates.keys())
    }


def nobodys(concepts: ConceptSet) -> ConceptSet:
    """What a photo that nobody said anything about has of a study's concepts: where they come from."""
    return replace(concepts, concepts={}, maps={}, fates=(), settings={}, facts=_kept(concepts))


def _kept(concepts: ConceptSet) -> dict[str, bool]:
    """What of the facts every page has to say."""
    return {"simulated": True} if concepts.simulated else {}


def _names(maps: Iterable[tuple[MapConcept, ...]]) -> list[str]:
    return sorted({one.concept_id for some in maps for one in some})
