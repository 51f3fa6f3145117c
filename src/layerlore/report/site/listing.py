"""The list of photos that grids and search work with: a script that hands itself over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from layerlore.report.site.summary import title_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerlore.study.records import ImageRecord

WAITING, EXPLAINED, FAILED = range(3)


def listing(images: Sequence[ImageRecord], names: Mapping[int, str], thumbs: Mapping[str, tuple[int, int]]) -> str:
    """The list as JavaScript, one short row a photo.

    A row is id, file name, place of its class in ``classes`` or -1, answer or -1, probability of the answer, state
    (0 waiting, 1 explained, 2 failed), width and height of the thumbnail.

    Args:
        images: The photos, in the order of the grids.
        names: Readable names of the network's classes.
        thumbs: image_id to size of the thumbnail in pixels (width, height), for photos with a page.
    """
    labels = sorted({image.label for image in images if image.label is not None})
    place = {label: index for index, label in enumerate(labels)}
    known = {image.label: image.class_index for image in images if image.label is not None}
    rows = [_row(image, place, thumbs) for image in images]
    said = {image.predicted for image in images if image.predicted is not None}
    content = {
        "classes": [
            {"label": label, "title": title_of(label, known[label], names), "index": known[label]} for label in labels
        ],
        "answers": {index: names.get(index, str(index)) for index in sorted(said)},
        "rows": rows,
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    # Line separators and "</" are harmless in a file of its own; escaped all the same for readers that embed it.
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("</", "<\\/")
    return f"layerloreStudy({text});\n"


def _row(image: ImageRecord, place: Mapping[str, int], thumbs: Mapping[str, tuple[int, int]]) -> list[object]:
    group = -1 if image.label is None else place[image.label]
    if image.image_id not in thumbs or image.predicted is None:
        return [image.image_id, image.name, group, -1, 0, FAILED if image.problem else WAITING, 0, 0]
    sure = round(image.top5[0].probability, 4) if image.top5 else 0
    return [image.image_id, image.name, group, image.predicted, sure, EXPLAINED, *thumbs[image.image_id]]
