"""The command that copies a campaign's answers to a safe place."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 typer reads the annotations
from typing import Annotated

import typer

from layerlore.cli.campaign import campaign_app
from layerlore.cli.options import Debug, one_line_errors
from layerlore.cli.printing import say


def register() -> None:
    """Add the command to ``layerlore campaign``."""
    campaign_app.command()(backup)


def backup(
    folder: Annotated[Path, typer.Argument(help="Folder of the study, or its campaign folder.", metavar="DIR")],
    copy: Annotated[Path, typer.Argument(help="File to make.", metavar="FILE")],
    *,
    debug: Debug = False,
) -> None:
    """Copy a game's SQLite database into a new file, also while people play."""
    with one_line_errors(debug=debug):
        from layerlore.game.server.backup import backup as copy_database
        from layerlore.game.server.running import campaign_folder

        size = copy_database(campaign_folder(folder), copy)
        say(f"{copy}: {size / 1e6:.1f} MB")
        say("to go back: stop the server, remove game.sqlite3 with its -wal and -shm, and put the copy in its place")
