"""The folder of a study: made whole or not at all, refused where it is damaged, locked by a run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from small import NAMES, SPEC, Small, fill, network, photo_folder

import layerlore as ll
from layerlore.errors import FileFormatError, LayerLoreError, OutputError, StudyError
from layerlore.study.folder import (
    read_manifest,
    remove_orphans,
    run_lock,
    running,
    settings_hash,
    shard_path,
    write_manifest,
)
from layerlore.study.images import write_images
from layerlore.study.making import choose_settings
from layerlore.study.records import StudySettings
from layerlore.study.sources import find_photos
from layerlore.study.study import Study


@pytest.fixture
def photos(tmp_path):
    return photo_folder(tmp_path / "photos", 4)


@pytest.fixture
def study(tmp_path, photos):
    return Study.create(tmp_path / "study", photos, network())


def test_what_was_created_is_what_is_opened(tmp_path, photos):
    made = ll.Study.create(tmp_path / "new" / "study", photos, SPEC, method="paper", seed=3, target="dog", flow=True)
    study = ll.Study.open(tmp_path / "new" / "study")
    first, *_ = study.network_info["layers"]
    assert study.settings == StudySettings("paper", 3, tuple(study.network_info["layers"]), "1", flow=True)
    assert (study.manifest, study.images, study.skipped) == (made.manifest, made.images, ())
    assert study.network_info["fingerprint"] == network().fingerprint
    assert study.manifest.images["root"] == str(photos)
    assert sorted(path.name for path in study.folder.iterdir()) == [
        "explanations",
        "images.parquet",
        "skipped.parquet",
        "study.toml",
    ]
    assert study.load_network().fingerprint == network().fingerprint
    assert study.load_network().find_class("dog") == 1
    assert "4 photos" in repr(study)
    assert first == study.settings.layers[0]


def test_the_hash_depends_on_everything_that_changes_a_result():
    table = {"fingerprint": "f", "preprocess": "p", "name": "one"}
    settings = StudySettings("stable", 0, ("a", "b"))
    assert settings_hash(table, settings) == "d9bae5ef"  # written in every study: it must never change
    assert settings_hash({**table, "name": "another"}, settings) == "d9bae5ef"
    others = {
        settings_hash({**table, "fingerprint": "g"}, settings),
        settings_hash({**table, "preprocess": "q"}, settings),
        *(
            settings_hash(table, StudySettings(**{**vars(settings), **change}))
            for change in (
                {"method": "paper"},
                {"seed": 1},
                {"layers": ("a",)},
                {"target": "label"},
                {"ablation": True},
                {"flow": True},
                {"batch": 4},
                {"shard": 8},
            )
        ),
    }
    assert len(others) == 10
    assert "d9bae5ef" not in others


def test_a_second_set_is_added_and_the_first_stays(study):
    first = study.manifest.current
    changed = choose_settings(network(), study.settings, {"seed": 5, "layers": -1, "method": None})
    write_manifest(study.folder, study.manifest.with_set(changed))
    study.reload()
    assert study.settings == changed
    assert list(study.sets) == [first, study.manifest.current]
    back = study.manifest.with_set(study.sets[first])
    assert (back.current, list(back.sets)) == (first, list(study.sets))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "no setting 'colour'"),
        ({"method": "best"}, "unknown method 'best'"),
        ({"seed": -1}, "seed -1 is out of range"),
        ({"target": "zebra"}, "no class is called 'zebra'"),
        ({"target": "crane"}, "'crane' fits 2 classes"),
        ({"layers": "conv9"}, "conv9"),
        ({"batch": 0}, "batch is 0; give a whole number of at least 1"),
        ({"flow": "yes"}, "flow is 'yes'; give True or False"),
    ],
)
def test_wrong_settings_are_refused(changes, message):
    with pytest.raises(LayerLoreError, match=message):
        choose_settings(network(), None, changes)


def test_create_leaves_what_is_there_alone(tmp_path, photos, study):
    before = {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()}
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (study.folder, photos, file):
        with pytest.raises(StudyError, match=f"{place.name}: not an empty folder"):
            Study.create(place, photos, network())
    assert {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()} == before
    assert file.read_text() == "mine"
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    assert len(Study.create(tmp_path / "link", photos, network()).images) == 4
    assert len(Study.open(tmp_path / "empty").images) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": "nowhere"}, "no such folder"),
        ({"network": "timm:resnet999"}, "timm has no model"),
        ({"method": "best"}, "unknown method"),
        ({"target": "label"}, r"2 photos have no class to explain: \S+ has class 'cow', which the network"),
        ({"progress": "interrupt"}, "^$"),
    ],
)
def test_a_create_that_fails_leaves_nothing(tmp_path, photos, options, message):
    (photos / "dog").rename(photos / "cow")

    def interrupt(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    if options.get("progress"):
        options = {"progress": interrupt}
    with pytest.raises((LayerLoreError, KeyboardInterrupt), match=message):
        Study.create(tmp_path / "study", **{"images": photos, "network": network(), "copies": True, **options})
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_killed_create_leaves_no_half_study(tmp_path, photos):
    code = f"""
        import os, signal
        from small import network
        from layerlore.study.study import Study
        kill = lambda done, total: done == 3 and os.kill(os.getpid(), signal.SIGKILL)
        Study.create({str(tmp_path / "study")!r}, {str(photos)!r}, network(), copies=True, progress=kill)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=Path(__file__).parent, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "study").exists()
    assert len(Study.create(tmp_path / "study", photos, network()).images) == 4


def test_labels_that_the_network_does_not_know_are_told(tmp_path, photos):
    (photos / "dog").rename(photos / "cow")
    study = Study.create(tmp_path / "study", photos, network())
    assert study.labels == ("cat", "cow")
    assert study.unknown_labels == ("cow",)


def test_a_study_with_copies_can_be_moved_without_the_photos(tmp_path, photos):
    study = Study.create(tmp_path / "study", photos, network(), copies=True)
    made = fill(study)
    study.folder.rename(tmp_path / "moved")
    shutil.rmtree(photos)
    moved = Study.open(tmp_path / "moved")
    assert moved.manifest.images["root"] == "photos"
    assert moved.explanation(made[0].photo.image_id).photo == made[0].photo


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:200], r"damaged"),
        (lambda text: b"\xff\xfe" + text, "damaged"),
        (lambda text: b"", "not the file of a LayerLore study"),
        (lambda text: b'[project]\nname = "other"\n', "not the file of a LayerLore study"),
        (lambda text: text.replace(b"schema = 2", b"schema = 3"), "format version 3, this LayerLore reads up to 2"),
        (lambda text: re.sub(rb"fingerprint = .*\n", b"", text), "network.fingerprint is missing"),
        (lambda text: text.replace(b"copies = false", b'copies = "no"'), "images.copies has a wrong value"),
        (lambda text: re.sub(rb'current = "\w+"', b'current = "12345678"', text), "sets.12345678 is missing"),
        (lambda text: text.replace(b"seed = 0", b"seed = 1"), r"sets.\w{8} has a wrong value"),
        (lambda text: text.replace(b"[[sets]]", b"[sets]"), "sets has a wrong value"),
        (lambda text: text.replace(b"count = 4", b"count = 5"), "holds 4 photos instead of 5"),
    ],
)
def test_a_study_that_cannot_be_used_is_refused_by_name(study, change, message):
    path = study.folder / "study.toml"
    path.write_bytes(change(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(FileFormatError, match=message) as caught:
        Study.open(study.folder)
    assert str(study.folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"study\.toml: no such file, so this folder is no study"):
        Study.open(tmp_path)
    with pytest.raises(StudyError, match="no such folder"):
        Study.open(tmp_path / "nowhere")


def test_another_network_is_refused(study):
    with pytest.raises(StudyError, match=r"has other weights .*`layerlore study diff`"):
        study.use_network(network(seed=1))
    other = ll.Network(network().module, class_names=list(NAMES), input_size=(24, 24))
    with pytest.raises(StudyError, match="prepares photos in another way"):
        study.use_network(other)
    assert study.use_network(network()).find_class("dog") == 1


def test_a_network_without_a_name_must_be_given_again(tmp_path, photos):
    study = Study.create(tmp_path / "study", photos, Small(), class_names=["a", "b", "c\nd", "ü"])
    assert study.load_network().name == "Small"
    again = Study.open(study.folder)
    with pytest.raises(StudyError, match=r"cannot be loaded by itself .*; give it: network="):
        again.load_network()
    assert (study.folder / "class_names.json").is_file()


def test_names_and_weights_of_their_own_are_loaded_again(tmp_path, photos):
    import torch

    torch.save(network(seed=4).module.state_dict(), tmp_path / "weights.pt")
    study = Study.create(
        tmp_path / "study", photos, SPEC, weights=tmp_path / "weights.pt", class_names=["k", "l", "m", "n"]
    )
    study.folder.rename(tmp_path / "moved")
    loaded = Study.open(tmp_path / "moved").load_network()
    assert loaded.fingerprint == network(seed=4).fingerprint
    assert loaded.class_names == ("k", "l", "m", "n")


def test_names_in_a_file_and_ones_own_preprocessing_are_known_again(tmp_path, photos):
    from torchvision.transforms.functional import pil_to_tensor

    def prepare(image):
        return pil_to_tensor(image.resize((16, 16))) / 255

    own = ll.Network(network().module, preprocess=prepare, class_names=list(NAMES), spec=SPEC)
    (tmp_path / "names.txt").write_text("k\nl\nm\nn\n")
    study = Study.create(tmp_path / "study", photos, own, class_names=tmp_path / "names.txt")
    assert study.network_info["class_names"] == str(tmp_path / "names.txt")
    assert study.network_info["preprocess"].endswith(f"{prepare.__name__}")
    assert " at 0x" not in study.network_info["preprocess"]
    again = Study.open(study.folder)
    assert again.use_network(own) is again.load_network()
    assert again.load_network().class_names == study.load_network().class_names == ("k", "l", "m", "n")
    with pytest.raises(StudyError, match="prepares photos in another way"):
        Study.open(study.folder).load_network()


def test_one_run_at_a_time(study):
    assert running(study.folder) == ""
    with run_lock(study.folder):
        assert running(study.folder).startswith(f"process {os.getpid()} on ")
        assert study.status().running
        message = rf"another run is going on \(process {os.getpid()} on .*wait for it"
        with pytest.raises(StudyError, match=message), run_lock(study.folder):
            pass
    assert running(study.folder) == ""
    with run_lock(study.folder):
        pass


def test_what_a_killed_run_left_is_removed(study):
    key = study.manifest.current
    orphans = [study.folder / ".study.toml.abc.part", study.folder / "explanations" / ".part-0.parquet.xyz.part"]
    kept = shard_path(study.folder, key, 0)
    for path in (*orphans, kept):
        path.touch()
    assert remove_orphans(study.folder) == 2
    assert not any(path.exists() for path in orphans)
    assert kept.exists()
    assert read_manifest(study.folder).current == key


@contextlib.contextmanager
def read_only(folder, *, closed=None):
    """Nobody may write in the folder, nor read what is closed.

    The super-user, who always may, becomes somebody else meanwhile.
    """
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if closed is not None:
        closed.chmod(0o000)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_read_only_study_can_be_read_and_is_not_changed():
    # Not in tmp_path, whose parents only its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        photos = photo_folder(root / "photos", 3)
        made = fill(Study.create(root / "study", photos, network()))
        with read_only(root):
            study = Study.open(root / "study")
            assert study.status().complete
            assert study.explanation(made[0].photo.image_id).photo == made[0].photo
            with pytest.raises(OutputError, match=r"cannot write .*\.lock: Permission denied"), run_lock(study.folder):
                pass
            with pytest.raises(OutputError, match=r"cannot write .*images\.parquet"):
                write_images(study.folder, study.images)
            with pytest.raises(OutputError, match=r"cannot write .*/other: Permission denied; choose another place"):
                Study.create(root / "other", photos, network())


def test_an_unreadable_subfolder_is_told_and_the_rest_is_used():
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        photo_folder(root / "photos", 2)
        with read_only(root, closed=root / "photos" / "dog"):
            source = find_photos(root / "photos")
        assert [item.path for item in source.items] == ["cat/00.png"]
        assert [(one.path, one.reason) for one in source.refused] == [("dog", "unreadable")]
