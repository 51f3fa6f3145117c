"""A copy of a campaign's database, taken while people play. Only the standard library is used: no server need run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from layerlore.errors import SettingError
from layerlore.game.server.environment import DATABASE_FILE

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60


def backup(folder: Path, copy: Path) -> int:
    """Write a whole copy of the SQLite file, of one moment, into a new file; players are not kept waiting.

    Args:
        folder: The campaign's.
        copy: File to make.

    Returns:
        Its size in bytes.

    Raises:
        SettingError: There is no database, the file is there already, or it cannot be written.
    """
    source = folder / DATABASE_FILE
    if not source.is_file():
        raise SettingError(f"{source}: is not there; a campaign on PostgreSQL is copied with pg_dump")
    if copy.exists():
        raise SettingError(f"{copy}: is there already; name a new file")
    part = copy.with_name(copy.name + ".part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)  # there are accounts in it
        # Not VACUUM INTO: SQLite 3.40 counts the columns of game_map wrongly at it, and fails.
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=SECONDS)) as database,
            closing(sqlite3.connect(part)) as made,
        ):
            database.backup(made)
            made.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            found = made.execute("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise SettingError(f"{source}: is damaged ({found[:100]}); put the last good copy in its place")
        part.replace(copy)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise SettingError(f"{copy}: cannot be written, {error}; choose another place with room") from error
    return copy.stat().st_size
