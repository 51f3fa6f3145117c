"""The page about the methods lists each, with its source and its options."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

from layerlore.methods import METHODS
from layerlore.methods.run import OWN

PAGE = Path(__file__).resolve().parents[2] / "docs" / "methods.md"


def test_the_table_is_that_of_the_code() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| `\w+` \|", line)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0].strip("`") for row in rows] == list(METHODS)
    for name, _, source, _, options in rows:
        explain = importlib.import_module(f"layerlore.methods.{name.strip('`')}").explain
        assert source == METHODS[name.strip("`")].source
        assert re.findall(r"`(\w+)`", options) == [
            one for one in inspect.signature(explain).parameters if one not in OWN
        ]
