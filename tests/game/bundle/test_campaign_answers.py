"""From players to the study: the commands as people type them, on a real study with a real bundle."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("django", reason="the game's server is not installed: pip install 'layerlore[game]'")

from layerlore.cli import app
from layerlore.cli.campaign_answers import _print_status
from layerlore.game.exchange.reading import read_campaign
from layerlore.game.exchange.status import CampaignStatus
from layerlore.study.answers import load_answers, read_answers
from layerlore.study.study import Study

PLAY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from layerlore.game.server import running
folder = running.campaign_folder(Path(sys.argv[1]))
running.configure(running.Server(folder=folder), folder)
running.prepare(folder)
from crowd import play
from layerlore.game.server.services import campaigns
play(campaigns.current(), players=4, each=8)
"""


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("LAYERLORE_", "DJANGO_"))}


def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, since Django serves one campaign in each."""
    command = [sys.executable, "-m", "layerlore", "campaign", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    if code:
        assert done.stderr.count("\n") == 1, done.stderr
        assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def folder(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose campaign was played; not to be changed."""
    folder = tmp_path_factory.mktemp("answers") / "study"
    shutil.copytree(built, folder)
    crowd = str(Path(__file__).parents[1] / "server")
    subprocess.run([sys.executable, "-c", PLAY, str(folder), crowd], check=True, env=environment(), timeout=240)
    return folder


@pytest.fixture
def played(folder: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(folder, tmp_path / "study")
    return tmp_path / "study"


def test_answers_come_back_to_the_study(played: Path) -> None:
    told = json.loads(run("export", str(played), "--json").stdout)
    assert told["notes"] == []
    assert told["answers"] == str(played / "answers.parquet")
    study = Study.open(played)
    answers = load_answers(played / "answers.parquet")
    rows = answers.table.to_pylist()
    assert len(rows) == told["rows"] > 8
    columns = ["image_id", "target", "layer", "layer_index", "cluster", "shown"]
    known = {tuple(row.values())[:5] for row in study.to_arrow(columns).to_pylist() if row["shown"]}
    maps = [row for row in rows if row["kind"] == "normal"]
    assert {(one["image_id"], one["target"], one["layer"], one["layer_index"], one["cluster"]) for one in maps} <= known
    assert {row["image_label"] for row in rows} <= {image.label for image in study.images}
    again = read_answers(played / "campaign" / "export" / "labels.csv", study)
    typed = [row for row in rows if row["text"] is not None]
    for column in ("image_id", "layer", "cluster", "label", "player", "round", "language", "step", "outcome", "kind"):
        assert [row[column] for row in again.table.to_pylist()] == [row[column] for row in typed], column
    assert read_answers(played / "answers.parquet", study).table.equals(answers.table)


def test_the_status_of_a_campaign(played: Path) -> None:
    told = json.loads(run("status", str(played), "--json").stdout)
    assert (told["state"], told["players"]) == ("open", 4)
    shown = run("status", str(played / "campaign")).stdout
    assert f"{told['labels']} " not in shown.splitlines()[0]
    for layer in told["layers"]:
        assert f"{layer['layer']}: {layer['ready']} of {layer['maps']}" in shown
    assert f"to go: {told['wanted']} rounds" in shown
    assert told["last_answer"] in shown


@pytest.mark.parametrize(
    ("wanted", "pace", "days", "line"),
    [
        (1, 1.0, 1.0, "to go: 1 round, 1 day at 1 round a day"),
        (12, 1.0, 12.0, "to go: 12 rounds, 12 days at 1 round a day"),
        (1500, 0.5, 3000.0, "to go: 1,500 rounds, 3,000 days at 0.5 rounds a day"),
        (1, 20.0, 0.1, "to go: 1 round, 0 days at 20 rounds a day"),
        (1, 0.0, None, "to go: 1 round; nobody has played lately"),
    ],
)
def test_one_round_is_no_rounds(
    wanted: int, pace: float, days: float | None, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _print_status(CampaignStatus("a", "open", {}, 1, 1, (), wanted, pace, days, "", {}, ""))
    assert line in capsys.readouterr().out.splitlines()


def test_what_is_wrong_is_told_in_one_line_before_anything_is_made(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "study")
    before = sorted(tmp_path.rglob("*"))
    for arguments, message in (
        (["export", str(tmp_path / "study")], "nobody has played yet"),
        (["status", str(tmp_path / "study")], "layerlore play"),
        (["status", str(tmp_path)], "no campaign is here"),
        (["export", str(tmp_path / "study"), "--include", "everything"], "voided or training or shadow"),
        (["status", str(tmp_path / "study"), "--database", "mysql://x/y"], "postgres://"),
        (["status", str(tmp_path / "study"), "--database", "postgres://x/y"], "secret.key"),
    ):
        done = CliRunner().invoke(app, ["campaign", *arguments])
        assert done.exit_code == 1
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def _damage(folder: Path) -> None:
    path = folder / "campaign" / "game.sqlite3"
    path.write_bytes(b"not a database" * 1000)


def _empty(folder: Path) -> None:
    (folder / "campaign" / "game.sqlite3").write_bytes(b"")


def _from_the_future(folder: Path) -> None:
    with sqlite3.connect(folder / "campaign" / "game.sqlite3") as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('game', '9999_later', '2030-01-01')"
        )


def _of_the_past(folder: Path) -> None:
    with sqlite3.connect(folder / "campaign" / "game.sqlite3") as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'game' AND name LIKE '0003%'")


def _of_another(folder: Path) -> None:
    with sqlite3.connect(folder / "campaign" / "game.sqlite3") as database:
        database.execute("UPDATE game_campaign SET key = 'f' || key, name = 'other'")


def _another_bundle(folder: Path) -> None:
    with sqlite3.connect(folder / "campaign" / "game.sqlite3") as database:
        database.execute("UPDATE game_campaign SET bundle_hash = 'f'")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_damage, "database"),
        (_empty, "nobody has played yet"),
        (_from_the_future, "newer LayerLore"),
        (_of_the_past, "older LayerLore"),
        (_of_another, "it holds other"),
        (_another_bundle, "not the one that was played"),
    ],
)
def test_a_database_that_cannot_be_used_is_told(played: Path, spoil: Any, message: str) -> None:
    spoil(played)
    assert message in run("status", str(played), code=1).stderr


def test_a_server_that_is_not_reached_is_told(played: Path) -> None:
    told = run("export", str(played), "--database", "postgres://nobody@127.0.0.1:1/x", code=1).stderr
    assert "127.0.0.1" in told
    assert "--database" in told
    assert not (played / "campaign" / "export").exists()


def test_an_export_while_somebody_writes(played: Path) -> None:
    """A reader does not wait for a writer, who is in SQLite's lock and at the head of the server's queue."""
    run("export", str(played))  # so that the estimates are up to date
    fcntl = pytest.importorskip("fcntl")
    first = read_campaign(played / "campaign" / "export")
    database = sqlite3.connect(played / "campaign" / "game.sqlite3", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    database.execute("UPDATE game_round SET language = 'xx'")
    with (played / "campaign" / "game.sqlite3-writer").open("a") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        run("export", str(played))
    database.execute("ROLLBACK")
    database.close()
    assert read_campaign(played / "campaign" / "export") == first
