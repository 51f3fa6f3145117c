"""The table of metrics in the documentation is that of the code; run this file to renew it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlore.evaluate import METRICS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
BEGIN, END = "<!-- made by tests/evaluate/test_metric_docs.py -->", "<!-- end -->"
NEEDS = {
    "truth": "a mask of the object",
    "explainer": "to run the method again",
    "randomised": "to randomise the weights",
    "clusters": "a method made of clusters (`inv`, `inv_paper`)",
}


def table() -> str:
    """What the page should hold."""
    lines = []
    for family in dict.fromkeys(info.family for info in METRICS.values()):
        lines += ["", f"### {family.capitalize()}", ""]
        lines += ["| Metric, and which values are better | What it tests | Formula and source |", "| --- | --- | --- |"]
        for info in METRICS.values():
            if info.family == family:
                needs = ", ".join(words for need, words in NEEDS.items() if need in info.needs)
                tests = f"{info.sentence} Needs {needs}." if needs else info.sentence
                formula = info.formula.replace("|", "\\|")
                lines.append(f"| {info.title}: `{info.name}`, {info.better} | {tests} | {formula} ({info.source}) |")
    return "\n".join([*lines, "", ""])


def test_the_table_of_metrics_is_that_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = text.partition(BEGIN)[2].partition(END)[0]
    if found != table():
        pytest.fail(f"docs/metrics.md is not up to date; run python {Path(__file__).name}")


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
