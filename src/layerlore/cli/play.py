"""The command that opens the game to players."""

from __future__ import annotations

import os
from pathlib import Path  # noqa: TC003 typer reads the annotations
from typing import Annotated

import typer

from layerlore.cli.options import Debug, one_line_errors
from layerlore.cli.printing import say

PORT = 8000


def register(app: typer.Typer) -> None:
    """Add ``play`` to the commands."""
    app.command()(play)


def play(  # noqa: PLR0913 options of the command
    folder: Annotated[Path, typer.Argument(help="Folder of the study, or its campaign folder.", metavar="DIR")],
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 = any free one.", min=0, max=65535)] = PORT,
    name: Annotated[
        list[str] | None, typer.Option(help="Name under which players reach the server; may be repeated.")
    ] = None,
    database: Annotated[
        str, typer.Option(help="postgres://USER:PASSWORD@HOST/NAME; default: SQLite in the campaign's folder.")
    ] = "",
    workers: Annotated[int, typer.Option(help="Processes that answer.", min=1, max=64)] = 2,
    threads: Annotated[int, typer.Option(help="Threads of each process.", min=1, max=64)] = 8,
    https: Annotated[
        bool, typer.Option("--https", help="Players come by https, through a proxy in front of the server.")
    ] = False,
    proxies: Annotated[
        int, typer.Option(help="Trusted proxies in front; default: 1 with --https, else 0.", min=-1, max=8)
    ] = -1,
    mail: Annotated[str, typer.Option(help="console, file, or smtp://USER:PASSWORD@HOST.")] = "console",
    admin: Annotated[
        str | None, typer.Option(help="Make a staff account, or reset one, and print a link that works once.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Open the game of a campaign in the browser; Ctrl-C ends it."""
    with one_line_errors(debug=debug):
        from layerlore.game.server.running import Server, serve

        server = Server(
            folder=folder,
            host=host,
            port=port,
            names=tuple(name or ()),
            database=database or os.environ.get("LAYERLORE_DATABASE", ""),
            workers=workers,
            threads=threads,
            https=https,
            proxies=proxies if proxies >= 0 else int(https),
            mail=mail,
        )
        serve(server, admin=admin, say=say, show=typer.echo)
