"""The example from end to end: what a newcomer runs fills every table, and says that its crowd is simulated."""

from __future__ import annotations

import doctest
import runpy
import sys
from pathlib import Path

import pytest

from layerlore.classes.storage import load_classes
from layerlore.classes.tcav_records import load_validation
from layerlore.concepts.storage import load_concepts
from layerlore.study.answers import ANSWERS_FILE, SIMULATED, load_answers

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "examples" / "whole_study.py"
PAGE = ROOT / "docs" / "example-study.md"

pytest.importorskip("sentence_transformers", reason="needs the extra labels")
pytestmark = pytest.mark.slow


def test_the_whole_study_runs_and_is_marked_as_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, "whole-study"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    printed = capsys.readouterr().out
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("$ python examples/whole_study.py whole-study\n")
    expected, _, _ = rest.partition("```")
    assert expected
    assert doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS), printed

    folder = Path("whole-study")
    answers = load_answers(folder / ANSWERS_FILE)
    assert set(answers.to_pandas()["campaign"]) == {SIMULATED}
    assert all(name.startswith(SIMULATED) for name in answers.to_pandas()["player"])
    concepts = load_concepts(folder)
    assert concepts.facts["simulated"]
    assert printed.splitlines()[-1] == "whole-study/report/index.html"
    pages = sorted((folder / "report").rglob("*.html"))
    assert len(pages) > 36
    assert [page.name for page in pages if "Simulated answers" not in page.read_text(encoding="utf-8")] == []

    assert load_validation(folder).scores
    classes = {one.label: one for one in load_classes(folder)}
    assert len(classes) == 6
    words = {label: {one.name for one in found.concepts[found.layers[-1]]} for label, found in classes.items()}
    assert not any(found.from_maps for found in classes.values())
    # Words go where the boxes are: no cup has an eye, although some players type anything.
    assert "eye" in words["Egyptian cat"]
    assert "eye" not in words["espresso"]
