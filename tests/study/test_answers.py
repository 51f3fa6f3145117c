"""Answers: the file of a campaign, and lists that people made otherwise."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import fill, network, photo_folder

from layerlore.errors import FileFormatError, OutputError
from layerlore.files import write_whole
from layerlore.study.answers import COLUMNS, AnswerRow, answers_writer, load_answers, read_answers, write_answers
from layerlore.study.answers_elsewhere import NAMES, _text
from layerlore.study.parquet import KEY, parquet_bytes
from layerlore.study.study import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Four explained photos; not to be changed."""
    root = tmp_path_factory.mktemp("answers")
    made = Study.create(root / "study", photo_folder(root / "photos", 4), network())
    fill(made)
    return made


@pytest.fixture(scope="module")
def shown(study: Study) -> list[dict[str, Any]]:
    """The study's shown maps."""
    columns = ["image_id", "target", "layer", "layer_index", "cluster", "shown"]
    return [row for row in study.to_arrow(columns).to_pylist() if row.pop("shown")]


def row(**changes: Any) -> AnswerRow:
    day = dt.date(2026, 1, 5)
    usual = {pa.bool_(): False, pa.int32(): 0, pa.float64(): 0.5, pa.string(): "x", pa.date32(): day}
    values = {column.name: usual[column.type] for column in COLUMNS}
    return AnswerRow(**{**values, **changes})


def write_csv(path: Path, rows: list[dict[str, Any]], **how: Any) -> Path:
    with path.open("w", newline="", encoding=how.pop("encoding", "utf-8")) as file:
        writer = csv.DictWriter(file, list(rows[0]), **how)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_file_of_a_campaign_comes_back_whole(tmp_path: Path) -> None:
    rows = [row(round=str(n), text=None if n % 3 else "Fur, grey", label=None if n % 3 else "fur") for n in range(20)]
    assert write_answers(tmp_path / "answers.parquet", rows, campaign="c" * 32) == 20
    first = (tmp_path / "answers.parquet").read_bytes()
    found = load_answers(tmp_path / "answers.parquet")
    assert [AnswerRow(**one) for one in found.table.to_pylist()] == rows
    assert (len(found), found.labels, found.rounds, found.players) == (20, 7, 20, 1)
    write_answers(tmp_path / "answers.parquet", iter(rows), campaign="c" * 32)
    assert (tmp_path / "answers.parquet").read_bytes() == first
    frame = pd.read_parquet(tmp_path / "answers.parquet")
    assert list(frame.columns) == list(AnswerRow._fields)
    assert frame["text"].notna().sum() == 7


def test_parts_of_a_file_are_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(round=str(number)) for number in range(25)]
    monkeypatch.setattr("layerlore.study.answers.BATCH", 7)
    write_answers(tmp_path / "one.parquet", rows, campaign="c" * 32)
    with answers_writer(tmp_path / "many.parquet", campaign="c" * 32) as file:
        for number in range(0, 25, 2):
            file.add(rows[number : number + 2])
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "many.parquet").read_bytes()
    assert load_answers(tmp_path / "one.parquet").table.to_pylist() == [one._asdict() for one in rows]
    assert pq.ParquetFile(tmp_path / "one.parquet").num_row_groups == 4


def test_what_is_not_the_same_campaigns_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "answers.parquet"
    many = [row(round=hashlib.sha256(bytes([number % 256, number // 256])).hexdigest()) for number in range(2000)]
    write_answers(path, many, campaign="a" * 32)  # most of the file are these names
    whole = path.read_bytes()
    with pytest.raises(OutputError, match="another campaign"):
        write_answers(path, [row()], campaign="b" * 32)
    middle = len(whole) // 2
    spoilt = {
        "damaged": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "damaged ": whole[:-9],
        "not written by LayerLore": parquet_without_metadata(),
        "format version 99": parquet_bytes(COLUMNS.empty_table(), {"schema": 99}),
        "something else": parquet_bytes(COLUMNS.empty_table(), {"schema": 1}),
    }
    for message, content in spoilt.items():
        write_whole(path, content)
        with pytest.raises(FileFormatError, match=message.strip()) as told:
            write_answers(path, [row()], campaign="a" * 32)
        assert str(path) in str(told.value)
        assert "\n" not in str(told.value)
        assert path.read_bytes() == content


def parquet_without_metadata() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(COLUMNS.empty_table(), sink)
    return sink.getvalue().to_pybytes()


def test_an_interrupted_export_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "answers.parquet"
    write_answers(path, [row()], campaign="a" * 32)
    before = path.read_bytes()

    def rows() -> Any:
        yield row()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_answers(path, rows(), campaign="a" * 32)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["answers.parquet"]


def test_the_ways_in_which_people_save_a_list(study: Study, shown: list[dict[str, Any]], tmp_path: Path) -> None:
    paths = {image.image_id: image.path for image in study.images}
    rows = [
        {
            "Image": paths[one["image_id"]],
            " layer ": one["layer"],
            "cluster": one["cluster"],
            "text": f"=Floppy {'ear' if number % 2 else 'tail'}, soft",
            "player": f"p{number % 3}",
            "step": number % 6,
            "language": "en",
            "won": "yes" if number % 2 else "",
        }
        for number, one in enumerate(shown)
    ]
    quoted = [{**one, "text": "'" + one["text"]} for one in rows]
    (tmp_path / "lines.jsonl").write_text("\n\n".join(json.dumps(one) for one in rows) + "\n", encoding="utf-8")
    pd.DataFrame(rows).to_parquet(tmp_path / "frame.parquet")
    semicolon = write_csv(tmp_path / "excel.csv", quoted, delimiter=";", encoding="utf-8-sig", lineterminator="\r\n")
    semicolon.write_bytes(semicolon.read_bytes().replace(b"\r\n", b"\r\n;;;;;;;\r\n\r\n"))
    files = [
        write_csv(tmp_path / "plain.csv", rows),
        semicolon,
        write_csv(tmp_path / "tabs.tsv", rows, delimiter="\t"),
        tmp_path / "lines.jsonl",
        tmp_path / "frame.parquet",
    ]
    found = [read_answers(path, study) for path in files]
    for one in found:
        assert one.table.to_pylist() == found[0].table.to_pylist(), one.source
        assert one.notes == ()
    table = found[0].table.to_pylist()
    assert [(one["image_id"], one["layer"], one["layer_index"], one["cluster"], one["target"]) for one in table] == [
        (one["image_id"], one["layer"], one["layer_index"], one["cluster"], one["target"]) for one in shown
    ]
    assert table[1]["text"] == "=Floppy ear, soft"
    assert table[1]["label"] == "floppy ear, soft"
    assert [one["outcome"] for one in table[:2]] == [None, "won"]
    assert {one["image_label"] for one in table} == {"cat", "dog"}


def test_what_does_not_fit_is_told_by_its_row(study: Study, shown: list[dict[str, Any]], tmp_path: Path) -> None:
    one = {**shown[0], "text": "ear", "player": "a", "step": "0", "kind": "", "outcome": "", "colour": "red"}
    rows = [
        one,
        {**one, "text": "ear "},
        {**one, "image_id": "cat/0.png"},
        {**one, "layer": "feature.1"},
        {**one, "cluster": "77"},
        {**one, "step": "soon"},
        {**one, "kind": "odd"},
        {**one, "outcome": "drawn"},
        {**one, "target": "elephant"},
        {**one, "text": "..."},
        *[{**one, "image_id": f"no-{number}.png"} for number in range(100)],
        {**one, "text": "", "player": "b", "outcome": "resigned"},
        {**one, "text": "", "player": "a"},
        {**one, "kind": "control", "layer": "", "cluster": "", "player": "c"},
    ]
    path = write_csv(tmp_path / "odd.csv", rows)
    found = read_answers(path, study)
    kept = found.table.to_pylist()
    assert [(line["player"], line["label"], line["kind"]) for line in kept] == [
        ("a", "ear", "normal"),
        ("b", None, "normal"),
        ("c", "ear", "control"),
    ]
    text = "\n".join(found.notes)
    assert "colour" in found.notes[0]
    assert "row 4: image 'cat/0.png' is not in the study; did you mean cat/0" in text
    assert "row 5: layer 'feature.1' is not explained; did you mean features.1" in text
    assert "rows left out: 108 (101 by their image, " in text
    assert "repeat another one: 1" in text
    assert len(found.notes) < 10
    with pytest.raises(FileFormatError, match=r"row 4: image .*and 107 more rows"):
        read_answers(path, study, strict=True)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "no column image_id or image or path or photo"),
        ("a.csv", b"image_id,layer,clusters,text\n", "no column cluster .*is it 'clusters'"),
        ("a.csv", b"image_id,layer,cluster,text\n", "no answers"),
        ("a.csv", b"image_id,layer,cluster,text\nx,y,0,z\n", "row 2: image 'x'"),
        ("a.csv", b"image_id,layer,cluster,text\n\xff\xfe", "UTF-8"),
        ("a.csv", b'image_id,layer,cluster,text\n"a', "damaged"),
        ("a.jsonl", b"[1]\n", "row 1 is no object"),
        ("a.jsonl", b"{\n", "row 1"),
        ("a.parquet", b"PAR1", "damaged"),
        ("a.xlsx", b"", "not a list"),
        ("none.csv", None, "no such file"),
    ],
)
def test_a_list_that_cannot_be_used_is_told(
    study: Study, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=message) as told:
        read_answers(tmp_path / name, study)
    assert str(tmp_path / name) in str(told.value)
    assert "\n" not in str(told.value)


def test_without_players_each_row_is_somebody_elses(study: Study, shown: list[dict[str, Any]], tmp_path: Path) -> None:
    rows = [{**shown[0], "text": "ear"}, {**shown[0], "text": "ear"}]
    found = read_answers(write_csv(tmp_path / "a.csv", rows), study)
    assert (len(found), found.players, found.rounds) == (2, 2, 2)
    assert "no column player" in found.notes[0]
    rows = [{**one, "round": "r1"} for one in rows]
    found = read_answers(write_csv(tmp_path / "a.csv", rows), study)
    assert (len(found), found.players, found.rounds) == (1, 1, 1)


def test_a_hundred_thousand_rows_take_seconds(study: Study, shown: list[dict[str, Any]], tmp_path: Path) -> None:
    rows = [{**shown[n % len(shown)], "text": f"word {n % 997}", "player": f"p{n % 4000}"} for n in range(100_000)]
    path = write_csv(tmp_path / "many.csv", rows)
    began = time.process_time()
    found = read_answers(path, study)
    assert time.process_time() - began < 15  # 2 on a quiet machine; twice per row would be far above
    assert len(found) > 90_000


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_cell_comes_back_as_it_was_before_it_was_made_safe(raw: str) -> None:
    from layerlore.game.exchange.tables import safe_cell

    assert safe_cell(raw)[:1] not in ("=", "+", "-", "@", "\t", "\r")
    if raw == raw.strip():
        assert _text(safe_cell(raw)) == raw


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    write_answers(tmp_path / "answers.parquet", [], campaign="a" * 32)
    content = json.loads(pq.read_schema(tmp_path / "answers.parquet").metadata[KEY])
    assert (content["schema"], content["holds"], content["campaign"]) == (2, "answers", "a" * 32)
    assert len(load_answers(tmp_path / "answers.parquet")) == 0


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "answers.md").read_text(encoding="utf-8")
    for name in [*COLUMNS.names, *(name for names in NAMES.values() for name in names)]:
        assert f"`{name}`" in page, name
