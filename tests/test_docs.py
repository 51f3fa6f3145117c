"""The documentation is true: its code runs, its commands print what it says, its links lead somewhere."""

from __future__ import annotations

import doctest
import functools
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import layerlore
from layerlore.cli import app
from layerlore.network.loading import load_network
from layerlore.samples import sample_path

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# The example from end to end has a test of its own, which looks at what it makes.
LONG = {"whole_study.py", "planted_cue.py"}
"""Examples that have a test of their own."""
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.name not in LONG)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of a page's code blocks."""
    return [(match[1], match[2]) for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


@functools.cache
def load_once(spec: str | None = None, **options: object) -> layerlore.Network:
    """``load_network`` that loads each network only once for all these tests."""
    return load_network(spec, **options)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the documentation, with the files that it speaks of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(layerlore, "load_network", load_once)
    monkeypatch.setattr("layerlore.network.loading.load_network", load_once)
    shutil.copy(sample_path("chelsea"), "cat.png")
    shutil.copy(sample_path("coffee"), "coffee.png")
    Path("broken.jpg").touch()
    for name, label in (("chelsea", "tabby"), ("coffee", "espresso")):
        (tmp_path / "photos" / label).mkdir(parents=True)
        shutil.copy(sample_path(name), tmp_path / "photos" / label)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    if "datasets" in sys.modules:  # it has read the environment already
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path


def check_commands(text: str) -> None:
    """Run each ``$ layerlore ...`` and compare what it prints; "..." stands for anything."""
    for part in text.split("$ ")[1:]:
        command, _, expected = part.partition("\n")
        program, *arguments = shlex.split(command, comments=True)
        if program != "layerlore":
            continue
        result = CliRunner().invoke(app, arguments, prog_name="layerlore")
        printed = result.stderr + result.stdout
        same = doctest.OutputChecker().check_output(expected, printed, LOOSELY)
        assert same, f"$ {command}\n{printed}"


def check_session(text: str, page: Path, names: dict[str, object]) -> None:
    """Run a Python session and compare what it shows."""
    session = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(session, out=report.append, clear_globs=False)
    names.update(session.globs)
    assert runner.failures == 0, "".join(report)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_code_runs_and_prints_what_it_says(page: Path, folder: Path) -> None:
    if page.name == "json.md":
        arguments = ["explain", "cat.png", "--no-ablation", "--no-flow", "--out", "cat.json"]
        assert CliRunner().invoke(app, arguments).exit_code == 0
    names: dict[str, object] = {"__name__": "docs"}
    for language, text in blocks(page):
        if language == "console":
            check_commands(text)
        elif language == "pycon":
            check_session(text, page, names)
        elif language == "python":
            exec(compile(text, str(page), "exec"), names)  # noqa: S102 - our own documentation


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.name)
def test_examples_run(
    script: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script.name])
    runpy.run_path(str(script), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 2
    if lines[-1].endswith(".html"):
        assert (folder / lines[-1]).stat().st_size > 5_000


def commands(command: Any) -> Iterator[Any]:
    """A command and all below it."""
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from commands(below)


def test_every_command_line_option_is_real() -> None:
    known = {
        option
        for command in commands(get_command(app))
        for one in command.params
        for option in (*one.opts, *one.secondary_opts)
    }
    known |= {"--help", "--version"}
    for page in PAGES:
        if page.name == "CONTRIBUTING.md":
            continue
        for option in re.findall(r"`[^`\n]*?(--[a-z][a-z-]+)", page.read_text(encoding="utf-8")):
            assert option in known, f"{page.name}: {option}"


def test_every_benchmark_is_listed_with_its_result() -> None:
    listed = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    scripts = [path for path in (ROOT / "bench").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")]
    for path in [*scripts, *(ROOT / "bench" / "results").glob("*.csv")]:
        assert path.name in listed, path.name
