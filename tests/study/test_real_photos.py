"""A study of 500 real photos with the default network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layerlore.study.study import Study

DATA = Path(os.environ.get("LAYERLORE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
FOLDERS = ("imagenette_val500", "imagewoof_val500")


@pytest.mark.slow
@pytest.mark.skipif(not all((DATA / name).is_dir() for name in FOLDERS), reason=f"no photos in {DATA}")
def test_five_hundred_photos(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in FOLDERS:
        for place in (DATA / name).iterdir():
            if place.is_dir():
                (photos / place.name).symlink_to(place)
    study = Study.create(tmp_path / "study", photos, layers=["blocks.4.2.bn2", "bn2"])
    assert (len(study.images), len(study.labels), len(study.skipped), study.unknown_labels) == (500, 20, 0, ())
    result = study.run()
    assert (result.explained, result.failed) == (500, {})
    status = study.status()
    assert status.complete
    assert (status.shards, status.judged) == (32, 500)
    assert 0.65 < status.correct / status.judged < 0.80  # EfficientNet-Lite0 is right in about 70 %
    assert status.bytes / status.images < 60_000
    assert {layer.name for layer in next(study.explanations()).layers} == {"blocks.4.2.bn2", "bn2"}
