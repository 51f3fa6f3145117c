"""Answers of the questionnaire out of the database: in the export, and as a summary on the command line."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from serving import make_player, open_campaign
from small_bundle import write_bundle
from test_server_questionnaire import ASKED, ITEMS, METHODS, answered
from typer.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.game.server.models import Campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def answers(db: None, tmp_path: Path, settings: Any) -> Campaign:
    """Five people who like LIME, one who likes SHAP, and one whom staff have set aside."""
    from layerlore.game.server.models import Player
    from layerlore.game.server.models.questions import Expertise

    folder = write_bundle(tmp_path / "campaign", images=9, honeypots=2, questionnaire=ASKED)
    settings.CAMPAIGN_FOLDER = folder
    campaign = open_campaign(folder)
    for number in range(5):
        level = Expertise.EXPERT if number % 2 else Expertise.NOVICE
        answered(make_player(campaign), campaign, 2, expertise=level)
    answered(make_player(campaign), campaign, 1, "shap")
    odd = make_player(campaign)
    answered(odd, campaign, 3, "gradcam")
    Player.objects.filter(pk=odd.pk).update(shadow=True)
    return campaign


def test_the_export_has_every_answer_and_the_summary(answers: Campaign, tmp_path: Path) -> None:
    from layerlore.game.bundle.head import load_head
    from layerlore.game.exchange.exporting import export_opened
    from layerlore.game.exchange.opening import Opened
    from layerlore.game.exchange.reading import read_campaign

    folder = tmp_path / "campaign"
    found = Opened(folder, load_head(folder), answers)
    first = export_opened(found, out=tmp_path / "first").written.folder
    text = (first / "questionnaire.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    ratings = [row for row in rows if row["item"] in ITEMS]
    assert len(ratings) == 11 * len(METHODS) * len(ITEMS)
    assert {row["method"] for row in ratings} == set(METHODS)
    assert all(int(row["value"]) == (5 if row["method"] == chosen else 2) for row, chosen in _with_choice(rows))
    choices = [row["method"] for row in rows if row["item"] == "choice"]
    assert sorted(choices) == ["lime"] * 10 + ["shap"]
    assert [row["text"] for row in rows if row["item"] == "comment"] == ["I am Sandra"] * 11
    assert len({row["player"] for row in rows}) == 6
    summary = json.loads((first / "questionnaire_summary.json").read_text(encoding="utf-8"))
    assert (summary["people"], summary["sheets"], summary["schema"]) == (6, 11, 1)
    lime = next(one for one in summary["means"] if (one["method"], one["item"]) == ("lime", "error"))
    assert lime["mean"]["value"] == pytest.approx((10 * 5 + 2) / 11)
    assert summary["groups"][0]["p"] is None
    assert "questionnaire.csv" in (first / "README.md").read_text(encoding="utf-8")
    read_campaign(first)  # both files are in the manifest with their checksums
    again = export_opened(found, out=tmp_path / "again").written.folder
    for name in ("questionnaire.csv", "questionnaire_summary.json", "manifest.json"):
        assert (again / name).read_bytes() == (first / name).read_bytes()


def _with_choice(rows: list[dict[str, str]]) -> list[tuple[dict[str, str], str]]:
    chosen = {(row["player"], row["photo"]): row["method"] for row in rows if row["item"] == "choice"}
    return [(row, chosen[row["player"], row["photo"]]) for row in rows if row["item"] in ITEMS]


def test_the_command_prints_the_summary(answers: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import contextmanager

    from layerlore.cli import app
    from layerlore.game.bundle.head import load_head
    from layerlore.game.exchange.opening import Opened

    @contextmanager
    def same_database(folder: Path, database: str = "") -> Any:
        del database
        yield Opened(folder, load_head(folder / "campaign"), answers)

    monkeypatch.setattr("layerlore.game.exchange.opening.opened", same_database)  # the tests' database is open already
    done = CliRunner().invoke(app, ["campaign", "questionnaire", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["people"] == 6
    done = CliRunner().invoke(app, ["campaign", "questionnaire", str(tmp_path)])
    assert "6 people (4 novices, 2 experts, 0 did not say), 11 photos answered" in done.stdout
    assert "layerlore - lime" in done.stdout
    assert "too few people; 2 experts, 4 novices" in done.stdout
    answers.config["questionnaire"]["enabled"] = False
    done = CliRunner().invoke(app, ["campaign", "questionnaire", str(tmp_path)])
    assert done.exit_code == 1
    assert "this campaign has no questionnaire" in done.stderr
