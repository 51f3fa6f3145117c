"""Where the object is in a study's photos: ``objects.csv`` with boxes, or ``masks/`` with one PNG a photo.

``objects.csv`` has the columns ``image``, ``left``, ``top``, ``right`` and ``bottom``, in pixels of the upright photo;
several rows of one photo are several boxes. A mask is a PNG named by the photo's image_id, or by its file name without
suffix, of the photo's proportions: what is not black is the object. Where a photo has both, the mask counts.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from layerlore.errors import FileFormatError, StudyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from layerlore.study.study import Study

OBJECTS_FILE = "objects.csv"
MASKS_FOLDER = "masks"
COLUMNS = ("image", "left", "top", "right", "bottom")
FINE = 256
"""Cells along each side of the view in which an object is drawn before it is brought to a map's size."""
LIMITS = 0.05
"""A mask's proportions may differ from the photo's by so much, for the rounding of a resize."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ObjectRegion:
    """Where the object of one photo is.

    Attributes:
        size: (width, height) of the photo.
        boxes: (left, top, right, bottom) in its pixels.
        mask: Of the photo's proportions, or None; then the boxes count.
    """

    size: tuple[int, int]
    boxes: tuple[Box, ...] = ()
    mask: Path | None = None

    def in_photo(self) -> Image.Image:
        """The object in the photo's pixels: 255 where it is, 0 elsewhere."""
        if self.mask is not None:
            return _read_mask(self.mask).resize(self.size, Image.Resampling.NEAREST)
        drawn = Image.new("L", self.size, 0)
        draw = ImageDraw.Draw(drawn)
        for left, top, right, bottom in self.boxes:
            # Pillow draws the last pixel, too.
            draw.rectangle((round(left), round(top), round(right) - 1, round(bottom) - 1), fill=255)
        return drawn

    def in_view(self, view: Box) -> Image.Image:
        """Share of each of `FINE` x `FINE` cells of the part that the network sees that the object covers."""
        fine = self.in_photo().transform((FINE, FINE), Image.Transform.EXTENT, view, Image.Resampling.NEAREST)
        return Image.fromarray(np.asarray(fine, dtype=np.float32) / 255)


def cover(fine: Image.Image, height: int, width: int) -> NDArray[np.float64]:
    """Share of each cell of a map that the object covers, shape (height, width).

    Args:
        fine: From `ObjectRegion.in_view`.
        height: Of the map.
        width: Of the map.
    """
    return np.asarray(fine.resize((width, height), Image.Resampling.BOX), dtype=np.float64)


def read_objects(study: Study) -> dict[str, ObjectRegion]:
    """The objects of a study's photos, by image_id; none where the study has no such files.

    Raises:
        FileFormatError: A file cannot be used; the message names the row or the mask.
    """
    return _of_boxes(study) | _of_masks(study)


def objects_digest(folder: Path) -> str:
    """What the files of objects are, in 16 hex digits; "" where there are none."""
    files = [folder / OBJECTS_FILE, *sorted((folder / MASKS_FOLDER).glob("*.png"))]
    digest = hashlib.sha256()
    found = [path for path in files if path.is_file()]
    for path in found:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16] if found else ""


def _of_boxes(study: Study) -> dict[str, ObjectRegion]:
    path = study.folder / OBJECTS_FILE
    if not path.exists():
        return {}
    boxes: defaultdict[str, list[Box]] = defaultdict(list)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise FileFormatError(f"{path}: no column {missing[0]}; it needs {', '.join(COLUMNS)}")
            for row in reader:
                image_id, box = _box(study, row, f"{path}, line {reader.line_num}")
                boxes[image_id].append(box)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{path}: cannot be read ({error}); save it as CSV in UTF-8") from error
    sizes = _sizes(study)
    return {image_id: ObjectRegion(sizes[image_id], tuple(found)) for image_id, found in boxes.items()}


def _box(study: Study, row: Mapping[str, str | None], where: str) -> tuple[str, Box]:
    try:
        image = study.image(row["image"] or "")
    except StudyError as error:
        raise FileFormatError(f"{where}: {error}") from error
    try:
        left, top, right, bottom = (float(row[name] or "") for name in COLUMNS[1:])
    except ValueError as error:
        raise FileFormatError(f"{where}: left, top, right and bottom must be numbers of pixels") from error
    if not all(map(math.isfinite, (left, top, right, bottom))) or not (left < right and top < bottom):
        raise FileFormatError(f"{where}: no box; left must be less than right, and top less than bottom")
    if right <= 0 or bottom <= 0 or left >= image.width or top >= image.height:
        raise FileFormatError(f"{where}: the box lies beyond the photo, which is {image.width} x {image.height} pixels")
    return image.image_id, (max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height))


def _of_masks(study: Study) -> dict[str, ObjectRegion]:
    folder = study.folder / MASKS_FOLDER
    found: dict[str, ObjectRegion] = {}
    for path in sorted(folder.glob("*.png")) if folder.is_dir() else ():
        image_id = _photo_of(study, path)
        size = _sizes(study)[image_id]
        mask = _read_mask(path)
        if abs(mask.width * size[1] / (mask.height * size[0]) - 1) > LIMITS:
            raise FileFormatError(
                f"{path}: {mask.width} x {mask.height} has other proportions than its photo, which is {size[0]} x "
                f"{size[1]}; make a mask of the upright photo"
            )
        found[image_id] = ObjectRegion(size, mask=path)
    return found


def _photo_of(study: Study, path: Path) -> str:
    if path.stem in _sizes(study):
        return path.stem
    named = [image.image_id for image in study.images if image.name.rpartition(".")[0] == path.stem]
    if len(named) != 1:
        which = "no photo" if not named else f"{len(named)} photos"
        raise FileFormatError(f"{path}: {which} of that name in the study; name the mask by the photo's image_id")
    return named[0]


def _read_mask(path: Path) -> Image.Image:
    """A mask as 0 and 255; transparency and colour do not matter, only what is not black."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            grey = np.asarray(image.convert("RGB")).max(axis=2)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FileFormatError(f"{path}: no PNG that can be read; save the mask again") from error
    return Image.fromarray(np.where(grey > 0, 255, 0).astype(np.uint8))


def _sizes(study: Study) -> dict[str, tuple[int, int]]:
    return {image.image_id: (image.width, image.height) for image in study.images}
