"""Two studies of the same photos: which photos changed most, which answers are newly wrong, which layers moved."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from layerlore.errors import StudyError
from layerlore.study.compare import ALL_IN_COMMON, compare, mean_change, settings_notes
from layerlore.study.matching import DIGITS
from layerlore.study.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from layerlore.local.explanation import Explanation, Prediction
    from layerlore.study.compare import Comparison
    from layerlore.study.records import ImageRecord
    from layerlore.study.study import Study

    Progress = Callable[[int, int], None]

FORMAT = "layerlore.study_diff"
VERSION = 1
TOGETHER = 16
"""Photos whose explanations are in memory at the same time; the usual size of a study's files."""
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


def diff(a: Study, b: Study, *, progress: Progress | None = None) -> StudyDiff:
    """Compare the explanations of two studies of the same photos.

    Photos are matched by their contents. Explanations are read a few at a time and dropped again, so that memory
    does not grow with the studies but for one line of numbers a photo.

    Args:
        a: The first study, such as that of the older network.
        b: The second.
        progress: Told how many of how many photos were compared.

    Returns:
        The difference; the same studies always give the same.

    Raises:
        StudyError: No photo is explained in both.
        CompareError: The networks saw parts of a photo that do not overlap.
        FileFormatError: A file of a study cannot be used.
    """
    records_b = {record.image_id: record for record in b.images}
    records = {
        record.image_id: (record, records_b[record.image_id]) for record in a.images if record.image_id in records_b
    }
    gathered = _Gathered()
    for one, other in _together(a, b, list(records)):
        gathered.add(compare(one, other), *records[one.photo.image_id])
        if progress is not None:
            progress(len(gathered.photos), len(records))
    if not gathered.photos:
        reason = (
            "explained in both yet; run both studies" if records else "in both; give two studies of the same photos"
        )
        raise StudyError(f"{a.folder} and {b.folder}: no photo is {reason}")
    return StudyDiff(
        a=_side(a),
        b=_side(b),
        photos=tuple(sorted(gathered.photos, key=lambda photo: (-photo.change, photo.image_id))),
        layers=gathered.layers(),
        judged=gathered.judged,
        right_before=gathered.right_before,
        right_after=gathered.right_after,
        only_a=len(a.images) - len(records),
        only_b=len(b.images) - len(records),
        unexplained=len(records) - len(gathered.photos),
        notes=tuple(gathered.notes(a, b)),
        labels_differ=gathered.labels_differ,
        paired_by=gathered.paired_by,
        layers_only_a=gathered.only_a,
        layers_only_b=gathered.only_b,
    )


def _together(a: Study, b: Study, image_ids: Sequence[str]) -> Iterator[tuple[Explanation, Explanation]]:
    """The two explanations of each photo that both studies explain, in the order of A's photos."""
    readers = [Reader(study.folder, study.manifest, study.images) for study in (a, b)]
    for start in range(0, len(image_ids), TOGETHER):
        some = image_ids[start : start + TOGETHER]
        chosen = set(some)
        first, second = (
            {e.photo.image_id: e for e in reader.explanations(chosen, None, views=False)} for reader in readers
        )
        yield from ((first[key], second[key]) for key in some if key in first and key in second)


def _side(study: Study) -> Side:
    info = study.network_info
    return Side(study.folder, str(info["name"]), str(info["fingerprint"]), study.manifest.current, len(study.images))


class _Gathered:
    """What is kept of the photos that were compared."""

    def __init__(self) -> None:
        self.photos: list[PhotoDiff] = []
        self.judged = self.right_before = self.right_after = self.labels_differ = 0
        self.paired_by = "name"
        self.only_a: tuple[str, ...] = ()
        self.only_b: tuple[str, ...] = ()
        self._names: tuple[str, ...] = ()
        self._alike: defaultdict[int, list[float]] = defaultdict(list)
        self._notes: dict[str, None] = {}
        self._least_shared = 1.0

    def add(self, found: Comparison, record_a: ImageRecord, record_b: ImageRecord) -> None:
        """Keep the numbers of one photo."""
        before, after = found.a.predictions[0], found.b.predictions[0]
        one_label = record_a.label == record_b.label
        self.labels_differ += not one_label
        known = one_label and record_a.class_index is not None and record_b.class_index is not None
        right = before.index == record_a.class_index, after.index == record_b.class_index
        if known:
            self.judged += 1
            self.right_before += right[0]
            self.right_after += right[1]
        if not self.photos:  # all explanations of a study have the same layers
            self._names = tuple(layer.name for layer in found.layers)
            self.paired_by, self.only_a, self.only_b = found.paired_by, found.only_a, found.only_b
        changes = tuple(layer.change for layer in found.layers)
        if found.same_target:
            for position, change in enumerate(changes):
                self._alike[position].append(change)
        self._notes |= dict.fromkeys(settings_notes(found.a, found.b))
        self._least_shared = min(self._least_shared, found.shared_view)
        self.photos.append(
            PhotoDiff(
                image_id=record_a.image_id,
                name=record_a.name,
                label=record_a.label,
                before=before,
                after=after,
                target=found.a.target,
                target_after=found.b.target,
                same_target=found.same_target,
                kind=_kind(right, known=known, changed=found.answer_changed),
                change=found.change,
                layers=changes,
                label_after=record_b.label,
            )
        )

    def layers(self) -> tuple[LayerDiff, ...]:
        """Mean change of each layer over the photos that are explained for one class."""
        return tuple(
            LayerDiff(name, mean_change(self._alike[i]) if i in self._alike else None)
            for i, name in enumerate(self._names)
        )

    def notes(self, a: Study, b: Study) -> Iterator[str]:
        """What else differs, in plain sentences."""
        if a.settings.target != b.settings.target:
            yield f"A explains {_target(a)}, B {_target(b)}."
        yield from self._notes
        alike = sum(photo.same_target for photo in self.photos)
        if alike < len(self.photos):
            yield (
                f"Compare with care: means and limits of change are over {alike} of {len(self.photos)} photos, "
                "the others are explained for another class in B."
            )
        if self.labels_differ:
            yield (
                f"{self.labels_differ} of {len(self.photos)} photos have not the same class as given in both studies; "
                "they are not judged."
            )
        if self.only_a or self.only_b:
            yield (
                f"Not all layers are compared: {len(self._names)} are paired by {self.paired_by}, "
                f"{len(self.only_a)} of A and {len(self.only_b)} of B have no partner and are in no mean."
            )
        if self._least_shared < ALL_IN_COMMON:
            yield (
                "The networks crop photos differently; compared is the part that both saw, "
                f"at least {100 * self._least_shared:.0f} % of what either saw."
            )


def _target(study: Study) -> str:
    words = {"predicted": "the predicted class", "label": "the photo's own class"}
    return words.get(study.settings.target, f"class {study.settings.target}")


def _kind(right: tuple[bool, bool], *, known: bool, changed: bool) -> str:
    if known and right[0] != right[1]:
        return NEWLY_RIGHT if right[1] else NEWLY_WRONG
    return CHANGED if changed else SAME
