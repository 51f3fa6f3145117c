"""Concepts in a study's folder: ``concepts.parquet`` and ``concept_answers.parquet``.

The first has a row for each concept on each cluster map; the second a row for each answer, with what became of it, so
that no answer is lost without a reason.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from layerlore.concepts.records import AnswerFate, Concept, ConceptSet, MapConcept, MapKey
from layerlore.errors import FileFormatError
from layerlore.files import write_whole
from layerlore.study.folder import SCHEMA
from layerlore.study.parquet import KEY, parquet_bytes, read_parquet

if TYPE_CHECKING:
    from pathlib import Path

CONCEPTS_FILE = "concepts.parquet"
FATES_FILE = "concept_answers.parquet"
WAY_OUT = "make it again with layerlore concepts"

_FORM = pa.struct([("text", pa.string()), ("count", pa.int32())])
_KEY = [("image_id", pa.string()), ("target", pa.int32()), ("layer", pa.string()), ("cluster", pa.int32())]
CONCEPTS = pa.schema(
    [
        *_KEY,
        ("layer_index", pa.int32()),
        ("concept_id", pa.string()),
        ("name", pa.string()),
        ("lemma", pa.string()),
        ("language", pa.string()),
        ("forms", pa.list_(_FORM)),
        ("machine", pa.bool_()),
        ("decided", pa.bool_()),
        ("score", pa.float64()),
        ("frequency", pa.int32()),
        ("players", pa.int32()),
        ("mean_step", pa.float64()),
        ("guessed", pa.bool_()),
        ("seen", pa.int32()),
        ("posterior", pa.float64()),
        ("lift", pa.float64()),
        ("answers", pa.list_(pa.int64())),
    ]
)
"""The columns of ``concepts.parquet``; ``forms`` are those of the concept, not of the map alone."""

FATES = pa.schema(
    [
        ("answer", pa.int64()),
        *_KEY,
        ("text", pa.string()),
        ("language", pa.string()),
        ("read_as", pa.string()),
        ("concept_id", pa.string()),
        ("reason", pa.string()),
        ("player", pa.string()),
        ("step", pa.int32()),
        ("guessed", pa.bool_()),
        ("round", pa.string()),
        ("round_language", pa.string()),
        ("outcome", pa.string()),
        ("grouped", pa.string()),
        ("grouped_name", pa.string()),
    ]
)
"""The columns of ``concept_answers.parquet``."""


def save_concepts(folder: Path, found: ConceptSet) -> None:
    """Write both files; each appears whole or not at all.

    Args:
        folder: Of the study.
        found: The concepts.

    Raises:
        OutputError: The folder cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "source": found.source,
        "settings": dict(found.settings),
        "facts": dict(found.facts),
    }
    rows = [_row(one, found.concepts[one.concept_id]) for some in found.maps.values() for one in some]
    fates = [{**_named(one.key), **_fields(one, AnswerFate)} for one in found.fates]
    # The answers first: concepts without them would lead nowhere.
    write_whole(folder / FATES_FILE, parquet_bytes(pa.Table.from_pylist(fates, schema=FATES), content))
    write_whole(folder / CONCEPTS_FILE, parquet_bytes(pa.Table.from_pylist(rows, schema=CONCEPTS), content))


def has_concepts(folder: Path) -> bool:
    """Whether a study has concepts."""
    return (folder / CONCEPTS_FILE).exists()


def load_concepts(folder: Path) -> ConceptSet:
    """Read the concepts of a study.

    Args:
        folder: Of the study.

    Raises:
        FileFormatError: There are none, or a file is damaged, foreign, or from a newer LayerLore.
    """
    path, fates_path = folder / CONCEPTS_FILE, folder / FATES_FILE
    table = read_parquet(path, CONCEPTS, way_out=WAY_OUT)
    fates = read_parquet(fates_path, FATES, way_out=WAY_OUT)
    try:
        content = json.loads(table.schema.metadata[KEY])
        source, settings, facts = content["source"], content["settings"], content["facts"]
    except (LookupError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: no file of concepts; {WAY_OUT}") from error
    if table.schema.metadata[KEY] != fates.schema.metadata[KEY]:
        raise FileFormatError(f"{fates_path}: of other concepts than {path.name}; {WAY_OUT}")
    concepts: dict[str, Concept] = {}
    maps: dict[MapKey, list[MapConcept]] = {}
    for row in table.to_pylist():
        one, concept = _from_row(row)
        concepts.setdefault(concept.concept_id, concept)
        maps.setdefault(one.key, []).append(one)
    return ConceptSet(
        concepts=concepts,
        maps={key: tuple(some) for key, some in maps.items()},
        fates=tuple(_fate(row) for row in fates.to_pylist()),
        source=source,
        settings=settings,
        facts=facts,
    )


def _named(key: MapKey) -> dict[str, Any]:
    return key._asdict()


def _fields(record: Any, kind: type[Any]) -> dict[str, Any]:  # noqa: ANN401 - one of our records
    return {name: getattr(record, name) for name in kind.__dataclass_fields__ if name != "key"}


def _row(one: MapConcept, concept: Concept) -> dict[str, Any]:
    forms = [{"text": text, "count": count} for text, count in concept.forms]
    shared = {name: getattr(concept, name) for name in ("lemma", "language", "machine", "decided")}
    return {**_named(one.key), **_fields(one, MapConcept), **shared, "forms": forms, "answers": list(one.answers)}


def _from_row(row: dict[str, Any]) -> tuple[MapConcept, Concept]:
    forms = tuple((form["text"], form["count"]) for form in row["forms"])
    shared = {name: row[name] for name in ("concept_id", "name", "lemma", "language", "machine", "decided")}
    own = {name: row[name] for name in MapConcept.__dataclass_fields__ if name not in ("key", "answers")}
    return MapConcept(key=_map_key(row), **own, answers=tuple(row["answers"])), Concept(**shared, forms=forms)


def _fate(row: dict[str, Any]) -> AnswerFate:
    own = {name: row[name] for name in AnswerFate.__dataclass_fields__ if name != "key"}
    return AnswerFate(key=_map_key(row), **own)


def _map_key(row: dict[str, Any]) -> MapKey:
    return MapKey(row["image_id"], row["target"], row["layer"], row["cluster"])
