"""The folder of a study: what lies where, ``study.toml``, the lock of a run, and what a killed run leaves."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import socket
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from layerlore.errors import FileFormatError, OutputError, StudyError
from layerlore.files import PART, write_whole
from layerlore.study.records import StudySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = 2
"""Version of all files of a study; a reader refuses later ones. 1: explanations without ``importance``."""
HASHED_SCHEMA = 1
"""Part of what decides which maps there are and how they are numbered, which ``importance`` left as it was."""

STUDY_FILE = "study.toml"
EVALUATION_FILE = "evaluation.toml"
"""Of a folder in which methods were measured; the small pictures in it are no photos of a study."""
IMAGES_FILE = "images.parquet"
SKIPPED_FILE = "skipped.parquet"
NAMES_FILE = "class_names.json"
PHOTOS = "photos"
EXPLANATIONS = "explanations"
REPORT = "report"
LOCK = ".lock"

_Kinds: TypeAlias = type | tuple[type, ...]

_NETWORK_KEYS: dict[str, _Kinds] = {
    "spec": str,
    "name": str,
    "pretrained": bool,
    "weights": str,
    "class_names": str,
    "fingerprint": str,
    "input_size": list,
    "background": list,
    "preprocess": str,
    "classes": int,
    "layers": list,
}
_IMAGES_KEYS: dict[str, _Kinds] = {"source": str, "root": str, "copies": bool, "count": int, "skipped": int}
_SETTINGS_KEYS: dict[str, _Kinds] = {
    "method": str,
    "seed": int,
    "layers": list,
    "target": str,
    "ablation": bool,
    "flow": bool,
    "batch": int,
    "shard": int,
}


@dataclass(frozen=True)
class Manifest:
    """What ``study.toml`` holds.

    Attributes:
        created: When the study was made, ISO 8601 in UTC.
        network: Table ``network``: which network, and what it is known by.
        images: Table ``images``: where the photos are.
        current: Hash of the set that ``run`` goes on with.
        sets: Hash to settings, in the order in which they were begun.
        versions: Libraries that made the study, for people.
    """

    created: str
    network: Mapping[str, Any]
    images: Mapping[str, Any]
    current: str
    sets: Mapping[str, StudySettings]
    versions: Mapping[str, str]

    @property
    def settings(self) -> StudySettings:
        """Settings of the current set."""
        return self.sets[self.current]

    def with_set(self, settings: StudySettings) -> Manifest:
        """The manifest with these settings as the current set, appended where they are new."""
        key = settings_hash(self.network, settings)
        return dataclasses.replace(self, current=key, sets={**self.sets, key: settings})


def canonical_json(value: object) -> str:
    """JSON in one form only: keys sorted, no blanks."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def settings_hash(network: Mapping[str, Any], settings: StudySettings) -> str:
    """First 8 hex digits of the SHA-256 of everything that decides what an explanation is.

    Args:
        network: Table ``network`` of ``study.toml``.
        settings: The settings.
    """
    content = {
        "schema": HASHED_SCHEMA,
        "network": network["fingerprint"],
        "preprocess": network["preprocess"],
        "settings": settings_to_dict(settings),
    }
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:8]


def settings_to_dict(settings: StudySettings) -> dict[str, Any]:
    """Settings as plain values."""
    return {**dataclasses.asdict(settings), "layers": list(settings.layers)}


def settings_from_dict(content: Mapping[str, Any]) -> StudySettings:
    """Settings from plain values; keys of other things are left alone.

    Raises:
        LookupError: A key is missing.
        ValueError: A value is of the wrong type.
    """
    checked = _checked(content, _SETTINGS_KEYS)
    return StudySettings(**{**checked, "layers": tuple(str(name) for name in checked["layers"])})


def shard_path(folder: Path, set_hash: str, number: int) -> Path:
    """File of one shard of a set."""
    return folder / EXPLANATIONS / f"part-{set_hash}-{number:05d}.parquet"


def image_root(folder: Path, images: Mapping[str, Any]) -> Path:
    """Folder that the photos' ``path`` is relative to; ``images`` is that table of ``study.toml``."""
    return folder / str(images["root"])  # an absolute root replaces the folder


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``study.toml``.

    Raises:
        OutputError: It cannot be written; the one before stays.
    """
    import tomli_w

    content = {
        "schema": SCHEMA,
        "created": manifest.created,
        "current": manifest.current,
        "network": dict(manifest.network),
        "images": dict(manifest.images),
        "versions": dict(manifest.versions),
        "sets": [{"hash": key, **settings_to_dict(settings)} for key, settings in manifest.sets.items()],
    }
    write_whole(folder / STUDY_FILE, tomli_w.dumps(content).encode())


def read_manifest(folder: Path) -> Manifest:
    """Read ``study.toml``.

    Raises:
        StudyError: There is no such folder.
        FileFormatError: The folder is no study, or the file is damaged or from a newer LayerLore.
    """
    path = folder / STUDY_FILE
    content = _read_toml(folder, path)
    schema = content.get("schema")
    if not isinstance(schema, int) or "network" not in content:
        raise FileFormatError(f"{path}: not the file of a LayerLore study; choose another folder")
    if schema > SCHEMA:
        raise FileFormatError(
            f"{path}: written in format version {schema}, this LayerLore reads up to {SCHEMA}; update LayerLore"
        )
    try:
        checked = _checked(content, {"created": str, "current": str, "network": dict, "images": dict, "sets": list})
        sets = {_checked(one, {"hash": str})["hash"]: settings_from_dict(one) for one in checked["sets"]}
        network = _checked(checked["network"], _NETWORK_KEYS, "network.")
        _check_sets(sets, checked["current"], network)
        return Manifest(
            created=checked["created"],
            network=network,
            images=_checked(checked["images"], _IMAGES_KEYS, "images."),
            current=checked["current"],
            sets=sets,
            versions={str(key): str(value) for key, value in dict(content.get("versions", {})).items()},
        )
    except (LookupError, TypeError, ValueError) as error:
        what = error.args[0] if error.args else error
        kind = "is missing" if isinstance(error, LookupError) else "has a wrong value"
        raise FileFormatError(f"{path}: damaged, {what} {kind}; restore the file, or create a new study") from error


def _read_toml(folder: Path, path: Path) -> dict[str, Any]:
    """The file's tables."""
    if not folder.is_dir():
        raise StudyError(f"{folder}: no such folder; make a study there with `layerlore study create`")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileFormatError(
            f"{path}: no such file, so this folder is no study; make one with `layerlore study create`"
        ) from error
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except ValueError as error:  # not UTF-8, or not TOML
        reason = (str(error).splitlines() or [""])[0]
        raise FileFormatError(
            f"{path}: damaged ({reason}); restore the file, or create a new study in another folder"
        ) from error


def _check_sets(sets: Mapping[str, StudySettings], current: str, network: Mapping[str, Any]) -> None:
    """Check that each set is what its hash says.

    Raises:
        LookupError: The current set is not among them.
        ValueError: A set, or the network, was changed by hand; its files would hold something else than it says.
    """
    if current not in sets:
        raise LookupError(f"sets.{current}")
    for key, settings in sets.items():
        if settings_hash(network, settings) != key:
            raise ValueError(f"sets.{key}")
    for key, length in (("input_size", 2), ("background", 3)):
        if len(network[key]) != length or not all(type(value) is int for value in network[key]):
            raise ValueError(f"network.{key}")


def _checked(content: object, kinds: Mapping[str, _Kinds], where: str = "") -> dict[str, Any]:
    """The values of these keys, each of its type.

    Raises:
        LookupError: A key is missing.
        ValueError: A value is of another type.
    """
    if not isinstance(content, Mapping):
        raise ValueError(where or "a table")  # noqa: TRY004 the caller tells both alike
    for key, kind in kinds.items():
        if key not in content:
            raise LookupError(where + key)
        value = content[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            raise ValueError(where + key)
    return {key: content[key] for key in kinds}


@contextlib.contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold the study for one run.

    The system lets go of the lock when the process ends, however it ends.

    Raises:
        StudyError: Another run is going on.
        OutputError: The folder cannot be written.
    """
    path = folder / LOCK
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; check the folder's permissions") from error
    with file:
        if not _lock(file.fileno()):
            raise StudyError(
                f"{folder}: another run is going on ({running(folder) or 'just ended'}); wait for it, or end it"
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                file.truncate(0)


def _lock(descriptor: int) -> bool:
    """Take the lock; false if somebody has it."""
    try:
        import fcntl
    except ImportError:
        return True  # Windows: two runs at once would do the same work twice

    for _ in range(10):  # asking whether a run is going on takes the lock for a moment
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.03)
        except OSError:
            return True  # a file system without locks; two runs would write the same bytes
        else:
            return True
    return False


def running(folder: Path) -> str:
    """Process and machine of a run that is going on, or ""."""
    try:
        import fcntl
    except ImportError:
        return ""
    try:
        with (folder / LOCK).open(encoding="utf-8", errors="replace") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip() or "starting"
    except OSError:
        pass
    return ""


def remove_orphans(folder: Path) -> int:
    """Remove files that a killed run was writing; call it under the lock.

    Returns:
        How many there were.
    """
    found = [path for place in (folder, folder / EXPLANATIONS) for path in place.glob(f".*{PART}") if path.is_file()]
    for path in found:
        with contextlib.suppress(OSError):
            path.unlink()
    return len(found)
