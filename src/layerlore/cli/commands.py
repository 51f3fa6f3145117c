"""The commands and their options."""

from __future__ import annotations

import json
import webbrowser
from typing import Annotated

import typer

from layerlore.cli import (
    campaign,
    campaign_answers,
    campaign_backup,
    campaign_questionnaire,
    classes,
    compare,
    concepts,
    curate,
    evaluate,
    play,
    report,
    study,
    validate,
)
from layerlore.cli.options import (
    ClassNamesFile,
    Debug,
    Json,
    Layers,
    Method,
    Model,
    Pretrained,
    Weights,
    load,
    one_line_errors,
    parse_layers,
)
from layerlore.cli.outputs import OURS, SUFFIXES, plan_outputs
from layerlore.cli.printing import describe_layers, has_screen, print_layers
from layerlore.cli.running import explain_all

app = typer.Typer(
    name="layerlore",
    help="Explains a convolutional image classifier layer by layer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from layerlore import __version__

        typer.echo(f"layerlore {__version__}")
        raise typer.Exit


Out = Annotated[
    str | None,
    typer.Option(
        help=f"File ({', '.join(SUFFIXES)}) or folder to write; default: NAME{OURS}.html right here.",
        metavar="PATH",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help=f"Replace existing files that are not named *{OURS}.*, too.")
]


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    del version


@app.command()
def explain(
    photos: Annotated[list[str], typer.Argument(help="Photos to explain.", metavar="PHOTO")],
    *,
    model: Model = None,
    weights: Weights = None,
    pretrained: Pretrained = True,
    class_names: ClassNamesFile = None,
    device: Annotated[str | None, typer.Option(help="Such as cuda; default: cpu.", metavar="NAME")] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Class by index, WordNet id or name; default: the predicted one.", metavar="CLASS"),
    ] = None,
    layers: Layers = None,
    method: Annotated[Method, typer.Option(help="How maps are clustered and merged.")] = Method.stable,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    out: Out = None,
    overwrite: Overwrite = False,
    ablation: Annotated[
        bool, typer.Option(" /--no-ablation", help="Do not measure what removing does.", show_default=False)
    ] = True,
    flow: Annotated[bool, typer.Option(" /--no-flow", help="Do not link the layers.", show_default=False)] = True,
    max_pixels: Annotated[int, typer.Option(help="Refuse photos with more pixels.", min=1, metavar="N")] = 100_000_000,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Explain photos layer by layer, each in a page of its own."""
    with one_line_errors(debug=debug):
        outputs = plan_outputs(photos, out, overwrite=overwrite)
        network = load(model, pretrained=pretrained, class_names=class_names, weights=weights, device=device)
        chosen = parse_layers(network, layers)
        # A wrong layer or class is told before any photo is read.
        network.layers.select(chosen)
        index = None if target is None else network.find_class(target)
        options = {
            "layers": chosen,
            "method": method.value,
            "seed": seed,
            "ablation": ablation,
            "flow": flow,
        }
        jobs = list(zip(photos, outputs, strict=True))
        explain_all(network, jobs, index, options, max_pixels=max_pixels, as_json=as_json)


@app.command("layers")
def list_layers(
    spec: Annotated[str | None, typer.Argument(help="Network, as for explain --model.", metavar="SPEC")] = None,
    *,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the layers of a network that can be explained, shallow to deep."""
    with one_line_errors(debug=debug):
        # Layers do not depend on the weights, so none are fetched.
        network = load(spec, pretrained=False)
        if as_json:
            typer.echo(json.dumps(describe_layers(network), ensure_ascii=False, indent=1))
        else:
            print_layers(network)


@app.command()
def demo(
    sample: Annotated[str, typer.Argument(help="astronaut, chelsea (a cat), coffee or rocket.")] = "chelsea",
    *,
    out: Out = None,
    overwrite: Overwrite = False,
    browser: Annotated[
        bool, typer.Option(" /--no-open", help="Do not open the page in a browser.", show_default=False)
    ] = True,
    debug: Debug = False,
) -> None:
    """Explain a sample photo with nine layers over the network's whole depth, and open the page."""
    with one_line_errors(debug=debug):
        from layerlore.samples import sample_path

        photo = str(sample_path(sample))
        (output,) = plan_outputs([photo], out, overwrite=overwrite)
        explain_all(load(None), [(photo, output)], options={"layers": "spread"})
        if browser and has_screen():
            webbrowser.open(output.resolve().as_uri())


report.register(app)
study.register(app)
compare.register(app, study.study_app)
campaign.register(app)
campaign_answers.register()
campaign_questionnaire.register()
campaign_backup.register()
play.register(app)
concepts.register(app)
curate.register(app)
classes.register(app)
validate.register(app)
evaluate.register(app)


def main() -> None:
    """Run the command line and exit with its code."""
    app(prog_name="layerlore")
