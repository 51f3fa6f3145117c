"""Writes the tables of docs/game-settings.md from the keys of ``campaign.toml``; a test holds the page to them."""

from __future__ import annotations

import json
from pathlib import Path

from layerlore.game.domain.config import KEYS

PAGE = Path(__file__).parent / "game-settings.md"
MARK = "<!-- tables: python docs/make_game_settings.py -->\n"


def tables() -> str:
    """One table for each section: key, default, meaning."""
    lines: list[str] = []
    section = ""
    for key in KEYS:
        table, _, name = key.name.partition(".")
        if table != section:
            section = table
            lines += ["", f"## `[{table}]`", "", "| Key | Default | Meaning |", "| --- | --- | --- |"]
        default = "must be given" if key.default is None else f"`{json.dumps(key.default, ensure_ascii=False)}`"
        lines.append(f"| `{name}` | {default} | {key.sentence} |")
    return "\n".join(lines) + "\n"


def with_tables(page: str) -> str:
    """The page with the tables as they are now, below the mark."""
    head, mark, _ = page.partition(MARK)
    return head + mark + tables()


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE)
