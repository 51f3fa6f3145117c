"""The table of attacks names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "docs" / "game-security.md"


def test_every_test_of_the_table_exists_and_every_row_has_one() -> None:
    text = TABLE.read_text("utf-8")
    there = {
        node.name
        for path in HERE.rglob("test_*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 80
    assert named - there == set()
    rows = [line for line in text.splitlines() if line.startswith("|") and "---" not in line]
    heads = [line for line in rows if line.rstrip(" |").endswith("| test")]
    assert len(heads) == 3
    assert [line for line in rows if line not in heads and "`test_" not in line] == []
