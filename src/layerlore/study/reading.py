"""Reading a study's explanations, file by file, and telling which files are whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from layerlore.errors import FileFormatError, PhotoError, StudyError
from layerlore.local.explanation import Prediction
from layerlore.study.folder import STUDY_FILE, image_root, shard_path
from layerlore.study.parquet import read_parquet
from layerlore.study.schema import COLUMNS, SINCE, ShardInfo, decode_explanations, decode_info
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from layerlore.local.explanation import Explanation
    from layerlore.network.photos import Photo
    from layerlore.study.folder import Manifest
    from layerlore.study.records import ImageRecord

WAY_OUT = "delete it and run again"


@dataclass(frozen=True)
class ShardState:
    """How far one shard of the current set is.

    Attributes:
        number: Its number.
        path: Its file.
        images: The photos that belong in it.
        predicted: image_id to the predicted class, for the photos that it explains.
        failed: image_id to the reason, for those that could not be explained.
        versions: Package to version, of those that made it.
        damaged: Why the file cannot be used, or "".
        bytes: Its size; 0 where there is none.
    """

    number: int
    path: Path
    images: tuple[ImageRecord, ...]
    predicted: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    damaged: str = ""
    bytes: int = 0

    @property
    def exists(self) -> bool:
        """There is a file, whole or damaged."""
        return self.bytes > 0 or bool(self.damaged)

    @property
    def complete(self) -> bool:
        """Every photo of the shard is explained."""
        return not self.damaged and len(self.predicted) == len(self.images)


def shard_images(images: Sequence[ImageRecord], size: int) -> list[tuple[ImageRecord, ...]]:
    """The photos of each shard: runs of ``size`` neighbours."""
    return [tuple(images[start : start + size]) for start in range(0, len(images), size)]


def read_shard(
    path: Path, *, set_hash: str, number: int, columns: Sequence[str] | None = None
) -> tuple[pa.Table, ShardInfo]:
    """Read one shard.

    Args:
        path: Its file.
        set_hash: The set that it must belong to.
        number: The number that it must have.
        columns: Only these of `COLUMNS`.

    Raises:
        FileFormatError: It is missing, damaged, foreign, or from a newer LayerLore.
    """
    table = read_parquet(path, COLUMNS, way_out=WAY_OUT, columns=columns, since=SINCE)
    try:
        info = decode_info(table.schema.metadata)
    except (LookupError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: not a file of explanations; {WAY_OUT}") from error
    if (info.settings_hash, info.shard) != (set_hash, number):
        raise FileFormatError(
            f"{path}: holds part {info.shard} of settings {info.settings_hash}, not what its name says; {WAY_OUT}"
        )
    return table, info


def read_info(path: Path, set_hash: str, number: int, images: Sequence[ImageRecord]) -> ShardInfo:
    """What a shard says of itself, after every page of it was checked.

    Args:
        path: Its file.
        set_hash: The set that it must belong to.
        number: The number that it must have.
        images: The photos that it must hold, explained or failed.

    Raises:
        FileFormatError: It is missing, damaged, foreign, or from a newer LayerLore.
    """
    return _checked_shard(path, set_hash, number, images)[1]


def read_answers(path: Path) -> dict[str, tuple[Prediction, ...]]:
    """image_id to the network's five likeliest classes, likeliest first, for the photos that a shard explains.

    Raises:
        FileFormatError: It is missing, damaged, foreign, or from a newer LayerLore.
    """
    table = read_parquet(path, COLUMNS, way_out=WAY_OUT, columns=["image_id", "top5"], since=SINCE)
    rows = {row["image_id"]: row["top5"] for row in table.to_pylist()}
    return {image_id: tuple(Prediction(**prediction) for prediction in top5) for image_id, top5 in rows.items()}


def shard_states(folder: Path, manifest: Manifest, images: Sequence[ImageRecord]) -> Iterator[ShardState]:
    """How far each shard of the current set is; every page of every file is checked.

    Args:
        folder: Of the study.
        manifest: Its ``study.toml``.
        images: Its photos.
    """
    for number, wanted in enumerate(shard_images(images, manifest.settings.shard)):
        path = shard_path(folder, manifest.current, number)
        if not path.exists():
            yield ShardState(number, path, wanted)
            continue
        try:
            size = path.stat().st_size
            predicted, info = _checked_shard(path, manifest.current, number, wanted)
        except (FileFormatError, OSError) as error:
            yield ShardState(number, path, wanted, damaged=str(error))
        else:
            yield ShardState(number, path, wanted, predicted, info.failed, _versions(info), bytes=size)


def _versions(info: ShardInfo) -> Mapping[str, str]:
    """Versions of what made a shard; one without a single explanation was made by nothing."""
    return info.provenance.get("versions") or present_versions()


def _checked_shard(
    path: Path, set_hash: str, number: int, images: Sequence[ImageRecord]
) -> tuple[dict[str, int], ShardInfo]:
    """image_id to the predicted class, and what the shard says of itself; the whole file is read."""
    table, info = read_shard(path, set_hash=set_hash, number=number)
    predicted = dict(zip(*(table[name].to_pylist() for name in ("image_id", "predicted")), strict=True))
    if predicted.keys() | info.failed.keys() != {image.image_id for image in images}:
        raise FileFormatError(f"{path}: holds other photos than the study; {WAY_OUT}")
    return predicted, info


class Reader:
    """Reads the explanations of one set of a study.

    Attributes:
        folder: Of the study.
        manifest: Its ``study.toml``.
        images: Its photos.
    """

    def __init__(self, folder: Path, manifest: Manifest, images: Sequence[ImageRecord]) -> None:
        """Read nothing yet."""
        self.folder, self.manifest, self.images = folder, manifest, images
        self._shards = shard_images(images, manifest.settings.shard)

    def paths(self) -> list[Path]:
        """The shards that are there."""
        paths = (shard_path(self.folder, self.manifest.current, number) for number in range(len(self._shards)))
        return [path for path in paths if path.exists()]

    def table(self, columns: Sequence[str] | None) -> pa.Table:
        """All rows, or these columns of them.

        Raises:
            StudyError: There is no such column.
            FileFormatError: A file cannot be used.
        """
        names = list(COLUMNS.names if columns is None else columns)
        if strange := [name for name in names if name not in COLUMNS.names]:
            raise StudyError(f"no column {strange[0]!r}; there are {', '.join(COLUMNS.names)}")
        parts = [table.replace_schema_metadata(None) for table, _, _ in self._tables(range(len(self._shards)), names)]
        return pa.concat_tables([pa.schema([COLUMNS.field(name) for name in names]).empty_table(), *parts])

    def explanations(
        self, image_ids: Collection[str] | None, layer: str | None, *, views: bool
    ) -> Iterator[Explanation]:
        """The explanations of some photos or of all, one layer of them or all, in the order of the photos.

        Raises:
            FileFormatError: A file cannot be used.
            PhotoError: A view is asked for, and the photo is gone or changed.
        """
        import pyarrow.compute as pc

        numbers = [
            number
            for number, images in enumerate(self._shards)
            if image_ids is None or any(image.image_id in image_ids for image in images)
        ]
        for table, info, path in self._tables(numbers, None):
            rows = table
            if image_ids is not None:
                rows = rows.filter(pc.is_in(rows["image_id"], value_set=pa.array(list(image_ids), pa.string())))
            if layer is not None:
                rows = rows.filter(pc.equal(rows["layer"], layer))
            names = {image.image_id: image.name for image in self._shards[info.shard]}
            view = self._views(rows) if views else _no_view
            try:
                yield from decode_explanations(rows, info, names=names, view=view)
            except (LookupError, TypeError, ValueError) as error:
                raise FileFormatError(f"{path}: damaged ({error}); {WAY_OUT}") from error

    def box(self, image: ImageRecord) -> tuple[float, ...] | None:
        """The part of a photo that the network saw, as in `PhotoRecord`; None where it is not explained."""
        number = self.images.index(image) // self.manifest.settings.shard
        for table, _, _ in self._tables([number], ["image_id", "box"]):
            return _boxes(table).get(image.image_id)
        return None

    def photo(self, image: ImageRecord) -> Photo:
        """Read a photo from its file.

        Raises:
            PhotoError: It is gone, unreadable, or not the photo that it was.
        """
        from layerlore.network.photos import Photo, read_photo

        path = image_root(self.folder, self.manifest.images) / image.path
        if not path.exists():
            raise PhotoError(
                f"{path}: the photo is gone; put it back, or set `root` in {STUDY_FILE} to where it is now"
            )
        photo = read_photo(path)
        if photo.image_id != image.image_id:
            raise PhotoError(f"{path}: changed since the study was made; restore it, or create a new study")
        return Photo(photo.image, image.name, photo.image_id)

    def view(self, image: ImageRecord, box: Sequence[float]) -> bytes:
        """The part of a photo that the network saw, as a JPEG file.

        Raises:
            PhotoError: The photo is gone or changed.
        """
        from layerlore.network.view import seen_part, view_jpeg

        network = self.manifest.network
        left, top, right, bottom = box
        rows, columns = network["input_size"]
        red, green, blue = network["background"]
        seen = seen_part(
            self.photo(image).image, (left, top, right, bottom), (rows, columns), background=(red, green, blue)
        )
        return view_jpeg(seen)

    def _tables(
        self, numbers: Sequence[int], columns: Sequence[str] | None
    ) -> Iterator[tuple[pa.Table, ShardInfo, Path]]:
        """Those of these shards that are there, one at a time."""
        for number in numbers:
            path = shard_path(self.folder, self.manifest.current, number)
            if path.exists():
                yield *read_shard(path, set_hash=self.manifest.current, number=number, columns=columns), path

    def _views(self, rows: pa.Table) -> Callable[[str], bytes]:
        """What makes the views of these rows' photos."""
        boxes = _boxes(rows)
        images = {image.image_id: image for image in self.images}
        return lambda image_id: self.view(images[image_id], boxes[image_id])


def _boxes(table: pa.Table) -> dict[str, tuple[float, ...]]:
    """image_id to the part of the photo that the network saw."""
    ids, boxes = table["image_id"].to_pylist(), table["box"].to_pylist()
    return {image_id: tuple(box) for image_id, box in zip(ids, boxes, strict=True)}


def _no_view(_image_id: str) -> bytes:
    """In place of a view that nobody asked for."""
    return b""
