"""The pages, views and thumbnails of some photos, written by one worker."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING

from layerlore.errors import PhotoError
from layerlore.files import write_whole
from layerlore.report.html import render_study_page
from layerlore.report.maps import fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PIL import Image

    from layerlore.concepts.records import ConceptSet
    from layerlore.local.explanation import Explanation
    from layerlore.report.site.place import Place
    from layerlore.study.folder import Manifest
    from layerlore.study.records import ImageRecord

THUMB_SIDE = 144
THUMB_QUALITY = 80
GONE = "The file of this photo is gone or has changed, so the maps lie on a plain ground."


@dataclasses.dataclass(frozen=True)
class Job:
    """What a worker is to write.

    Attributes:
        folder: Of the study.
        out: Of the site.
        manifest: The study's ``study.toml``.
        shard: Number of the shard that holds the photos.
        images: The photos of that shard.
        places: Those whose pages are to be written.
        concepts: image_id to what was said of its maps; empty where the study has no concepts.
    """

    folder: Path
    out: Path
    manifest: Manifest
    shard: int
    images: Sequence[ImageRecord]
    places: Sequence[Place]
    concepts: Mapping[str, ConceptSet] = dataclasses.field(default_factory=dict)


def write_pages(job: Job) -> dict[str, str]:
    """Write the files of each of the job's places.

    Returns:
        image_id of every page to why its photo could not be shown, or "".

    Raises:
        FileFormatError: The explanations cannot be read.
        OutputError: A file cannot be written.
    """
    from layerlore.study.folder import shard_path
    from layerlore.study.reading import Reader, read_shard
    from layerlore.study.schema import decode_explanations

    path = shard_path(job.folder, job.manifest.current, job.shard)
    table, info = read_shard(path, set_hash=job.manifest.current, number=job.shard)
    records = {image.image_id: image for image in job.images}
    names = {image_id: image.name for image_id, image in records.items()}
    places = {place.image_id: place for place in job.places}
    reader = Reader(job.folder, job.manifest, job.images)
    problems: dict[str, str] = {}
    for explanation in decode_explanations(table, info, names=names, view=lambda _: b""):
        image_id = explanation.photo.image_id
        place = places.get(image_id)
        if place is None:
            continue
        try:
            view, problem = reader.view(records[image_id], explanation.photo.box), ""
        except PhotoError as error:
            view, problem = plain_ground(explanation.photo.view_width, explanation.photo.view_height), str(error)
        place = dataclasses.replace(place, missing=GONE if problem else "")
        _write(job.out, explanation, view, place, job.concepts.get(image_id))
        problems[image_id] = problem
    return problems


def files_of(image_id: str) -> tuple[str, str, str]:
    """The files of one photo in the site: page, view, thumbnail."""
    return f"photos/{image_id}.html", f"photos/{image_id}.jpg", f"thumbs/{image_id}.jpg"


def _write(out: Path, explanation: Explanation, view: bytes, place: Place, concepts: ConceptSet | None) -> None:
    from PIL import Image

    page, photo, small = files_of(place.image_id)
    with Image.open(io.BytesIO(view)) as opened:
        write_whole(out / small, thumbnail(opened))
    write_whole(out / photo, view)
    write_whole(out / page, render_study_page(explanation, place, concepts).encode())


def thumb_size(view: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the thumbnail of a view of this width and height, in pixels."""
    return fit(*view, min(THUMB_SIDE, max(view)))


def thumbnail(view: Image.Image) -> bytes:
    """A view as a small JPEG file."""
    from PIL import Image

    file = io.BytesIO()
    small = view.convert("RGB").resize(thumb_size(view.size), Image.Resampling.LANCZOS)
    small.save(file, "JPEG", quality=THUMB_QUALITY, optimize=True)
    return file.getvalue()


def plain_ground(width: int, height: int) -> bytes:
    """What stands for a photo that is gone: an even grey as a JPEG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (width, height), (150, 150, 150)).save(file, "JPEG", quality=85)
    return file.getvalue()
