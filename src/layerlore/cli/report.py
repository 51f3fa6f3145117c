"""The command that writes the site of a study."""

from __future__ import annotations

import dataclasses
import json
import webbrowser
from pathlib import Path  # noqa: TC003 typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from layerlore.cli.options import Debug, Json, one_line_errors
from layerlore.cli.printing import has_screen, printable, say
from layerlore.cli.study_printing import study_progress

if TYPE_CHECKING:
    from layerlore.report.site import Site


def register(app: typer.Typer) -> None:
    """Add ``report`` to the commands."""
    app.command()(report)


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of the study.", metavar="DIR")],
    *,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: DIR/report.", metavar="FOLDER")] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            help="Folder of what layerlore evaluate found, for the report card; default: DIR/evaluation.",
            metavar="FOLDER",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes; default: as many as there are processors.", min=1, metavar="N")
    ] = None,
    as_json: Json = False,
    browser: Annotated[
        bool, typer.Option(" /--no-open", help="Do not open the site in a browser.", show_default=False)
    ] = True,
    debug: Debug = False,
) -> None:
    """Write a study as a static site: overview, grids, and a page for every photo."""
    with one_line_errors(debug=debug):
        from layerlore.report.site import write_site
        from layerlore.study.study import Study

        study = Study.open(folder)
        with study_progress("writing") as progress:
            site = write_site(study, out, evaluation=evaluation, workers=workers, progress=progress)
        _print(site, as_json=as_json)
        if browser and not as_json and has_screen():
            webbrowser.open(site.index.resolve().as_uri())


def _print(site: Site, *, as_json: bool) -> None:
    if as_json:
        content = {**dataclasses.asdict(site), "index": str(site.index), "seconds": round(site.seconds, 2)}
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1))
        return
    say(
        f"{site.pages:,} of {site.photos:,} photos have a page: {site.written:,} written, "
        f"{site.unchanged:,} unchanged, {site.removed:,} removed; {site.seconds:.1f} s"
    )
    if site.waiting:
        say(f"{site.waiting:,} are not explained yet; layerlore study run goes on")
    if site.failed:
        say(f"{site.failed:,} could not be explained")
    if site.missing:
        some = ", ".join(site.missing[:5]) + (", ..." if len(site.missing) > 5 else "")
        say(f"{len(site.missing):,} photos are gone or changed, their pages show a plain ground: {some}")
    typer.echo(printable(str(site.index)))
