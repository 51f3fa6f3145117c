"""Where the object is: masks and boxes that people drew, brought to what the network sees."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from PIL import Image, UnidentifiedImageError

from layerlore.classes.objects import MASKS_FOLDER, OBJECTS_FILE, read_objects
from layerlore.errors import PhotoError, SettingError
from layerlore.study.sources import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.classes.objects import ObjectRegion
    from layerlore.evaluate.photos import Item
    from layerlore.network.preprocess import Box
    from layerlore.study.study import Study

ALPHA = "alpha"
"""In place of a folder or a list: the opaque part of each photo is its object."""
PATHS = ("path", "file", "image")
SIDES = ("left", "top", "right", "bottom")
OPAQUE = 128
ASPECT = 0.02
"""Relative difference of two shapes up to which one is a resized copy of the other."""

Corners: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Rows:
    """What a list says of one photo."""

    boxes: list[Corners] = field(default_factory=list)
    masks: list[tuple[Path, int | None]] = field(default_factory=list)


class Truths(Protocol):
    """Who knows where the objects are.

    Attributes:
        text: Where it is known from, for people.
    """

    text: str

    def of(self, item: Item, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """The object's mask of shape (height, width) of the upright photo, or None where nobody drew one.

        Args:
            item: The photo.
            size: Its (width, height).

        Raises:
            PhotoError: A mask cannot be read, or is not of the photo's shape.
        """


def as_truths(
    truths: str | Path | Truths | Mapping[str, NDArray[np.bool_]] | None, study: Study | None = None
) -> Truths | None:
    """Who knows where the objects are, from whatever a person gave.

    Args:
        truths: A folder of masks named like the photos, in which what is not black is the object; a CSV or TSV list
            with the column ``path`` (or ``file``, or ``image``) and either ``left``, ``top``, ``right`` and
            ``bottom``, a column ``boxes`` (JSON, such as ``[[10, 20, 110, 90]]``), or ``mask`` (and ``segment_id``);
            ``alpha``: the opaque part of each photo is its object; or masks of the upright photos by path, file name
            or image_id.
        study: Where nothing is given, its ``objects.csv`` and ``masks`` count.

    Raises:
        SettingError: There is nothing of the kind, or a list is at fault.
        FileFormatError: A study's files of objects are at fault.
    """
    if truths is None:
        regions = {} if study is None else read_objects(study)
        return OfStudy(regions) if regions else None
    if isinstance(truths, str) and truths == ALPHA:
        return Alpha()
    if isinstance(truths, str | Path):
        return Listed(Path(truths))
    if isinstance(truths, Mapping):
        return Drawn(truths)
    return truths


class Alpha:
    """The opaque part of each photo is its object."""

    text = ALPHA

    def of(self, item: Item, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """As in `Truths`."""
        try:
            with Image.open(item.file) as image:
                if image.size != size or not image.has_transparency_data:
                    return None
                return np.asarray(np.asarray(image.convert("RGBA"))[..., 3] >= OPAQUE)
        except (OSError, UnidentifiedImageError) as error:
            raise PhotoError(f"{item.file}: its transparency cannot be read ({error}); save it again") from error


class OfStudy:
    """The objects of a study's photos."""

    def __init__(self, regions: Mapping[str, ObjectRegion]) -> None:
        """Take what a study's files say, by image_id."""
        self.text = f"{OBJECTS_FILE} and {MASKS_FOLDER} of the study"
        self._regions = regions

    def of(self, item: Item, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """As in `Truths`."""
        region = self._regions.get(item.image_id)
        if region is None or region.size != size:
            return None
        return np.asarray(np.asarray(region.in_photo()) > 0)


class Drawn:
    """Masks from memory, by the photos' path, file name or image_id."""

    def __init__(self, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        """Take masks of shape (height, width) of the upright photos."""
        self.text = f"{len(masks)} masks from memory"
        self._masks = masks

    def of(self, item: Item, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """As in `Truths`."""
        found = next((self._masks[key] for key in (item.image_id, item.path, item.name) if key in self._masks), None)
        if found is None:
            return None
        mask = np.asarray(found, dtype=np.bool_)
        if mask.shape != (size[1], size[0]):
            raise PhotoError(f"{item.path}: the mask has shape {mask.shape}, not (height, width) = {size[1], size[0]}")
        return mask


class Listed:
    """Masks of a folder, or boxes and masks of a list; found by path or by file name."""

    def __init__(self, path: Path) -> None:
        """Read the list, or look for the masks.

        Raises:
            SettingError: There is nothing of the kind, or the list is at fault.
        """
        self.text = str(path)
        self._rows: dict[str, _Rows] = {}
        if path.is_dir():
            self._read_folder(path)
        elif path.is_file():
            self._read_list(path)
        else:
            raise SettingError(
                f"{path}: no such folder or list of masks; give a folder of masks, a CSV or TSV list, or {ALPHA}"
            )
        names = defaultdict(list)
        for known in self._rows:
            names[known.rpartition("/")[2]].append(known)
        self._names = {name: paths[0] for name, paths in names.items() if len(paths) == 1}

    def of(self, item: Item, size: tuple[int, int]) -> NDArray[np.bool_] | None:
        """As in `Truths`."""
        rows = self._find(item)
        if rows is None:
            return None
        width, height = size
        mask = np.zeros((height, width), dtype=np.bool_)
        for left, top, right, bottom in rows.boxes:
            # Pixels whose centres lie in the box.
            mask[_whole(top, height) : _whole(bottom, height), _whole(left, width) : _whole(right, width)] = True
        for file, segment in rows.masks:
            mask |= _read_mask(file, segment, size)
        return mask

    def _find(self, item: Item) -> _Rows | None:
        """By path, by its path without suffix, or by its file name where only one has it."""
        for key in (item.path, _stem(item.path)):
            if key in self._rows:
                return self._rows[key]
        for name in (item.name, item.path.rpartition("/")[2]):
            for key in (name, _stem(name)):
                if key in self._names:
                    return self._rows[self._names[key]]
        return None

    def _read_folder(self, folder: Path) -> None:
        files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not files:
            raise SettingError(f"{folder}: no masks in it; name them like the photos, such as cat.png for cat.jpg")
        for file in files:
            name = _stem(file.relative_to(folder).as_posix())
            self._rows.setdefault(name, _Rows()).masks.append((file, None))

    def _read_list(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{path}: cannot be read ({error}); give a CSV or TSV list in UTF-8") from error
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        columns = [name for name in reader.fieldnames or [] if name]
        photo = next((name for name in PATHS if name in columns), None)
        boxes = next((name for name in columns if name.startswith("boxes")), None)
        sides = all(side in columns for side in SIDES)
        if photo is None or not (boxes or sides or "mask" in columns):
            raise SettingError(
                f"{path}: needs the column path (or file, or image), and {', '.join(SIDES)}, or boxes, or mask; "
                f"its columns are {', '.join(columns) or 'none'}"
            )
        for number, row in enumerate(reader, start=2):
            try:
                rows = self._rows.setdefault(str(row[photo]).strip(), _Rows())
                if boxes:
                    rows.boxes.extend(_corners(one) for one in json.loads(row[boxes] or "[]"))
                elif sides:
                    rows.boxes.append(_corners([row[side] for side in SIDES]))
                else:
                    segment = (row.get("segment_id") or "").strip()
                    rows.masks.append((path.parent / row["mask"], int(segment) if segment else None))
            except (ValueError, TypeError, KeyError) as error:
                raise SettingError(f"{path}: line {number} holds no box or mask ({error}); mend it") from error


def seen_mask(mask: NDArray[np.bool_], box: Box, input_size: tuple[int, int]) -> NDArray[np.bool_]:
    """The part of a mask that the network sees, at the input's size; nothing lies beyond the photo.

    Args:
        mask: Shape (height, width) of the upright photo.
        box: What is seen of it: (left, top, right, bottom) in its pixels.
        input_size: (height, width) of the network's input.
    """
    left, top, right, bottom = box
    rows, columns = input_size
    y = np.floor(top + (np.arange(rows) + 0.5) * (bottom - top) / rows).astype(np.intp)
    x = np.floor(left + (np.arange(columns) + 0.5) * (right - left) / columns).astype(np.intp)
    inside = ((y >= 0) & (y < mask.shape[0]))[:, None] & ((x >= 0) & (x < mask.shape[1]))[None, :]
    return np.asarray(inside & mask[np.clip(y, 0, mask.shape[0] - 1)][:, np.clip(x, 0, mask.shape[1] - 1)])


def _stem(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def _whole(edge: float, size: int) -> int:
    return min(size, max(0, math.ceil(edge - 0.5)))


def _corners(values: Sequence[Any]) -> Corners:
    """A box.

    Raises:
        ValueError: It is none.
    """
    left, top, right, bottom = map(float, values)
    if not (math.isfinite(left + top + right + bottom) and left < right and top < bottom):
        raise ValueError(f"{left:g}, {top:g}, {right:g}, {bottom:g} is no box of left, top, right and bottom")
    return left, top, right, bottom


def _read_mask(file: Path, segment: int | None, size: tuple[int, int]) -> NDArray[np.bool_]:
    """One mask at the photo's size.

    Raises:
        PhotoError: It cannot be read, or has another shape.
    """
    try:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"), dtype=np.int64)
    except (OSError, UnidentifiedImageError) as error:
        raise PhotoError(f"{file}: the mask cannot be read ({error}); check the path, and save it again") from error
    codes = pixels @ np.array([1, 256, 65536])
    mask: NDArray[np.bool_] = codes > 0 if segment is None else codes == segment
    width, height = size
    if mask.shape == (height, width):
        return mask
    if abs(mask.shape[1] * height / (mask.shape[0] * width) - 1) > ASPECT:
        raise PhotoError(
            f"{file}: the mask has {mask.shape[1]} x {mask.shape[0]} pixels, the photo {width} x {height}; "
            "make it of the upright photo's size"
        )
    return seen_mask(mask, (0.0, 0.0, float(mask.shape[1]), float(mask.shape[0])), (height, width))
