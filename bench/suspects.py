"""Shortcut suspects on real photos: which maps lie beside the object and stay when it is gone, by class.

Photos of Imagenette (25 of each of 10 classes) and Imagewoof (10 dogs) with people's boxes, explained by the default
network for their own class. Without labels: groups of maps stand in for concepts. Two ways to remove the object. One
row for each class and way, and one for each suspect. Columns room_*: the control, of the photos with room for a patch
of the object's size beside it: what the network says without the patch, and without the object.
"""

from __future__ import annotations

import csv
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from common import DATA, RESULTS, write_csv
from layerlore.classes.explaining import ClassSettings, explain_class
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.classes.records import ClassExplanation

SETS = ("imagenette_val500", "imagewoof_val500")
WAYS = ("blur", "fill")


def main() -> None:
    rows = []
    for name in SETS:
        with tempfile.TemporaryDirectory() as folder:
            study = make_study(DATA / name, Path(folder))
            study.run()
            for label in study.labels:
                for way in WAYS:
                    made = explain_class(study, label, settings=ClassSettings(removal=way))  # type: ignore[arg-type]
                    rows += list(rows_of(name, made))
                    print(name, label, way, len(made.suspects), flush=True)
    write_csv(RESULTS / "suspects.csv", rows)


def make_study(source: Path, folder: Path) -> Study:
    """A study of a set's photos with its boxes."""
    photos = folder / "photos"
    photos.mkdir()
    for place in source.iterdir():
        if place.is_dir():
            (photos / place.name).symlink_to(place)
    study = Study.create(folder / "study", photos, target="label")
    known = {image.path for image in study.images}
    with (source / "annotations.tsv").open(encoding="utf-8") as file:
        annotated = [row for row in csv.DictReader(file, delimiter="\t") if row["file"] in known]
    lines = [
        ",".join(map(str, (row["file"], *box))) for row in annotated for box in json.loads(row["boxes_xyxy_stored_px"])
    ]
    (study.folder / "objects.csv").write_text("\n".join(["image,left,top,right,bottom", *lines]) + "\n")
    return study


def rows_of(name: str, made: ClassExplanation) -> Iterator[dict[str, object]]:
    """The class, then its suspects."""
    assert made.removal is not None
    removal = made.removal
    shared = {"photos_of": name, "label": made.label, "removal": removal.how}
    yield {
        **shared,
        "kind": "class",
        "images": made.images,
        "checked": made.checked,
        "right": removal.right,
        "still": removal.still,
        "probability": removal.probability,
        "logit": removal.logit,
        "suspects": len(made.suspects),
        **(
            {}
            if removal.elsewhere is None
            else {f"room_{name}": value for name, value in asdict(removal.elsewhere).items()}
        ),
    }
    for one in made.suspects:
        yield {
            **shared,
            "kind": "suspect",
            "layer": one.layer,
            "name": one.name,
            "score": one.score,
            "outside": one.outside,
            "expected_outside": one.expected_outside,
            "survives": one.survives,
            "p_value": one.p_value,
            "images": one.photos,
        }


if __name__ == "__main__":
    main()
