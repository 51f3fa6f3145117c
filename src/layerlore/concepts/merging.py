"""The cluster maps of a layer together by what people call them (method.md 4): unmerged, merged, or all as one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from layerlore.concepts.records import Games, MapKey
from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.concepts.records import ConceptSet
    from layerlore.local.explanation import ClusterMap, Explanation, LayerExplanation

Level = Literal["unmerged", "merged", "full"]
LEVELS: tuple[Level, ...] = get_args(Level)
BEST = 3
"""Labels that a cluster map is shown with."""
FULL_LABELS = 10
"""Labels of all maps of a layer as one, at most."""
DECIMALS = 9
"""Scores that are equal to so many decimals are the same."""


@dataclass(frozen=True, slots=True)
class MergedLabel:
    """A concept on maps that were merged.

    Attributes:
        concept_id: The concept.
        name: Its name.
        score: Mean of its scores on the maps, weighted by their weights; 0 on a map that it is not on.
        frequency: Answers on all of them.
    """

    concept_id: str
    name: str
    score: float
    frequency: int


@dataclass(frozen=True, eq=False)
class MergedMap:
    """One map or several of a layer, as one.

    Attributes:
        index: Rank by weight among the maps of this level, 0 = heaviest.
        weight: Sum of the weights, in percent of the layer's positive weight.
        map: Mean of the maps weighted by their weights, float32 of shape (h, w), in [0, 1].
        members: The cluster maps that it is made of, heaviest first.
        channels: Their feature maps, heaviest first.
        channel_weights: The weights of these in percent, same order.
        labels: Concepts, best first.
        games: How the rounds about its maps ended, added up.
    """

    index: int
    weight: float
    map: NDArray[np.float32] = field(repr=False)
    members: tuple[MapKey, ...]
    channels: tuple[int, ...] = field(repr=False)
    channel_weights: tuple[float, ...] = field(repr=False)
    labels: tuple[MergedLabel, ...]
    games: Games

    @property
    def best(self) -> tuple[MergedLabel, ...]:
        """All labels that share the highest score."""
        return tuple(one for one in self.labels if one.score == self.labels[0].score)


def merge_layer(
    layer: LayerExplanation, image_id: str, target: int, concepts: ConceptSet, level: Level = "merged"
) -> tuple[MergedMap, ...]:
    """The maps of one layer of one photo, heaviest first.

    Args:
        layer: The layer.
        image_id: Of the photo.
        target: Index of the class that is explained.
        concepts: Of the study; maps without one stay alone.
        level: ``unmerged``: each map alone. ``merged``: maps that share a best label are one, and so on from map to
            map. ``full``: all maps of the layer are one, with up to `FULL_LABELS` labels. What people said of the
            layer as one map is not in it, but in ``concepts`` with cluster -1.

    Raises:
        SettingError: The level is unknown.
    """
    if level not in LEVELS:
        raise SettingError(f"unknown level {level!r}; there are {', '.join(LEVELS)}")
    keys = [MapKey(image_id, target, layer.name, cluster.index) for cluster in layer.clusters]
    if level == "full":
        parts = [list(range(len(keys)))] if keys else []
    elif level == "merged":
        parts = components([{one.concept_id for one in concepts.top(key)} for key in keys])
    else:
        parts = [[place] for place in range(len(keys))]
    limit = FULL_LABELS if level == "full" else None
    merged = [_merge([layer.clusters[i] for i in part], [keys[i] for i in part], concepts, limit) for part in parts]
    merged.sort(key=lambda one: (-one.weight, one.members))
    return tuple(replace(one, index=place) for place, one in enumerate(merged))


def merge_explanation(
    explanation: Explanation, concepts: ConceptSet, level: Level = "merged"
) -> dict[str, tuple[MergedMap, ...]]:
    """`merge_layer` for every layer of an explanation; layer to its maps, shallow to deep."""
    image_id, target = explanation.photo.image_id, explanation.target.index
    return {layer.name: merge_layer(layer, image_id, target, concepts, level) for layer in explanation.layers}


def components(shared: Sequence[set[str]]) -> list[list[int]]:
    """Which of some sets hang together, directly or through others; by the first of each part.

    Args:
        shared: Sets; two that have an element in common belong together.
    """
    part = list(range(len(shared)))
    owner: dict[str, int] = {}
    for place, names in enumerate(shared):
        for name in sorted(names):
            one, other = _root(part, owner.setdefault(name, place)), _root(part, place)
            part[max(one, other)] = min(one, other)
    found: dict[int, list[int]] = {}
    for place in range(len(shared)):
        found.setdefault(_root(part, place), []).append(place)
    return [found[root] for root in sorted(found)]


def with_labels(explanation: Explanation, concepts: ConceptSet) -> Explanation:
    """The explanation with the best labels of each cluster map, at most `BEST`, in ``ClusterMap.labels``."""
    image_id, target = explanation.photo.image_id, explanation.target.index

    def named(cluster: ClusterMap, layer: str) -> ClusterMap:
        best = concepts.best(MapKey(image_id, target, layer, cluster.index), BEST)
        return replace(cluster, labels=tuple(one.name for one in best))

    layers = tuple(
        replace(layer, clusters=tuple(named(cluster, layer.name) for cluster in layer.clusters))
        for layer in explanation.layers
    )
    return replace(explanation, layers=layers)


def _root(part: list[int], place: int) -> int:
    while part[place] != place:
        place = part[place]
    return place


def _merge(
    clusters: Sequence[ClusterMap], keys: Sequence[MapKey], concepts: ConceptSet, limit: int | None
) -> MergedMap:
    """Some clusters as one map, with so many labels at most."""
    order = sorted(range(len(keys)), key=lambda place: (-clusters[place].weight, keys[place].cluster))
    clusters, keys = [clusters[place] for place in order], [keys[place] for place in order]
    weight = sum(cluster.weight for cluster in clusters)
    # Maps without any weight count alike.
    shares = [cluster.weight / weight if weight > 0 else 1 / len(clusters) for cluster in clusters]
    values = sum(share * one.map.astype(np.float64) for share, one in zip(shares, clusters, strict=True))
    channels = sorted(
        (pair for one in clusters for pair in zip(one.channels, one.channel_weights, strict=True)),
        key=lambda pair: (-pair[1], pair[0]),
    )
    games = [concepts.games.get(key, Games()) for key in keys]
    return MergedMap(
        index=0,
        weight=weight,
        map=np.asarray(values, dtype=np.float32),
        members=tuple(keys),
        channels=tuple(channel for channel, _ in channels),
        channel_weights=tuple(share for _, share in channels),
        labels=_labels(keys, shares, concepts, limit),
        games=Games(*(sum(counts) for counts in zip(*games, strict=True))),
    )


def _labels(
    keys: Sequence[MapKey], shares: Sequence[float], concepts: ConceptSet, limit: int | None
) -> tuple[MergedLabel, ...]:
    """Concepts of some maps with their weighted mean scores, best first."""
    scores: dict[str, float] = {}
    frequency: dict[str, int] = {}
    for key, share in zip(keys, shares, strict=True):
        for one in concepts.maps.get(key, ()):
            scores[one.concept_id] = scores.get(one.concept_id, 0.0) + share * one.score
            frequency[one.concept_id] = frequency.get(one.concept_id, 0) + one.frequency
    labels = [
        MergedLabel(name, concepts.concepts[name].name, round(score, DECIMALS), frequency[name])
        for name, score in scores.items()
    ]
    labels.sort(key=lambda one: (-one.score, -one.frequency, one.name, one.concept_id))
    return tuple(labels[:limit])
