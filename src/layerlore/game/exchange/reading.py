"""Reads an export back: every file is checked against the manifest, and every record field by field."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from layerlore.errors import FileFormatError
from layerlore.game.bundle.parsing import record
from layerlore.game.exchange.records import (
    SCHEMA,
    AggregateRecord,
    CampaignExport,
    CampaignFacts,
    MapRecord,
    PlayerRecord,
    RoundRecord,
)
from layerlore.game.exchange.writing import AGGREGATE, HOLDS, MANIFEST, MAPS, PLAYERS, ROUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")
WAY_OUT = "export the campaign again, or restore the folder"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` holds.

    Attributes:
        facts: What holds for the whole export.
        counts: How much there is of what.
        files: Name to bytes, rows and SHA-256 of every other file.
    """

    facts: CampaignFacts
    counts: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]


def read_campaign(folder: str | Path) -> CampaignExport:
    """Read a whole export.

    Args:
        folder: The export's.

    Raises:
        FileFormatError: It is no export, damaged, changed, or from a newer LayerLore; the message names the file.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    for name in manifest.files:
        _check(path, name, manifest)
    return CampaignExport(
        facts=manifest.facts,
        maps=tuple(_records(path, MAPS, MapRecord)),
        rounds=tuple(_records(path, ROUNDS, RoundRecord)),
        players=tuple(_records(path, PLAYERS, PlayerRecord)),
        aggregate=tuple(_records(path, AGGREGATE, AggregateRecord)),
    )


def read_rounds(folder: str | Path) -> Iterator[RoundRecord]:
    """The rounds of an export, one after the other, for exports that are larger than the memory.

    Raises:
        FileFormatError: As for :func:`read_campaign`.
    """
    path = Path(folder)
    _check(path, ROUNDS, read_manifest(path))
    return _records(path, ROUNDS, RoundRecord)


def read_manifest(folder: Path, *, way_out: str = WAY_OUT) -> Manifest:
    """Read the manifest of an export.

    Raises:
        FileFormatError: It is no export, damaged, or from a newer LayerLore.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict) or content.get("holds") != HOLDS:
            raise FileFormatError(f"{path}: not the manifest of an export; {way_out}")
        schema = content["schema"]
        if type(schema) is not int or schema > SCHEMA:
            raise FileFormatError(
                f"{path}: in format version {schema}, this LayerLore reads up to {SCHEMA}; update LayerLore"
            )
        files = {str(name): {"sha256": str(one["sha256"]), **one} for name, one in content["files"].items()}
        if missing := {MAPS, ROUNDS, PLAYERS, AGGREGATE} - files.keys():
            raise LookupError(f"no file {min(missing)}")  # noqa: TRY301 told as all faults are
        if strange := [name for name in files if Path(name).name != name or name == MANIFEST]:
            raise LookupError(f"no place for {strange[0]!r}")  # noqa: TRY301
        return Manifest(_facts(content["facts"]), dict(content["counts"]), files)
    except FileNotFoundError as error:
        raise FileFormatError(f"{path}: no such file, so this is no export; {way_out}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160]
        raise FileFormatError(f"{path}: damaged ({reason}); {way_out}") from error


def _facts(content: dict[str, Any]) -> CampaignFacts:
    """Facts from plain values; lists become tuples where a record has them."""
    content = {**content}
    for name in ("classes", "consents", "include"):
        content[name] = tuple(content[name])
    facts = CampaignFacts(**content)
    if not facts.languages or not all(isinstance(one, str) for one in (facts.key, facts.name, facts.app)):
        raise ValueError("a text is missing")
    return facts


def _check(folder: Path, name: str, manifest: Manifest) -> None:
    """Refuse a file that is not as it was written.

    Raises:
        FileFormatError: It is not.
    """
    found = hashlib.sha256()
    try:
        with (folder / name).open("rb") as file:
            while block := file.read(_BLOCK):
                found.update(block)
    except OSError as error:
        raise FileFormatError(f"{folder / name}: {error.strerror or error}; {WAY_OUT}") from error
    if found.hexdigest() != manifest.files[name]["sha256"]:
        raise FileFormatError(f"{folder / name}: changed since it was exported; {WAY_OUT}")


def _records(folder: Path, name: str, kind: type[T]) -> Iterator[T]:
    """The records of a file, one from each line."""
    path = folder / name
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield record(kind, json.loads(line), f"line {number}")
            except (ValueError, RecursionError) as error:
                raise FileFormatError(f"{path}: {' '.join(str(error).split())[:200]}; {WAY_OUT}") from error
