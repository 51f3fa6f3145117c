"""The commands that make a campaign of a study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerlore.cli.options import Debug, Json, one_line_errors
from layerlore.cli.printing import print_json, printable, say
from layerlore.cli.study_printing import progress_by_turns

if TYPE_CHECKING:
    from layerlore.game.bundle.build import BuildResult
    from layerlore.game.bundle.planning import CampaignPlan

campaign_app = typer.Typer(
    name="campaign",
    help="Makes a labelling game of a study.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(campaign_app)


Folder = Annotated[Path, typer.Argument(help="Folder of the study.", metavar="DIR")]
PerLayer = Annotated[
    int | None,
    typer.Option(help="Only the N heaviest maps of each layer; default: all shown ones.", min=1, metavar="N"),
]
Merged = Annotated[bool, typer.Option("--merged", help="Also all maps of each layer as one.")]
LowSupport = Annotated[
    bool, typer.Option("--low-support", help="Also maps with fewer pixels than the first step shows.")
]


@campaign_app.command()
def build(  # noqa: PLR0913 one for each option
    folder: Folder,
    *,
    per_layer: PerLayer = None,
    merged: Merged = False,
    low_support: LowSupport = False,
    side: Annotated[int, typer.Option(help="Longer side of the pictures.", min=64, max=2048, metavar="PIXELS")] = 384,
    seed: Annotated[
        int | None,
        typer.Option(help="Same seed, same bundle; keep it to yourself. Default: drawn.", min=0, max=2**53),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a bundle that nobody has played.")] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one for each core.", min=1)] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Render the pictures of a campaign, with controls, into DIR/campaign."""
    with one_line_errors(debug=debug):
        from layerlore.game.bundle.build import build_bundle
        from layerlore.game.bundle.choosing import Choice
        from layerlore.study.study import Study

        choice = Choice(per_layer, merged=merged, low_support=low_support)
        parts = progress_by_turns("rendering", "questionnaire", units=("photos", "pictures"))
        with parts as (step, asking):
            result = build_bundle(
                Study.open(folder),
                choice,
                seed=seed,
                side=side,
                replace=replace,
                workers=workers,
                progress=step,
                asking=asking,
            )
        if as_json:
            print_json({**asdict(result), "folder": str(result.folder), "seconds": round(result.seconds, 2)})
        else:
            _print_built(folder, result)


@campaign_app.command()
def plan(
    folder: Folder,
    *,
    players: Annotated[int | None, typer.Option(help="Players to expect; default: as many as needed.", min=1)] = None,
    rounds: Annotated[int, typer.Option(help="Rounds that a player plays a day.", min=1)] = 20,
    per_layer: PerLayer = None,
    merged: Merged = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell how many plays, players and days a campaign needs: of its bundle, or before there is one."""
    with one_line_errors(debug=debug):
        from layerlore.game.bundle.choosing import Choice
        from layerlore.game.bundle.planning import plan_campaign

        found = plan_campaign(folder, Choice(per_layer, merged=merged), players=players, rounds_per_day=rounds)
        if as_json:
            print_json(asdict(found))
        else:
            _print_plan(found)


def _print_built(folder: Path, result: BuildResult) -> None:
    """What was built, what was left out, and what to know."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in result.maps.items() if count)
    say(
        f"{kinds} maps of {result.images:,} photos of {result.classes} classes: {result.files:,} pictures, "
        f"{result.bytes / 2**20:.1f} MiB; {result.seconds:.1f} s"
    )
    if result.questions:
        say(f"questionnaire: {result.questions} photos, each explained by every method")
    for fault, count in result.left_out.items():
        say(f"left out: {count:,} maps ({fault}); {result.folder / 'link.json'} names them")
    for note in result.notes:
        say(f"note: {note}")
    say(f"what it takes: layerlore campaign plan {folder}")
    typer.echo(printable(str(result.folder)))


def _print_plan(found: CampaignPlan) -> None:
    """The plan in a few lines."""
    need = found.plan
    lines = [
        f"{'bundle' if found.built else 'study, not built yet'}: {need.maps:,} maps of {found.images:,} photos",
        f"plays: {need.plays:,} for {need.labels:,} that count, as some are given up",
        f"players: at least {need.players_needed:,}, since each gets {found.maps_per_player} of a photo's maps",
        f"days: {need.days:,} for {need.players:,} players with {found.rounds_per_day} rounds a day",
        f"rounds: {need.rounds:,} that they play, with honeypots, control maps and training",
    ]
    typer.echo("\n".join(lines))
    for note in found.notes:
        say(f"note: {note}")
    if need.reachable < 1:
        say(
            f"warning: {need.players:,} players reach {100 * need.reachable:.0f} % of the plays; find more, take fewer "
            "maps (--per-layer), or raise play.max_maps_per_image"
        )
