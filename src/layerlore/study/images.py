"""The photos of a study: each read once, listed in ``images.parquet``; what is none of them in ``skipped.parquet``."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pyarrow as pa

from layerlore.errors import FileFormatError, OutputError, PhotoError, StudyError, TargetError
from layerlore.files import write_whole
from layerlore.local.explanation import Prediction
from layerlore.study.folder import IMAGES_FILE, SCHEMA, SKIPPED_FILE
from layerlore.study.parquet import parquet_bytes, read_parquet
from layerlore.study.records import ImageRecord, Skipped, StudySettings
from layerlore.study.schema import PREDICTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from layerlore.network.model import Network
    from layerlore.study.sources import Item, Source

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many of how many photos are done."""

_T = TypeVar("_T")
_R = TypeVar("_R")

THREADS = min(8, (os.cpu_count() or 1) + 1)
"""Photos read at a time: decoding lets go of the interpreter, and one more hides the waiting for the disk."""

_IMAGES = pa.schema(
    [
        ("image_id", pa.string()),
        ("path", pa.string()),
        ("name", pa.string()),
        ("label", pa.string()),
        ("class_index", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("predicted", pa.int32()),
        ("predicted_name", pa.string()),
        ("top5", pa.list_(PREDICTION)),
        ("problem", pa.string()),
    ]
)
_SKIPPED = pa.schema([(name, pa.string()) for name in ("path", "reason", "detail", "image_id")])
_WORDNET_FOLDER = re.compile(r"(n\d{8})[ _-].+")


@dataclass(frozen=True)
class _Read:
    """A photo that can be read, before duplicates are looked for."""

    item: Item
    image_id: str
    label: str | None
    size: tuple[int, int]


def read_photos(
    source: Source, network: Network, *, copies_to: Path | None = None, progress: Progress | None = None
) -> tuple[list[ImageRecord], list[Skipped]]:
    """Read every photo once, and tell which can be used.

    Args:
        source: Where they are.
        network: Tells which of its classes a photo's class is.
        copies_to: Existing folder for copies, or None to refer to the files where they are. Photos from memory are
            always written there, as PNG.
        progress: Told how far it is.

    Returns:
        The photos, by class and path, and the files that are none.

    Raises:
        StudyError: No photo can be read.
        OutputError: A copy cannot be written.
    """
    skipped = list(source.refused)
    read: list[_Read] = []
    threads = 1 if source.in_memory else THREADS  # datasets are seldom made for several threads
    for done in _in_threads(lambda item: _read(item, copies_to), source.items, threads, progress):
        (skipped if isinstance(done, Skipped) else read).append(done)  # type: ignore[arg-type]
    kept, repeated = _without_duplicates(read)
    skipped += repeated
    if copies_to is not None and not source.in_memory:
        copied = list(_in_threads(lambda one: _copy(one, copies_to), kept, THREADS, None))
        skipped += [one for one in copied if isinstance(one, Skipped)]
        kept = [one for one in copied if isinstance(one, _Read)]
    if not kept:
        first = skipped[0]
        raise StudyError(f"{source.text}: none of {len(skipped)} photos can be read; {first.path}: {first.detail}")
    classes = {label: class_index(network, label) for label in {one.label for one in kept}}
    records = [_record(one, classes[one.label], copies=copies_to is not None) for one in kept]
    return sorted(records, key=_order), sorted(skipped, key=lambda one: (one.path, one.reason, one.detail))


def _in_threads(work: Callable[[_T], _R], items: Sequence[_T], threads: int, progress: Progress | None) -> Iterator[_R]:
    """Results in the order of the items; an interrupt drops what was not begun."""
    with ThreadPoolExecutor(threads) as pool:
        try:
            for number, result in enumerate(pool.map(work, items), start=1):
                yield result
                if progress is not None:
                    progress(number, len(items))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read(item: Item, copies_to: Path | None) -> _Read | Skipped:
    """Decode one photo."""
    from layerlore.network.photos import read_photo

    if item.file is None:
        return _keep_from_memory(item, copies_to)
    try:
        photo = read_photo(item.file)
    except PhotoError as error:
        return Skipped(item.path, "unreadable", str(error).removeprefix(f"{item.file}: "))
    return _Read(item, photo.image_id, item.label, photo.image.size)


def _keep_from_memory(item: Item, copies_to: Path | None) -> _Read | Skipped:
    """Write a photo that has no file as PNG, which loses nothing."""
    from layerlore.network.photos import read_photo

    if item.fetch is None or copies_to is None:
        raise ValueError("a photo without a file needs a folder for its copy")
    try:
        image, label = item.fetch()
        photo = read_photo(image)
    except PhotoError as error:
        return Skipped(item.path, "unreadable", str(error).partition(": ")[2])
    except Exception as error:  # noqa: BLE001 somebody else's dataset may raise anything
        reason = (str(error).splitlines() or [""])[0]
        return Skipped(item.path, "unreadable", f"the dataset fails ({type(error).__name__}: {reason})")
    buffer = io.BytesIO()
    photo.image.save(buffer, format="PNG")
    content = buffer.getvalue()
    image_id = hashlib.sha256(content).hexdigest()[:16]
    write_whole(copies_to / f"{image_id}.png", content)
    return _Read(item, image_id, label, photo.image.size)


def _without_duplicates(read: Iterable[_Read]) -> tuple[list[_Read], list[Skipped]]:
    """Keep one photo of each content: the first by class and path."""
    kept: dict[str, _Read] = {}
    skipped = []
    for one in sorted(read, key=lambda one: (one.label or "", one.item.path)):
        first = kept.setdefault(one.image_id, one)
        if first is one:
            continue
        detail = f"the same content as {first.item.path}"
        if first.label != one.label:
            detail += f", but of class {one.label!r}, not {first.label!r}; keep the right one"
        skipped.append(Skipped(one.item.path, "duplicate", detail, one.image_id))
    return list(kept.values()), skipped


def _copy(one: _Read, copies_to: Path) -> _Read | Skipped:
    """Copy a photo's file, byte for byte."""
    if one.item.file is None:
        raise ValueError("a photo from memory has no file to copy")
    target = copies_to / _copy_name(one)
    try:
        shutil.copyfile(one.item.file, target)
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise OutputError(f"cannot copy {one.item.file} ({error.strerror}); make room, or refer to it") from error
    if digest[:16] != one.image_id:
        with contextlib.suppress(OSError):
            target.unlink()
        return Skipped(one.item.path, "unreadable", "it changed while it was copied; create the study again")
    return one


def _copy_name(one: _Read) -> str:
    """Name of a photo's copy."""
    return one.image_id + (".png" if one.item.file is None else one.item.file.suffix.lower())


def class_index(network: Network, label: str | None) -> int | None:
    """The network's class that a label names, or None; ``n01440764_tench`` is asked for by its WordNet id too."""
    if label is None:
        return None
    if label.isdecimal() and not _numbered(network, label):
        return None  # whose numbers these are is anybody's guess
    wordnet = _WORDNET_FOLDER.fullmatch(label)
    for name in (label, *(wordnet.groups() if wordnet else ())):
        with contextlib.suppress(TargetError):
            return network.find_class(name)
    return None


def _numbered(network: Network, label: str) -> bool:
    """Whether the network's classes have no other names than numbers, or this very one."""
    names = network.class_names
    return label in names or (int(label) < len(names) and names[int(label)] == f"class {int(label)}")


def _record(one: _Read, class_index: int | None, *, copies: bool) -> ImageRecord:
    """What is written down of a photo."""
    return ImageRecord(
        image_id=one.image_id,
        path=_copy_name(one) if copies else one.item.path,
        name=one.item.name,
        label=one.label,
        class_index=class_index,
        width=one.size[0],
        height=one.size[1],
    )


def _order(record: ImageRecord) -> tuple[str, str]:
    """Order of a study's photos."""
    return record.label or "", record.path


def target_of(image: ImageRecord, settings: StudySettings) -> int | None:
    """The class to explain in a photo, None for the predicted one.

    Raises:
        StudyError: The photo's own class is asked for, and the network does not know it.
    """
    if settings.target == "predicted":
        return None
    if settings.target != "label":
        return int(settings.target)
    if image.class_index is None:
        named = "no class" if image.label is None else f"class {image.label!r}, which the network does not know"
        raise StudyError(f"{image.path} has {named}; explain target='predicted', or give one class for all photos")
    return image.class_index


def write_images(folder: Path, records: Iterable[ImageRecord]) -> None:
    """Write ``images.parquet``; the same records give the same bytes.

    Raises:
        OutputError: It cannot be written; the one before stays.
    """
    rows = [{**vars(one), "top5": [vars(prediction) for prediction in one.top5]} for one in sorted(records, key=_order)]
    _write(folder / IMAGES_FILE, rows, _IMAGES)


def read_images(folder: Path) -> tuple[ImageRecord, ...]:
    """Read ``images.parquet``.

    Raises:
        FileFormatError: It is missing, damaged, or from a newer LayerLore.
    """
    path = folder / IMAGES_FILE
    rows = _rows(path, _IMAGES)
    if len({row["image_id"] for row in rows}) != len(rows):
        raise FileFormatError(f"{path}: damaged, a photo is in it twice; restore the file, or create a new study")
    return tuple(
        ImageRecord(**{**row, "top5": tuple(Prediction(**prediction) for prediction in row["top5"])}) for row in rows
    )


def write_skipped(folder: Path, skipped: Iterable[Skipped]) -> None:
    """Write ``skipped.parquet``.

    Raises:
        OutputError: It cannot be written.
    """
    _write(folder / SKIPPED_FILE, [vars(one) for one in skipped], _SKIPPED)


def read_skipped(folder: Path) -> tuple[Skipped, ...]:
    """Read ``skipped.parquet``.

    Raises:
        FileFormatError: It is missing, damaged, or from a newer LayerLore.
    """
    return tuple(Skipped(**row) for row in _rows(folder / SKIPPED_FILE, _SKIPPED))


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    """Write a table of the study."""
    write_whole(path, parquet_bytes(pa.Table.from_pylist(rows, schema=schema), {"schema": SCHEMA, "table": path.stem}))


def _rows(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """Rows of a table of the study."""
    table = read_parquet(path, schema, way_out="restore the file, or create a new study")
    return [{**row} for row in table.to_pylist()]
