"""Which maps of a study a campaign shows, and of which classes its photos are; decided before any picture is made."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from layerlore.errors import SettingError, StudyError
from layerlore.game.bundle.classes import ClassNames
from layerlore.game.bundle.controls import spread
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.manifest import MapKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerlore.study.records import ImageRecord
    from layerlore.study.study import Study

COLUMNS = (
    "image_id",
    "target",
    "target_name",
    "target_probability",
    "predicted",
    "top5",
    "layer",
    "layer_position",
    "layer_index",
    "layer_depth",
    "cluster",
    "weight",
    "shown",
)


@dataclass(frozen=True)
class Choice:
    """What goes into a bundle.

    Attributes:
        per_layer: So many of the heaviest maps of each layer; None for all shown ones.
        merged: Also all maps of each layer as one.
        low_support: Also maps that are positive on less of the picture than the first step shows.
        controls: Share of each class's photos that get a control map, at least one a class.
        honeypots: Share of each class's photos that get an easy map, likewise.
        blanks: Share of all photos that get a blank map, at least one.
    """

    per_layer: int | None = None
    merged: bool = False
    low_support: bool = False
    controls: float = 0.2
    honeypots: float = 0.1
    blanks: float = 0.05

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            SettingError: One is out of range.
        """
        if self.per_layer is not None and self.per_layer < 1:
            raise SettingError(f"per_layer is {self.per_layer}; give at least 1, or leave it out for all maps")
        for name in ("controls", "honeypots", "blanks"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingError(f"{name} is {getattr(self, name)}; give a share from 0 to 1")


@dataclass(frozen=True)
class MapPlan:
    """A map that is to be rendered; see `GameMap`.

    Attributes:
        kind: What it is there for.
        layer: See `GameMap`.
        layer_position: See `GameMap`.
        layer_index: See `LinkedMap`.
        layer_depth: See `GameMap`.
        cluster: See `GameMap`.
        weight: See `GameMap`.
    """

    kind: MapKind
    layer: str = ""
    layer_position: int = -1
    layer_index: int = -1
    layer_depth: float = 0.0
    cluster: int = -1
    weight: float = 0.0


@dataclass(frozen=True)
class ImagePlan:
    """A photo with the maps of it that are to be rendered.

    Attributes:
        record: The photo.
        class_index: Its class.
        target: The class that was explained.
        predicted: The class that the network finds likeliest.
        maps: At least one.
    """

    record: ImageRecord
    class_index: int
    target: int
    predicted: int
    maps: tuple[MapPlan, ...]


@dataclass
class _Explained:
    """A photo as the study explains it."""

    record: ImageRecord
    target: int
    probability: float
    predicted: int
    top5: Sequence[Mapping[str, Any]]
    maps: list[MapPlan] = field(default_factory=list)


@dataclass(frozen=True)
class Chosen:
    """What a bundle will hold.

    Attributes:
        images: Photos, with their maps.
        classes: Classes of these photos.
        near: Class index to the others, the most confused first.
    """

    images: tuple[ImagePlan, ...]
    classes: tuple[ClassNames, ...]
    near: Mapping[int, tuple[int, ...]]

    @property
    def maps_per_image(self) -> list[int]:
        """Maps that are to be labelled, for each photo."""
        wanted = (MapKind.NORMAL, MapKind.MERGED)
        return [sum(one.kind in wanted for one in image.maps) for image in self.images]

    @property
    def honeypots(self) -> int:
        """Easy maps."""
        return sum(one.kind is MapKind.HONEYPOT for image in self.images for one in image.maps)


def choose_maps(study: Study, choice: Choice, seed: int) -> Chosen:
    """Choose maps and classes.

    A photo's class is the one given with it; for a photo without one it is the class that was explained.

    Args:
        study: The study.
        choice: Which maps.
        seed: Decides which photos get control maps and blank ones.

    Raises:
        BundleError: Nothing was explained yet, or there are fewer than two classes.
    """
    explained = _explained(study)
    if not any(one.maps for one in explained):
        raise BundleError(f"{study.folder}: no explained maps; run `layerlore study run {study.folder}` first")
    class_of, classes = _classes(study, explained)
    if len(classes) < 2:
        raise BundleError(
            f"{study.folder}: all photos are of one class ({classes[0].name}), so there is nothing to guess; "
            "make a study of two classes or more"
        )
    extra = _extra_maps(explained, class_of, choice, seed)
    images = []
    for one in explained:
        image_id = one.record.image_id
        maps = (*_wanted(one.maps, choice), *extra.get(image_id, ()))
        if maps:
            images.append(ImagePlan(one.record, class_of[image_id], one.target, one.predicted, maps))
    return Chosen(tuple(images), classes, _near(explained, class_of))


def _explained(study: Study) -> list[_Explained]:
    """The photos that are explained, with their shown maps, in the study's order."""
    records = {record.image_id: record for record in study.images}
    found: list[_Explained] = []
    rows = study.to_arrow(COLUMNS).to_pylist()
    for image_id, group in groupby(rows, key=lambda row: row["image_id"]):
        own = list(group)
        first = own[0]
        one = _Explained(
            records[image_id], first["target"], first["target_probability"], first["predicted"], first["top5"]
        )
        one.maps = [
            MapPlan(
                MapKind.NORMAL,
                layer=row["layer"],
                layer_position=row["layer_position"],
                layer_index=row["layer_index"],
                layer_depth=row["layer_depth"],
                cluster=row["cluster"],
                weight=row["weight"],
            )
            for row in own
            if row["shown"]
        ]
        found.append(one)
    return found


def _wanted(maps: Sequence[MapPlan], choice: Choice) -> list[MapPlan]:
    """The normal maps of a photo, and the merged ones."""
    wanted: list[MapPlan] = []
    for _, group in groupby(maps, key=lambda one: one.layer_position):
        layer = list(group)  # heaviest first, as in the study
        wanted += layer[: choice.per_layer]
        if choice.merged and len(layer) > 1:
            wanted.append(_whole(layer, MapKind.MERGED))
    return wanted


def _whole(layer: Sequence[MapPlan], kind: MapKind) -> MapPlan:
    """All maps of a layer as one."""
    return replace(layer[0], kind=kind, cluster=-1, weight=sum(one.weight for one in layer))


def _extra_maps(
    explained: Sequence[_Explained], class_of: Mapping[str, int], choice: Choice, seed: int
) -> dict[str, list[MapPlan]]:
    """Control maps, honeypots and blank maps, by photo."""
    extra: dict[str, list[MapPlan]] = defaultdict(list)
    by_class: dict[int, list[_Explained]] = defaultdict(list)
    for one in explained:
        if one.maps:
            by_class[class_of[one.record.image_id]].append(one)
    ids = {index: [one.record.image_id for one in photos] for index, photos in by_class.items()}
    for image_id in spread(ids, choice.controls, f"{seed}:control"):
        extra[image_id].append(MapPlan(MapKind.CONTROL))
    for index, photos in sorted(by_class.items()):
        # Easy ones: the network is right, and sure of it.
        best = sorted(photos, key=lambda one: (one.predicted != index, -one.probability))
        for one in best[: -int(-len(best) * choice.honeypots // 1)]:
            deepest = max(each.layer_position for each in one.maps)
            layer = [each for each in one.maps if each.layer_position == deepest]
            # All that the last layer looks at: nearly the whole object, where a single map may show a part or a place.
            extra[one.record.image_id].append(_whole(layer, MapKind.HONEYPOT))
    for image_id in spread(
        {0: [image_id for photos in ids.values() for image_id in photos]}, choice.blanks, f"{seed}:blank"
    ):
        extra[image_id].append(MapPlan(MapKind.BLANK))
    return extra


def _classes(study: Study, explained: Sequence[_Explained]) -> tuple[dict[str, int], tuple[ClassNames, ...]]:
    """image_id to class, and the classes by index."""
    strange = sorted({one.record.label or "" for one in explained if one.record.class_index is None} - {""})
    beyond = {label: study.network_info["classes"] + place for place, label in enumerate(strange)}
    class_of = {}
    for one in explained:
        index = one.record.class_index
        if index is None:
            index = beyond[one.record.label] if one.record.label else one.target
        class_of[one.record.image_id] = index
    names = {**_network_names(study, explained), **{index: ClassNames(index, label) for label, index in beyond.items()}}
    return class_of, _told_apart([names[index] for index in sorted(set(class_of.values()))])


def _network_names(study: Study, explained: Sequence[_Explained]) -> dict[int, ClassNames]:
    """The network's classes; where it cannot be loaded, those that the explanations name."""
    try:
        classes = study.load_network().classes
    except StudyError:
        named = {answer["index"]: answer["name"] for one in explained for answer in one.top5}
        labels = {one.record.class_index: one.record.label for one in explained}
        labelled = {index: label for index, label in labels.items() if index is not None and label}
        return {index: ClassNames(index, name) for index, name in {**labelled, **named}.items()}
    synonyms = classes.synonyms or ((),) * len(classes)
    return {
        index: ClassNames(index, name, tuple(more))
        for index, (name, more) in enumerate(zip(classes.names, synonyms, strict=True))
    }


def _told_apart(classes: Sequence[ClassNames]) -> tuple[ClassNames, ...]:
    """Classes of one name get their index behind it."""
    names = [one.name.casefold() for one in classes]
    return tuple(
        one if names.count(one.name.casefold()) == 1 else ClassNames(one.index, f"{one.name} ({one.index})")
        for one in classes
    )


def _near(explained: Sequence[_Explained], class_of: Mapping[str, int]) -> dict[int, tuple[int, ...]]:
    """Class index to the others, those first that the network gives most probability on its photos."""
    given: dict[int, dict[int, float]] = {index: defaultdict(float) for index in class_of.values()}
    for one in explained:
        for answer in one.top5:
            given[class_of[one.record.image_id]][answer["index"]] += answer["probability"]
    return {
        index: tuple(sorted((other for other in given if other != index), key=lambda other: (-confused[other], other)))
        for index, confused in given.items()
    }
