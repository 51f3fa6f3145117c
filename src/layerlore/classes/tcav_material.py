"""What is tested: which classes on which photos, which concepts by which pictures, and the random pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from layerlore.classes.tcav_others import Others
from layerlore.classes.tcav_records import Null, Untested
from layerlore.classes.tcav_regions import POOL, Window, cut, layer_map, random_windows, window_of
from layerlore.concepts.storage import has_concepts, load_concepts
from layerlore.errors import StudyError, TargetError
from layerlore.network.photos import Photo, read_photo
from layerlore.study.sources import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from layerlore.concepts.records import ConceptSet, MapConcept, MapKey
    from layerlore.network.model import Network
    from layerlore.study.study import Study

NEGATIVES = ("random", "concepts")
FEWEST_EXAMPLES = 8
MOST_EXAMPLES = 50
FEWEST_PHOTOS = 3
"""Photos of a class below which nothing is said of it."""


class Wanted(Protocol):
    """The settings that decide what is tested."""

    @property
    def fraction(self) -> float:
        """Area of a window."""

    @property
    def top(self) -> int:
        """Concepts of a class."""

    @property
    def negatives(self) -> str:
        """What concepts are compared with."""

    @property
    def seed(self) -> int:
        """Seed."""


@dataclass(frozen=True)
class ClassPhotos:
    """A class and the photos at which its score is differentiated.

    Attributes:
        label: As the study names it.
        target: Its index in the network.
        images: image_ids of its photos.
        concepts: concept_ids that are tested for it.
    """

    label: str
    target: int
    images: tuple[str, ...]
    concepts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Example:
    """Pictures of a concept.

    Attributes:
        concept_id: The concept.
        name: Its name.
        machine: A model proposed it.
        keys: One value for each picture: a window of a photo, or a file's image_id.
        files: The pictures' files, for a folder of pictures; else empty.
        photos: Photos of the study on which the concept is.
        others: For each picture what it is exchanged with in the test: other windows of its photo. Empty for a folder.
        null: What these are.
    """

    concept_id: str
    name: str
    machine: bool
    keys: tuple[object, ...]
    files: tuple[Path, ...] = ()
    photos: frozenset[str] = frozenset()
    others: tuple[tuple[Window, ...], ...] = ()
    null: Null = Null.random

    def read(self, study: Study, network: Network) -> list[Photo]:
        """The pictures."""
        if self.files:
            return [read_photo(path) for path in self.files]
        return cut(study, network, [key for key in self.keys if isinstance(key, Window)])


@dataclass(frozen=True)
class Material:
    """Everything that a run looks at.

    Attributes:
        classes: The classes that are tested.
        examples: The concepts that are tested for any of them.
        pool: What concepts are compared with, photo after photo: random windows, or those of all concepts.
        others: Windows that concepts' pictures are exchanged with, of all concepts, each once.
        per: How many each photo has; 1 for windows of concepts.
        untested: What is left out, and why.
        source: Where the concepts come from, as in `ConceptSet`; "" without any.
    """

    classes: tuple[ClassPhotos, ...]
    examples: tuple[Example, ...]
    pool: tuple[Window, ...]
    others: tuple[Window, ...]
    per: int
    untested: tuple[Untested, ...]
    source: str

    @property
    def pictures(self) -> int:
        """Pictures that go through the network."""
        ours = sum(len(one.keys) for one in self.examples)
        return len(self.pool) + len(self.others) + ours + sum(len(one.images) for one in self.classes)

    def negatives(self, example: Example) -> tuple[NDArray[np.intp], int]:
        """Rows of the pool that a concept is compared with, and how many each photo has.

        They are of photos on which nobody saw the concept; where too few are left, of those that its pictures are not
        from. A folder's pictures are compared with one window of each photo, so that all can be exchanged.
        """
        if example.files:
            return np.unique([one.image_id for one in self.pool], return_index=True)[1], 1
        for photos in (example.photos, {key.image_id for key in example.keys if isinstance(key, Window)}):
            rows = np.array([row for row, one in enumerate(self.pool) if one.image_id not in photos], dtype=np.intp)
            if len(rows) >= len(example.keys) * self.per:
                break
        return rows, self.per


@dataclass
class _Read:
    """What was read from the study's explanations."""

    classes: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    windows: dict[MapKey, Window] = field(default_factory=dict)


def gather(
    study: Study, classes: Sequence[str] | None, concepts: Sequence[str] | None, images: Sequence[Path], wanted: Wanted
) -> Material:
    """Choose what to test; see :func:`layerlore.classes.tcav.validate`.

    Raises:
        StudyError: There is nothing to test.
    """
    known = _concepts(study, images)
    asked = None if concepts is None else {_find_concept(study, known, name) for name in concepts}
    read = _read(study, set(known.maps) if known else set(), wanted.fraction)
    explained = sorted({image_id for some in read.classes.values() for image_id, _ in some})
    limit = min(MOST_EXAMPLES, len(explained) // 2)
    if limit < FEWEST_EXAMPLES:
        raise StudyError(
            f"{study.folder}: {len(explained)} photos are explained; random pictures need at least "
            f"{2 * FEWEST_EXAMPLES}: add photos, or go on with layerlore study run {study.folder}"
        )
    untested: list[Untested] = []
    examples = {}
    if known:
        others = Others(known, read.windows, wanted.fraction, wanted.seed)
        examples = {name: _example(known, name, read, others, limit) for name in known.concepts}
    folders = [_folder_example(path, limit) for path in images]
    found = _classes(study, read, classes, untested)
    chosen = [_chosen(one, known, asked, examples, wanted.top, untested) for one in found]
    shared = frozenset(one.concept_id for one in folders)
    full = [
        ClassPhotos(one.label, one.target, one.images, names | shared) for one, names in zip(found, chosen, strict=True)
    ]
    used = frozenset().union(*(one.concepts for one in full))
    tested = [one for one in (*examples.values(), *folders) if one.concept_id in used]
    rng = np.random.default_rng([wanted.seed, 0])
    pool, per = (
        _of_concepts(tested, rng) if wanted.negatives == "concepts" else random_windows(explained, wanted.fraction, rng)
    )
    made = Material(
        classes=tuple(full),
        examples=tuple(tested),
        pool=tuple(pool),
        others=tuple(sorted({window for one in tested for some in one.others for window in some})),
        per=per,
        untested=tuple(untested),
        source=known.source if known else "",
    )
    return _comparable(made)


def _of_concepts(tested: Sequence[Example], rng: np.random.Generator) -> tuple[list[Window], int]:
    """Windows of all concepts, to compare each with the others."""
    found = sorted({key for one in tested for key in one.keys if isinstance(key, Window)})
    if len(found) > POOL:
        found = [found[row] for row in sorted(rng.choice(len(found), POOL, replace=False))]
    return found, 1


def _comparable(material: Material) -> Material:
    """Without concepts that have nothing to be compared with, and without classes that have no concept left."""
    few = {
        one.concept_id: one
        for one in material.examples
        if not material.pool or len(material.negatives(one)[0]) < FEWEST_EXAMPLES
    }
    told = [
        Untested(label.label, name, few[name].name, f"fewer than {FEWEST_EXAMPLES} pictures to compare it with")
        for label in material.classes
        for name in sorted(label.concepts & few.keys())
    ]
    classes = [replace(one, concepts=one.concepts - few.keys()) for one in material.classes]
    return replace(
        material,
        classes=tuple(one for one in classes if one.concepts),
        examples=tuple(one for one in material.examples if one.concept_id not in few),
        untested=(*material.untested, *told),
    )


def _concepts(study: Study, images: Sequence[Path]) -> ConceptSet | None:
    """The study's concepts; None where pictures are given instead."""
    if has_concepts(study.folder):
        return load_concepts(study.folder)
    if images:
        return None
    raise StudyError(
        f"{study.folder}: there are no concepts yet; make them with layerlore concepts {study.folder}, or give a "
        "folder of pictures with --images"
    )


def _find_concept(study: Study, known: ConceptSet | None, name: str) -> str:
    """A concept by its id or name.

    Raises:
        StudyError: There is none, or several.
    """
    concepts = known.concepts if known else {}
    if name in concepts:
        return name
    found = [
        one.concept_id for one in concepts.values() if name.casefold() in (one.name.casefold(), one.lemma.casefold())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise StudyError(f"{name!r} may mean {len(found)} concepts: {', '.join(found)}; give one of these")
    some = ", ".join(sorted(one.name for one in concepts.values())[:10]) or "none"
    raise StudyError(f"{study.folder}: there is no concept {name!r}; there are {some}")


def _one_a_photo(maps: Sequence[MapConcept]) -> list[MapConcept]:
    """Of each photo the map with the highest score, the deepest where several have it; highest score first."""
    best: dict[str, MapConcept] = {}
    for one in sorted(maps, key=lambda one: (-one.score, -one.layer_index, one.key)):
        best.setdefault(one.key.image_id, one)
    return list(best.values())


def _read(study: Study, keys: set[MapKey], fraction: float) -> _Read:
    """Go through the study's explanations once."""
    labels = {image.image_id: image.label for image in study.images}
    by_photo: dict[str, list[MapKey]] = defaultdict(list)
    for key in keys:
        by_photo[key.image_id].append(key)
    found = _Read()
    for explanation in study.explanations(views=False):
        image_id, target = explanation.photo.image_id, explanation.target
        found.classes[labels[image_id] or target.name].append((image_id, target.index))
        for key in by_photo.get(image_id, ()):
            values = layer_map(explanation, key.layer, key.cluster) if key.target == target.index else None
            window = None if values is None else window_of(image_id, values, fraction)
            if window is not None:
                found.windows[key] = window
    return found


def _example(known: ConceptSet, concept_id: str, read: _Read, others: Others, limit: int) -> Example:
    """A concept's pictures: the windows of its maps, those with the highest scores."""
    concept = known.concepts[concept_id]
    # Maps that have no window, as those for another target, must not stand in for one of the photo that has.
    used = _one_a_photo([one for one in known.maps_of(concept_id) if one.key in read.windows])[:limit]
    around, null = others.of(used)
    return Example(
        concept_id,
        concept.name,
        concept.machine,
        keys=tuple(read.windows[one.key] for one in used),
        photos=frozenset(one.key.image_id for one in known.maps_of(concept_id)),
        others=around,
        null=null,
    )


def _folder_example(folder: Path, limit: int) -> Example:
    """A concept from a folder of pictures.

    Raises:
        StudyError: There is no such folder, or too few pictures are in it.
        PhotoError: A picture cannot be read.
    """
    if not folder.is_dir():
        raise StudyError(f"{folder}: no such folder; --images takes a folder of pictures that show one concept")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)[:limit]
    if len(files) < FEWEST_EXAMPLES:
        raise StudyError(
            f"{folder}: {len(files)} pictures; a concept needs at least {FEWEST_EXAMPLES} of the kinds "
            f"{', '.join(sorted(SUFFIXES))}"
        )
    keys = tuple(read_photo(path).image_id for path in files)
    name = folder.resolve().name
    return Example(f"images:{name}", name, machine=False, keys=keys, files=tuple(files))


def _classes(study: Study, read: _Read, asked: Sequence[str] | None, untested: list[Untested]) -> list[ClassPhotos]:
    """The classes with enough photos.

    Raises:
        StudyError: A class that is asked for is not there.
    """
    own = {image.label: image.class_index for image in study.images if image.label is not None}
    wanted = set(read.classes) if asked is None else {_find_class(study, read, own, name) for name in asked}
    found = []
    for label in sorted(wanted):
        photos = read.classes[label]
        target = own.get(label)
        if target is None:
            (target, _), *_rest = Counter(index for _, index in photos).most_common(1)
            photos = [one for one in photos if one[1] == target]
        if len(photos) < FEWEST_PHOTOS:
            reason = f"{len(photos)} photos; at least {FEWEST_PHOTOS} are needed"
            untested.append(Untested(label, "", "", reason))
            continue
        found.append(ClassPhotos(label, target, tuple(image_id for image_id, _ in photos)))
    return found


def _find_class(study: Study, read: _Read, own: Mapping[str, int | None], name: str) -> str:
    """A class's label from what a person calls it."""
    if name in read.classes:
        return name
    try:
        index = study.load_network().find_class(name)
    except TargetError:
        index = None
    for label, photos in read.classes.items():
        target = own.get(label)
        if index is not None and index == (photos[0][1] if target is None else target):
            return label
    raise StudyError(
        f"{study.folder}: no explained photos of class {name!r}; there are {', '.join(sorted(read.classes)[:20])}"
    )


def _chosen(
    one: ClassPhotos,
    known: ConceptSet | None,
    asked: set[str] | None,
    examples: Mapping[str, Example],
    top: int,
    untested: list[Untested],
) -> frozenset[str]:
    """Concepts to test for a class: those asked for, or the best on its photos; too few pictures are told."""
    if known is None:
        return frozenset()
    if asked is None:
        ours = set(one.images)
        total: dict[str, float] = defaultdict(float)
        for key, maps in known.maps.items():
            if key.image_id in ours:
                for found in maps:
                    total[found.concept_id] += found.score
        names = sorted(total, key=lambda name: (-total[name], name))
    else:
        names, top = sorted(asked), len(asked)
    enough = [name for name in names if len(examples[name].keys) >= FEWEST_EXAMPLES][:top]
    for name in names[: max(top, len(enough))]:
        if len(examples[name].keys) < FEWEST_EXAMPLES:
            reason = f"maps on {len(examples[name].keys)} photos show it; at least {FEWEST_EXAMPLES} are needed"
            untested.append(Untested(one.label, name, examples[name].name, reason))
    return frozenset(enough)
