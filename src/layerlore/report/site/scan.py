"""What the explanations say of a study's photos: answers, failures, and the size of each view."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from layerlore.local.explanation import Prediction
from layerlore.study.folder import shard_path
from layerlore.study.reading import read_shard, shard_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from layerlore.study.records import ImageRecord
    from layerlore.study.study import Study

_COLUMNS = ("image_id", "predicted", "predicted_name", "top5", "view_width", "view_height")


@dataclasses.dataclass(frozen=True)
class Shard:
    """Some neighbouring photos of a study.

    Attributes:
        number: As in the file's name.
        images: Its photos, with what the network answered.
        views: image_id to width and height of the view in pixels, for the photos that are explained.
        bytes: Size of the file; 0 where there is none yet.
    """

    number: int
    images: tuple[ImageRecord, ...]
    views: dict[str, tuple[int, int]]
    bytes: int


def scan(study: Study) -> Iterator[Shard]:
    """The study's photos, shard by shard. The files count, not ``images.parquet``, which a killed run leaves behind.

    Raises:
        FileFormatError: A file is damaged.
    """
    manifest = study.manifest
    for number, images in enumerate(shard_images(study.images, manifest.settings.shard)):
        path = shard_path(study.folder, manifest.current, number)
        if not path.exists():
            yield Shard(number, tuple(_unanswered(image, "") for image in images), {}, 0)
            continue
        table, info = read_shard(path, set_hash=manifest.current, number=number, columns=_COLUMNS)
        rows = {row["image_id"]: row for row in _first_rows(table)}
        answered = tuple(
            _answered(image, rows[image.image_id])
            if image.image_id in rows
            else _unanswered(image, info.failed.get(image.image_id, ""))
            for image in images
        )
        views = {image_id: (row["view_width"], row["view_height"]) for image_id, row in rows.items()}
        yield Shard(number, answered, views, path.stat().st_size)


def _first_rows(table: pa.Table) -> list[dict[str, Any]]:
    """One row of each photo; the columns read are the same in all of them."""
    first: dict[str, int] = {}
    for place, image_id in enumerate(table["image_id"].to_pylist()):
        first.setdefault(image_id, place)
    rows: list[dict[str, Any]] = table.take(list(first.values())).to_pylist()
    return rows


def _answered(image: ImageRecord, row: dict[str, Any]) -> ImageRecord:
    top5 = tuple(Prediction(**answer) for answer in row["top5"])
    return dataclasses.replace(
        image, predicted=row["predicted"], predicted_name=row["predicted_name"], top5=top5, problem=""
    )


def _unanswered(image: ImageRecord, problem: str) -> ImageRecord:
    return dataclasses.replace(image, predicted=None, predicted_name=None, top5=(), problem=problem)
