"""Reading a study: what was written comes back, piece by piece, and what is damaged is told by name."""

from __future__ import annotations

import itertools
import random
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small import assert_same, fill, network, photo_folder, save_photo

from layerlore.errors import FileFormatError, LayerError, PhotoError, StudyError
from layerlore.study.schema import COLUMNS
from layerlore.study.study import Study


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with photos/ and study/, and the explanations in it: two shards."""
    folder = tmp_path_factory.mktemp("filled")
    study = Study.create(folder / "study", photo_folder(folder / "photos"), network(), ablation=True, flow=True)
    return folder, fill(study)


@pytest.fixture
def study(filled):
    return Study.open(filled[0] / "study")


@pytest.fixture
def copy(filled, tmp_path):
    """A study of its own, to be damaged."""
    shutil.copytree(filled[0], tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "study" / "study.toml").read_text()
    (tmp_path / "study" / "study.toml").write_text(text.replace(str(filled[0]), str(tmp_path)))
    return Study.open(tmp_path / "study")


def test_explanations_are_what_explain_batch_gave(filled, study):
    _, made = filled
    assert len(study.shards) == 2
    for one, other in zip(made, study.explanations(), strict=True):
        assert_same(one, other)
    assert_same(made[17], study.explanation(made[17].photo.image_id))
    assert study.photo_view(made[17].photo.image_id) == made[17].photo.view


def test_a_photo_is_found_by_id_beginning_path_and_name(filled, study, monkeypatch):
    photo = study.images[3]
    assert photo.path == "cat/06.png"
    monkeypatch.chdir(filled[0] / "photos")
    for name in (photo.image_id, photo.image_id[:8].upper(), photo.path, study.photo_path(photo.image_id), "06.png"):
        assert study.image(name) == photo
    with pytest.raises(StudyError, match=r"no photo 'nobody'; give its path"):
        study.image("nobody")


def test_a_name_of_several_photos_is_never_guessed(tmp_path):
    for number, label in enumerate(("cat", "dog")):
        save_photo(tmp_path / "photos" / label / "a.png", number)
    study = Study.create(tmp_path / "study", tmp_path / "photos", network())
    with pytest.raises(StudyError, match=r"may mean 2 photos .*cat/a\.png.*dog/a\.png"):
        study.explanation("a.png")
    with pytest.raises(StudyError, match=r"cat/a\.png is not explained yet; run `layerlore study run"):
        study.explanation("cat/a.png")


def test_parts_of_a_study(study):
    layer = study.settings.layers[1]
    of_dogs = list(study.explanations(label="dog", layer=layer))
    assert [one.photo.image_id for one in of_dogs] == [one.image_id for one in study.images if one.label == "dog"]
    assert all([found.name for found in one.layers] == [layer] and one.flow == () for one in of_dogs)
    assert list(study.explanations(study.images[0].image_id, label="dog")) == []
    with pytest.raises(StudyError, match=r"no photos of class 'cow'; there are cat, dog"):
        study.explanations(label="cow")
    with pytest.raises(LayerError, match="layer 'conv9' was not explained"):
        study.explanations(layer="conv9")


def test_tables(study):
    table = study.to_arrow()
    assert table.schema.equals(COLUMNS)
    frame = study.to_pandas(["image_id", "weight"])
    assert list(frame.columns) == ["image_id", "weight"]
    assert frame["image_id"].nunique() == len(study.images)
    assert len(frame) == table.num_rows
    with pytest.raises(StudyError, match="no column 'colour'"):
        study.to_arrow(["colour"])


def test_reading_is_lazy(copy):
    copy.shards[1].write_bytes(b"damaged")
    first = copy.images[0].image_id
    assert copy.explanation(first).photo.image_id == first
    assert len(list(itertools.islice(copy.explanations(), 16))) == 16
    with pytest.raises(FileFormatError, match=r"00001\.parquet: damaged .*; delete it and run again"):
        list(copy.explanations())


def test_a_photo_that_is_gone_or_changed_matters_only_to_its_view(copy):
    gone, changed = copy.images[0], copy.images[1]
    copy.photo_path(gone.image_id).unlink()
    save_photo(copy.photo_path(changed.image_id), seed=99)
    with pytest.raises(PhotoError, match=r"cat/00\.png: the photo is gone; put it back, or set `root`"):
        copy.explanation(gone.image_id)
    with pytest.raises(PhotoError, match=r"cat/02\.png: changed since the study was made"):
        copy.photo_view(changed.image_id)
    assert [one.photo.view for one in copy.explanations(views=False)] == [b""] * 20


def foreign(path):
    pq.write_table(pa.table({"image_id": ["1"]}), path)


def from_the_future(path):
    table = pq.read_table(path)
    text = table.schema.metadata[b"layerlore"].replace(b'"schema":2', b'"schema":3')
    pq.write_table(table.replace_schema_metadata({b"layerlore": text}), path)


def of_other_settings(path):
    table = pq.read_table(path)
    text = table.schema.metadata[b"layerlore"].replace(b'"settings_hash":"', b'"settings_hash":"f')
    pq.write_table(table.replace_schema_metadata({b"layerlore": text}), path)


def without_a_column(path):
    pq.write_table(pq.read_table(path).drop_columns(["map"]), path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "damaged .*; delete it and run again"),
        (lambda path: path.write_bytes(b""), "damaged .*; delete it and run again"),
        (lambda path: shutil.copy(path.with_name(path.name.replace("00001", "00000")), path), "holds part 0 of"),
        (lambda path: shutil.copy(path.parents[1] / "images.parquet", path), "; delete it and run again"),
        (foreign, "not written by LayerLore"),
        (from_the_future, "format version 3, this LayerLore reads up to 2; update"),
        (of_other_settings, "delete it and run again"),
        (without_a_column, "no column map"),
    ],
)
def test_damaged_files_are_told_by_name_and_stay(copy, damage, message):
    path = copy.shards[1]
    damage(path)
    before = path.read_bytes()
    with pytest.raises(FileFormatError, match=rf"00001\.parquet: .*{message}") as caught:
        list(copy.explanations(views=False))
    assert "\n" not in str(caught.value)
    status = copy.status()
    assert (status.explained, status.shards, status.shards_wanted, status.complete) == (16, 1, 2, False)
    assert len(status.damaged) == 1
    assert "00001.parquet: " in status.damaged[0]
    assert path.read_bytes() == before


def test_no_flipped_bit_is_ever_shown(copy):
    path = copy.shards[0]
    good, rows, explanations = path.read_bytes(), copy.to_arrow().to_pylist(), list(copy.explanations(views=False))
    generator = random.Random(0)  # noqa: S311
    told = 0
    for _ in range(60):
        content = bytearray(good)
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        path.write_bytes(content)
        try:
            assert copy.to_arrow().to_pylist() == rows
            assert_same(list(copy.explanations(views=False)), explanations)
        except FileFormatError:
            told += 1
    assert told > 40


def test_status_counts(filled, study):
    _, made = filled
    status = study.status()
    assert status.complete
    assert (status.images, status.explained, status.shards, status.shards_wanted) == (20, 20, 2, 2)
    assert status.judged == 20
    answers = {one.photo.image_id: one.predictions[0].index for one in made}
    assert status.correct == sum(answers[image.image_id] == image.class_index for image in study.images)
    assert status.bytes == sum(path.stat().st_size for path in study.shards)
    assert (status.running, status.damaged, status.failed) == ("", (), {})
