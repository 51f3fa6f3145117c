"""What an evaluation found: values of each photo, and what can be said of the methods with them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.errors import SettingError
from layerlore.evaluate.construction import made_with
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.summary import Leaders, Line, leaders, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from layerlore.evaluate.records import Measurement

COSTS = ("seconds", "memory", "model_calls")
"""What a method costs; rows of the CSV like metrics, and the only ones that differ from run to run."""


VIEWS = "views"


def view_path(folder: Path, image_id: str) -> Path:
    """Where a small picture of a photo is kept."""
    return folder / VIEWS / f"{image_id}.jpg"


@dataclass(frozen=True)
class PhotoFacts:
    """One photo of an evaluation.

    Attributes:
        image_id: First 16 hex digits of the SHA-256 of the file.
        path: As in the study, or relative to the folder.
        name: File name.
        label: Class as given, or None.
        target: Index of the explained class.
        target_name: Its name.
        probability: That of the class for the photo as it is.
        truth: SHA-256 of the object's mask as the network sees it, or "" where there is none.
    """

    image_id: str
    path: str
    name: str
    label: str | None
    target: int
    target_name: str
    probability: float
    truth: str = ""


@dataclass(frozen=True, eq=False)
class MethodRun:
    """One method on one photo.

    Attributes:
        method: Its name.
        options: Those that were given, as JSON.
        problem: Why it gave no map, in one line, or "".
        map: What it gave, scaled to [0, 1] and at most ``SHOWN_SIDE`` on a side, for pictures; None where it gave none.
        constant: The map says nothing.
        seconds: Wall time.
        memory: Bytes at the peak beyond what the process held before; None where the system does not tell.
        model_calls: Pictures that went through the network, forwards and backwards counted each.
        measured: Metric to what it found.
    """

    method: str
    options: str
    problem: str = ""
    map: NDArray[np.float32] | None = field(default=None, repr=False)
    constant: bool = False
    seconds: float = 0.0
    memory: int | None = None
    model_calls: int = 0
    measured: Mapping[str, Measurement] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PhotoResult:
    """One photo with all methods; ``runs`` maps a method's name to what it did."""

    photo: PhotoFacts
    runs: Mapping[str, MethodRun]


@dataclass(frozen=True)
class Cost:
    """What a method costs on a photo: medians over the photos, so that loading a library counts for none.

    Attributes:
        method: Its name.
        n: Photos.
        seconds: Wall time.
        memory: Bytes at the peak beyond what the process held before; None where it was not measured.
        model_calls: Pictures that went through the network.
    """

    method: str
    n: int
    seconds: float
    memory: float | None
    model_calls: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Methods measured on the same photos.

    Attributes:
        photos: By class and path.
        methods: Names, in the order of ``METHODS``.
        metrics: Names, in the order of ``METRICS``.
        against: Reference of the paired differences.
        seed: Seed of everything random.
        facts: What else made it: network, weights, target, truth, versions, and other versions that made a part of it.
        failed: Path to reason, for photos that could not be evaluated or are left out.
        left_out: Method or metric to reason, for those that were asked for and not even tried.
        folder: Where it is kept, or None.
        views: image_id to the part of the photo that the network sees, where there is no folder that has it.
    """

    photos: tuple[PhotoResult, ...]
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    against: str
    seed: int
    facts: Mapping[str, Any]
    failed: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    views: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def measurement(self, photo: PhotoResult, method: str, metric: str) -> Measurement | None:
        """What was found, or None where nothing was."""
        run = photo.runs.get(method)
        return None if run is None else run.measured.get(metric)

    def view(self, photo: PhotoFacts) -> bytes:
        """The part of a photo that the network sees, as a JPEG file; empty where it is gone."""
        if photo.image_id in self.views or self.folder is None:
            return self.views.get(photo.image_id, b"")
        file = view_path(self.folder, photo.image_id)
        return file.read_bytes() if file.is_file() else b""

    def values(self, method: str, metric: str) -> NDArray[np.float64]:
        """One value for each photo; NaN where it was not measured."""
        found = [self.measurement(photo, method, metric) for photo in self.photos]
        return np.array([np.nan if one is None or one.value is None else one.value for one in found], dtype=np.float64)

    @cached_property
    def options(self) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
        """Method to the options that its maps were made with.

        There are several where a run with other options was stopped before all photos were done again.
        """
        texts = {
            method: sorted(
                {run.options for photo in self.photos if (run := photo.runs.get(method)) and not run.problem}
            )
            for method in self.methods
        }
        return {method: tuple(json.loads(text) for text in own) for method, own in texts.items()}

    @property
    def given_options(self) -> str:
        """The options as they are typed, such as ``lime.samples=300``; "" where none were given."""
        found = []
        for method, own in self.options.items():
            given = [" ".join(f"{method}.{name}={_typed(value)}" for name, value in one.items()) for one in own]
            if any(given):
                found.append(" or ".join(text or f"{method} without options" for text in given))
        return ", ".join(found)

    @property
    def all_versions(self) -> list[Mapping[str, str]]:
        """Versions of the packages that made it: those of the last run, then those of which something may be left."""
        return [self.facts["versions"], *self.facts.get("earlier_versions", [])]

    def made_with(self, method: str, metric: str) -> bool:
        """Whether any of the method's maps was made by asking what the metric asks."""
        return any(made_with(method, metric, options) for options in self.options.get(method, ()))

    def curves(self, method: str, metric: str) -> NDArray[np.float64]:
        """Curves of the photos that have one of the usual length, shape (photos, points, 2)."""
        found = [self.measurement(photo, method, metric) for photo in self.photos]
        curves = [one.curve for one in found if one is not None and one.curve]
        most = max((len(curve) for curve in curves), default=0)
        if not most:
            return np.zeros((0, 0, 2))
        return np.array([curve for curve in curves if len(curve) == most], dtype=np.float64)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The table: a line for each metric and method."""
        return summarise(self)

    @cached_property
    def leading(self) -> Mapping[str, Leaders]:
        """Metric to who is best by it; those in which nobody competes are missing."""
        return {metric: best for metric in self.metrics if (best := leaders(self, metric)) is not None}

    def line(self, method: str, metric: str) -> Line:
        """One of them.

        Raises:
            SettingError: There is none.
        """
        found = next((line for line in self.lines if (line.method, line.metric) == (method, metric)), None)
        if found is None:
            raise SettingError(f"{method} by {metric} is not in this evaluation; it has {', '.join(self.methods)}")
        return found

    @cached_property
    def costs(self) -> tuple[Cost, ...]:
        """A line for each method that gave a map."""
        found = []
        for method in self.methods:
            runs = [run for photo in self.photos if (run := photo.runs.get(method)) is not None and not run.problem]
            if not runs:
                continue
            memory = [run.memory for run in runs if run.memory is not None]
            found.append(
                Cost(
                    method,
                    len(runs),
                    float(np.median([run.seconds for run in runs])),
                    float(np.median(memory)) if memory else None,
                    float(np.median([run.model_calls for run in runs])),
                )
            )
        return tuple(found)

    def unmeasured(self) -> list[tuple[str, str, int, str]]:
        """What was asked for and not measured: method, metric or "", number of photos, and the first reason."""
        found: dict[tuple[str, str], list[str]] = {}
        for photo in self.photos:
            for method in self.methods:
                run = photo.runs.get(method)
                if run is not None and run.problem:
                    found.setdefault((method, ""), []).append(run.problem)
                    continue
                for metric in self.metrics:
                    one = None if run is None else run.measured.get(metric)
                    if one is None or one.value is None:
                        found.setdefault((method, metric), []).append("not run" if one is None else one.note)
        return [(method, metric, len(why), why[0]) for (method, metric), why in found.items()]

    def missing(self) -> list[tuple[tuple[str, ...], tuple[str, ...], int, str]]:
        """The same with all together that has one reason: methods, metrics (none: no map), number of photos, reason."""
        by_metric: dict[tuple[str, int, str], list[str]] = {}
        for method, metric, amount, reason in self.unmeasured():
            by_metric.setdefault((metric, amount, reason), []).append(method)
        found: dict[tuple[tuple[str, ...], int, str], list[str]] = {}
        for (metric, amount, reason), methods in by_metric.items():
            found.setdefault((tuple(methods), amount, reason), []).append(metric)
        return [(who, tuple(filter(None, by)), amount, reason) for (who, amount, reason), by in found.items()]

    def table(self) -> pd.DataFrame:
        """The table as a data frame: one row for each metric and method, with intervals and paired differences."""
        import pandas as pd

        return pd.DataFrame([line.as_row() for line in self.lines])

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row for each photo, method and metric, then the method's costs."""
        for photo in self.photos:
            facts = photo.photo
            begin = {"image_id": facts.image_id, "photo": facts.path, "class": facts.target_name}
            for method in self.methods:
                run = photo.runs.get(method)
                if run is None:
                    continue
                own = {**begin, "method": method}
                for metric in self.metrics:
                    one = run.measured.get(metric)
                    value, note = (None, run.problem) if one is None else (one.value, one.note)
                    made = self.made_with(method, metric)
                    yield {**own, "metric": metric, "value": value, "note": note, "made": made}
                for cost in COSTS:
                    value = None if run.problem else getattr(run, cost)
                    yield {**own, "metric": cost, "value": value, "note": "", "made": False}

    def to_csv(self) -> str:
        """The rows as CSV; numbers with all their digits."""
        file = io.StringIO(newline="")
        columns = ("image_id", "photo", "class", "method", "metric", "value", "note", "made")
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in self.rows():
            writer.writerow({**row, "value": "" if row["value"] is None else repr(row["value"])})
        return file.getvalue()

    def to_json(self) -> str:
        """The table, the costs, and what was not measured, as JSON."""
        return json.dumps(self.content(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def content(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "photos": len(self.photos),
            "methods": list(self.methods),
            "metrics": {
                name: {"better": METRICS[name].better, "family": METRICS[name].family} for name in self.metrics
            },
            "against": self.against,
            "seed": self.seed,
            "facts": dict(self.facts),
            "table": [line.as_row() for line in self.lines],
            "costs": [vars(cost) for cost in self.costs],
            "unmeasured": [
                {"method": method, "metric": metric, "photos": amount, "reason": reason}
                for method, metric, amount, reason in self.unmeasured()
            ],
            "failed": dict(self.failed),
            "left_out": dict(self.left_out),
        }

    def save(self, path: str | Path) -> Path:
        """Write it: ``.csv`` for the values of each photo, ``.html`` for a page, ``.json`` for the table.

        Returns:
            The path written.

        Raises:
            OutputError: The suffix is unknown, the folder is missing, or the place cannot be written.
        """
        from layerlore.report.evaluation import save_evaluation

        return save_evaluation(self, path)

    def _repr_html_(self) -> str:
        """The page, for a notebook's output cell."""
        from layerlore.report.evaluation import evaluation_notebook_html

        return evaluation_notebook_html(self)


def _typed(value: object) -> str:
    """An option's value as it is typed."""
    return value if isinstance(value, str) else json.dumps(value)
