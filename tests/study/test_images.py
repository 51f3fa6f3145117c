"""Photos of a study: where they come from, which are left out and why, and the lists of both."""

from __future__ import annotations

import hashlib
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from small import network, photo_folder, save_photo

from layerlore.errors import FileFormatError, StudyError
from layerlore.local.explanation import Prediction
from layerlore.network.model import Network
from layerlore.study.folder import IMAGES_FILE
from layerlore.study.images import read_images, read_photos, read_skipped, target_of, write_images, write_skipped
from layerlore.study.records import ImageRecord, Skipped, StudySettings
from layerlore.study.sources import find_photos


def scan(images, **options):
    return read_photos(find_photos(images), network(), **options)


def test_a_folder_is_searched_for_photos_and_its_subfolders_are_the_classes(tmp_path):
    save_photo(tmp_path / "cat" / "far" / "below" / "a.PNG", 1)
    save_photo(tmp_path / "Käfer 甲虫" / "ü %20#1.jpg", 2)
    save_photo(tmp_path / "top.webp", 3)
    save_photo(tmp_path / ".hidden" / "b.png", 4)
    save_photo(tmp_path / "cat" / ".c.png", 5)
    save_photo(tmp_path / "study" / "d.png", 6)
    (tmp_path / "study" / "study.toml").touch()
    (tmp_path / "cat" / "notes.txt").write_text("no photo")
    told = []
    records, skipped = scan(tmp_path, progress=lambda *done: told.append(done))
    assert [(one.label, one.path, one.class_index) for one in records] == [
        (None, "top.webp", None),
        ("Käfer 甲虫", "Käfer 甲虫/ü %20#1.jpg", None),
        ("cat", "cat/far/below/a.PNG", 0),
    ]
    assert skipped == []
    content = (tmp_path / "cat" / "far" / "below" / "a.PNG").read_bytes()
    assert records[2].image_id == hashlib.sha256(content).hexdigest()[:16]
    assert (records[2].name, records[2].width, records[2].height) == ("a.PNG", 28, 24)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_links_do_not_lead_round_in_circles_and_do_not_change_a_class(tmp_path):
    outside = save_photo(tmp_path / "outside" / "b.png", 2).parent
    root = save_photo(tmp_path / "photos" / "zebra" / "a.png", 1).parents[1]
    (root / "zebra" / "up").symlink_to(root)
    (root / "ape").symlink_to(root / "zebra")
    (root / "linked").symlink_to(outside)
    (root / "broken.png").symlink_to("nowhere")
    records, skipped = scan(root)
    assert [(one.label, one.path) for one in records] == [("linked", "linked/b.png"), ("zebra", "zebra/a.png")]
    assert [(one.path, one.reason) for one in skipped] == [("broken.png", "unreadable")]


def test_what_cannot_be_read_is_told_and_does_not_stop_the_rest(tmp_path):
    good = save_photo(tmp_path / "good.png")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:200])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.gif").write_text("hello")
    (tmp_path / os.fsdecode(b"latin-\xe9.png")).write_bytes(good.read_bytes())
    os.mkfifo(tmp_path / "pipe.png")
    records, skipped = scan(tmp_path)
    assert [one.path for one in records] == ["good.png"]
    assert [one.path for one in skipped] == ["cut.png", "empty.jpg", "latin-\\udce9.png", "pipe.png", "text.gif"]
    assert {one.reason for one in skipped} == {"unreadable"}
    assert "the file is empty" in skipped[1].detail
    assert all(one.detail and "\n" not in one.detail and str(tmp_path) not in one.detail for one in skipped)


def test_no_photo_at_all_is_an_error_that_tells_what_there_is(tmp_path):
    (tmp_path / "a.heic").touch()
    (tmp_path / "b.txt").touch()
    with pytest.raises(StudyError, match=r"no photos in it; left out are 2 other files \(\.heic, \.txt\)"):
        find_photos(tmp_path)
    (tmp_path / "c.jpg").touch()
    with pytest.raises(StudyError, match=r"none of 1 photos can be read; c\.jpg: the file is empty"):
        scan(tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere", "no such folder or list"),
        ("photo.png", "for one photo use `layerlore explain`"),
        ([], "no photos in it"),
        (b"photo", "cannot be bytes"),
        (3, "cannot be int"),
        ([("a.png", "cat"), 3], "photo 1 is int"),
    ],
)
def test_what_is_no_source_of_photos_is_refused(given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_photo(tmp_path / "photo.png")
    with pytest.raises(StudyError, match=message) as caught:
        find_photos(given)
    assert "\n" not in str(caught.value)


def test_duplicates_are_told_with_the_class_that_differs(tmp_path):
    content = save_photo(tmp_path / "cat" / "a.png").read_bytes()
    for name in ("cat/b.png", "dog/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    records, skipped = scan(tmp_path)
    assert [one.path for one in records] == ["cat/a.png"]
    assert [(one.path, one.reason, one.detail) for one in skipped] == [
        ("cat/b.png", "duplicate", "the same content as cat/a.png"),
        (
            "dog/c.jpg",
            "duplicate",
            "the same content as cat/a.png, but of class 'dog', not 'cat'; keep the right one",
        ),
    ]
    assert {one.image_id for one in skipped} == {records[0].image_id}


@pytest.mark.parametrize(
    "text",
    [
        "path,class\nphotos/a.png,cat\nphotos/b.png,\nphotos/gone.png,cat\n,cat\n",
        "\ufeffid;Label ; PATH\n1;cat;photos/a.png\n2;;photos/b.png\n3;cat;photos/gone.png\n4;cat;\n",
    ],
    ids=["plain", "BOM, semicolons, other columns"],
)
def test_a_list_names_photos_beside_it(text, tmp_path):
    save_photo(tmp_path / "photos" / "a.png", 1)
    save_photo(tmp_path / "photos" / "b.png", 2)
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    source = find_photos(tmp_path / "list.csv")
    assert source.root == tmp_path
    records, skipped = read_photos(source, network())
    assert [(one.path, one.label) for one in records] == [("photos/b.png", None), ("photos/a.png", "cat")]
    assert [one.path for one in skipped] == ["photos/gone.png", "row 4 of list.csv"]


def test_a_list_may_have_absolute_paths_and_be_parquet(tmp_path):
    paths = [str(save_photo(tmp_path / "photos" / name, seed)) for seed, name in enumerate(("a.png", "b.png"))]
    (tmp_path / "lists").mkdir()
    file = tmp_path / "lists" / "list.parquet"
    pq.write_table(pa.table({"path": paths, "label": [1.0, None], "other": [b"1", b"2"]}), file)
    source = find_photos(file)
    assert source.root == tmp_path / "photos"
    assert [(item.path, item.label) for item in source.items] == [("a.png", "1"), ("b.png", None)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", b"file,class\na.png,cat\n", "no column 'path' .its columns are file, class."),
        ("list.csv", b"path,clas\na.png,cat\n", "no column 'class' or 'label'"),
        ("list.csv", b"", "no column 'path' .its columns are none."),
        ("list.csv", "path,class\nä.png,cat\n".encode("latin-1"), "save the file as UTF-8"),
        ("list.csv", b'path,class\n"a.png,cat\n', "not a CSV file"),
        ("list.csv", b"path,class\n", "no photos in it"),
        ("list.parquet", b"PAR1 or not", "not a Parquet file"),
    ],
)
def test_a_list_that_is_no_list_is_refused(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StudyError, match=message) as caught:
        find_photos(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_datasets_of_files_are_referred_to(tmp_path):
    from torch.utils.data import Subset
    from torchvision.datasets import ImageFolder

    dataset = ImageFolder(photo_folder(tmp_path, 4))
    records, _ = scan(Subset(dataset, [0, 3]))
    assert [(one.path, one.label) for one in records] == [("cat/00.png", "cat"), ("dog/03.png", "dog")]


def test_photos_of_other_datasets_are_kept_as_they_were_before_any_transform(tmp_path):
    from torchvision.datasets import FakeData
    from torchvision.transforms import Compose, Normalize, ToTensor

    def fake(transform=None):
        dataset = FakeData(size=3, image_size=(3, 20, 24), num_classes=2, transform=transform)
        dataset.classes = [("cat", "tabby"), "dog"]
        return dataset

    dataset = fake(Compose([ToTensor(), Normalize([0.5] * 3, [0.5] * 3)]))
    records, skipped = scan(dataset, copies_to=tmp_path)
    assert dataset.transform is not None
    assert skipped == []
    expected = {f"{number:06d}.png": fake()[number] for number in range(3)}
    for one in records:
        image, target = expected[one.name]
        assert one.label == ("cat", "dog")[int(target)]
        assert one.path == f"{one.image_id}.png"
        with Image.open(tmp_path / one.path) as kept:
            assert kept.tobytes() == image.tobytes()


def test_a_dataset_that_fails_on_a_photo_loses_only_that(tmp_path):
    class Broken:
        def __len__(self):
            return 2

        def __getitem__(self, number):
            if number:
                raise KeyError("lost")
            return Image.new("RGB", (20, 20)), {"boxes": []}

    records, skipped = scan(Broken(), copies_to=tmp_path)
    assert [one.label for one in records] == [None]
    assert [(one.path, one.detail) for one in skipped] == [("000001.png", "the dataset fails (KeyError: 'lost')")]


def test_copies_have_the_photos_id_as_name_and_the_same_bytes(tmp_path):
    root = photo_folder(tmp_path / "photos", 3)
    (tmp_path / "copies").mkdir()
    records, _ = scan(root, copies_to=tmp_path / "copies")
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == sorted(one.path for one in records)
    for one in records:
        assert one.path == f"{one.image_id}.png"
        assert (tmp_path / "copies" / one.path).read_bytes() == (root / one.label / one.name).read_bytes()


def test_a_class_is_found_by_name_or_wordnet_id_and_never_guessed(tmp_path):
    wnids = ["n01440764", "n02012849", "n03126707", "n02102040"]  # tench, two cranes, English springer
    known = Network(network().module, class_names=wnids, input_size=(16, 16))
    labels = ["n01440764_tench", "English_springer", "crane", "unicorn", "n99999999_thing"]
    for seed, label in enumerate(labels):
        save_photo(tmp_path / label / "a.png", seed)
    records, _ = read_photos(find_photos(tmp_path), known)
    assert {one.label: one.class_index for one in records} == dict(zip(labels, [0, 3, None, None, None], strict=True))


def record(number, **more):
    return ImageRecord(f"{number:016x}", f"{number}.png", f"{number}.png", None, None, 20, 30, **more)


def test_the_lists_come_back_as_they_were_and_have_the_same_bytes(tmp_path):
    top = (Prediction(1, "dög", 0.75, 3.5), Prediction(0, "cat", 0.25, 1.25))
    records = [record(2, problem="gone"), record(1, predicted=1, predicted_name="dög", top5=top)]
    write_images(tmp_path, records)
    first = (tmp_path / IMAGES_FILE).read_bytes()
    assert read_images(tmp_path) == (records[1], records[0])
    write_images(tmp_path, read_images(tmp_path))
    assert (tmp_path / IMAGES_FILE).read_bytes() == first
    skipped = (Skipped("a\n'b'.png", "duplicate", "the same"),)
    write_skipped(tmp_path, skipped)
    assert read_skipped(tmp_path) == skipped


def test_a_damaged_or_doubled_list_is_refused_by_name(tmp_path):
    path = tmp_path / IMAGES_FILE
    with pytest.raises(FileFormatError, match=r"images\.parquet: no such file; restore the file"):
        read_images(tmp_path)
    write_images(tmp_path, [record(1), record(1)])
    with pytest.raises(FileFormatError, match=r"images\.parquet: damaged, a photo is in it twice"):
        read_images(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileFormatError, match=r"images\.parquet: damaged"):
        read_images(tmp_path)
    pq.write_table(pa.table({"image_id": ["1"]}), path)
    with pytest.raises(FileFormatError, match=r"images\.parquet: not written by LayerLore"):
        read_images(tmp_path)


def test_the_class_to_explain_follows_the_settings():
    photo = record(1)
    known = ImageRecord("1" * 16, "a.png", "a.png", "dog", 1, 20, 20)
    assert target_of(photo, StudySettings("stable", 0, ())) is None
    assert target_of(photo, StudySettings("stable", 0, (), target="3")) == 3
    assert target_of(known, StudySettings("stable", 0, (), target="label")) == 1
    with pytest.raises(StudyError, match=r"1\.png has no class"):
        target_of(photo, StudySettings("stable", 0, (), target="label"))
