"""Concepts tested on a tiny network that knows one concept: it is found, others are not; and the command."""

from __future__ import annotations

import json
import shutil
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tcav_small import concepts_on, make_study, noise, planted, save_pictures
from typer.testing import CliRunner

from layerlore.classes.tcav import TcavSettings, validate
from layerlore.classes.tcav_records import Validation, load_validation, save_validation
from layerlore.classes.tcav_regions import GRID, Window, cut, random_windows, window_of
from layerlore.cli import app
from layerlore.concepts.records import MapKey
from layerlore.concepts.storage import save_concepts
from layerlore.errors import FileFormatError, PhotoError, SettingError, StudyError
from layerlore.study.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.classes.tcav_records import ConceptScore

FEW_RUNS = TcavSettings(runs=20)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Photos of red patches on noise and of noise alone, explained, with two concepts on their maps."""
    made = make_study(tmp_path_factory.mktemp("tcav"))
    red = [image for image in made.images if image.label == "red"]
    keys = [MapKey(image.image_id, image.class_index or 0, made.settings.layers[0], -1) for image in red]
    save_concepts(made.folder, concepts_on({"patch": keys, "rare": keys[:3]}))
    return made


@pytest.fixture(scope="session")
def folders(study: Study, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pictures that are red, that have stripes, and that are random windows of the study's own photos."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(5)
    windows, _ = random_windows([image.image_id for image in study.images], 0.25, rng)
    chosen = [windows[number] for number in rng.permutation(len(windows))[:16]]
    random = [np.asarray(one.image).astype(int) for one in cut(study, planted(), chosen)]
    stripes = np.where(np.arange(24) // 3 % 2, 20, -20)[None, :, None]
    return {
        "red": save_pictures(root / "red", (noise(rng) // 2 + np.array([120, 0, 0], np.uint8) for _ in range(12))),
        "striped": save_pictures(root / "striped", ((one + stripes).clip(0, 255).astype(np.uint8) for one in random)),
        "random": save_pictures(root / "random", (one.astype(np.uint8) for one in random)),
    }


@pytest.fixture(scope="session")
def found(study: Study, folders: dict[str, Path]) -> Validation:
    study.use_network(planted())
    return validate(study, images=list(folders.values()), settings=FEW_RUNS)


def scores(found: Validation, label: str, name: str) -> list[ConceptScore]:
    return [one for one in found.scores if (one.label, one.name) == (label, name)]


def test_planted_concept_is_found_and_a_random_one_is_not(study: Study, found: Validation) -> None:
    for label, sign in (("red", 1.0), ("other", 0.0)):
        ours = scores(found, label, "red")
        assert [one.layer for one in ours] == list(study.settings.layers)
        for one in ours:
            assert one.significant
            assert one.sign == sign
            assert one.accuracy > 0.8
        random = scores(found, label, "random")
        assert len(random) == len(ours)
        assert not any(one.significant for one in random)
        # Stripes are told from other pictures, but they do not reach the answer.
        assert not any(one.significant for one in scores(found, label, "striped"))
    assert all(one.at_chance and one.score is None and one.p is None for one in scores(found, "red", "random"))


def test_concept_of_maps_is_tested_where_it_is_and_too_few_pictures_are_told(found: Validation) -> None:
    ours = scores(found, "red", "patch")
    assert ours
    assert all(one.significant and one.score > 0.5 for one in ours)
    assert all(one.low <= one.score <= one.high and one.p <= one.p_holm for one in ours)
    assert not scores(found, "other", "patch")  # it is on no map of that class
    assert [(one.label, one.name) for one in found.untested] == [("red", "rare")]
    assert "maps on 3 photos" in found.untested[0].reason


def test_photos_whose_best_map_is_of_another_class_still_give_a_picture(study: Study, tmp_path: Path) -> None:
    shutil.copytree(study.folder, tmp_path / "copy")
    copy = Study.open(tmp_path / "copy")
    copy.use_network(planted())
    red = [image for image in study.images if image.label == "red"]
    layer = study.settings.layers[0]
    # Words of another class come first, with higher scores; the study explains red photos for red alone.
    keys = [MapKey(one.image_id, target, layer, -1) for target in (1, 0) for one in red]
    save_concepts(copy.folder, concepts_on({"patch": keys}))
    found = validate(copy, classes=["red"], settings=FEW_RUNS)
    assert {one.examples for one in scores(found, "red", "patch")} == {len(red)}
    assert found.facts["out_of_reach"] == []


def test_too_many_tests_for_too_few_pictures_are_told(study: Study, tmp_path: Path) -> None:
    shutil.copytree(study.folder, tmp_path / "copy")
    copy = Study.open(tmp_path / "copy")
    copy.use_network(planted())
    red = [image for image in study.images if image.label == "red"][:8]
    # One other map of each photo: 256 ways to exchange them.
    first, second = ([MapKey(one.image_id, 0, layer, 0) for one in red] for layer in study.settings.layers[:2])
    save_concepts(copy.folder, concepts_on({"other": second, **{f"word {n}": first for n in range(9)}}))
    found = validate(copy, classes=["red"], settings=FEW_RUNS)
    told = found.facts["out_of_reach"]
    assert told, [(one.name, one.p) for one in found.scores]
    for beyond in told:
        ours = scores(found, "red", beyond["name"])
        assert beyond["p"] >= 0.05
        assert all(one.p_holm is None or one.p_holm >= beyond["p"] - 1e-9 for one in ours)


@pytest.mark.parametrize("settings", [{"score": "sign"}, {"vector": "ridge"}, {"pooling": "flatten"}])
def test_planted_concept_is_found_every_way(study: Study, folders: dict[str, Path], settings: dict[str, str]) -> None:
    study.use_network(planted())
    chosen = TcavSettings(runs=20, **settings)  # type: ignore[arg-type]
    result = validate(study, classes=["red"], concepts=["patch"], images=[folders["red"]], settings=chosen)
    ours = scores(result, "red", "patch")
    assert ours
    assert all(one.sign == 1.0 and one.smooth > 0.5 for one in ours)
    if chosen.pooling == "flatten":
        assert all(one.significant for one in ours)
    if chosen.score == "sign":
        # The gradients of all photos agree, and red photos differ from the others by more than the patch, so that other
        # windows of the same photos have the sign 1 too: it can prove nothing.
        assert all((one.null_low, one.null_high) == (1, 1) and one.p == 1 for one in ours)


def test_same_bytes_and_no_photo_read_again(study: Study, folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(study.folder, tmp_path / "copy")
    copy = Study.open(tmp_path / "copy")
    copy.use_network(planted())

    def run(seed: int = 0) -> bytes:
        settings = TcavSettings(runs=20, seed=seed)
        result = validate(copy, concepts=["patch"], images=[folders["red"]], settings=settings)
        save_validation(copy.folder, result)
        assert load_validation(copy.folder) == result
        return (copy.folder / "tcav.parquet").read_bytes()

    first = run()
    cached = sorted((copy.folder / "tcav").glob("*.npz"))
    assert len(cached) == 6  # random windows, others of the concept's photos, two concepts, two classes
    cached[0].write_bytes(b"damaged")
    assert run() == first
    shutil.rmtree(copy.folder / "photos")
    assert run() == first
    with pytest.raises(PhotoError, match="no such file"):
        run(seed=1)  # other random windows


def test_concepts_are_compared_with_each_other(study: Study, tmp_path: Path) -> None:
    shutil.copytree(study.folder, tmp_path / "copy")
    copy = Study.open(tmp_path / "copy")
    copy.use_network(planted())
    layer = study.settings.layers[0]
    keys = {
        label: [MapKey(one.image_id, one.class_index or 0, layer, -1) for one in study.images if one.label == label]
        for label in ("red", "other")
    }
    settings = TcavSettings(runs=20, negatives="concepts")
    # The only other concept has too few pictures.
    found = validate(copy, classes=["red"], settings=settings)
    assert not found.scores
    assert "fewer than 8 pictures to compare it with" in {one.reason for one in found.untested}
    save_concepts(copy.folder, concepts_on({"patch": keys["red"], "noise": keys["other"]}))
    found = validate(copy, concepts=["patch", "noise"], settings=settings)
    assert found.facts["compared_pictures"] == len(study.images)
    assert all(one.significant and one.above for one in scores(found, "red", "patch"))
    assert all(one.sign == 0 for one in scores(found, "red", "noise"))


def test_window_holds_the_most_of_a_map() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        values = rng.random((GRID, GRID)).astype(np.float32) ** 8
        window = window_of("x", values, 0.25)
        side = GRID // 2

        def mass(top: int, left: int, values: np.ndarray = values, side: int = side) -> float:
            return float(values[top : top + side, left : left + side].sum())

        best = max(mass(top, left) for top, left in product(range(GRID - side + 1), repeat=2))
        assert mass(round(window.top * GRID), round(window.left * GRID)) == pytest.approx(best, rel=1e-5)
    assert window_of("x", np.full((7, 7), 0.5, dtype=np.float32), 0.25) is None


def test_network_sees_the_window(tmp_path: Path) -> None:
    """A ramp across and down: its values tell where a picture was cut."""
    import layerlore as ll

    across, down = np.meshgrid(np.arange(400), np.arange(300))
    pixels = np.stack([across * 255 / 399, down * 255 / 299, 0 * across], axis=2).astype(np.uint8)
    save_pictures(tmp_path / "ramp", [pixels])
    network = ll.load_network()
    made = Study.create(tmp_path / "study", tmp_path / "ramp", network)
    (image,) = made.images
    whole = cut(made, network, [Window(image.image_id, 0, 0, 1)])[0]
    seen = network.prepare(whole)
    for left, top in ((0.25, 0.25), (0.375, 0.125)):
        ours = network.prepare(cut(made, network, [Window(image.image_id, left, top, 0.5)])[0])
        rows, columns = network.input_size
        y, x = (
            slice(round(top * rows), round((top + 0.5) * rows)),
            slice(round(left * columns), round((left + 0.5) * columns)),
        )
        for colour in (0, 1):
            assert float(ours[colour].mean()) == pytest.approx(float(seen[colour, y, x].mean()), abs=0.03)
            assert float(ours[colour].std()) == pytest.approx(float(seen[colour, y, x].std()), rel=0.03)


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_command(study: Study, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Study, "load_network", lambda _self: planted())
    code, out, err = run("validate", study.folder, "--class", "red", "--images", folders["red"], "--runs", 20)
    assert code == 0, err
    assert "red (18 photos)" in out
    assert "patch" in out
    assert "not tested: red: rare (maps on 3 photos show it; at least 8 are needed)" in err
    code, out, _ = run("validate", study.folder, "--concept", "patch", "--runs", 20, "--json")
    content = json.loads(out)
    assert code == 0
    assert {one["label"] for one in content["scores"]} == {"red", "other"}
    assert load_validation(study.folder).scores[0].p == content["scores"][0]["p"]


def test_errors_in_one_line(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Study, "load_network", lambda _self: planted())
    cases = [
        (["--runs", 5], "runs is 5; give at least 20"),
        (["--fraction", 2], "fraction is 2.0; give a share"),
        (["--class", "zebra"], "no explained photos of class 'zebra'; there are other, red"),
        (["--concept", "moon"], "there is no concept 'moon'; there are patch, rare"),
        (["--images", tmp_path / "none"], "no such folder"),
        (["--images", tmp_path], "0 pictures; a concept needs at least 8"),
    ]
    for options, told in cases:
        code, out, err = run("validate", study.folder, *options)
        assert (code, out) == (1, "")
        assert told in err
        assert err.count("\n") == 1
    bare = tmp_path / "bare"
    shutil.copytree(study.folder, bare)
    (bare / "concepts.parquet").unlink()
    code, _, err = run("validate", bare)
    assert (code, err.count("\n")) == (1, 1)
    assert "no concepts yet; make them with layerlore concepts" in err
    with pytest.raises(SettingError, match="choose smooth or sign"):
        TcavSettings(score="t-test")
    with pytest.raises(StudyError, match="no concepts yet"):
        validate(Study.open(bare))
    (bare / "tcav.parquet").write_bytes(b"something else")
    with pytest.raises(FileFormatError, match="layerlore validate"):
        load_validation(bare)
