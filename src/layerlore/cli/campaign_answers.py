"""The commands that tell how far a campaign is, and get its answers out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path  # noqa: TC003 typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from layerlore.cli.campaign import Folder, campaign_app
from layerlore.cli.options import Debug, Json, one_line_errors
from layerlore.cli.printing import counted, print_json, printable, say

if TYPE_CHECKING:
    from layerlore.game.exchange.exporting import Exported
    from layerlore.game.exchange.status import CampaignStatus

Database = Annotated[
    str, typer.Option(help="As for layerlore play: postgres://USER:PASSWORD@HOST/NAME; default: SQLite in the folder.")
]


def register() -> None:
    """Add the commands to ``layerlore campaign``."""
    campaign_app.command()(status)
    campaign_app.command()(export)


def status(folder: Folder, *, database: Database = "", as_json: Json = False, debug: Debug = False) -> None:
    """Tell how far a campaign is; also while players play."""
    with one_line_errors(debug=debug):
        from layerlore.game.exchange.opening import opened
        from layerlore.game.exchange.status import status_of

        with opened(folder, database) as found:
            result = status_of(found)
        if as_json:
            print_json(asdict(result))
        else:
            _print_status(result)


def export(
    folder: Folder,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the export; default: DIR/campaign/export.", metavar="FOLDER")
    ] = None,
    database: Database = "",
    include: Annotated[
        str,
        typer.Option(help="Rounds that are left out otherwise: voided, training, shadow; several with commas."),
    ] = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the answers as files that anybody can read, and as DIR/answers.parquet; also while players play."""
    with one_line_errors(debug=debug):
        from layerlore.game.exchange.exporting import export_campaign

        wanted = [name.strip() for name in include.split(",") if name.strip()]
        result = export_campaign(folder, out=out, database=database, include=wanted)
        if as_json:
            written = {**asdict(result.written), "folder": str(result.written.folder)}
            answers = str(result.answers) if result.answers else None
            print_json({**written, "answers": answers, "rows": result.rows, "notes": list(result.notes)})
        else:
            _print_exported(result)


def _print_exported(result: Exported) -> None:
    """What was written, and what to know."""
    written = result.written
    say(
        f"{counted(written.rounds, 'round')} ({written.finished:,} finished) of {counted(written.players, 'player')}, "
        f"{counted(written.labels, 'label')}; {written.bytes / 2**20:.1f} MiB"
    )
    for note in result.notes:
        say(f"note: {note}")
    if result.answers:
        say(f"{result.answers}: {counted(result.rows, 'row')}")
    typer.echo(printable(str(written.folder)))


def _print_status(found: CampaignStatus) -> None:
    """How far it is, in a few lines."""
    rounds = ", ".join(f"{count:,} {state}" for state, count in found.rounds.items() if count) or "none"
    lines = [
        f"{found.name}: {found.state}",
        f"rounds: {rounds}",
        f"players: {found.players:,} with a finished round; labels: {found.labels:,}",
        f"last answer: {found.last_answer or 'none yet'}",
        f"maps: {', '.join(f'{count:,} {state}' for state, count in found.maps.items())}",
        *(
            f"  {one.layer}: {one.ready:,} of {one.maps:,} maps have enough rounds ({one.rounds:,} so far, "
            f"{one.wanted:,} wanted)"
            for one in found.layers
        ),
        _outlook(found),
    ]
    typer.echo("\n".join(printable(line) for line in lines))


def _outlook(found: CampaignStatus) -> str:
    """What is still to do, and how long it takes."""
    if not found.wanted:
        return "to go: nothing, every map has enough rounds"
    if found.days is None:
        return f"to go: {counted(found.wanted, 'round')}; nobody has played lately"
    day = f", until {found.done_on}" if found.done_on else ""
    wanted, days, pace = counted(found.wanted, "round"), counted(round(found.days), "day"), counted(found.pace, "round")
    return f"to go: {wanted}, {days} at {pace} a day{day}"
