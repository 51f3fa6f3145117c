"""``layerlore compare`` and ``layerlore study diff`` from end to end: results, exit codes, one line for bad input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import layerlore as ll
from layerlore.cli import app
from layerlore.network.loading import load_network
from layerlore.study.compare import compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

TINY = """
import torch
from torch import nn
from layerlore import Network

def make(seed=0, names=("ant", "bee", "cat")):
    torch.manual_seed(seed)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3),
    )
    return Network(module, input_size=(32, 32), class_names=list(names), name="Tiny")

def other():
    return make(1)

def strangers():
    return make(2, ("x", "y", "z"))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder: a network of one's own, two photos, two states of its weights."""
    (tmp_path / "tinypair.py").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(tmp_path / name)
    monkeypatch.syspath_prepend(tmp_path)
    import tinypair

    torch.save(tinypair.make().module.state_dict(), tmp_path / "one.pt")
    torch.save(tinypair.make(5).module.state_dict(), tmp_path / "two.pt")
    yield tmp_path
    sys.modules.pop("tinypair", None)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="layerlore")


def assert_one_line(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "bug" not in result.stderr
    assert all(word in result.stderr for word in words), result.stderr


class TestCompare:
    def test_two_files(self, folder: Path) -> None:
        network = load_network("tinypair:make")
        first, second = (ll.explain(network, "a.png", target, ablation=False, flow=False) for target in (0, 1))
        first.save("0.json")
        second.save("1.json")
        result = run("compare", "0.json", "1.json", "--out", "new/c.html")
        assert result.exit_code == 0, result.stderr
        assert f"change {compare(first, second).change:.3f}" in result.stdout
        assert "explained for bee" in result.stdout or "explained for ant" in result.stdout
        assert Path("new/c.html").read_text(encoding="utf-8").startswith("<!doctype html")
        told = run("compare", "0.json", "1.json", "--json")
        assert (
            json.loads(told.stdout) == compare(ll.load_explanation("0.json"), ll.load_explanation("1.json")).to_dict()
        )

    @pytest.mark.parametrize(
        "options",
        [
            ("--model", "tinypair:make", "--model", "tinypair:other"),
            ("--model", "tinypair:make", "--weights", "one.pt", "--weights", "two.pt"),
        ],
    )
    def test_a_photo_and_two_networks_explains_the_answer_of_the_first(
        self, folder: Path, options: tuple[str, ...]
    ) -> None:
        result = run("compare", "a.png", *options, "--json")
        assert result.exit_code == 0, result.stderr
        content = json.loads(result.stdout)
        assert content["same_target"]
        assert content["a"]["target"] == content["a"]["predictions"][0]
        assert content["a"]["fingerprint"] != content["b"]["fingerprint"]
        assert content["change"] > 0
        assert f"answer of A: {content['a']['target']['name']}" in result.stderr

    def test_two_classes_and_networks_with_other_classes(self, folder: Path) -> None:
        twice = ("--target", "ant", "--target", "cat", "--json")
        content = json.loads(run("compare", "a.png", "--model", "tinypair:make", *twice).stdout)
        assert [content[side]["target"]["name"] for side in "ab"] == ["ant", "cat"]
        assert content["a"]["fingerprint"] == content["b"]["fingerprint"]
        models = ("--model", "tinypair:make", "--model", "tinypair:strangers")
        result = run("compare", "a.png", *models)
        assert result.exit_code == 0, result.stderr
        assert "different classes are explained" in result.stdout

    def test_wrong_usage(self, folder: Path) -> None:
        for arguments in (
            ("a.png",),
            ("a.png", "--target", "ant"),
            ("a.json", "b.json", "--target", "ant"),
            ("a.json", "b.json", "c.json"),
            ("a.png", "--model", "x", "--model", "y", "--model", "z"),
        ):
            assert run("compare", *arguments).exit_code == 2, arguments

    def test_bad_input_is_one_line(self, folder: Path) -> None:
        network = load_network("tinypair:make")
        for name in "ab":
            ll.explain(network, f"{name}.png", ablation=False, flow=False).save(f"{name}.json")
        assert_one_line(run("compare", "a.json", "b.json"), "different photos", "one photo")
        assert_one_line(run("compare", "a.json", "none.json"), "none.json", "cannot be read")
        assert_one_line(run("compare", "a.json", "a.png"), "a.png")
        assert_one_line(run("compare", "a.json", "a.json", "--out", "a.json"), "file that is read")
        assert_one_line(run("compare", "a.json", "a.json", "--out", "c.png"), "unknown suffix", ".html, .json")
        Path("mine.html").write_text("mine")
        assert_one_line(run("compare", "a.json", "a.json", "--out", "mine.html"), "--overwrite")
        assert Path("mine.html").read_text() == "mine"
        assert run("compare", "a.json", "a.json", "--out", "mine.html", "--overwrite").exit_code == 0


@pytest.fixture
def studies(folder: Path) -> Path:
    """Two studies of four photos: of the first state of the weights, and of the second."""
    rng = np.random.default_rng(1)
    for number in range(4):
        home = folder / "photos" / ("ant", "bee")[number % 2]
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(home / f"{number}.png")
    for name in ("one", "two"):
        options = ("--images", "photos", "--model", "tinypair:make", "--weights", f"{name}.pt", "--target", "label")
        result = run("study", "create", name, *options, "--run", "--workers", "1")
        assert result.exit_code == 0, result.stderr
    return folder


def test_study_diff(studies: Path) -> None:
    """One test for the whole chain, because filling studies is slow."""
    same = run("study", "diff", "one", "one", "--max-change", "0", "--max-newly-wrong", "0", "--max-accuracy-drop", "0")
    assert same.exit_code == 0, same.stderr
    assert "change 0.0000 on average" in same.stdout
    assert same.stdout.count("within the limit") == 4, "the three given, and no photo missing"

    plain = run("study", "diff", "one", "two", "--out", "d.layerlore.html")
    assert plain.exit_code == 0, "limits judge only where they are given"
    assert "photos that changed most" in plain.stdout
    assert Path("d.layerlore.html").stat().st_size > 5_000

    over = run("study", "diff", "one", "two", "--max-mean-change", "0.000001", "--max-newly-wrong", "9", "--json")
    assert over.exit_code == 3
    content = json.loads(over.stdout)
    assert [(limit["option"], limit["within"]) for limit in content["limits"]] == [
        ("--max-mean-change", False),
        ("--max-newly-wrong", True),
        ("--max-missing", True),
    ]
    assert not content["passed"]
    mean = content["summary"]["mean_change"]
    assert f"limit exceeded: mean change is {mean:g}, --max-mean-change allows 1e-06" in over.stderr
    assert len(content["photos"]) == 4
    assert len(json.loads(run("study", "diff", "one", "two", "--json", "--top", "1").stdout)["photos"]) == 1

    next(Path("photos").rglob("3.png")).unlink()
    options = ("--images", "photos", "--model", "tinypair:make", "--weights", "one.pt", "--target", "label")
    assert run("study", "create", "fewer", *options, "--run", "--workers", "1").exit_code == 0
    fewer = run("study", "diff", "one", "fewer", "--max-change", "0", "--json")
    assert fewer.exit_code == 3, "what was not compared is not passed"
    content = json.loads(fewer.stdout)
    assert (content["summary"]["missing"], content["limits"][0]["missing"], content["passed"]) == (1, 1, False)
    assert "cannot be judged: 1 of 4 photos were not compared (1 only in A, 0 not explained in both)" in fewer.stderr
    assert run("study", "diff", "one", "fewer", "--max-change", "0", "--max-missing", "1").exit_code == 0
    assert run("study", "diff", "one", "fewer", "--max-missing", "0").exit_code == 3
    assert run("study", "diff", "fewer", "one", "--max-change", "0").exit_code == 0
    assert run("study", "diff", "one", "fewer").exit_code == 0

    run("study", "diff", "one", "two", "--out", "d.csv")
    assert len(Path("d.csv").read_text().splitlines()) == 5
    assert_one_line(run("study", "diff", "one", "nowhere"), "nowhere")
    assert_one_line(run("study", "diff", "one", "two", "--out", "d.csv"), "--overwrite")
    assert run("study", "diff", "one").exit_code == 2
