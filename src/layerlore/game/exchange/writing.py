"""Writes an export: a folder that appears whole or not at all, and is the same to the byte when nothing has changed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import secrets
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layerlore.errors import OutputError
from layerlore.files import PART
from layerlore.game.bundle.manifest import canonical_json, plain
from layerlore.game.exchange.card import card
from layerlore.game.exchange.croissant import croissant
from layerlore.game.exchange.records import FINISHED_STATES, SCHEMA
from layerlore.game.exchange.tables import header, label_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from layerlore.game.exchange.records import (
        AggregateRecord,
        CampaignExport,
        CampaignFacts,
        MapRecord,
        PlayerRecord,
        RoundRecord,
    )

MANIFEST = "manifest.json"
HOLDS = "layerlore campaign export"
ROUNDS, LABELS, AGGREGATE, PLAYERS, MAPS = (
    "rounds.jsonl",
    "labels.csv",
    "aggregate.jsonl",
    "players.jsonl",
    "maps.jsonl",
)
CARD, CROISSANT = "README.md", "croissant.json"
FILES = (ROUNDS, LABELS, AGGREGATE, PLAYERS, MAPS, CARD, CROISSANT, MANIFEST)


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        folder: Where.
        rounds: Rounds.
        finished: Those of them that were won, lost or resigned.
        labels: Lines of ``labels.csv``.
        players: Players.
        aggregate: Labels on maps.
        bytes: Size of all files.
    """

    folder: Path
    rounds: int
    finished: int
    labels: int
    players: int
    aggregate: int
    bytes: int


class _File:
    """A file that knows its checksum when it is written."""

    def __init__(self, path: Path) -> None:
        self.path, self.bytes, self.rows = path, 0, 0
        self._hash = hashlib.sha256()
        self._file = path.open("wb")

    def add(self, content: bytes) -> None:
        self._file.write(content)
        self._hash.update(content)
        self.bytes += len(content)

    def row(self, value: object) -> None:
        self.add(canonical_json(plain(value)) + b"\n")
        self.rows += 1

    def close(self) -> dict[str, Any]:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return {"bytes": self.bytes, "rows": self.rows, "sha256": self._hash.hexdigest()}


def write_campaign(export: CampaignExport, folder: Path) -> Written:
    """Write an export that is in memory; see :func:`write_export`."""
    return write_export(
        folder,
        export.facts,
        maps=export.maps,
        players=export.players,
        rounds=export.rounds,
        aggregate=export.aggregate,
    )


def write_export(
    folder: Path,
    facts: CampaignFacts,
    *,
    maps: Sequence[MapRecord],
    players: Sequence[PlayerRecord],
    rounds: Iterable[RoundRecord],
    aggregate: Iterable[AggregateRecord],
    more: Callable[[Path], object] | None = None,
) -> Written:
    """Write an export. Rounds and aggregate are taken one by one and not kept.

    Args:
        folder: Where; an export of the same campaign that is there is replaced when the new one is whole.
        facts: What holds for all of it.
        maps: Maps of the campaign.
        players: Players.
        rounds: In the order in which they began.
        aggregate: By map, language and label.
        more: Writes further files into the folder that it is given; they are listed in the manifest.

    Raises:
        OutputError: Something else is in the folder, or it cannot be written. What was there stays.
    """
    check_place(folder, facts.key)
    with _new_folder(folder) as place:
        listed: dict[str, dict[str, Any]] = {}
        counts = _write_rounds(place, facts, maps, players, rounds, listed)
        for name, records in ((MAPS, maps), (PLAYERS, players), (AGGREGATE, aggregate)):
            listed[name] = _lines(place / name, records)
        if more is not None:
            more(place)
            for path in sorted(set(place.iterdir()) - {place / name for name in listed}):
                listed[path.name] = _listed(path.read_bytes())
        told = {**counts, "players": listed[PLAYERS]["rows"], "aggregate": listed[AGGREGATE]["rows"]}
        for name, content in ((CARD, card(facts, told)), (CROISSANT, croissant(facts, listed))):
            (place / name).write_bytes(content)
            listed[name] = _listed(content)
        manifest = {"schema": SCHEMA, "holds": HOLDS, "facts": plain_facts(facts), "counts": told, "files": listed}
        (place / MANIFEST).write_bytes(canonical_json(manifest) + b"\n")
    size = sum(one["bytes"] for one in listed.values())
    finished = sum(counts["states"].get(state, 0) for state in FINISHED_STATES)
    return Written(folder, counts["rounds"], finished, counts["labels"], told["players"], told["aggregate"], size)


def plain_facts(facts: CampaignFacts) -> dict[str, Any]:
    """Facts as plain values."""
    return {entry.name: plain(getattr(facts, entry.name)) for entry in dataclasses.fields(facts) if entry.init}


def _write_rounds(
    place: Path,
    facts: CampaignFacts,
    maps: Sequence[MapRecord],
    players: Sequence[PlayerRecord],
    rounds: Iterable[RoundRecord],
    listed: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Write the rounds and their labels; returns how many there are."""
    by_key = {one.map_key: one for one in maps}
    shadow = {one.player for one in players if one.shadow}
    states: Counter[str] = Counter()
    events = 0
    log, table = _File(place / ROUNDS), _File(place / LABELS)
    table.add(header().encode())
    for one in rounds:
        log.row(one)
        states[one.state] += 1
        events += len(one.events)
        for line in label_lines(one, by_key[one.map_key], facts, shadow=one.player in shadow):
            table.add(line.encode())
            table.rows += 1
    listed[ROUNDS], listed[LABELS] = log.close(), table.close()
    return {"rounds": log.rows, "states": dict(states), "events": events, "labels": table.rows}


def _lines(path: Path, records: Iterable[object]) -> dict[str, Any]:
    file = _File(path)
    for one in records:
        file.row(one)
    return file.close()


def _listed(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "rows": 0, "sha256": hashlib.sha256(content).hexdigest()}


def check_place(folder: Path, key: str) -> None:
    """Refuse a folder that holds anything but an export of this campaign.

    Raises:
        OutputError: It does.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_symlink() or not folder.is_dir():
        raise OutputError(f"{folder}: is no folder; choose another --out")
    names = {path.name for path in folder.iterdir()}
    if not names:
        return
    if MANIFEST not in names:
        raise OutputError(f"{folder}: holds files that are no export; choose another --out, or an empty folder")
    from layerlore.game.exchange.reading import read_manifest

    manifest = read_manifest(folder, way_out="it is not replaced; move the folder away, or choose another --out")
    if manifest.facts.key != key:
        raise OutputError(
            f"{folder}: holds the export of another campaign ({manifest.facts.name}); choose another --out"
        )
    if strange := sorted(names - set(manifest.files) - {MANIFEST}):
        raise OutputError(
            f"{folder}: holds {strange[0]}, which is not of the export; move it away, or choose another --out"
        )


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes its place when the block ends without an error."""
    mark = secrets.token_hex(4)
    place = folder.parent / f".{folder.name}.{mark}{PART}"
    old = folder.parent / f".{folder.name}.{mark}.old{PART}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir()
        yield place
        if folder.exists():
            folder.rename(old)
        place.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise OutputError(f"cannot write {folder}: {error.strerror or error}; choose another --out") from error
    finally:
        for path in (place, old):
            shutil.rmtree(path, ignore_errors=True)
