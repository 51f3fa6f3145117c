"""What several commands share: options, loading a network, and errors in one line."""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from layerlore.cli.printing import say
from layerlore.errors import LayerLoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.network.model import Network


class Method(StrEnum):
    """How feature maps are clustered and merged."""

    stable = "stable"
    paper = "paper"


Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Model = Annotated[
    str | None,
    typer.Option(
        help="timm:NAME, torchvision:NAME or package.module:callable; "
        "default: EfficientNet-Lite0 with ImageNet weights, which needs no download.",
        metavar="SPEC",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(help="Weights to load: .safetensors, or a torch file without pickled code.", metavar="FILE"),
]
Pretrained = Annotated[bool, typer.Option(" /--no-pretrained", help="Start from random weights.", show_default=False)]
ClassNamesFile = Annotated[
    str | None, typer.Option(help="Text file with one class name a line, or JSON.", metavar="FILE")
]
Layers = Annotated[
    str | None,
    typer.Option(
        help="Layers by name or number (see layerlore layers), 'spread' or 'all'; default: the last nine.",
        metavar="A,B",
    ),
]


def load(
    spec: str | None,
    *,
    pretrained: bool = True,
    class_names: str | None = None,
    weights: str | None = None,
    device: str | None = None,
) -> Network:
    """Load a network as the options say."""
    from layerlore.network.loading import load_network

    return load_network(spec, pretrained=pretrained, class_names=class_names, weights=weights, device=device)


def parse_layers(network: Network, text: str | None) -> str | list[str | int] | None:
    """Turn ``a,b,-1`` into what ``select`` takes; a number is an index unless a layer has that name."""
    if text is None or text in {"default", "spread", "all"}:
        return text
    names = {layer.name for layer in network.layers}
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return [int(part) if part not in names and part.removeprefix("-").isdecimal() else part for part in parts]


@contextmanager
def one_line_errors(*, debug: bool) -> Iterator[None]:
    """Turn errors into one line on stderr and exit code 1; with ``debug`` let them through."""
    try:
        yield
    except LayerLoreError as error:
        if debug:
            raise
        say(f"error: {error}")
        raise typer.Exit(1) from error
    except (typer.Exit, typer.BadParameter, BrokenPipeError):
        raise
    except Exception as error:
        if debug:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        say(f"error: {text}; this is a bug in LayerLore, --debug shows where")
        raise typer.Exit(1) from error
