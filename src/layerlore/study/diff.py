"""Two studies of the same photos: which photos changed most, which answers are newly wrong, which layers moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.errors import StudyError
from layerlore.study.compare import compare
from layerlore.study.diff_gathering import Gathered
from layerlore.study.diff_records import Side, StudyDiff
from layerlore.study.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from layerlore.local.explanation import Explanation
    from layerlore.study.study import Study

    Progress = Callable[[int, int], None]

TOGETHER = 16
"""Photos whose explanations are in memory at the same time; the usual size of a study's files."""


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
    gathered = Gathered()
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
