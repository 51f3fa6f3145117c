"""``layerlore study`` from end to end: what it prints, exit codes, and how it stops."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from layerlore.cli import app
from layerlore.cli.study_printing import Rate, study_progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

TINY = '''
"""A network of the user's own, and photos from Python."""
import time
import torch
from torch import nn
from layerlore import Network

class Net(nn.Module):
    def __init__(self, pause=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.pause = pause
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.relu = nn.ReLU()
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        time.sleep(self.pause * (len(x) > 2))
        return self.head(self.relu(self.conv(x)).mean(dim=(2, 3)))

def make():
    return Network(Net(), input_size=(16, 16), class_names=["ant", "bee", "cat"], name="Tiny")

def slow():
    return Network(Net(0.5), input_size=(16, 16), class_names=["ant", "bee", "cat"], name="Slow")

def photos():
    return [("photos/ant/00.png", "ant"), ("photos/bee/01.png", "bee")]
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current folder with a network of one's own in it, ``mynet:make``, and 36 photos in three classes."""
    (tmp_path / "mynet.py").write_text(TINY)
    generator = np.random.default_rng(0)
    for number in range(36):
        path = tmp_path / "photos" / ("ant", "bee", "wasp")[number % 3] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    sys.modules.pop("mynet", None)


def run(*arguments: str) -> Result:
    """Call the command in this process."""
    return CliRunner().invoke(app, ["study", *arguments])


def made(folder: Path, *arguments: str) -> Path:
    """A study of the photos."""
    done = run("create", "my study", "--images", "photos", "--model", "mynet:make", *arguments)
    assert done.exit_code == 0, done.output
    return folder / "my study"


def test_create_tells_what_there_is_and_what_to_type_next(folder: Path) -> None:
    (folder / "photos" / "bee" / "broken.png").write_text("no photo")
    (folder / "photos" / "wasp" / "again.png").write_bytes((folder / "photos" / "wasp" / "02.png").read_bytes())
    done = run("create", "my study", "--images", "photos", "--model", "mynet:make")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "my study: 36 photos, 3 classes",
        "duplicate: 1 file left out",
        "  wasp/again.png: the same content as wasp/02.png",
        "unreadable: 1 file left out",
        "  bee/broken.png: not a photo that can be read; readable are JPEG, PNG, WebP, GIF, TIFF and BMP",
        "the network does not know 1 class, so no accuracy there: wasp",
        "next: layerlore study run 'my study'",
    ]


def test_run_explains_and_then_has_nothing_to_do(folder: Path) -> None:
    made(folder)
    first = run("run", "my study", "--workers", "1")
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith("36 photos explained in ")
    assert "next: layerlore report 'my study'" in first.stdout
    assert first.stderr.splitlines()[-1].startswith("explaining: 36/36 photos")
    again = run("run", "my study", "--workers", "1")
    assert again.stdout.startswith("nothing to do: all 36 photos are explained already\n")
    other = run("run", "my study", "--workers", "1", "--layers", "relu", "--seed", "3", "--json")
    result = json.loads(other.stdout)
    assert (result["explained"], result["already"], result["new_set"], result["images"]) == (36, 0, True, 36)
    assert "other settings than before: set" in run("run", "my study", "--workers", "1", "--flow").stderr


def test_workers_have_the_users_own_network(folder: Path) -> None:
    made(folder)
    done = run("run", "my study", "--workers", "2", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["explained"] == 36


def test_create_explains_at_once_where_asked_to(folder: Path) -> None:
    done = run(
        "create",
        "s",
        "--images",
        "mynet:photos",
        "--model",
        "mynet:make",
        "--copy",
        "--run",
        "--workers",
        "1",
        "--json",
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["explained"] == 2
    assert len(list((folder / "s" / "photos").iterdir())) == 2


def test_status_tells_how_far_it_is(folder: Path) -> None:
    study = made(folder, "--target", "bee")
    before = run("status", "my study")
    assert before.exit_code == 0, before.output
    assert "consistent; 36 photos to go: layerlore study run 'my study'" in before.stdout
    assert "target 1" in before.stdout
    run("run", "my study", "--workers", "1")
    after = run("status", "my study")
    assert "consistent and complete" in after.stdout
    assert "% of 24 photos whose class the network knows" in after.stdout
    shard = next((study / "explanations").iterdir())
    shard.write_bytes(shard.read_bytes()[:50])
    damaged = run("status", "my study")
    assert damaged.exit_code == 0
    assert "1 file damaged" in damaged.stdout
    assert "delete it and run again" in damaged.stdout
    content = json.loads(run("status", "my study", "--json").stdout)
    assert (content["images"], content["complete"], len(content["damaged"])) == (36, False, 1)


def test_photos_that_are_gone_are_listed(folder: Path) -> None:
    made(folder)
    (folder / "photos" / "ant" / "00.png").unlink()
    done = run("run", "my study", "--workers", "1")
    assert done.exit_code == 0
    assert "1 photo could not be explained; the next run tries again" in done.stdout
    assert "ant/00.png: the file cannot be read" in done.stdout
    assert "1 photo cannot be explained" in run("status", "my study").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status", "nowhere"], "no such folder"),
        (["run", "photos"], "is no study"),
        (["create", "s", "--images", "nowhere"], "no such folder or list"),
        (["create", "s", "--images", "mynet:nothing"], "AttributeError"),
        (["create", "s", "--images", "photos", "--model", "mynet:make", "--layers", "7"], "7"),
        (["create", "s", "--images", "photos", "--model", "mynet:make", "--target", "label"], "wasp"),
        (["create", "photos", "--images", "photos"], "not an empty folder"),
    ],
)
def test_bad_input_is_told_in_one_line(folder: Path, arguments: list[str], words: str) -> None:
    before = sorted(folder.rglob("*"))
    done = run(*arguments)
    assert done.exit_code == 1, done.output
    [line] = [line for line in done.stderr.splitlines() if not line.startswith("reading: ")]
    assert line.startswith("error: ")
    assert words in line
    assert "bug" not in line
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, "1"), (signal.SIGINT, "2"), (signal.SIGTERM, "2")])
def test_a_run_stops_within_seconds_and_says_how_to_go_on(folder: Path, number: int, workers: str) -> None:
    made(folder)
    study = folder / "my study"
    toml = (study / "study.toml").read_text().replace("mynet:make", "mynet:slow")  # the same weights
    (study / "study.toml").write_text(toml)
    command = [sys.executable, "-m", "layerlore", "study", "run", "my study", "--workers", workers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        deadline = time.monotonic() + 60
        while not list((study / "explanations").glob("part-*.parquet")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)  # seconds on a quiet machine; this one may be busy
    assert process.returncode == 130, stderr
    assert stdout == ""
    said = [line for line in stderr.splitlines() if not line.startswith("explaining: ")]
    assert said == ["stopped; what is done is kept, go on with: layerlore study run 'my study'"]
    status = json.loads(run("status", "my study", "--json").stdout)
    assert (status["damaged"], status["running"]) == ([], "")
    assert 0 < status["explained"] < 36
    (study / "study.toml").write_text(toml.replace("mynet:slow", "mynet:make"))
    assert json.loads(run("run", "my study", "--workers", "1", "--json").stdout)["already"] == status["explained"]


def test_the_rate_counts_what_this_run_did() -> None:
    now = 0.0
    rate = Rate(lambda: now)
    assert rate.text(100, 1000) == ""
    now = 10.0
    assert rate.text(120, 1000) == "2.0 photos/s, 7 min left"
    now = 11.0
    assert rate.text(1000, 1000) == "81.8 photos/s"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with study_progress("explaining") as step:
        step(0, 32)
        step(16, 32)
    assert "16/32" in terminal.getvalue()
    assert capsys.readouterr().out == ""
