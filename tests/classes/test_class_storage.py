"""Class explanations in a study's folder, and the command that makes them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hand import CATS, concepts_of, hand_study, key_of
from typer.testing import CliRunner

from layerlore.classes.explaining import ClassSettings, explain_class, explain_classes
from layerlore.classes.records import Elsewhere, Removal, Suspect
from layerlore.classes.storage import CLASSES_FILE, classes_of, has_classes, load_classes, save_classes
from layerlore.cli import app
from layerlore.concepts.storage import save_concepts
from layerlore.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.study.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return hand_study(tmp_path)


def test_what_is_saved_is_loaded(study: Study) -> None:
    scores = {key_of(study, "cat", n, layer, 0): {"ear": 1.0 + n, "fur": 0.5} for n in range(CATS) for layer in (0, 1)}
    made = explain_classes(study, concepts_of(scores))
    assert [one.from_maps for one in made] == [False, True]
    suspect = Suspect(
        "ear", "ear", study.settings.layers[1], 0.5, 0.6, 0.5, None, "so.", 3, 0.01, ((next(iter(scores)),),)
    )
    bare = Removal("fill", 4, 3, 1, 0.25, 0.5)
    removal = replace(bare, elsewhere=Elsewhere(3, 2, 2, 1, 0.75, 0.5))
    full = (replace(made[0], suspects=(suspect,), removal=removal), replace(made[1], removal=bare))
    assert not has_classes(study.folder)
    save_classes(study, full, ClassSettings())
    assert load_classes(study.folder) == full
    before = (study.folder / CLASSES_FILE).read_bytes()
    save_classes(study, load_classes(study.folder), ClassSettings())
    assert (study.folder / CLASSES_FILE).read_bytes() == before


def test_a_file_is_made_again_only_where_it_is_out_of_date(study: Study) -> None:
    path = study.folder / CLASSES_FILE
    first = classes_of(study)
    written = path.stat().st_mtime_ns
    assert classes_of(study) == first
    assert path.stat().st_mtime_ns == written
    save_concepts(study.folder, concepts_of({key_of(study, "cat", n, 0, 0): {"ear": 1.0} for n in range(CATS)}))
    second = classes_of(study)
    assert [one.from_maps for one in second] == [False, True]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FileFormatError, match="make it again with layerlore classes"):
        load_classes(study.folder)
    assert classes_of(study) == second
    assert load_classes(study.folder) == second


def test_the_command_prints_and_writes(study: Study) -> None:
    run = CliRunner().invoke(app, ["classes", str(study.folder), "--class", "cat"], prog_name="layerlore")
    assert run.exit_code == 0, run.stderr
    assert "cat: 4 photos" in run.stdout
    assert "group 1" in run.stdout
    assert "dog" not in run.stdout
    assert [one.label for one in load_classes(study.folder)] == ["cat", "dog"]
    run = CliRunner().invoke(app, ["classes", str(study.folder), "--json"], prog_name="layerlore")
    (cat, _) = json.loads(run.stdout)["classes"]
    expected = explain_class(study, "cat").concepts[study.settings.layers[0]][0]
    shown = cat["concepts"][study.settings.layers[0]][0]
    assert (shown["name"], shown["score"]) == (expected.name, expected.score)
    assert shown["examples"][0][0] == expected.examples[0][0]._asdict()
    run = CliRunner().invoke(app, ["classes", str(study.folder), "--class", "bird"], prog_name="layerlore")
    assert run.exit_code == 1
    assert run.stderr.count("\n") == 1
    assert "no class 'bird'; there are cat, dog" in run.stderr


def test_the_command_tells_two_classes_apart(study: Study) -> None:
    scores = {key_of(study, "cat", n, 1, 0): {"whiskers": 3.0} for n in range(CATS)}
    save_concepts(study.folder, concepts_of(scores | {key_of(study, "dog", 0, 1, 0): {"snout": 3.0}}))
    arguments = ["classes", str(study.folder), "--class", "cat"]
    run = CliRunner().invoke(app, [*arguments, "--against", "dog"], prog_name="layerlore")
    assert "what tells cat from dog: 0 of 2 words more than chance" in run.stdout  # of so few photos
    run = CliRunner().invoke(app, [*arguments, "--against", "dog", "--json"], prog_name="layerlore")
    assert {word["name"] for word in json.loads(run.stdout)["telling"]} == {"whiskers", "snout"}
    run = CliRunner().invoke(app, [*arguments, "--against", "cat"], prog_name="layerlore")
    assert run.exit_code == 1
    assert "needs --class with another class" in run.stderr
