"""What a test with concept vectors (TCAV) found: frozen records, and ``tcav.parquet`` in the study's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from layerlore.errors import FileFormatError
from layerlore.files import write_whole
from layerlore.significance import SIGNIFICANT
from layerlore.study.folder import SCHEMA
from layerlore.study.parquet import KEY, parquet_bytes, read_parquet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VALIDATION_FILE = "tcav.parquet"
WAY_OUT = "make it again with layerlore validate"


class Null(StrEnum):
    """What a concept's pictures are exchanged with, to see what chance gives."""

    maps = "maps"
    """Windows of other maps of the same photos."""

    places = "places"
    """Windows at random places of the same photos, where people put words on no other map."""

    mixed = "mixed"
    """The first at some photos, the second at others."""

    random = "random"
    """Random windows of the study's photos, for pictures from a folder."""


@dataclass(frozen=True, slots=True)
class ConceptScore:
    """How one class's score depends on one concept in one layer.

    Attributes:
        label: The class as the study names it.
        target: Its index in the network.
        concept_id: The concept; ``images:NAME`` for a folder of pictures.
        name: Its name.
        machine: The concept is a model's proposal.
        layer: The layer.
        layer_index: Its place among all explainable layers.
        examples: Pictures that the vector is made of.
        photos: Photos of the class at which the derivative was taken.
        null: What the pictures are exchanged with in the test.
        accuracy: Share of pictures that the vector tells from random ones, each kind counting half; measured on
            pictures that it was not made of.
        accuracy_low: Lower end of its 95 % interval (Wilson, as many trials as there are pictures of both kinds).
        accuracy_high: Upper end.
        at_chance: The interval reaches 0.5, so that the vector means nothing; then there is no score.
        score: The score that is tested, in [0, 1]; 0.5 = the class's score does not change along the vector.
        low: Lower end of its 95 % interval (bias-corrected bootstrap over pictures and photos).
        high: Upper end.
        sign: Share of photos whose class score rises along the vector (Kim et al. 2018).
        smooth: The same with a logistic curve in place of the step.
        null_low: 2.5 % quantile of the score of sets in which the pictures are exchanged.
        null_high: 97.5 % quantile.
        p: Two-sided p-value against those sets.
        p_holm: The same, corrected for all tests of the class (Holm 1979).
    """

    label: str
    target: int
    concept_id: str
    name: str
    machine: bool
    layer: str
    layer_index: int
    examples: int
    photos: int
    null: Null
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    at_chance: bool
    score: float | None = None
    low: float | None = None
    high: float | None = None
    sign: float | None = None
    smooth: float | None = None
    null_low: float | None = None
    null_high: float | None = None
    p: float | None = None
    p_holm: float | None = None

    @property
    def significant(self) -> bool:
        """The class depends on the concept in this layer, at level `SIGNIFICANT` over all tests of the class."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT

    @property
    def above(self) -> bool:
        """The score lies above the middle of what chance gives, below it otherwise."""
        return (self.score or 0.0) > ((self.null_low or 0.0) + (self.null_high or 0.0)) / 2


@dataclass(frozen=True, slots=True)
class Untested:
    """A concept or a class that was not tested.

    Attributes:
        label: The class, or "" where the concept is tested for none.
        concept_id: The concept, or "" where the class has none.
        name: Its name, or "".
        reason: Why, in one line.
    """

    label: str
    concept_id: str
    name: str
    reason: str


@dataclass(frozen=True)
class Validation:
    """All tests of a run.

    Attributes:
        scores: By class, concept and layer, shallow to deep.
        untested: What was left out, and why.
        settings: What it was made with; plain values.
        facts: Counts and times; plain values.
    """

    scores: tuple[ConceptScore, ...]
    untested: tuple[Untested, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """The tested classes, in order."""
        return tuple(dict.fromkeys(one.label for one in self.scores))

    def of(self, label: str, concept_id: str | None = None) -> tuple[ConceptScore, ...]:
        """The scores of a class, or of one concept for it."""
        return tuple(one for one in self.scores if one.label == label and concept_id in (None, one.concept_id))


COLUMNS = pa.schema(
    [
        *[("label", pa.string()), ("target", pa.int32()), ("concept_id", pa.string()), ("name", pa.string())],
        *[("machine", pa.bool_()), ("layer", pa.string()), ("layer_index", pa.int32())],
        *[("examples", pa.int32()), ("photos", pa.int32()), ("null", pa.string())],
        *[(name, pa.float64()) for name in ("accuracy", "accuracy_low", "accuracy_high")],
        ("at_chance", pa.bool_()),
        *[(name, pa.float64()) for name in ("score", "low", "high", "sign", "smooth")],
        *[(name, pa.float64()) for name in ("null_low", "null_high", "p", "p_holm")],
    ]
)
"""The columns of ``tcav.parquet``: a row for each `ConceptScore`."""


def save_validation(folder: Path, found: Validation) -> None:
    """Write ``tcav.parquet``; it appears whole or not at all, and the same results give the same bytes.

    Raises:
        OutputError: The folder cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "table": "tcav",
        "untested": [asdict(one) for one in found.untested],
        "settings": dict(found.settings),
        "facts": dict(found.facts),
    }
    table = pa.Table.from_pylist([asdict(one) for one in found.scores], schema=COLUMNS)
    write_whole(folder / VALIDATION_FILE, parquet_bytes(table, content))


def has_validation(folder: Path) -> bool:
    """Whether the concepts of a study were tested."""
    return (folder / VALIDATION_FILE).exists()


def load_validation(folder: Path) -> Validation:
    """Read ``tcav.parquet``.

    Raises:
        FileFormatError: There is none, or it is damaged, foreign, or from a newer LayerLore.
    """
    path = folder / VALIDATION_FILE
    table = read_parquet(path, COLUMNS, way_out=WAY_OUT)
    try:
        content = json.loads(table.schema.metadata[KEY])
        untested = tuple(Untested(**one) for one in content["untested"])
        settings, facts = content["settings"], content["facts"]
        scores = tuple(ConceptScore(**{**row, "null": Null(row["null"])}) for row in table.to_pylist())
    except (LookupError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: no file of concept tests; {WAY_OUT}") from error
    return Validation(scores, untested, settings, facts)
