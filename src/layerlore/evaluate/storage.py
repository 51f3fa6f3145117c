"""The folder of an evaluation: ``evaluation.toml``, one Parquet file for each photo, one small picture of each.

A photo's file is written anew after each method, whole or not at all; so a run that is killed loses the method that it
was at, and the next run goes on from there.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from layerlore.errors import FileFormatError, OutputError, SettingError
from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.results import VIEWS, Evaluation, MethodRun, PhotoFacts, PhotoResult, view_path
from layerlore.files import write_whole
from layerlore.methods.registry import METHODS
from layerlore.study.folder import EVALUATION_FILE as SETTINGS_FILE
from layerlore.study.folder import remove_orphans
from layerlore.study.parquet import check_parquet, parquet_bytes, read_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA = 1
"""Version of all files of an evaluation; a reader refuses later ones."""
PHOTOS = "photos"
SHOWN_SIDE = 112
"""Longest side of a map that is kept: enough for pictures; measured is the map itself."""
VERSIONS = ("versions", "earlier_versions")
"""What made the last run, and others of which something may be left."""
WAY_OUT = "restore the file, or begin anew with --restart"

_ROWS = pa.schema(
    [
        ("method", pa.string()),
        ("metric", pa.string()),  # "" for the method's own row
        ("value", pa.float64()),
        ("note", pa.string()),
        ("chance", pa.float64()),
        ("model_calls", pa.int64()),
        ("curve_x", pa.list_(pa.float64())),
        ("curve_y", pa.list_(pa.float64())),
        ("options", pa.string()),
        ("constant", pa.bool_()),
        ("seconds", pa.float64()),
        ("memory", pa.int64()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("map", pa.list_(pa.float16())),
    ]
)


@dataclass(frozen=True)
class Identity:
    """What makes values comparable: with another of these, a folder holds another evaluation.

    Attributes:
        fingerprint: Of the network's weights.
        preprocess: How photos become inputs.
        seed: Seed of everything random.
        target: ``predicted``, ``label``, or a class.
    """

    fingerprint: str
    preprocess: str
    seed: int
    target: str


class Folder:
    """Where an evaluation is kept."""

    def __init__(self, path: Path) -> None:
        """Use :meth:`begin` before anything is written."""
        self.path = path

    def make(self) -> None:
        """Make the folder, unless it is there.

        Raises:
            OutputError: It is something else, or cannot be written.
        """
        strange = self.path.exists() and not self.path.is_dir()
        if not strange and self.path.is_dir() and not self.exists:
            strange = any(not entry.name.startswith(".") for entry in self.path.iterdir())
        if strange:
            raise OutputError(f"{self.path}: holds something else than an evaluation; choose another folder")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be made ({error.strerror or error}); choose another") from error

    def begin(self, identity: Identity, *, resume: bool) -> list[dict[str, str]]:
        """Go on with what is there; call it under the lock.

        Args:
            identity: Of the evaluation.
            resume: False: remove what is there.

        Returns:
            Versions of the packages that made what is there, one for each set of them; empty for a new one.

        Raises:
            OutputError: The folder cannot be written.
            SettingError: It holds another evaluation.
        """
        try:
            for place in (self.path, self.path / PHOTOS, self.path / VIEWS):
                place.mkdir(exist_ok=True)
                remove_orphans(place)
            if self.exists and not resume:
                for file in (*self.path.glob(f"{PHOTOS}/*.parquet"), *self.path.glob(f"{VIEWS}/*.jpg")):
                    file.unlink()
                (self.path / SETTINGS_FILE).unlink()
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror or error}); choose another") from error
        if not self.exists:
            return []
        before = self.settings()
        for key, value in asdict(identity).items():
            if before["identity"].get(key) != value:
                what = {"fingerprint": "network", "preprocess": "preprocessing"}.get(key, key)
                raise SettingError(
                    f"{self.path}: holds an evaluation with another {what}; choose another folder, or begin anew "
                    "with --restart (resume=False)"
                )
        return [one for one in (before.get("versions"), *before.get("earlier_versions", [])) if one]

    @property
    def exists(self) -> bool:
        """There is an evaluation here."""
        return (self.path / SETTINGS_FILE).is_file()

    def settings(self) -> dict[str, Any]:
        """What ``evaluation.toml`` holds.

        Raises:
            FileFormatError: It is missing, damaged, or from a newer LayerLore.
        """
        path = self.path / SETTINGS_FILE
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise FileFormatError(
                f"{path}: cannot be read ({error.strerror}), so {self.path} is no evaluation; "
                "make one with layerlore evaluate"
            ) from error
        except ValueError as error:
            raise FileFormatError(f"{path}: damaged ({error}); {WAY_OUT}") from error
        schema = content.get("schema")
        if not isinstance(schema, int) or "identity" not in content:
            raise FileFormatError(f"{path}: not the file of an evaluation; choose another folder")
        if schema > SCHEMA:
            raise FileFormatError(
                f"{path}: written in format version {schema}, this LayerLore reads up to {SCHEMA}; update LayerLore"
            )
        return content

    def write_settings(self, identity: Identity, described: Evaluation, image_ids: Sequence[str]) -> None:
        """Write ``evaluation.toml``.

        Args:
            identity: Of the evaluation.
            described: What it is made of; its photos do not matter.
            image_ids: All of its photos in their order, also those that are still to come.
        """
        import tomli_w

        content = {
            "schema": SCHEMA,
            "against": described.against,
            "methods": list(described.methods),
            "metrics": list(described.metrics),
            "identity": asdict(identity),
            "facts": {key: value for key, value in described.facts.items() if key not in VERSIONS},
            "versions": dict(described.facts["versions"]),
            "earlier_versions": list(described.facts.get("earlier_versions", [])),
            "failed": dict(described.failed),
            "left_out": dict(described.left_out),
            "photos": list(image_ids),
        }
        write_whole(self.path / SETTINGS_FILE, tomli_w.dumps(content).encode())

    def write(self, result: PhotoResult) -> None:
        """Write a photo's file; the same result gives the same bytes."""
        rows = [row for method in METHODS if method in result.runs for row in _rows(result.runs[method])]
        table = pa.Table.from_pylist(rows, schema=_ROWS)
        content = {"schema": SCHEMA, "table": "evaluation", "photo": asdict(result.photo)}
        write_whole(self._file(result.photo.image_id), parquet_bytes(table, content))

    def read(self, image_id: str) -> PhotoResult | None:
        """Read a photo's file; None where there is none.

        Raises:
            FileFormatError: It is damaged, or from a newer LayerLore.
        """
        path = self._file(image_id)
        if not path.exists():
            return None
        content = check_parquet(path, _ROWS, way_out=WAY_OUT)
        rows = read_parquet(path, _ROWS, way_out=WAY_OUT).to_pylist()
        return PhotoResult(PhotoFacts(**content["photo"]), {run.method: run for run in _runs(rows)})

    def write_view(self, image_id: str, jpeg: bytes) -> None:
        """Keep the part of a photo that the network sees."""
        write_whole(view_path(self.path, image_id), jpeg)

    def _file(self, image_id: str) -> Path:
        return self.path / PHOTOS / f"{image_id}.parquet"


def load_evaluation(folder: str | Path, *, every_run: bool = False) -> Evaluation:
    """Read an evaluation that was kept, as far as it came.

    Args:
        folder: As it was given to :func:`layerlore.evaluate`, or the folder of a study that was evaluated.
        every_run: Also the photos, methods and metrics of earlier runs in this folder, which the last one did not
            ask for. Where a method had other options then, only the runs with its most frequent ones count.

    Raises:
        FileFormatError: It is none, or a file is damaged.
    """
    path = find_folder(folder)
    place = Folder(path)
    content = place.settings()
    try:
        found = [place.read(image_id) for image_id in content["photos"]]
        last = Evaluation(
            photos=tuple(photo for photo in found if photo is not None),
            methods=tuple(name for name in content["methods"] if name in METHODS),
            metrics=tuple(name for name in content["metrics"] if name in METRICS),
            against=content["against"],
            seed=content["identity"]["seed"],
            facts={
                **content["facts"],
                "versions": content["versions"],
                "earlier_versions": content.get("earlier_versions", []),
            },
            failed=content["failed"],
            left_out=content["left_out"],
            folder=path,
        )
    except (LookupError, TypeError) as error:
        raise FileFormatError(f"{path / SETTINGS_FILE}: damaged ({error} is missing); {WAY_OUT}") from error
    return _with_earlier(last, place) if every_run else last


def find_folder(folder: str | Path) -> Path:
    """The folder of an evaluation, which may be given as that of the study around it."""
    path = Path(folder)
    inside = path / DEFAULT
    return inside if Folder(inside).exists and not Folder(path).exists else path


def _with_earlier(last: Evaluation, place: Folder) -> Evaluation:
    """The evaluation with everything that earlier runs left in its folder."""
    read = {photo.photo.image_id for photo in last.photos}
    others = sorted({file.stem for file in (place.path / PHOTOS).glob("*.parquet")} - read)
    photos = [*last.photos, *(one for image_id in others if (one := place.read(image_id)) is not None)]
    options = {
        method: Counter(run.options for photo in photos if (run := photo.runs.get(method))) for method in METHODS
    }
    kept = []
    for photo in photos:
        runs = {name: run for name, run in photo.runs.items() if run.options == options[name].most_common(1)[0][0]}
        kept.append(replace(photo, runs=runs))
    return replace(
        last,
        photos=tuple(kept),
        methods=tuple(name for name in METHODS if any(name in photo.runs for photo in kept)),
        metrics=tuple(name for name in METRICS if any(name in r.measured for p in kept for r in p.runs.values())),
    )


DEFAULT = "evaluation"
"""Name of the folder inside a study's."""


def shown(values: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A map as it is kept: at most ``SHOWN_SIDE`` pixels a side, each the mean of those that it stands for."""
    import torch

    longest = max(values.shape)
    if longest <= SHOWN_SIDE:
        return values
    size = [max(1, round(side * SHOWN_SIDE / longest)) for side in values.shape]
    small = torch.nn.functional.interpolate(torch.tensor(values)[None, None], size, mode="area")
    return np.asarray(small[0, 0].numpy(), dtype=np.float32)


def _rows(run: MethodRun) -> Iterator[dict[str, Any]]:
    """The rows of one method: its own, then one for each metric."""
    own: dict[str, Any] = {
        "method": run.method,
        "metric": "",
        "note": run.problem,
        "options": run.options,
        "constant": run.constant,
        "seconds": run.seconds,
        "memory": run.memory,
        "model_calls": run.model_calls,
    }
    if run.map is not None:
        height, width = run.map.shape
        own |= {"height": height, "width": width, "map": run.map.astype(np.float16).ravel()}
    yield own
    for name in METRICS:
        if name in run.measured:
            one = run.measured[name]
            yield {
                "method": run.method,
                "metric": name,
                "value": one.value,
                "note": one.note,
                "chance": one.chance,
                "model_calls": one.model_calls,
                "curve_x": [x for x, _ in one.curve],
                "curve_y": [y for _, y in one.curve],
            }


def _runs(rows: list[dict[str, Any]]) -> Iterator[MethodRun]:
    """The methods that rows tell of; those that this LayerLore does not know are left alone."""
    for own in rows:
        if own["metric"] or own["method"] not in METHODS:
            continue
        measured = {
            row["metric"]: Measurement(
                row["value"],
                row["note"],
                tuple(zip(row["curve_x"], row["curve_y"], strict=True)),
                chance=row["chance"],
                model_calls=row["model_calls"],
            )
            for row in rows
            if row["method"] == own["method"] and row["metric"] in METRICS
        }
        values = None if own["map"] is None else np.array(own["map"], np.float32).reshape(own["height"], own["width"])
        yield MethodRun(
            own["method"],
            own["options"],
            own["note"],
            values,
            own["constant"],
            own["seconds"],
            own["memory"],
            own["model_calls"],
            measured,
        )
