"""What a difference between two studies is made of, judged against limits, and as JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from layerlore.study.compare import mean_change
from layerlore.study.matching import DIGITS

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.local.explanation import Prediction

FORMAT = "layerlore.study_diff"
VERSION = 1
NEWLY_WRONG, NEWLY_RIGHT, CHANGED, SAME = "newly wrong", "newly right", "changed", "same"


@dataclass(frozen=True)
class Side:
    """One of the two studies.

    Attributes:
        folder: The study's folder.
        network: The network in readable words.
        fingerprint: Fingerprint of its weights.
        set_hash: The set of explanations that was read.
        photos: Photos of the study.
    """

    folder: Path
    network: str
    fingerprint: str
    set_hash: str
    photos: int


@dataclass(frozen=True)
class PhotoDiff:
    """What changed in one photo.

    Attributes:
        image_id: The photo.
        name: Its file name.
        label: Its class as given in A, or None.
        before: A's likeliest class.
        after: B's.
        target: The class that A explains.
        target_after: The class that B explains.
        same_target: Both explain one class; else the change is that of the class as well.
        kind: ``newly wrong``, ``newly right``, ``changed`` (another answer, but neither of these) or ``same``.
        change: Mean change of the layers, in [0, 1].
        layers: Change of each layer, as in `StudyDiff.layers`.
        label_after: Its class as given in B, or None.
    """

    image_id: str
    name: str
    label: str | None
    before: Prediction
    after: Prediction
    target: Prediction
    target_after: Prediction
    same_target: bool
    kind: str
    change: float
    layers: tuple[float, ...] = field(repr=False)
    label_after: str | None = None

    @property
    def confidence_change(self) -> float:
        """Probability of the answer after minus before, in [-1, 1]."""
        return round(self.after.probability - self.before.probability, DIGITS)


@dataclass(frozen=True)
class LayerDiff:
    """The mean change of one layer over the photos explained for one class on both sides; None if there are none."""

    name: str
    change: float | None


@dataclass(frozen=True)
class Limits:
    """What a difference may be; None is no limit.

    Attributes:
        change: Largest change of a photo, in [0, 1].
        mean_change: Mean change of the photos, in [0, 1].
        newly_wrong: Number of photos whose answer was right and is wrong.
        accuracy_drop: Fall of the accuracy in percentage points.
        missing: Photos that were not compared, see `StudyDiff.missing`; None is 0 where any other limit is given.
    """

    change: float | None = None
    mean_change: float | None = None
    newly_wrong: int | None = None
    accuracy_drop: float | None = None
    missing: int | None = None


@dataclass(frozen=True)
class Verdict:
    """One limit and what was found.

    Attributes:
        name: The limit, as in `Limits`.
        limit: Its value.
        found: What was found, or None where it cannot be told, which is not within any limit.
        over: Photos that ``found`` is about.
        of: Photos that it could be about.
        missing: Photos that were not compared where these are more than allowed, else 0; a limit that the others
            keep cannot be judged then.
    """

    name: str
    limit: float
    found: float | None
    over: int
    of: int
    missing: int = 0

    @property
    def exceeded(self) -> bool:
        """What was found is over the limit, whatever is missing."""
        return self.found is not None and self.found > self.limit

    @property
    def within(self) -> bool:
        """The limit is kept, and no more photos are missing than may be."""
        return self.found is not None and not self.exceeded and not self.missing


@dataclass(frozen=True, repr=False)
class StudyDiff:
    """Two studies of the same photos, photo by photo.

    Attributes:
        a: The first study, such as that of the older network.
        b: The second.
        photos: Photos that both explain, most changed first.
        layers: Mean change of each layer, shallow to deep.
        judged: Photos of these that have one class in both studies, which both networks know.
        right_before: Of the judged ones, those that A's network answers rightly.
        right_after: The same of B.
        only_a: Number of photos that only A has.
        only_b: Number of photos that only B has.
        unexplained: Number of photos that both have, but not both explain.
        notes: Plain sentences on what else differs.
        labels_differ: Photos that both explain whose class as given is not the same in both; they are not judged.
        paired_by: ``name`` where the layers are those of one architecture, else ``depth``.
        layers_only_a: Names of A's layers without a partner; they are in no mean.
        layers_only_b: Names of B's.
    """

    a: Side
    b: Side
    photos: tuple[PhotoDiff, ...]
    layers: tuple[LayerDiff, ...]
    judged: int
    right_before: int
    right_after: int
    only_a: int
    only_b: int
    unexplained: int
    notes: tuple[str, ...] = ()
    labels_differ: int = 0
    paired_by: str = "name"
    layers_only_a: tuple[str, ...] = ()
    layers_only_b: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line: the studies, photos, mean change and newly wrong ones."""
        mean = "-" if self.mean_change is None else f"{self.mean_change:.3f}"
        return (
            f"StudyDiff({self.a.folder.name!r}, {self.b.folder.name!r}, {len(self.photos)} photos, "
            f"mean change={mean}, {len(self.of_kind(NEWLY_WRONG))} newly wrong)"
        )

    def of_kind(self, kind: str) -> tuple[PhotoDiff, ...]:
        """The photos of a kind, most changed first."""
        return tuple(photo for photo in self.photos if photo.kind == kind)

    @property
    def missing(self) -> int:
        """Photos of A that were not compared: B lacks them, or one of the two has not explained them."""
        return self.only_a + self.unexplained

    @property
    def alike(self) -> tuple[PhotoDiff, ...]:
        """Photos that are explained for one class on both sides: what means and limits of change are about."""
        return tuple(photo for photo in self.photos if photo.same_target)

    @property
    def mean_change(self) -> float | None:
        """Mean change of those, in [0, 1]; None if there are none."""
        return mean_change([photo.change for photo in self.alike]) if self.alike else None

    @property
    def max_change(self) -> float | None:
        """Largest change of those; None if there are none."""
        return max((photo.change for photo in self.alike), default=None)

    @property
    def mean_change_other_class(self) -> float | None:
        """Mean change of the photos that are explained for different classes; None if there are none."""
        other = [photo.change for photo in self.photos if not photo.same_target]
        return mean_change(other) if other else None

    @property
    def accuracy_before(self) -> float | None:
        """Share of the judged photos that A's network answers rightly, in percent; None if none is judged."""
        return 100 * self.right_before / self.judged if self.judged else None

    @property
    def accuracy_after(self) -> float | None:
        """The same of B."""
        return 100 * self.right_after / self.judged if self.judged else None

    @property
    def accuracy_drop(self) -> float | None:
        """Fall of the accuracy in percentage points; negative where it rose."""
        return round(100 * (self.right_before - self.right_after) / self.judged, DIGITS) if self.judged else None

    @property
    def confidence_change(self) -> float:
        """Mean change of the answers' probability, in [-1, 1]."""
        return round(math.fsum(p.confidence_change for p in self.photos) / len(self.photos), DIGITS)

    def judge(self, limits: Limits) -> tuple[Verdict, ...]:
        """Hold what was found against the limits that are given.

        Returns:
            One verdict for each, and one on photos that were not compared wherever any is given.
        """
        given = {name: limit for name, limit in asdict(limits).items() if limit is not None}
        if not given:
            return ()
        compared, alike = len(self.photos), len(self.alike)
        found: dict[str, tuple[float | None, int]] = {
            "change": (self.max_change, alike),
            "mean_change": (self.mean_change, alike),
            "newly_wrong": (len(self.of_kind(NEWLY_WRONG)) if self.judged else None, self.judged),
            "accuracy_drop": (self.accuracy_drop, self.judged),
        }
        allowed = given.pop("missing", 0)
        too_many = self.missing if self.missing > allowed else 0
        return (
            *(Verdict(name, limit, *found[name], compared, too_many) for name, limit in given.items()),
            Verdict("missing", allowed, self.missing, compared + self.missing, compared + self.missing),
        )

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Everything in plain dicts, lists, strings and numbers.

        Args:
            top: Only so many photos; None = all.
        """
        names = [layer.name for layer in self.layers]
        return {
            "format": FORMAT,
            "version": VERSION,
            "a": {**asdict(self.a), "folder": str(self.a.folder)},
            "b": {**asdict(self.b), "folder": str(self.b.folder)},
            "summary": {
                "photos": len(self.photos),
                "explained_for_one_class": len(self.alike),
                "mean_change": self.mean_change,
                "max_change": self.max_change,
                "mean_change_other_class": self.mean_change_other_class,
                **{kind.replace(" ", "_"): len(self.of_kind(kind)) for kind in (NEWLY_WRONG, NEWLY_RIGHT, CHANGED)},
                "judged": self.judged,
                "labels_differ": self.labels_differ,
                "accuracy_before": self.accuracy_before,
                "accuracy_after": self.accuracy_after,
                "accuracy_drop": self.accuracy_drop,
                "confidence_change": self.confidence_change,
                "only_a": self.only_a,
                "only_b": self.only_b,
                "unexplained": self.unexplained,
                "missing": self.missing,
            },
            "paired_by": self.paired_by,
            "layers_only_a": list(self.layers_only_a),
            "layers_only_b": list(self.layers_only_b),
            "layers": [asdict(layer) for layer in self.layers],
            "photos": [
                {
                    **asdict(photo),
                    "confidence_change": photo.confidence_change,
                    "layers": dict(zip(names, photo.layers, strict=True)),
                }
                for photo in self.photos[:top]
            ],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """`to_dict` as text; the same difference always gives the same bytes."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def to_csv(self) -> str:
        """One line a photo, most changed first; one column a layer."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        head = ("image_id", "name", "label", "kind", "change", "same_target", "before", "before_probability", "after")
        more = ("after_probability", "target", "target_after", "label_after")
        writer.writerow((*head, *more, *(layer.name for layer in self.layers)))
        for p in self.photos:
            answers = (p.before.name, p.before.probability, p.after.name, p.after.probability)
            told = (p.image_id, p.name, p.label or "", p.kind, p.change, p.same_target)
            writer.writerow((*told, *answers, p.target.name, p.target_after.name, p.label_after or "", *p.layers))
        return file.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the difference: ``.html`` for a page, ``.csv`` for a table of photos, ``.json`` for everything.

        Returns:
            The path written.

        Raises:
            OutputError: The suffix is unknown or the place cannot be written.
        """
        from layerlore.report.diff import save_diff

        return save_diff(self, path)

    def _repr_html_(self) -> str:
        """Show the page in a notebook."""
        from layerlore.report.diff import diff_notebook_html

        return diff_notebook_html(self)
