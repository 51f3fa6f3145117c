"""Objects that people marked in real photos: ImageNet's boxes, COCO's segments, transparency of cut-out photos."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from layerlore.evaluate.photos import Item
from layerlore.evaluate.truths import as_truths

DATA = Path(os.environ.get("LAYERLORE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


def item(folder: Path, file: str) -> tuple[Item, tuple[int, int]]:
    """A photo and its size."""
    with Image.open(folder / file) as image:
        return Item("0" * 16, file, Path(file).name, None, None, folder / file), image.size


@pytest.mark.parametrize("name", ["imagenette_val500", "imagewoof_val500"])
def test_boxes_of_imagenet_go_as_they_are(name: str) -> None:
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"no photos in {folder}")
    truths = as_truths(folder / "annotations.tsv")
    rows = pd.read_csv(folder / "annotations.tsv", sep="\t")
    for _, row in rows.iloc[::25].iterrows():
        one, (width, height) = item(folder, row["file"])
        mask = truths.of(one, (width, height))
        boxes = json.loads(row["boxes_xyxy_stored_px"])
        assert mask.shape == (height, width)
        assert 0 < mask.sum() <= sum((right - left + 1) * (bottom - top + 1) for left, top, right, bottom in boxes)
        left, top, right, bottom = boxes[0]
        assert mask[int((top + bottom) / 2), int((left + right) / 2)]


def test_segments_of_coco_as_the_documentation_makes_a_list_of_them(tmp_path: Path) -> None:
    folder = DATA / "coco128"
    if not folder.is_dir():
        pytest.skip(f"no photos in {folder}")
    segments = pd.read_csv(folder / "segments.tsv", sep="\t").query("category == 'dog'")
    segments["mask"] = str(folder / "panoptic_png") + "/" + segments["file"].str.extract(r"(\d+)\.jpg")[0] + ".png"
    segments[["file", "mask", "segment_id"]].to_csv(tmp_path / "dogs.csv", index=False)
    truths = as_truths(tmp_path / "dogs.csv")
    for file, own in segments.groupby("file"):
        one, size = item(folder, str(file))
        assert truths.of(one, size).sum() == own["area_px"].sum()
    assert len(segments) > 2


def test_cut_out_photos_say_themselves_what_is_the_object() -> None:
    folder = DATA / "tuxpaint_masks"
    if not folder.is_dir():
        pytest.skip(f"no photos in {folder}")
    truths = as_truths("alpha")
    for file in ("zebra.png", "hippopotamus.png"):
        one, size = item(folder, file)
        assert 0.1 < truths.of(one, size).mean() < 0.9
