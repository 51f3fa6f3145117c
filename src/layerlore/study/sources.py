"""Where the photos of a study come from: a folder, a list, a torchvision dataset, or pairs of path and class."""

from __future__ import annotations

import copy
import csv
import io
import numbers
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.errors import StudyError
from layerlore.study.folder import EVALUATION_FILE, STUDY_FILE
from layerlore.study.records import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".mpo")
)
"""Suffixes of files that a folder is searched for; in lists and datasets any file counts."""

OURS = frozenset((STUDY_FILE, EVALUATION_FILE))
"""Files by which folders of ours are known."""

LABEL_COLUMNS = ("class", "label")

_WAYS = "a folder, a CSV or Parquet list, a torchvision dataset, or pairs of path and class"


@dataclass(frozen=True)
class Item:
    """One photo that was found, not yet read.

    Attributes:
        path: How people know it: relative to the source's root, with forward slashes.
        name: File name.
        label: Its class, or None; also None where only ``fetch`` knows it.
        file: Where it is, or None if it comes from memory.
        fetch: Makes a photo from memory: a PIL image, an array or a tensor, and its class.
    """

    path: str
    name: str
    label: str | None
    file: Path | None
    fetch: Callable[[], tuple[Any, str | None]] | None = None


@dataclass(frozen=True)
class Source:
    """What was found.

    Attributes:
        text: Where, for people.
        root: Folder that the items' ``path`` is relative to.
        items: The photos.
        refused: What can be no photo of a study, already known before it is read.
    """

    text: str
    root: Path
    items: tuple[Item, ...]
    refused: tuple[Skipped, ...] = ()

    @property
    def in_memory(self) -> bool:
        """The photos have no files of their own."""
        return any(item.file is None for item in self.items)


def find_photos(images: Any) -> Source:  # noqa: ANN401 datasets have no common type
    """Find the photos that somebody means.

    Args:
        images: A folder, searched with all that lies in it, whose sub-folders are the classes; a CSV or Parquet file
            with the columns ``path`` and ``class`` or ``label``; a torchvision dataset; or a sequence of paths, or of
            pairs of path and class.

    Raises:
        StudyError: There are none, or it is something else; the message says what to do.
    """
    if isinstance(images, str | os.PathLike):
        source = _of_path(Path(os.path.abspath(images)))  # noqa: PTH100 resolve() would follow links
    elif isinstance(images, bytes):
        raise StudyError(f"the photos of a study cannot be bytes; give {_WAYS}")
    elif not isinstance(images, Sequence) and hasattr(images, "__getitem__") and hasattr(images, "__len__"):
        source = _of_dataset(images)
    elif isinstance(images, Iterable):
        source = _of_pairs(images)
    else:
        raise StudyError(f"the photos of a study cannot be {type(images).__name__}; give {_WAYS}")
    if _shown(str(source.root)) != str(source.root):
        raise StudyError(f"{_shown(str(source.root))}: the folder's name is not valid Unicode; rename it")
    if not source.items and not source.refused:
        raise StudyError(f"{source.text}: no photos in it; give {_WAYS}")
    return source


def _of_path(path: Path) -> Source:
    """Photos of a folder or a list."""
    if path.is_dir():
        return _of_folder(path)
    if not path.exists():
        raise StudyError(f"{path}: no such folder or list of photos; check the path")
    if path.suffix.lower() in {".csv", ".tsv"}:
        return _of_rows(path, _csv_rows(path))
    if path.suffix.lower() in {".parquet", ".pq"}:
        return _of_rows(path, _parquet_rows(path))
    more = "; for one photo use `layerlore explain`" if path.suffix.lower() in SUFFIXES else ""
    raise StudyError(f"{path}: not a folder, and not a list ending in .csv or .parquet{more or '; give one of these'}")


def _of_folder(root: Path) -> Source:
    """Photos in a folder and all below it; the first-level sub-folder is the class."""
    refused: list[Skipped] = []
    others: Counter[str] = Counter()
    items = []
    for file in _files(root, refused):
        if file.suffix.lower() not in SUFFIXES:
            others[file.suffix.lower() or "no suffix"] += 1
            continue
        parts = file.relative_to(root).parts
        items.append(_item(file, root, parts[0] if len(parts) > 1 else None, refused))
    found = tuple(sorted((item for item in items if item), key=lambda item: item.path))
    if not found and not refused:
        told = f"; left out are {others.total()} other files ({', '.join(sorted(others)[:6])})" if others else ""
        raise StudyError(f"{root}: no photos in it{told}; photos end in {', '.join(sorted(SUFFIXES))}")
    return Source(str(root), root, found, tuple(refused))


def _files(root: Path, refused: list[Skipped]) -> Iterator[Path]:
    """Files below a folder that are not hidden; each folder once, so that no link leads round in a circle.

    Links to folders come after all real ones, so that a photo's class is that of the folder where it really lies. A
    folder that holds a study or an evaluation is left out: its copies are no photos of another.
    """
    folders, links, seen = [root], list[Path](), set[tuple[int, int]]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            detail = f"this folder cannot be read ({error.strerror}); check its permissions"
            refused.append(Skipped(_shown(folder.relative_to(root).as_posix()), "unreadable", detail))
            continue
        if (status.st_dev, status.st_ino) in seen or any(entry.name in OURS for entry in entries):
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                (links if entry.is_symlink() else folders).append(Path(entry.path))
            else:
                yield Path(entry.path)


def _item(file: Path, root: Path, label: str | None, refused: list[Skipped]) -> Item | None:
    """A photo in a file; None, and noted, if its name cannot be written down."""
    path = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()
    if _shown(path) != path or (label is not None and _shown(label) != label):
        refused.append(Skipped(_shown(path), "unreadable", "its name is not valid Unicode; rename it"))
        return None
    return Item(path, file.name, label, file)


def _shown(text: str) -> str:
    """A text that every file can hold: bytes of a name that are no Unicode become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _csv_rows(path: Path) -> tuple[list[str], Iterable[Mapping[str, Any]]]:
    """Columns and rows of a CSV file, with commas, semicolons or tabs."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        return list(reader.fieldnames or []), list(reader)
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: a list must be UTF-8 text; save the file as UTF-8") from error
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except csv.Error as error:
        raise StudyError(f"{path}: not a CSV file ({error}); save the list as CSV again") from error


def _parquet_rows(path: Path) -> tuple[list[str], Iterable[Mapping[str, Any]]]:
    """Columns and rows of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = pq.read_schema(path).names
        wanted = [name for name in columns if name.strip().lower() in {"path", *LABEL_COLUMNS}]
        return columns, pq.read_table(path, columns=wanted).to_pylist()
    except (OSError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise StudyError(f"{path}: not a Parquet file that can be read ({reason}); save the list again") from error


def _of_rows(file: Path, content: tuple[list[str], Iterable[Mapping[str, Any]]]) -> Source:
    """Photos of a list; its paths are relative to its folder."""
    columns, rows = content
    known = {name.strip().lower(): name for name in reversed(columns) if name}
    if "path" not in known:
        raise StudyError(f"{file}: no column 'path' (its columns are {', '.join(columns) or 'none'}); add it")
    label = next((known[name] for name in LABEL_COLUMNS if name in known), None)
    if label is None and len(columns) > 1:
        raise StudyError(
            f"{file}: no column 'class' or 'label' (its columns are {', '.join(columns)}); add one, it may be empty"
        )
    pairs: list[tuple[Path, str | None]] = []
    refused: list[Skipped] = []
    for number, row in enumerate(rows, start=1):
        path = row[known["path"]]
        if not isinstance(path, str) or not path.strip() or "\0" in path:
            refused.append(Skipped(f"row {number} of {file.name}", "unreadable", "it has no path; add it"))
        else:
            pairs.append((file.parent / path, None if label is None else _label(row[label])))
    return _of_files(str(file), pairs, refused, file.parent)


def _of_pairs(images: Iterable[Any]) -> Source:
    """Photos of a sequence of paths, or of pairs of path and class."""
    pairs: list[tuple[Path, str | None]] = []
    for number, one in enumerate(images):
        path, label = one if isinstance(one, tuple | list) and len(one) == 2 else (one, None)
        if not isinstance(path, str | os.PathLike) or "\0" in str(path):
            raise StudyError(f"photo {number} is {type(one).__name__}; give a path, or a pair of path and class")
        pairs.append((Path(path), _label(label)))
    return _of_files(f"{len(pairs)} paths", pairs, [])


def _of_files(
    text: str, pairs: Sequence[tuple[Path, str | None]], refused: list[Skipped], home: Path | None = None
) -> Source:
    """Photos in files; ``home`` is the root if all lie in it, else what they have in common."""
    files = [Path(os.path.abspath(path)) for path, _ in pairs]  # noqa: PTH100 resolve() would follow links
    if home is None or not all(file.is_relative_to(home) for file in files):
        home = Path(os.path.commonpath([file.parent for file in files])) if files else Path.cwd()
    items = [_item(file, home, label, refused) for file, (_, label) in zip(files, pairs, strict=True)]
    return Source(text, home, tuple(item for item in items if item), tuple(refused))


def _of_dataset(dataset: Any) -> Source:  # noqa: ANN401 datasets have no common type
    """Photos of a torchvision dataset: those in files are referred to, others are made when they are read."""
    text = f"{type(dataset).__name__} of {len(dataset)} photos"
    numbers_ = list(range(len(dataset)))
    while hasattr(dataset, "dataset") and hasattr(dataset, "indices"):  # torch's Subset
        numbers_, dataset = [dataset.indices[number] for number in numbers_], dataset.dataset
    classes = getattr(dataset, "classes", None)
    samples = getattr(dataset, "samples", None) or getattr(dataset, "imgs", None)
    if samples and all(isinstance(sample[0], str | os.PathLike) for sample in samples):
        pairs = [(Path(samples[number][0]), _class_name(samples[number][1], classes)) for number in numbers_]
        return _of_files(text, pairs, [])
    plain = copy.copy(dataset)
    for name in ("transform", "target_transform", "transforms"):
        if getattr(plain, name, None) is not None:
            setattr(plain, name, None)  # the network brings its own; a study keeps the photos themselves
    items = tuple(_from_memory(plain, number, classes) for number in numbers_)
    return Source(text, Path.cwd(), items)


def _from_memory(dataset: Any, number: int, classes: Any) -> Item:  # noqa: ANN401 datasets have no common type
    """One photo of a dataset, made when it is asked for."""

    def fetch() -> tuple[Any, str | None]:
        sample = dataset[number]
        image, target = sample[:2] if isinstance(sample, tuple | list) and len(sample) > 1 else (sample, None)
        return image, _class_name(target, classes)

    name = f"{number:06d}.png"
    return Item(name, name, None, None, fetch)


def _class_name(target: Any, classes: Any) -> str | None:  # noqa: ANN401 whatever a dataset gives
    """Readable class of a dataset's target; None where the target is no class."""
    if hasattr(target, "item") and getattr(target, "ndim", 1) == 0:
        target = target.item()
    if isinstance(target, numbers.Integral) and isinstance(classes, Sequence) and 0 <= int(target) < len(classes):
        name = classes[int(target)]
        return _label(name[0] if isinstance(name, tuple | list) and name else name)  # ImageNet has several for each
    return _label(target)


def _label(value: object) -> str | None:
    """A class as text, None where there is none; a number that came as 3.0 is 3."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:  # noqa: PLR0124 NaN
        return None
    return str(value).strip() or None
