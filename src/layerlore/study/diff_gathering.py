"""What is kept of each photo while two studies are compared, so that memory holds one line of numbers a photo."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from layerlore.study.compare import ALL_IN_COMMON, mean_change, settings_notes
from layerlore.study.diff_records import CHANGED, NEWLY_RIGHT, NEWLY_WRONG, SAME, LayerDiff, PhotoDiff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.study.compare import Comparison
    from layerlore.study.records import ImageRecord
    from layerlore.study.study import Study


class Gathered:
    """What is kept of the photos that were compared."""

    def __init__(self) -> None:
        """Begin with nothing."""
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
