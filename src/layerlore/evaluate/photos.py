"""The photos of an evaluation: a study's, or those of a folder or a list, each of them once."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.errors import SettingError, StudyError
from layerlore.study.folder import STUDY_FILE, image_root
from layerlore.study.images import class_index
from layerlore.study.sources import find_photos
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.network.model import Network


@dataclass(frozen=True)
class Item:
    """One photo to evaluate on.

    Attributes:
        image_id: First 16 hex digits of the SHA-256 of the file.
        path: Where it is, relative to the study's or the folder's root, with forward slashes.
        name: File name as it was given.
        label: Class as given, or None.
        class_index: The network's class that the label names, or None.
        file: The file.
    """

    image_id: str
    path: str
    name: str
    label: str | None
    class_index: int | None
    file: Path


def study_of(photos: Any) -> Study | None:  # noqa: ANN401 whatever a person gave
    """The study that is meant, or None if it is something else."""
    if isinstance(photos, Study):
        return photos
    if isinstance(photos, str | os.PathLike) and (Path(photos) / STUDY_FILE).is_file():
        return Study.open(Path(photos))
    return None


def list_photos(photos: Any, network: Network) -> tuple[list[Item], dict[str, str]]:  # noqa: ANN401 as find_photos
    """Find the photos.

    Args:
        photos: A study or its folder; or as for :func:`layerlore.study.sources.find_photos`; or one photo's path.
        network: Knows its classes.

    Returns:
        The photos by class and path; and path to reason for files left out.

    Raises:
        StudyError: There are none.
        SettingError: They have no files.
    """
    study = study_of(photos)
    if study is not None:
        root = image_root(study.folder, study.manifest.images)
        known = {label: class_index(network, label) for label in {one.label for one in study.images}}
        return [
            Item(one.image_id, one.path, one.name, one.label, known[one.label], root / one.path) for one in study.images
        ], {}
    if isinstance(photos, str | os.PathLike) and Path(photos).is_file() and not _is_list(Path(photos)):
        photos = [photos]
    source = find_photos(photos)
    left_out = {one.path: one.detail for one in source.refused}
    found: dict[str, Item] = {}
    classes = {label: class_index(network, label) for label in {item.label for item in source.items}}
    for item in sorted(source.items, key=lambda item: (item.label or "", item.path)):
        if item.file is None:
            raise SettingError("an evaluation needs photos in files; make a study with copies=True of this dataset")
        try:
            with item.file.open("rb") as file:
                image_id = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        except OSError as error:
            left_out[item.path] = f"it cannot be read ({error.strerror or error}); check the path and its permissions"
            continue
        if image_id in found:
            if found[image_id].path != item.path:
                left_out[item.path] = f"the same content as {found[image_id].path}"
            continue
        found[image_id] = Item(image_id, item.path, item.name, item.label, classes[item.label], item.file)
    if not found:
        path, reason = next(iter(left_out.items()))
        raise StudyError(f"{source.text}: none of {len(left_out)} photos can be read; {path}: {reason}")
    return list(found.values()), left_out


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in {".csv", ".tsv", ".parquet", ".pq"}


def draw(items: Sequence[Item], amount: int | None, seed: int) -> list[Item]:
    """So many of the photos, drawn by the seed; a larger amount holds all of a smaller one.

    Raises:
        SettingError: The amount is no positive number.
    """
    if amount is None:
        return list(items)
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise SettingError(f"sample is {amount!r}; give a whole number of at least 1")
    ranked = sorted(items, key=lambda item: hashlib.sha256(f"{seed}:{item.image_id}".encode()).digest())
    chosen = {item.image_id for item in ranked[:amount]}
    return [item for item in items if item.image_id in chosen]


def photo_seed(seed: int, image_id: str) -> int:
    """The seed of everything random about one photo: no two photos share their numbers, whatever their order."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{image_id}".encode()).digest()[:4], "big")
