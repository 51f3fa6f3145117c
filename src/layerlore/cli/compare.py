"""``layerlore compare`` and ``layerlore study diff``: two explanations of one photo, two studies of the same photos.

``study diff`` exits with 3 where a limit is exceeded or cannot be judged, so that a pipeline stops; 1 and 2 stay for
bad input and usage.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlore.cli.compare_printing import diff_json, print_comparison, print_diff, print_verdicts
from layerlore.cli.options import ClassNamesFile, Debug, Json, Layers, Method, load, one_line_errors, parse_layers
from layerlore.cli.outputs import OURS, check_output
from layerlore.cli.printing import say
from layerlore.cli.study_printing import study_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.local.explanation import Explanation
    from layerlore.network.model import Network
    from layerlore.study.compare import Comparison
    from layerlore.study.diff_records import StudyDiff

EXCEEDED = 3
"""Exit code where a limit is exceeded or cannot be judged."""
COMPARISONS = (".html", ".json")
DIFFS = (".html", ".csv", ".json")

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help=f"Replace an existing file that is not named *{OURS}.*, too.")
]


def register(app: typer.Typer, study_app: typer.Typer) -> None:
    """Add the commands to the program and to its group ``study``."""
    app.command("compare")(compare_command)
    study_app.command("diff")(diff_command)


def compare_command(  # noqa: PLR0913 one for each option
    things: Annotated[
        list[str],
        typer.Argument(
            help="Two explanations (.json) of one photo; or a photo and an option given twice.", metavar="A B"
        ),
    ],
    *,
    model: Annotated[
        list[str] | None, typer.Option(help="Network, as for explain; twice to compare two.", metavar="SPEC")
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option(help="Weights, as for explain; twice to compare two.", metavar="FILE")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Class to explain; twice to compare two; default: the answer of the first.", metavar="CLASS"),
    ] = None,
    class_names: ClassNamesFile = None,
    layers: Layers = None,
    method: Annotated[Method, typer.Option(help="How maps are clustered and merged.")] = Method.stable,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option(help=f"File to write, {' or '.join(COMPARISONS)}.", metavar="FILE")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Set two explanations of one photo side by side: two networks, two checkpoints or two classes."""
    given = {"--model": model or [], "--weights": weights or [], "--target": target or []}
    _check_usage(things, given)
    with one_line_errors(debug=debug):
        from layerlore.study.compare import compare

        if out is not None:
            check_output(out, things, overwrite=overwrite, suffixes=COMPARISONS)
        if len(things) == 2:
            from layerlore.local.storage import load_explanation

            first, second = map(load_explanation, things)
        else:
            options: dict[str, Any] = {"method": method.value, "seed": seed, "ablation": False, "flow": False}
            first, second = _explain_twice(things[0], given, options, layers=layers, class_names=class_names)
        found = compare(first, second)
        print_comparison(found, as_json=as_json)
        _save(found, out)


def diff_command(  # noqa: PLR0913 one for each option
    a: Annotated[Path, typer.Argument(help="Study of the network before.", metavar="A")],
    b: Annotated[Path, typer.Argument(help="Study of the same photos after.", metavar="B")],
    *,
    top: Annotated[
        int | None, typer.Option(help="Photos to list; default: 10, with --json all.", min=0, metavar="N")
    ] = None,
    max_change: Annotated[
        float | None, typer.Option(help="Largest change of a photo.", min=0.0, max=1.0, metavar="X")
    ] = None,
    max_mean_change: Annotated[
        float | None, typer.Option(help="Largest mean change of the photos.", min=0.0, max=1.0, metavar="X")
    ] = None,
    max_newly_wrong: Annotated[
        int | None, typer.Option(help="Most photos that were right and are wrong.", min=0, metavar="N")
    ] = None,
    max_accuracy_drop: Annotated[
        float | None, typer.Option(help="Largest fall of the accuracy, in percentage points.", metavar="P")
    ] = None,
    max_missing: Annotated[
        int | None,
        typer.Option(
            help="Most photos of A that are not compared; default: 0 where another limit is given.", min=0, metavar="N"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help=f"File to write: {', '.join(DIFFS)}.", metavar="FILE")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare two studies of the same photos; exit code 3 if a limit is exceeded or cannot be judged."""
    with one_line_errors(debug=debug):
        from layerlore.study.diff import diff
        from layerlore.study.diff_records import Limits
        from layerlore.study.study import Study

        if out is not None:
            check_output(out, [], overwrite=overwrite, suffixes=DIFFS)
        limits = Limits(max_change, max_mean_change, max_newly_wrong, max_accuracy_drop, max_missing)
        studies = Study.open(a), Study.open(b)
        with study_progress("comparing") as step:
            found = diff(*studies, progress=step)
        verdicts = found.judge(limits)
        if as_json:
            typer.echo(diff_json(found, verdicts, top))
        else:
            print_diff(found, 10 if top is None else top)
        _save(found, out)
        print_verdicts(found, verdicts, as_json=as_json)
        if not all(verdict.within for verdict in verdicts):
            raise typer.Exit(EXCEEDED)


def _check_usage(things: Sequence[str], given: dict[str, list[str]]) -> None:
    """Refuse combinations that mean nothing, with exit code 2."""
    twice = [name for name, values in given.items() if len(values) == 2]
    for name, values in given.items():
        if len(values) > 2:
            raise typer.BadParameter("give it once or twice; two explanations are compared", param_hint=name)
    if len(things) > 2:
        raise typer.BadParameter("give two explanations, or one photo", param_hint="A B")
    if len(things) == 2 and any(given.values()):
        some = next(name for name, values in given.items() if values)
        raise typer.BadParameter("is for one photo; two explanations bring their own", param_hint=some)
    if len(things) == 1 and not twice:
        raise typer.BadParameter(
            "give a second explanation; or, for a photo, --model, --weights or --target twice", param_hint="A B"
        )


def _explain_twice(
    photo: str,
    given: dict[str, list[str]],
    options: dict[str, Any],
    *,
    layers: str | None,
    class_names: str | None,
) -> tuple[Explanation, Explanation]:
    """Explain one photo by two networks, or for two classes."""
    from layerlore.local.explain import explain
    from layerlore.network.photos import read_photo

    sides = [{name: _of_side(values, number) for name, values in given.items()} for number in (0, 1)]
    read = read_photo(photo)
    networks: list[Network] = []
    for side in sides:
        if networks and (side["--model"], side["--weights"]) == (sides[0]["--model"], sides[0]["--weights"]):
            networks.append(networks[0])
        else:
            networks.append(load(side["--model"], weights=side["--weights"], class_names=class_names))
    chosen = [parse_layers(network, layers) for network in networks]
    # What is wrong with the second is told before the first is explained.
    targets: list[int | None] = []
    for network, side, names in zip(networks, sides, chosen, strict=True):
        network.layers.select(names)
        targets.append(None if side["--target"] is None else network.find_class(side["--target"]))
    first = explain(networks[0], read, targets[0], layers=chosen[0], **options)
    if targets[1] is None and list(networks[0].class_names) == list(networks[1].class_names):
        targets[1] = first.target.index
        say(f"both are explained for the answer of A: {first.target.name}")
    return first, explain(networks[1], read, targets[1], layers=chosen[1], **options)


def _of_side(values: Sequence[str], number: int) -> str | None:
    """What an option says for one side; given once, it is for both."""
    return values[min(number, len(values) - 1)] if values else None


def _save(found: Comparison | StudyDiff, out: Path | None) -> None:
    if out is None:
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    found.save(out)
    say(f"wrote {out}")
