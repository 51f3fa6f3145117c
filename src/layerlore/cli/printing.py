"""What is printed: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from layerlore.local.explanation import Explanation
    from layerlore.network.model import Network


def printable(text: str) -> str:
    """Text that stays on its line: control characters, which a file name may hold, are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(text: str) -> None:
    """Print a line that is no result."""
    typer.echo(printable(text), err=True)


def counted(amount: float, noun: str) -> str:
    """An amount with its noun, such as "1 round", "1.5 rounds" or "1,280 rounds"."""
    figures = f"{amount:,}" if isinstance(amount, int) else f"{amount:g}"
    return f"{figures} {noun}{'' if figures == '1' else 's'}"


def print_json(content: dict[str, Any]) -> None:
    """Print a result for programs."""
    typer.echo(json.dumps(content, ensure_ascii=False, indent=1))


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that reports one finished photo: a bar on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        count = 0

        def line(text: str) -> None:
            nonlocal count
            count += 1
            say(f"{count}/{total} {text}")

        yield line
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("explaining"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    # Standard output is left alone: it may be a pipe that waits for the results.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=total)

        def advance(text: str) -> None:
            bar.console.print(printable(text))
            bar.advance(task)

        yield advance


def verdict(explanation: Explanation) -> str:
    """Say in one line what the network sees in the photo."""
    best, target = explanation.predictions[0], explanation.target
    text = f"{best.name}, {100 * best.probability:.1f} %"
    if target.index == best.index:
        return text
    return f"{text}; explained for {target.name}, {100 * target.probability:.1f} %"


def print_results(done: Sequence[tuple[Explanation, Path]], failed: Sequence[dict[str, str]], *, as_json: bool) -> None:
    """Print the paths written, or a JSON document about them."""
    if as_json:
        results = [_summary(explanation, path) for explanation, path in done]
        typer.echo(json.dumps({"explanations": results, "failed": failed}, ensure_ascii=False, indent=1))
        return
    for _, path in done:
        typer.echo(printable(str(path)))


def _summary(explanation: Explanation, path: Path) -> dict[str, Any]:
    """What a program wants to know without the maps; ``--out FILE.json`` writes everything."""
    return {
        "photo": explanation.photo.name,
        "image_id": explanation.photo.image_id,
        "path": str(path),
        "target": asdict(explanation.target),
        "predictions": [asdict(prediction) for prediction in explanation.predictions],
        "layers": [
            {
                "name": layer.name,
                "note": layer.note,
                "other_weight": layer.other_weight,
                "clusters": [
                    {
                        "weight": cluster.weight,
                        "importance": cluster.importance,
                        "channels": cluster.channels,
                        "ablation": None if cluster.ablation is None else asdict(cluster.ablation),
                    }
                    for cluster in layer.clusters
                ],
            }
            for layer in explanation.layers
        ],
    }


def describe_layers(network: Network) -> dict[str, Any]:
    """Describe the network's layers in plain dicts, shallow to deep."""
    defaults = {layer.name for layer in network.layers.default}
    numbers = {layer.name: number for number, layer in enumerate(network.layers.candidates)}
    keys = ("index", "name", "channels", "height", "width", "nonlinearity", "rectified", "block")
    return {
        "spec": network.spec,
        "layers": [
            {
                **{key: getattr(layer, key) for key in keys},
                "number": numbers.get(layer.name),
                "default": layer.name in defaults,
            }
            for layer in network.layers
        ],
    }


def print_layers(network: Network) -> None:
    """Print the network's layers as a table."""
    from rich.console import Console
    from rich.table import Table

    rows = describe_layers(network)["layers"]
    title = f"{network.spec}: {len(rows)} layers, * = explained by default"
    table = Table(title=title, title_justify="left")
    for heading in ("", "#", "layer", "maps", "size", "after", "block"):
        table.add_column(heading, justify="right" if heading in {"#", "maps", "size"} else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            "*" if row["default"] else "",
            "" if row["number"] is None else str(row["number"]),
            row["name"],
            str(row["channels"]),
            f"{row['height']} x {row['width']}",
            row["nonlinearity"] or "-",
            row["block"] or "",
        )
    # A pipe has no width, and names must come whole.
    width = None if sys.stdout.isatty() else 200
    Console(width=width, markup=False, highlight=False).print(table)


def has_screen() -> bool:
    """Whether opening a browser can show something; a text browser would take over the terminal."""
    if sys.platform in {"darwin", "win32"}:
        return True
    return any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
