"""A true shortcut in real photos: the network knows a tench by the angler who holds it, with and without words."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from layerlore.classes.explaining import explain_class
from layerlore.classes.objects import read_objects
from layerlore.cli import app
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(os.environ.get("LAYERLORE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
IMAGENETTE = DATA / "imagenette_val500"
TENCH, CHURCH = "n01440764_tench", "n03028079_church"
LAYERS = ("blocks.6.0.bn2", "bn2")
SIDE = 224
WORDS = Path(__file__).parent / "tench_words.csv"
"""What is in each of the 25 photos of tenches beside the fish, looked at and written down by us."""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not IMAGENETTE.is_dir(), reason=f"no photos in {DATA}")]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Photos of tenches and churches with people's boxes."""
    root = tmp_path_factory.mktemp("imagenette")
    (root / "photos").mkdir()
    for name in (TENCH, CHURCH):
        (root / "photos" / name).symlink_to(IMAGENETTE / name)
    made = Study.create(root / "study", root / "photos", target="label", layers=LAYERS)
    with (IMAGENETTE / "annotations.tsv").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["file"].startswith((TENCH, CHURCH))]
    boxes = [(row["file"], *box) for row in rows for box in json.loads(row["boxes_xyxy_stored_px"])]
    with (made.folder / "objects.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "left", "top", "right", "bottom"), *boxes])
    made.run(workers=1)
    return made


def test_the_angler_is_suspected_for_tench_and_nothing_for_a_church(study: Study) -> None:
    """Without the fish the network still says tench, since it sees who holds it."""
    tench, church = (explain_class(study, name) for name in (TENCH, CHURCH))
    assert tench.removal is not None
    assert tench.removal.still >= 4
    assert tench.removal.logit > 0.35
    assert {one.layer for one in tench.suspects} == set(LAYERS)
    assert tench.suspects[0].score > 0.35
    assert church.removal is not None
    assert (church.removal.still, church.suspects) == (0, ())
    assert church.removal.logit < 0.2


def answers(study: Study) -> Iterator[tuple[str, str, int, str, str]]:
    """Two players see the brightest 8 and 20 percent of the photo by each map, and type what most of that is."""
    with WORDS.open() as file:
        known = {row["file"]: row for row in csv.DictReader(file)}
    objects = read_objects(study)
    for explanation in study.explanations(label=TENCH, views=False):
        row, image_id = known[explanation.photo.name.rpartition("/")[2]], explanation.photo.image_id
        fish = np.asarray(objects[image_id].in_photo()) > 0
        person = np.zeros((SIDE, SIDE), dtype=bool)
        if row["who"]:
            left, top, right, bottom = (int(row[side]) for side in ("left", "top", "right", "bottom"))
            person[top:bottom, left:right] = True
        parts = {"scales": fish, row["ground"]: ~fish & ~person, row["who"]: person & ~fish}
        left, top, right, bottom = map(round, explanation.photo.box)
        for layer in explanation.layers:
            for cluster in layer.clusters:
                seen = np.zeros((SIDE, SIDE), dtype=np.float32)
                small = Image.fromarray(cluster.map.astype(np.float32))
                seen[top:bottom, left:right] = small.resize((right - left, bottom - top), Image.Resampling.BILINEAR)
                for player, share in (("anna", 0.08), ("ben", 0.2)):
                    bright = seen >= np.quantile(seen, 1 - share)
                    word = max(parts, key=lambda part: int((bright & parts[part]).sum()))
                    yield image_id, layer.name, cluster.index, word, player


def test_of_the_words_that_were_typed_the_man_is_suspected_and_the_fish_is_not(study: Study, tmp_path: Path) -> None:
    """From a list of answers through `layerlore concepts` and `layerlore classes`, as a user would."""
    with (tmp_path / "answers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "layer", "cluster", "text", "player", "language"))
        writer.writerows((*answer, "en") for answer in answers(study))
    folder = str(study.folder)
    for arguments in (("concepts", folder, "--answers", str(tmp_path / "answers.csv")), ("classes", folder)):
        run = CliRunner().invoke(app, list(arguments), prog_name="layerlore")
        assert run.exit_code == 0, run.output
    tench = next(one for one in study.classes() if one.label == TENCH)
    assert not tench.from_maps
    assert {"scales", "man", "grass"} <= {one.name for one in tench.concepts["bn2"]}
    assert {one.name for one in tench.suspects} == {"man"}
    (man,) = tench.suspects
    assert man.survives is not None
    assert man.survives > 0.8, "what the man says for tench stays without the fish"
    assert man.p_value is not None
    assert man.p_value < 0.05
    assert "suspect: man at bn2" in run.output
