"""Class explanations: what a class looks like to the network over many photos (method.md 5)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from layerlore.classes.collecting import PHOTOS, Photos, class_labels, collect_photos
from layerlore.classes.map_groups import group_photos
from layerlore.classes.objects import read_objects
from layerlore.classes.records import ClassExplanation, ConceptInLayer
from layerlore.classes.removal import HOW, How, measure_removal
from layerlore.classes.suspects import find_suspects
from layerlore.classes.trends import find_trends
from layerlore.errors import SettingError, StudyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from layerlore.classes.collecting import PhotoFacts, Row
    from layerlore.classes.objects import ObjectRegion
    from layerlore.concepts.records import ConceptSet
    from layerlore.study.study import Study

EXAMPLES = 3
DECIMALS = 6


@dataclass(frozen=True)
class ClassSettings:
    """How classes are explained.

    Attributes:
        photos: ``all`` photos of the class that are explained for it; of these those that the network answers
            ``right``; or those of the class that it answers ``wrong``.
        fewest: Photos with labels, from which a class is explained by them; of a smaller class all.
        removal: How the object is removed where a study has objects: ``blur``, ``fill`` (mean grey), or ``none``,
            which runs no network.
        seed: Of everything random.
    """

    photos: Photos = "all"
    fewest: int = 3
    removal: How = "blur"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SettingError: One is unknown or out of range.
        """
        for name, value, known in (("photos", self.photos, PHOTOS), ("removal", self.removal, HOW)):
            if value not in known:
                raise SettingError(f"unknown {name} {value!r}; choose one of {', '.join(known)}")
        if self.fewest < 1:
            raise SettingError(f"fewest is {self.fewest}; it must be at least 1")
        if self.seed < 0:
            raise SettingError(f"seed {self.seed} is out of range; give a whole number from 0")


def explain_class(
    study: Study,
    label: str,
    concepts: ConceptSet | None = None,
    *,
    settings: ClassSettings | None = None,
    objects: Mapping[str, ObjectRegion] | None = None,
) -> ClassExplanation:
    """Explain one class of a study.

    Args:
        study: The study.
        label: The class, as the study names it.
        concepts: What its maps are called; None, or too few of them: groups of maps stand in.
        settings: How.
        objects: image_id to where the object is; None: as the study's files say.

    Raises:
        StudyError: There is no such class, or it has no photos of that kind.
        FileFormatError: A file of the study cannot be used.
    """
    settings = settings or ClassSettings()
    objects = read_objects(study) if objects is None else objects
    found = collect_photos(study, label, concepts, objects, settings.photos)
    labelled = sum(bool(photo.labelled) for photo in found.photos)
    from_maps = labelled < min(settings.fewest, len(found.photos))
    photos, stability, channels = found.photos, {}, {}
    if from_maps:
        grouped = group_photos(found, seed=settings.seed)
        photos, stability, channels = grouped.photos, dict(grouped.stability), dict(grouped.channels)
    removal, stays = measure_removal(study, found, objects, settings.removal, seed=settings.seed)
    return ClassExplanation(
        label=label,
        target=found.target,
        images=len(found.photos),
        labelled=labelled,
        layers=found.layers,
        concepts={layer: rank_concepts(photos, layer, channels) for layer in found.layers},
        trends=() if from_maps else find_trends(photos, found.layers, seed=settings.seed),
        suspects=find_suspects(photos, found.layers, removal, stays, seed=settings.seed),
        from_maps=from_maps,
        machine=concepts is not None and concepts.machine and not from_maps,
        settings={**asdict(settings), "source": "maps" if from_maps or concepts is None else concepts.source},
        right=found.right,
        stability=stability,
        removal=removal,
        checked=found.checked,
    )


def explain_classes(
    study: Study,
    concepts: ConceptSet | None = None,
    *,
    settings: ClassSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> tuple[ClassExplanation, ...]:
    """Explain all classes of a study that have photos to explain.

    Args:
        study: The study.
        concepts: As for :func:`explain_class`.
        settings: As for :func:`explain_class`.
        progress: Told how many of how many classes are done.
        notice: Told, in one line each, why a class is left out.

    Raises:
        StudyError: No class has such photos.
        FileFormatError: A file of the study cannot be used.
    """
    labels, objects, made, reason = class_labels(study), read_objects(study), [], ""
    for number, label in enumerate(labels, start=1):
        try:
            made.append(explain_class(study, label, concepts, settings=settings, objects=objects))
        except StudyError as error:
            reason = str(error)
            if notice is not None:
                notice(reason)
        if progress is not None:
            progress(number, len(labels))
    if not made:
        raise StudyError(
            f"{study.folder}: no class to explain" + (f": {reason}" if reason else "; run the study first")
        )
    return tuple(made)


def rank_concepts(
    photos: Sequence[PhotoFacts], layer: str, channels: Mapping[str, tuple[int, ...]] | None = None
) -> tuple[ConceptInLayer, ...]:
    """The concepts of one layer by the sum of their scores over all merged maps of all photos.

    Args:
        photos: Of the class.
        layer: The layer.
        channels: For groups of maps the channels that they share.
    """
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for photo in photos:
        for row in photo.rows:
            if row.layer == layer:
                rows[row.concept_id].append(row)
    # For groups of maps nobody need be asked.
    words = any(photo.labelled for photo in photos)
    among = sum(layer in photo.asked for photo in photos) if words else len(photos)
    ranked = [_concept(some, among, (channels or {}).get(concept, ())) for concept, some in rows.items()]
    return tuple(sorted(ranked, key=lambda one: (-one.score, -one.images, one.name, one.concept_id)))


def _concept(rows: Sequence[Row], photos: int, channels: tuple[int, ...]) -> ConceptInLayer:
    best: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (-round(row.score, DECIMALS), -row.weight, row.keys)):
        best.setdefault(row.image_id, row)
    return ConceptInLayer(
        concept_id=rows[0].concept_id,
        name=rows[0].name,
        score=round(sum(row.score for row in rows), DECIMALS),
        share=round(len(best) / photos, DECIMALS),
        mean_weight=round(sum(row.weight for row in rows) / len(rows), DECIMALS),
        images=len(best),
        examples=tuple(row.keys for row in list(best.values())[:EXAMPLES]),
        channels=channels,
    )
