"""The site of a study as files: what it says, what it leaves alone, and what a second run writes."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import re
from typing import TYPE_CHECKING

import handmade
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from layerlore.cli import app
from layerlore.errors import OutputError
from layerlore.local.explanation import Prediction
from layerlore.report.html import render_study_page
from layerlore.report.site import build, ours, write_site
from layerlore.report.site.listing import listing
from layerlore.report.site.overview import Study as About
from layerlore.report.site.overview import headline, lead, render_index, states
from layerlore.report.site.place import Place
from layerlore.report.site.summary import Summary, names_of_classes, summarise
from layerlore.study.folder import shard_path
from layerlore.study.records import ImageRecord, Skipped, StudySettings
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EVIL = "</script><script>alert(1)</script>\" onload=\"alert('2')"
NAMES = ["cat", "dog", "fox", "owl"]


def photo(
    number: int, label: str | None, known: int | None, predicted: int | None, top: Sequence[int] = ()
) -> ImageRecord:
    top5 = tuple(Prediction(i, NAMES[i], 0.8 / (rank + 1), 1.0) for rank, i in enumerate(top or [predicted or 0]))
    return ImageRecord(
        image_id=f"{number:016x}",
        path=f"{number}.png",
        name=f"{number}.png",
        label=label,
        class_index=known,
        width=8,
        height=8,
        predicted=predicted,
        predicted_name=None if predicted is None else NAMES[predicted],
        top5=() if predicted is None else top5,
    )


def counted(images: Sequence[ImageRecord]) -> Summary:
    return summarise(images, names_of_classes(images))


def about(**changes: object) -> About:
    made = About(
        name="pets",
        network={"name": "Net", "spec": "net", "fingerprint": "ab" * 32, "input_size": [8, 8], "classes": 4},
        settings=StudySettings("stable", 0, ("a", "b")),
        set_hash="01234567",
        source="photos",
        skipped=(),
        missing=(),
        versions={},
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


PETS = (
    photo(1, "cat", 0, 0, [0, 1]),
    photo(2, "cat", 0, 1, [1, 0]),
    photo(3, "cat", 0, 1, [1, 2]),
    photo(4, "dog", 1, 1, [1, 0]),
    photo(5, "dog", 1, 3, [3, 2]),
    photo(6, "yeti", None, 2),
    photo(7, "dog", 1, None),
)


def test_numbers_of_a_study() -> None:
    summary = counted(PETS)
    assert (summary.photos, summary.explained, summary.waiting) == (7, 6, 1)
    assert (summary.judged, summary.right, summary.top5) == (5, 2, 3)
    rows = {row.title: row for row in summary.classes}
    assert rows["cat"].accuracy == pytest.approx(1 / 3)
    assert rows["dog"].photos == 3
    assert rows["dog"].explained == 2
    assert rows["yeti"].accuracy is None
    assert rows["cat"].mistake is not None
    assert (rows["cat"].mistake.answer, rows["cat"].mistake.count) == ("dog", 2)
    assert [(c.truth, c.answer, c.count) for c in summary.confusions] == [("cat", "dog", 2), ("dog", "owl", 1)]
    assert summary.matrix is not None
    assert [[cell.count for cell in cells] for _, cells in summary.matrix.rows] == [[1, 2, 0], [0, 1, 1]]
    assert summary.matrix.rows[0][1][1].address == "class/cat?predicted=1"


def test_many_classes_have_a_list_and_no_matrix() -> None:
    assert counted([photo(i, f"class {i}", i, None) for i in range(4)]).matrix is None, "nothing answered"
    images = [dataclasses.replace(photo(i, f"c{i}", i, 0), class_index=i) for i in range(31)]
    assert counted(images).matrix is None
    assert len(counted(images).confusions) == 30


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ((), "This study has no photos."),
        ([photo(1, "cat", 0, None)], "Net has answered no photo yet."),
        ([photo(1, None, None, 2)], "Net has answered 1 photo; nothing says which answers are right."),
        ([photo(1, "yeti", None, 2)], "the network knows none of them by these names"),
        (PETS, "Net got 2 of 5 photos right (40.0 %)."),
        (PETS, "1 photo of 7 is not explained yet. To go on: layerlore study run pets"),
        ([photo(1, "cat", 0, 0), photo(2, "cat", 0, 1)], "All photos are of one class"),
        (PETS, "1 class of 3 is unknown to the network"),
    ],
)
def test_every_state_has_its_sentence(images: Sequence[ImageRecord], said: str) -> None:
    summary = counted(images)
    before, number, after = headline("Net", summary)
    told = [f"{before} {number}{after}", lead(summary), *(f"{s.text} {s.command}" for s in states(about(), summary))]
    assert said in "\n".join(told).replace("\N{NO-BREAK SPACE}", " ")
    assert "</html>" in render_index(about(), summary, version="", data_version="")


class Reader(html.parser.HTMLParser):
    """Collects elements and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def addresses(self) -> list[str]:
        found = [
            value for tag, a in self.elements for key in ("href", "src") if (value := a.get(key)) and tag != "base"
        ]
        return [value for value in found if not value.startswith(("#", "data:"))]


def test_no_string_of_the_user_becomes_markup() -> None:
    bad = dataclasses.replace(photo(1, EVIL, 0, 1, [1, 2]), name=EVIL, problem=EVIL)
    failed = dataclasses.replace(photo(2, EVIL, 0, None), name=EVIL, problem=EVIL)
    evil = about(name=EVIL, skipped=[Skipped(EVIL, "unreadable", EVIL)], missing=[(EVIL, EVIL)], versions={EVIL: EVIL})
    images = (bad, failed)
    page = render_index(evil, counted(images), version="", data_version="")
    place = Place("0" * 16, "", EVIL, EVIL, f"class/{EVIL}", 1, 1, "", "", EVIL, known=True, right=False, missing=EVIL)
    for text in (page, render_study_page(handmade.explanation(), place)):
        assert "<script>alert" not in text
        elements = Reader(text).elements
        assert not any(name.startswith("on") for _, attributes in elements for name in attributes)
        assert not any(a.get("src", "").startswith("http") for _, a in elements if a.get("src"))
    data = listing(images, {0: EVIL, 1: EVIL}, {})
    assert "</" not in data
    assert json.loads(data.removeprefix("layerloreStudy(").removesuffix(");\n"))["classes"][0]["label"] == EVIL


def test_everything_a_page_asks_for_is_in_the_site(site: Path) -> None:
    pages = [site / "index.html", *(site / "photos").glob("*.html")]
    assert len(pages) == 22
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for address in Reader(text).addresses():
            assert (page.parent / re.split(r"[?#]", address)[0]).exists(), address
        assert set(re.findall(r"https?://[^\s\"')]+", text)) == set()
        assert page.stat().st_size < 150_000
        assert str(site.parent.parent) not in text, "no folder of this machine"


def test_thumbnails_and_rows_agree(site: Path) -> None:
    text = (site / "data" / "photos.js").read_text(encoding="utf-8")
    rows = json.loads(text.removeprefix("layerloreStudy(").removesuffix(");\n"))["rows"]
    assert len(rows) == 21
    for image_id, _, _, _, sure, state, width, height in rows:
        assert state == 1
        assert 0 < sure <= 1
        assert max(width, height) == 144
        with Image.open(site / "thumbs" / f"{image_id}.jpg") as small:
            assert small.size == (width, height)


def test_neighbours_are_of_the_same_class(study: Study) -> None:
    out = write_site(study, workers=1).index.parent
    group = [i.image_id for i in sorted(study.images, key=build.by_name) if i.label == "espresso"]
    links = [Reader((out / "photos" / f"{i}.html").read_text()).elements for i in group]
    following = [next((a["href"] for _, a in elements if a.get("rel") == "next"), None) for elements in links]
    assert following == [*(f"{i}.html" for i in group[1:]), None]


def times(out: Path) -> dict[str, int]:
    return {path.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}


def test_a_second_run_writes_nothing_and_one_gone_photo_writes_one_page(study: Study) -> None:
    first = write_site(study, workers=2)
    assert (first.written, first.unchanged, first.missing) == (21, 0, ())
    out = first.index.parent
    before = times(out)
    second = write_site(Study.open(study.folder), workers=1)
    assert (second.written, second.unchanged) == (0, 21)
    assert {p: t for p, t in times(out).items() if p != ours.LIST} == {
        p: t for p, t in before.items() if p != ours.LIST
    }

    gone = study.images[3]
    study.photo_path(gone.image_id).unlink()
    third = write_site(Study.open(study.folder), workers=1)
    assert (third.written, third.missing) == (1, (gone.name,))
    assert "The file of this photo is gone" in (out / "photos" / f"{gone.image_id}.html").read_text()
    assert "The files of 1\N{NO-BREAK SPACE}photo are gone" in third.index.read_text()
    assert write_site(Study.open(study.folder), workers=1).missing == (gone.name,), (
        "told again, though nothing is written"
    )


def test_pages_of_what_is_no_more_go_and_other_files_stay(study: Study) -> None:
    out = write_site(study, workers=1).index.parent
    note = out / "photos" / "my note.txt"
    note.write_text("mine")
    shard_path(study.folder, study.manifest.current, 1).unlink()
    site = write_site(Study.open(study.folder), workers=1)
    assert (site.pages, site.removed, site.waiting) == (16, 5, 5)
    assert len(list((out / "photos").glob("*.html"))) == 16
    assert len(list((out / "thumbs").iterdir())) == 16
    assert note.read_text() == "mine"
    assert "5\N{NO-BREAK SPACE}photos of 21 are not explained yet" in site.index.read_text()


def test_an_interrupted_run_goes_on(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = build.write_pages

    def stop_at_second(job: build.Job) -> dict[str, str]:
        if job.shard == 1:
            raise KeyboardInterrupt
        return whole(job)

    monkeypatch.setattr(build, "write_pages", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        write_site(study, workers=1)
    monkeypatch.undo()
    site = write_site(study, workers=1)
    assert (site.written, site.unchanged) == (5, 16)


def test_folders_of_others_are_refused(study: Study, tmp_path: Path) -> None:
    out = tmp_path / "homepage"
    out.mkdir()
    (out / "index.html").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        write_site(study, out, workers=1)
    assert [path.name for path in out.iterdir()] == ["index.html"]
    with pytest.raises(OutputError, match="is a file"):
        write_site(study, out / "index.html", workers=1)


@pytest.mark.parametrize(
    "content",
    [
        '{"kind": "layerlore report", "files": {"../precious.txt": ""}}',
        '{"kind": "layerlore report", "files": {"photos/../../precious.txt": ""}}',
        '{"kind": "else", "files": {}}',
        "[]",
        "no JSON",
    ],
)
def test_a_list_that_names_foreign_files_removes_nothing(study: Study, tmp_path: Path, content: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "precious.txt").write_text("mine")
    (out / ours.LIST).write_text(content)
    with pytest.raises(OutputError, match=r"report\.json"):
        write_site(study, out, workers=1)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_file_in_the_way_is_not_replaced(study: Study) -> None:
    out = study.folder / "report"
    ours_first = write_site(study, workers=1).index.parent
    assert out == ours_first
    listed = json.loads((out / ours.LIST).read_text())
    page = f"photos/{study.images[0].image_id}.html"
    del listed["files"][page]
    (out / ours.LIST).write_text(json.dumps(listed))
    (out / page).write_text("mine")
    with pytest.raises(OutputError, match="not ours is there"):
        write_site(study, workers=1)
    assert (out / page).read_text() == "mine"


def test_the_command(study: Study, tmp_path: Path) -> None:
    run = CliRunner()
    plain = run.invoke(app, ["report", str(study.folder), "--no-open", "--workers", "1"])
    assert plain.exit_code == 0
    assert plain.stdout.strip() == str(study.folder / "report" / "index.html")
    assert "21 of 21 photos have a page: 21 written" in plain.stderr
    told = run.invoke(app, ["report", str(study.folder), "--json", "--out", str(tmp_path / "there"), "--workers", "1"])
    assert json.loads(told.stdout)["pages"] == 21
    assert (tmp_path / "there" / "index.html").exists()
    wrong = run.invoke(app, ["report", str(tmp_path), "--no-open"])
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("error: ")
    assert len(wrong.stderr.splitlines()) == 1


def test_file_names_are_in_the_order_of_people() -> None:
    names = ["b.png", "a10.png", "a2.png", "A1.png", "10.png", "9.png"]
    made = [dataclasses.replace(photo(i, None, None, None), name=name) for i, name in enumerate(names)]
    assert [image.name for image in sorted(made, key=build.by_name)] == [
        "9.png",
        "10.png",
        "A1.png",
        "a2.png",
        "a10.png",
        "b.png",
    ]


@pytest.mark.parametrize("side", [14, 56, 224])
def test_a_page_of_nine_layers_stays_small(side: int) -> None:
    noise = np.random.default_rng(0)
    clusters = [handmade.cluster(i, 20.0, drop=None, map=noise.random((side, side), np.float32)) for i in range(4)]
    layers = [handmade.layer(*clusters, height=side, width=side, name=f"layer{i}") for i in range(9)]
    place = Place("0" * 16, "", "pets", "cat", "class/cat", 1, 1, "", "", "cat", known=True, right=True)
    assert len(render_study_page(handmade.explanation(*layers), place).encode()) < 150_000
