"""``layerlore study``: many photos in one folder, made, filled and looked at."""

from __future__ import annotations

import importlib
import shlex
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlore.cli.options import (
    ClassNamesFile,
    Debug,
    Json,
    Method,
    Model,
    Pretrained,
    Weights,
    load,
    one_line_errors,
    parse_layers,
)
from layerlore.cli.printing import print_json, say
from layerlore.cli.stopping import stoppable
from layerlore.cli.study_printing import created_json, print_created, print_run, print_status, run_json, study_progress
from layerlore.errors import StudyError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from layerlore.network.model import Network
    from layerlore.study.study import Study

study_app = typer.Typer(
    name="study",
    help="Explain many photos: a folder that can be filled in parts, on one machine or a cluster.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(study_app)


class Backend(StrEnum):
    """Where the work is done."""

    loky = "loky"
    dask = "dask"
    ray = "ray"


Folder = Annotated[Path, typer.Argument(help="Folder of the study.", metavar="DIR")]
LayerNames = Annotated[
    str | None,
    typer.Option(help="Layers by name or number (see layerlore layers), 'spread' or 'all'.", metavar="A,B"),
]
Target = Annotated[
    str | None,
    typer.Option(help="Class to explain: 'predicted', 'label' (each photo's own), or one class.", metavar="CLASS"),
]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.", min=0)]
Ablation = Annotated[
    bool | None, typer.Option("--ablation/--no-ablation", help="Measure what removing a cluster does.")
]
Flow = Annotated[bool | None, typer.Option("--flow/--no-flow", help="Link the layers.")]
MethodOption = Annotated[Method | None, typer.Option(help="How maps are clustered and merged.")]
Workers = Annotated[
    int | None, typer.Option(help="Worker processes; default: one for each GPU, or else each core.", min=1)
]
BackendOption = Annotated[
    Backend, typer.Option(help="Processes of this machine, or a Dask or Ray cluster.", show_default=True)
]
Address = Annotated[
    str | None,
    typer.Option(help="Cluster that runs already, such as tcp://host:8786; default: one of this machine."),
]


@study_app.command()
def create(  # noqa: PLR0913 one for each option
    folder: Folder,
    *,
    images: Annotated[
        str,
        typer.Option(
            help="Folder (sub-folder = class), CSV or Parquet list with the columns path and class, or "
            "module:callable that returns a torchvision dataset.",
            metavar="FROM",
        ),
    ],
    model: Model = None,
    weights: Weights = None,
    pretrained: Pretrained = True,
    class_names: ClassNamesFile = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the photos into the study.")] = False,
    method: MethodOption = None,
    seed: Seed = None,
    layers: LayerNames = None,
    target: Target = None,
    ablation: Ablation = None,
    flow: Flow = None,
    run: Annotated[bool, typer.Option("--run", help="Explain the photos at once.")] = False,
    workers: Workers = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a study: list the photos, and tell which cannot be used."""
    with _stoppable(folder, "create"), one_line_errors(debug=debug):
        from layerlore.study.study import Study

        settings = _settings(method, seed, target, ablation, flow)
        if layers is not None:
            settings["layers"] = _layers(layers, model)
        with study_progress("reading") as step:
            study = Study.create(
                folder,
                _images(images),
                model,
                pretrained=pretrained,
                weights=weights,
                class_names=class_names,
                copies=copy,
                progress=step,
                **settings,
            )
        if not as_json:
            print_created(study, following=not run)
        elif not run:
            print_json(created_json(study))
        if run:
            _run(study, as_json=as_json, workers=workers)


@study_app.command()
def run(  # noqa: PLR0913 one for each option
    folder: Folder,
    *,
    backend: BackendOption = Backend.loky,
    workers: Workers = None,
    address: Address = None,
    method: MethodOption = None,
    seed: Seed = None,
    layers: LayerNames = None,
    target: Target = None,
    ablation: Ablation = None,
    flow: Flow = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Explain the photos that are not explained yet; settings given here begin a new set."""
    with _stoppable(folder, "run"), one_line_errors(debug=debug):
        from layerlore.study.study import Study

        study = Study.open(folder)
        settings = _settings(method, seed, target, ablation, flow)
        network: Network | None = None
        if layers is not None:
            network = study.load_network()
            settings["layers"] = parse_layers(network, layers)
        _run(
            study, as_json=as_json, backend=backend.value, workers=workers, address=address, network=network, **settings
        )


@study_app.command()
def status(folder: Folder, *, as_json: Json = False, debug: Debug = False) -> None:
    """Tell how far a study is, and whether its files are whole."""
    with one_line_errors(debug=debug):
        from layerlore.study.study import Study

        study = Study.open(folder)
        found = study.status()
        if as_json:
            print_json({"study": str(folder), **asdict(found), "complete": found.complete})
        else:
            print_status(study, found)


def _run(study: Study, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 handed on
    """Fill a study and tell what was done."""
    with study_progress("explaining") as step:
        result = study.run(progress=step, notice=say, **options)
    if as_json:
        print_json(run_json(study, result))
    else:
        print_run(study, result)


def _settings(
    method: Method | None, seed: int | None, target: str | None, ablation: bool | None, flow: bool | None
) -> dict[str, Any]:
    """The settings that were given."""
    given = {
        "method": method and method.value,
        "seed": seed,
        "target": target,
        "ablation": ablation,
        "flow": flow,
    }
    return {key: value for key, value in given.items() if value is not None}


def _layers(text: str, model: str | None) -> str | list[str | int] | None:
    """The layers asked for; a number may be a layer's name, which only the network tells."""
    if any(part.strip().removeprefix("-").isdecimal() for part in text.split(",")):
        return parse_layers(load(model, pretrained=False), text)
    return text if text in {"default", "spread", "all"} else [part.strip() for part in text.split(",") if part.strip()]


def _images(text: str) -> Any:  # noqa: ANN401 datasets have no common type
    """What ``--images`` means: a path, or what a Python function returns.

    Raises:
        StudyError: The function cannot be had, or fails.
    """
    module, colon, name = text.partition(":")
    if not colon or not name.isidentifier() or Path(text).exists():
        return text
    from layerlore.network.loading import working_folder_importable

    try:
        with working_folder_importable():
            return getattr(importlib.import_module(module), name)()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise StudyError(
            f"--images {text}: {reason}; give a folder, a list, or module:callable of a function without arguments "
            "that returns a dataset"
        ) from error


def _stoppable(folder: Path, what: str) -> AbstractContextManager[None]:
    """What is told when a run is stopped."""
    name = shlex.quote(str(folder))

    def told() -> str:
        if what == "create" and not (folder / "study.toml").exists():
            return f"nothing was made, begin again with: layerlore study create {name} ..."
        return f"what is done is kept, go on with: layerlore study run {name}"

    return stoppable(told)
