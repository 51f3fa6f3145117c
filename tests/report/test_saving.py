"""A file appears whole or not at all, and every refusal is one line with a way out."""

from __future__ import annotations

from pathlib import Path

import handmade
import pytest

from layerlore.errors import OutputError
from layerlore.report import save_explanation, saving

STARTS = {".html": b"<!doctype html>", ".json": b"{", ".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}


@pytest.mark.parametrize("suffix", STARTS)
def test_the_suffix_says_how(suffix: str, tmp_path: Path) -> None:
    path = save_explanation(handmade.explanation(), tmp_path / f"cat{suffix}")
    assert path == tmp_path / f"cat{suffix}"
    assert path.read_bytes().startswith(STARTS[suffix])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["cat.gif", "cat", "folder.html", "missing/cat.html", "file.txt/cat.html"])
def test_refusals_are_one_line_and_leave_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file.txt").write_text("kept")
    with pytest.raises(OutputError) as caught:
        save_explanation(handmade.explanation(), tmp_path / name)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file.txt", "folder.html"]


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving.os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="you may not write"):
        save_explanation(handmade.explanation(), tmp_path / "cat.html")


def test_a_failed_write_keeps_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cat.html"
    path.write_text("older")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="No space left on device"):
        save_explanation(handmade.explanation(), path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_figures_are_the_same_each_time_and_survive_odd_names(tmp_path: Path) -> None:
    odd = handmade.explanation(handmade.layer(note="Nothing $here_{"), *[handmade.layer(handmade.cluster())] * 10)
    odd = odd.__class__(**{**odd.__dict__, "photo": handmade.photo("$x^{ 猫 <b>.png")})
    for suffix in (".svg", ".pdf"):
        first, second = (save_explanation(odd, tmp_path / f"{i}{suffix}").read_bytes() for i in (1, 2))
        assert first == second
