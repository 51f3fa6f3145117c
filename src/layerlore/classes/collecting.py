"""The maps of a class's photos: read once, kept as numbers, put together by label or by group."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from layerlore.concepts.records import MapKey
from layerlore.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from layerlore.classes.objects import ObjectRegion
    from layerlore.concepts.records import ConceptSet
    from layerlore.local.explanation import ClusterMap, Explanation, LayerExplanation
    from layerlore.study.study import Study

Photos = Literal["all", "right", "wrong"]
PHOTOS: tuple[Photos, ...] = get_args(Photos)


@dataclass(frozen=True, slots=True)
class MapFacts:
    """One cluster map without its picture.

    Attributes:
        key: Which.
        weight: Percent of its layer.
        channels: Its feature maps, heaviest first.
        channel_weights: Their weights in percent.
        mass: Mean of the map, in [0, 1].
        outside: Share of its mass outside the object, or None where no object is given or it shows no place.
        expected_outside: Share of the view outside the object, or None.
        asked: Somebody was asked about it, whether a word came of it or not.
    """

    key: MapKey
    weight: float
    channels: tuple[int, ...]
    channel_weights: tuple[float, ...]
    mass: float
    outside: float | None = None
    expected_outside: float | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A concept, or a group of maps, on the merged maps of one layer of one photo.

    Attributes:
        image_id: The photo.
        layer: The layer.
        concept_id: The concept or group.
        name: Its name.
        score: Its score there.
        members: The maps that were merged, heaviest first.
    """

    image_id: str
    layer: str
    concept_id: str
    name: str
    score: float
    members: tuple[MapFacts, ...]

    @property
    def weight(self) -> float:
        """Sum of its maps' weights in percent."""
        return sum(one.weight for one in self.members)

    @property
    def keys(self) -> tuple[MapKey, ...]:
        """Its maps."""
        return tuple(one.key for one in self.members)

    @property
    def outside(self) -> float | None:
        """Share of the merged map's mass outside the object; the merged map is the mean by weight."""
        known = [(one.weight * one.mass, one.outside) for one in self.members if one.outside is not None]
        total = sum(mass for mass, _ in known)
        return sum(mass * share for mass, share in known) / total if total > 0 else None

    @property
    def expected_outside(self) -> float | None:
        """Share of the view outside the object."""
        return next((one.expected_outside for one in self.members if one.outside is not None), None)


@dataclass(frozen=True)
class PhotoFacts:
    """What a class explanation needs of one explained photo.

    Attributes:
        image_id: The photo.
        target: Index of the class that is explained.
        predicted: Index of the class that the network answers.
        maps: Layer to its cluster maps, heaviest first.
        rows: For every best label of every merged map.
        labelled: Layers with a label on some map.
        asked: Layers with a map of which somebody was asked, whether a word came of it or not.
    """

    image_id: str
    target: int
    predicted: int
    maps: Mapping[str, tuple[MapFacts, ...]] = field(repr=False)
    rows: tuple[Row, ...] = field(default=(), repr=False)
    labelled: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ClassPhotos:
    """The explained photos of a class.

    Attributes:
        label: The class as the study names it.
        target: The network's index, or None where the photos are explained for several classes.
        layers: Explained layers, shallow to deep.
        photos: In the study's order.
        right: Photos that the network answers with the class; None where the class is not the network's.
        checked: Photos whose object was given.
    """

    label: str
    target: int | None
    layers: tuple[str, ...]
    photos: tuple[PhotoFacts, ...] = field(repr=False)
    right: int | None
    checked: int

    @cached_property
    def maps(self) -> Mapping[MapKey, MapFacts]:
        """All cluster maps."""
        return {one.key: one for photo in self.photos for some in photo.maps.values() for one in some}


def class_labels(study: Study) -> tuple[str, ...]:
    """The classes of a study: those that came with its photos, else those that the network answers."""
    if study.labels:
        return study.labels
    return tuple(sorted({image.predicted_name for image in study.images if image.predicted_name is not None}))


def check_label(study: Study, label: str) -> None:
    """Refuse a class that a study does not have.

    Raises:
        StudyError: It has no photos of it.
    """
    labels = class_labels(study)
    if label not in labels:
        raise StudyError(f"{study.folder}: no class {label!r}; there are {', '.join(labels[:20]) or 'none'}")


def collect_photos(
    study: Study,
    label: str,
    concepts: ConceptSet | None = None,
    objects: Mapping[str, ObjectRegion] | None = None,
    photos: Photos = "all",
) -> ClassPhotos:
    """Read the explained photos of a class.

    Args:
        study: The study.
        label: The class, one of `class_labels`.
        concepts: What people, or a model, called the maps.
        objects: image_id to where the object is.
        photos: ``all``: photos of the class that are explained for it. ``right``: of these, those that the network
            answers with it. ``wrong``: photos of the class that the network answers otherwise, whatever they are
            explained for. A class that the network does not know has ``all`` alone.

    Raises:
        StudyError: There is no such class, or it has no such photos.
        FileFormatError: A file of the study is damaged.
    """
    index = _class_index(study, label)
    if index is None and photos != "all":
        raise StudyError(f"class {label!r} is none of the network's, so no photo is right or wrong; leave it at all")
    found, kept, targets = 0, [], set()
    for explanation in _explanations(study, label):
        found += 1
        if _belongs(explanation, index, photos):
            region = (objects or {}).get(explanation.photo.image_id)
            kept.append(_facts(explanation, concepts, region))
            targets.add(explanation.target.index)
    if not kept:
        raise StudyError(_none_text(study, label, photos, found))
    return ClassPhotos(
        label=label,
        target=targets.pop() if len(targets) == 1 else None,
        layers=study.settings.layers,
        photos=tuple(kept),
        right=None if index is None else sum(one.predicted == index for one in kept),
        checked=sum(one.image_id in (objects or {}) for one in kept),
    )


def _class_index(study: Study, label: str) -> int | None:
    """Index of a class among the network's, or None."""
    check_label(study, label)
    if study.labels:
        return next((image.class_index for image in study.images if image.label == label), None)
    return next((image.predicted for image in study.images if image.predicted_name == label), None)


def _explanations(study: Study, label: str) -> Iterator[Explanation]:
    if study.labels:
        yield from study.explanations(label=label, views=False)
        return
    of_class = {image.image_id for image in study.images if image.predicted_name == label}
    yield from (one for one in study.explanations(views=False) if one.photo.image_id in of_class)


def _belongs(explanation: Explanation, index: int | None, photos: Photos) -> bool:
    if index is None:
        return True
    right = explanation.predictions[0].index == index
    if photos == "wrong":
        return not right
    return explanation.target.index == index and (right or photos == "all")


def _none_text(study: Study, label: str, photos: Photos, found: int) -> str:
    if not found:
        return f"class {label!r} has no explained photo; run `layerlore study run {study.folder}`"
    if photos == "all":
        return (
            f"none of {found} photos of class {label!r} is explained for it, since the network answers otherwise; "
            f"explain the photos' own classes: layerlore study run {study.folder} --target label"
        )
    return f"none of {found} explained photos of class {label!r} is answered {photos}"


def _facts(explanation: Explanation, concepts: ConceptSet | None, region: ObjectRegion | None) -> PhotoFacts:
    fine = None if region is None else region.in_view(explanation.photo.box)
    image_id, target = explanation.photo.image_id, explanation.target.index
    maps: dict[str, tuple[MapFacts, ...]] = {}
    for layer in explanation.layers:
        inside = None
        if fine is not None:
            from layerlore.classes.objects import cover

            inside = cover(fine, layer.height, layer.width)
        keys = [MapKey(image_id, target, layer.name, cluster.index) for cluster in layer.clusters]
        maps[layer.name] = tuple(
            _map_facts(cluster, key, inside, asked=_was_asked(key, concepts))
            for cluster, key in zip(layer.clusters, keys, strict=True)
        )
    labelled = frozenset(
        layer for layer, some in maps.items() if concepts is not None and any(one.key in concepts.maps for one in some)
    )
    asked = frozenset(layer for layer, some in maps.items() if any(one.asked for one in some))
    rows = [] if concepts is None else [row for layer in explanation.layers for row in _rows(layer, maps, concepts)]
    return PhotoFacts(image_id, target, explanation.predictions[0].index, maps, tuple(rows), labelled, asked)


def _was_asked(key: MapKey, concepts: ConceptSet | None) -> bool:
    """Whether a map has words, or was played without any coming of it."""
    return concepts is not None and (key in concepts.maps or key in concepts.games)


def _map_facts(
    cluster: ClusterMap,
    key: MapKey,
    inside: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None,
    *,
    asked: bool,
) -> MapFacts:
    values = cluster.map.astype(np.float64)
    total = float(values.sum())
    outside = expected = None
    if inside is not None and total > 0:
        outside = float((values * (1 - inside)).sum()) / total
        expected = 1 - float(inside.mean())
    return MapFacts(
        key, cluster.weight, cluster.channels, cluster.channel_weights, float(values.mean()), outside, expected, asked
    )


def _rows(layer: LayerExplanation, maps: Mapping[str, tuple[MapFacts, ...]], concepts: ConceptSet) -> Iterator[Row]:
    """One row for every best label of every merged map of a layer."""
    from layerlore.concepts.merging import merge_layer

    by_key = {one.key: one for one in maps[layer.name]}
    if not by_key:
        return
    first = next(iter(by_key))
    for merged in merge_layer(layer, first.image_id, first.target, concepts):
        members = tuple(by_key[key] for key in merged.members)
        for best in merged.best:
            yield Row(first.image_id, layer.name, best.concept_id, best.name, best.score, members)
