"""Class explanations in a study's folder: ``classes.parquet``, one row for each class."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from layerlore.classes.explaining import ClassSettings, explain_classes
from layerlore.classes.objects import objects_digest
from layerlore.classes.records import ClassExplanation, ConceptInLayer, Elsewhere, Removal, Suspect, Trend
from layerlore.concepts.records import MapKey
from layerlore.concepts.storage import CONCEPTS_FILE, has_concepts, load_concepts
from layerlore.errors import FileFormatError
from layerlore.files import write_whole
from layerlore.study.folder import SCHEMA
from layerlore.study.parquet import KEY, parquet_bytes, read_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from layerlore.study.study import Study

CLASSES_FILE = "classes.parquet"
WAY_OUT = "make it again with layerlore classes"

_MAP = pa.struct([("image_id", pa.string()), ("target", pa.int32()), ("layer", pa.string()), ("cluster", pa.int32())])
_EXAMPLES = pa.list_(pa.list_(_MAP))
_CONCEPT = pa.struct(
    [
        ("layer", pa.string()),
        ("concept_id", pa.string()),
        ("name", pa.string()),
        ("score", pa.float64()),
        ("share", pa.float64()),
        ("mean_weight", pa.float64()),
        ("images", pa.int32()),
        ("examples", _EXAMPLES),
        ("channels", pa.list_(pa.int32())),
    ]
)
_TREND = pa.struct(
    [
        ("concept_id", pa.string()),
        ("name", pa.string()),
        ("means", pa.list_(pa.float64())),
        ("slope", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p_value", pa.float64()),
    ]
)
_SUSPECT = pa.struct(
    [
        ("concept_id", pa.string()),
        ("name", pa.string()),
        ("layer", pa.string()),
        ("score", pa.float64()),
        ("outside", pa.float64()),
        ("expected_outside", pa.float64()),
        ("survives", pa.float64()),
        ("reason", pa.string()),
        ("photos", pa.int32()),
        ("p_value", pa.float64()),
        ("examples", _EXAMPLES),
    ]
)
_ELSEWHERE = pa.struct(
    [
        ("photos", pa.int32()),
        ("right", pa.int32()),
        ("still", pa.int32()),
        ("still_without", pa.int32()),
        ("logit", pa.float64()),
        ("logit_without", pa.float64()),
    ]
)
_REMOVAL = pa.struct(
    [
        ("how", pa.string()),
        ("photos", pa.int32()),
        ("right", pa.int32()),
        ("still", pa.int32()),
        ("probability", pa.float64()),
        ("logit", pa.float64()),
        ("elsewhere", _ELSEWHERE),
    ]
)
CLASSES = pa.schema(
    [
        ("label", pa.string()),
        ("target", pa.int32()),
        ("images", pa.int32()),
        ("labelled", pa.int32()),
        ("right", pa.int32()),
        ("checked", pa.int32()),
        ("layers", pa.list_(pa.string())),
        ("from_maps", pa.bool_()),
        ("machine", pa.bool_()),
        ("source", pa.string()),
        ("concepts", pa.list_(_CONCEPT)),
        ("trends", pa.list_(_TREND)),
        ("suspects", pa.list_(_SUSPECT)),
        ("removal", _REMOVAL),
        ("stability", pa.list_(pa.struct([("layer", pa.string()), ("value", pa.float64())]))),
    ]
)
"""The columns of ``classes.parquet``; ``concepts`` has the concepts of all layers, shallow to deep, best first."""

_SAME = ("label", "target", "images", "labelled", "right", "checked", "from_maps", "machine")


def save_classes(study: Study, made: Sequence[ClassExplanation], settings: ClassSettings) -> None:
    """Write the class explanations of a study; the file appears whole or not at all.

    Args:
        study: The study.
        made: Its classes, all made with ``settings``.
        settings: How they were made.

    Raises:
        OutputError: The folder cannot be written.
    """
    content = {"schema": SCHEMA, "table": "classes", "settings": asdict(settings), "made_of": made_of(study)}
    table = pa.Table.from_pylist([_row(one) for one in made], schema=CLASSES)
    write_whole(study.folder / CLASSES_FILE, parquet_bytes(table, content))


def has_classes(folder: Path) -> bool:
    """Whether a study has class explanations."""
    return (folder / CLASSES_FILE).exists()


def load_classes(folder: Path) -> tuple[ClassExplanation, ...]:
    """Read the class explanations of a study, in the order of the classes.

    Args:
        folder: Of the study.

    Raises:
        FileFormatError: There are none, or the file is damaged, foreign, or from a newer LayerLore.
    """
    path = folder / CLASSES_FILE
    table = read_parquet(path, CLASSES, way_out=WAY_OUT)
    settings = _content(path, table.schema.metadata)["settings"]
    return tuple(_from_row(row, settings) for row in table.to_pylist())


def classes_of(
    study: Study,
    settings: ClassSettings | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> tuple[ClassExplanation, ...]:
    """The class explanations of a study: those of its file where they are up to date, else made and written.

    Args:
        study: The study; its concepts are used where it has some.
        settings: How; None: as the file was made, or the default.
        progress: Told how many of how many classes are done.
        notice: Told, in one line each, why a class is left out.

    Raises:
        StudyError: No class has explained photos.
        FileFormatError: A file of the study cannot be used.
        OutputError: The folder cannot be written.
    """
    before = _known(study)
    if settings is None:
        settings = ClassSettings() if before is None else ClassSettings(**before["settings"])
    if before is not None and before["made_of"] == made_of(study) and before["settings"] == asdict(settings):
        return load_classes(study.folder)
    concepts = load_concepts(study.folder) if has_concepts(study.folder) else None
    made = explain_classes(study, concepts, settings=settings, progress=progress, notice=notice)
    save_classes(study, made, settings)
    return made


def made_of(study: Study) -> dict[str, Any]:
    """What class explanations depend on, to tell whether a file is up to date."""
    concepts = study.folder / CONCEPTS_FILE
    return {
        "set": study.manifest.current,
        "shards": [[path.name, path.stat().st_size] for path in study.shards],
        "concepts": hashlib.sha256(concepts.read_bytes()).hexdigest()[:16] if concepts.exists() else "",
        "objects": objects_digest(study.folder),
    }


def classes_are_current(study: Study) -> bool:
    """Whether the study's class explanations were made of what is in its folder now."""
    before = _known(study)
    return before is not None and before["made_of"] == made_of(study)


def _known(study: Study) -> dict[str, Any] | None:
    """What the study's file says of itself; None where there is none that can be used, so that it is made again."""
    if not has_classes(study.folder):
        return None
    path = study.folder / CLASSES_FILE
    try:
        content = _content(path, read_parquet(path, CLASSES, way_out=WAY_OUT).schema.metadata)
        ClassSettings(**content["settings"])
    except (FileFormatError, TypeError):
        return None
    return content


def _content(path: Path, metadata: dict[bytes, bytes]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(metadata[KEY])
    if content.get("table") != "classes":
        raise FileFormatError(f"{path}: no file of classes; {WAY_OUT}")
    return content


def class_content(one: ClassExplanation) -> dict[str, Any]:
    """A class explanation as plain values, as in its row but for ``settings`` and dicts by layer; for programs."""
    row = _row(one)
    concepts: dict[str, list[dict[str, Any]]] = {layer: [] for layer in one.layers}
    for concept in row["concepts"]:
        concepts[concept.pop("layer")].append(concept)
    return {**row, "concepts": concepts, "stability": dict(one.stability), "settings": dict(one.settings)}


def _row(one: ClassExplanation) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in _SAME},
        "layers": list(one.layers),
        "source": one.settings["source"],
        "concepts": [
            {**_plain(concept), "layer": layer} for layer in one.layers for concept in one.concepts.get(layer, ())
        ],
        "trends": [_plain(trend) for trend in one.trends],
        "suspects": [_plain(suspect) for suspect in one.suspects],
        "removal": None if one.removal is None else asdict(one.removal),
        "stability": [{"layer": layer, "value": value} for layer, value in one.stability.items()],
    }


def _plain(record: ConceptInLayer | Trend | Suspect) -> dict[str, Any]:
    fields = {name: getattr(record, name) for name in record.__dataclass_fields__}
    if "examples" in fields:
        fields["examples"] = [[key._asdict() for key in maps] for maps in fields["examples"]]
    return fields


def _from_row(row: dict[str, Any], settings: dict[str, Any]) -> ClassExplanation:
    layers = tuple(row["layers"])
    concepts: dict[str, list[ConceptInLayer]] = {layer: [] for layer in layers}
    for one in row["concepts"]:
        layer = one.pop("layer")
        concepts[layer].append(
            ConceptInLayer(**{**one, "examples": _examples(one), "channels": tuple(one["channels"])})
        )
    return ClassExplanation(
        **{name: row[name] for name in _SAME},
        layers=layers,
        concepts={layer: tuple(some) for layer, some in concepts.items()},
        trends=tuple(Trend(**{**one, "means": tuple(one["means"])}) for one in row["trends"]),
        suspects=tuple(Suspect(**{**one, "examples": _examples(one)}) for one in row["suspects"]),
        settings={**settings, "source": row["source"]},
        removal=_removal(row["removal"]),
        stability={one["layer"]: one["value"] for one in row["stability"]},
    )


def _removal(one: dict[str, Any] | None) -> Removal | None:
    if one is None:
        return None
    elsewhere = one["elsewhere"]
    return Removal(**{**one, "elsewhere": None if elsewhere is None else Elsewhere(**elsewhere)})


def _examples(one: dict[str, Any]) -> tuple[tuple[MapKey, ...], ...]:
    return tuple(tuple(MapKey(**key) for key in maps) for maps in one["examples"])
