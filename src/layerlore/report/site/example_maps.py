"""Maps that pages of classes and concepts show: small pictures that lie over a photo's thumbnail."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from layerlore.files import write_whole
from layerlore.report import colours, maps
from layerlore.report.labels import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from layerlore.concepts.records import MapKey
    from layerlore.local.explanation import Explanation
    from layerlore.study.folder import Manifest
    from layerlore.study.records import ImageRecord

SIDE = 96

Keys = tuple["MapKey", ...]


@dataclass(frozen=True)
class Shot:
    """A photo with one map, or several as one, over it.

    Attributes:
        image_id: The photo.
        name: Its file's name.
        map: File of the map in the site.
        address: Page that shows it large, seen from a folder of the site.
        text: Which map it is.
        width: Of the thumbnail in pixels.
        height: Likewise.
    """

    image_id: str
    name: str
    map: str
    address: str
    text: str
    width: int
    height: int


class Shots:
    """Makes shots, and remembers which maps are wanted.

    Attributes:
        wanted: File in the site to the maps that it is painted of.
    """

    def __init__(self, set_hash: str, names: Mapping[str, str], thumbs: Mapping[str, tuple[int, int]]) -> None:
        """Nothing is wanted yet.

        Args:
            set_hash: The set of the study.
            names: image_id to file name.
            thumbs: image_id to size of the thumbnail, for photos with a page.
        """
        self.wanted: dict[str, Keys] = {}
        self._set_hash, self._names, self._thumbs = set_hash, names, thumbs

    def of(self, keys: Keys) -> Shot | None:
        """One map, or several of a layer as one; None where the photo has no page."""
        image_id = keys[0].image_id
        if image_id not in self._thumbs:
            return None
        file = map_file(keys, self._set_hash)
        self.wanted[file] = keys
        width, height = self._thumbs[image_id]
        name = self._names[image_id]
        return Shot(image_id, name, file, f"../{map_address(keys)}", f"{map_text(keys)}, {name}", width, height)

    def some(self, many: Iterable[Keys], count: int) -> tuple[Shot, ...]:
        """The first so many that have a page."""
        return tuple(shot for shot in map(self.of, list(many)[:count]) if shot is not None)


def map_file(keys: Keys, set_hash: str) -> str:
    """The file of a map in the site; the name changes with what it shows."""
    digest = hashlib.sha256(repr((set_hash, SIDE, tuple(map(tuple, keys)))).encode()).hexdigest()[:10]
    return f"maps/{keys[0].image_id}-{digest}.png"


def map_address(keys: Keys) -> str:
    """Where the page of a photo shows these maps, from the site's folder."""
    image_id, layer = keys[0].image_id, quote(keys[0].layer, safe="")
    clusters = sorted(key.cluster for key in keys)
    level = "merged/" if len(clusters) > 1 else "full/" if clusters == [WHOLE] else ""
    place = "" if clusters == [WHOLE] else f"/cluster/{'+'.join(str(cluster + 1) for cluster in clusters)}"
    return f"photos/{image_id}.html#photo/{image_id}/{level}layer/{layer}{place}"


def map_text(keys: Keys) -> str:
    """Which map it is, in words."""
    clusters = sorted(key.cluster + 1 for key in keys)
    if clusters == [0]:
        return f"all clusters of {keys[0].layer}"
    which = "cluster" if len(clusters) == 1 else "clusters"
    return f"{which} {', '.join(map(str, clusters))} of {keys[0].layer}"


@dataclass(frozen=True)
class MapJob:
    """Maps of the photos of one shard that a worker is to paint; fields as in `layerlore.report.site.pages.Job`."""

    folder: Path
    out: Path
    manifest: Manifest
    shard: int
    images: Sequence[ImageRecord]
    wanted: Mapping[str, Keys]


def paint_maps(job: MapJob) -> list[str]:
    """Paint the job's maps.

    Returns:
        The files that were written.

    Raises:
        FileFormatError: The explanations cannot be read.
        OutputError: A file cannot be written.
    """
    due: defaultdict[str, list[str]] = defaultdict(list)
    for file, keys in job.wanted.items():
        due[keys[0].image_id].append(file)
    written = []
    for explanation in _explanations(job, set(due)):
        for file in due[explanation.photo.image_id]:
            if (picture := _picture(explanation, job.wanted[file])) is not None:
                write_whole(job.out / file, picture)
                written.append(file)
    return written


def _explanations(job: MapJob, image_ids: set[str]) -> Iterator[Explanation]:
    import pyarrow as pa
    import pyarrow.compute as pc

    from layerlore.study.folder import shard_path
    from layerlore.study.reading import read_shard
    from layerlore.study.schema import decode_explanations

    path = shard_path(job.folder, job.manifest.current, job.shard)
    table, info = read_shard(path, set_hash=job.manifest.current, number=job.shard)
    rows = table.filter(pc.is_in(table["image_id"], value_set=pa.array(sorted(image_ids), pa.string())))
    names = {image.image_id: image.name for image in job.images}
    yield from decode_explanations(rows, info, names=names, view=lambda _: b"")


def _picture(explanation: Explanation, keys: Keys) -> bytes | None:
    layer = next((layer for layer in explanation.layers if layer.name == keys[0].layer), None)
    if layer is None or explanation.target.index != keys[0].target:
        return None
    wanted = {key.cluster for key in keys}
    clusters = [one for one in layer.clusters if one.index in wanted or WHOLE in wanted]
    if not clusters:
        return None
    weights = np.array([one.weight for one in clusters])
    shares = weights / weights.sum() if weights.sum() > 0 else np.full(len(clusters), 1 / len(clusters))
    values = np.asarray(np.tensordot(shares, np.stack([one.map for one in clusters]), axes=1), dtype=np.float32)
    width, height = maps.fit(explanation.photo.view_width, explanation.photo.view_height, SIDE)
    return maps.overlay_png(maps.shown_map(values, height, width), colours.sequential(), colours.alphas())
