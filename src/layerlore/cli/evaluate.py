"""The command that measures methods on the same photos: ``layerlore evaluate``."""

from __future__ import annotations

import shlex
import sys
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from layerlore.cli.evaluate_printing import print_evaluation
from layerlore.cli.options import ClassNamesFile, Debug, Json, Model, Pretrained, Weights, load, one_line_errors
from layerlore.cli.printing import has_screen, print_json, printable, say
from layerlore.cli.stopping import stoppable
from layerlore.cli.study_printing import study_progress
from layerlore.errors import SettingError

SUFFIXES = (".html", ".csv", ".json")

Option = Annotated[
    list[str] | None,
    typer.Option("--option", help="An option of a method, such as lime.samples=300; several times.", metavar="M.O=V"),
]


def _print_list(wanted: bool) -> None:
    """Print what can be asked for, and end."""
    if wanted:
        from layerlore.cli.evaluate_printing import print_choices

        print_choices()
        raise typer.Exit


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(evaluate)


def evaluate(  # noqa: PLR0913 one for each option
    photos: Annotated[
        list[str], typer.Argument(help="Folder of a study, folder or list of photos, or photos.", metavar="DIR|PHOTOS")
    ],
    *,
    methods: Annotated[
        str | None,
        typer.Option(help="Methods by name (see --list), or 'all'; default: those that need few calls.", metavar="A,B"),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Metrics or families of them by name (see --list), or 'all'; default: those that run a method only "
            "once.",
            metavar="A,B",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(help="Method that the others are compared with; default: gradcam, or the first.", metavar="NAME"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    target: Annotated[
        str,
        typer.Option(help="Class to explain: 'predicted', 'label' (each photo's own), or one class.", metavar="CLASS"),
    ] = "predicted",
    truth: Annotated[
        str | None,
        typer.Option(help="Where the object is: folder of masks, list of boxes or masks, or 'alpha'.", metavar="FROM"),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Only so many photos, drawn by the seed.", min=1, metavar="N")
    ] = None,
    option: Option = None,
    model: Model = None,
    weights: Weights = None,
    pretrained: Pretrained = True,
    class_names: ClassNamesFile = None,
    device: Annotated[str | None, typer.Option(help="Such as cuda; default: cpu.", metavar="NAME")] = None,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, metavar="N")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write to, where a run that was stopped goes on; default: DIR/evaluation for a study, "
            "else evaluation right here.",
            metavar="FOLDER",
        ),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew in that folder.")] = False,
    browser: Annotated[
        bool, typer.Option(" /--no-open", help="Do not open the page in a browser.", show_default=False)
    ] = True,
    _listed: Annotated[
        bool,
        typer.Option("--list", help="Print the methods and metrics there are.", callback=_print_list, is_eager=True),
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure on the same photos whether methods' maps are true, stable and better than others."""
    with (
        stoppable(lambda: f"what is done is kept, go on with the same command: {_typed()}"),
        one_line_errors(debug=debug),
    ):
        from layerlore.evaluate.photos import study_of
        from layerlore.evaluate.running import evaluate as run
        from layerlore.evaluate.storage import DEFAULT

        source: Any = photos[0] if len(photos) == 1 else photos
        study = study_of(source)
        folder = out or (Path() if study is None else study.folder) / DEFAULT
        network = None
        if study is None or model is not None or weights is not None:
            network = load(model, pretrained=pretrained, class_names=class_names, weights=weights, device=device)
        with study_progress("measuring", "maps") as progress:
            found = run(
                network,
                source if study is None else study,
                methods=methods,
                metrics=metrics,
                seed=seed,
                against=against,
                target=target,
                truths=truth,
                options=_options(option or []),
                sample=sample,
                out=folder,
                resume=not restart,
                workers=workers,
                progress=progress,
                notice=say,
            )
        page, *_ = [found.save(folder / f"{DEFAULT}{suffix}") for suffix in SUFFIXES]
        if as_json:
            print_json(found.content())
        else:
            print_evaluation(found)
            typer.echo(printable(str(page)))
        if browser and not as_json and has_screen():
            webbrowser.open(page.resolve().as_uri())


def _typed() -> str:
    """The command as it was typed."""
    return shlex.join(["layerlore", *sys.argv[1:]])


def _options(texts: list[str]) -> dict[str, dict[str, Any]]:
    """Method to its options, from texts such as ``lime.samples=300``.

    Raises:
        SettingError: A text is no option.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        method, dot, own = name.strip().partition(".")
        if not equals or not dot:
            raise SettingError(f"--option {text}: give METHOD.OPTION=VALUE, such as lime.samples=300")
        found.setdefault(method, {})[own] = _value(value.strip())
    return found


def _value(text: str) -> bool | int | float | str:
    """A number or truth value where it looks like one."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
