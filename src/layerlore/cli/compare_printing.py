"""What ``layerlore compare`` and ``layerlore study diff`` print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from layerlore.cli.printing import printable, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from layerlore.local.explanation import Prediction
    from layerlore.study.compare import Comparison, LayerComparison
    from layerlore.study.diff_records import PhotoDiff, StudyDiff, Verdict

LIMITS = {
    "change": ("--max-change", "largest change of a photo"),
    "mean_change": ("--max-mean-change", "mean change"),
    "newly_wrong": ("--max-newly-wrong", "photos newly wrong"),
    "accuracy_drop": ("--max-accuracy-drop", "fall of the accuracy in points"),
    "missing": ("--max-missing", "number of photos not compared"),
}
SHOWN_LAYERS = 12


def print_comparison(found: Comparison, *, as_json: bool) -> None:
    """Print what A and B say and how much each layer changed, or everything as JSON."""
    if as_json:
        typer.echo(found.to_json().rstrip("\n"))
        return
    for letter, side in (("A", found.a), ("B", found.b)):
        explained = "" if side.target.index == side.predictions[0].index else f"; explained for {_answer(side.target)}"
        _out(f"{letter}: {side.network_name} says {_answer(side.predictions[0])}{explained}")
    same = "the same answer" if not found.answer_changed else "another answer"
    moved = f"{found.probability_change * 100:+.1f} points" if found.same_target else "different classes are explained"
    _out(f"change {found.change:.3f} (0 = alike, 1 = nothing in common), {same}, {moved}; paired by {found.paired_by}")
    table = _table("layer", "change", "pairs", "only in A", "only in B")
    for layer in found.layers:
        pairs = ", ".join(f"{p.a + 1}-{p.b + 1} {p.similarity:.2f}" for p in layer.match.pairs)
        table.add_row(layer.name, f"{layer.change:.3f}", pairs or "-", *_alone(layer))
    _print(table)
    for letter, names in (("A", found.only_a), ("B", found.only_b)):
        if names:
            _out(f"layers only in {letter}: {', '.join(names)}")
    for note in found.notes:
        _out(f"note: {note}")


def _alone(layer: LayerComparison) -> tuple[str, str]:
    sides = ((layer.a, layer.match.only_a), (layer.b, layer.match.only_b))
    only_a, only_b = (
        ", ".join(f"{i + 1} ({own.clusters[i].weight:.0f} %)" for i in rest) or "-" for own, rest in sides
    )
    return only_a, only_b


def print_diff(found: StudyDiff, top: int) -> None:
    """Print the summary, flips, the photos that changed most and the layers that changed most."""
    for letter, side in (("A", found.a), ("B", found.b)):
        _out(f"{letter}: {side.folder}, {side.network}, weights {side.fingerprint[:12]}, {side.photos} photos")
    left = [(found.only_a, "only in A"), (found.only_b, "only in B"), (found.unexplained, "not explained in both")]
    told = "".join(f", {amount} {where}" for amount, where in left if amount)
    _out(f"{len(found.photos)} photos compared{told}")
    counts = {kind: len(found.of_kind(kind)) for kind in ("newly wrong", "newly right", "changed")}
    if found.accuracy_before is not None and found.accuracy_after is not None:
        _out(
            f"{counts['newly wrong']} newly wrong, {counts['newly right']} newly right of {found.judged} judged; "
            f"accuracy {found.accuracy_before:.2f} % -> {found.accuracy_after:.2f} %"
        )
    _out(
        f"{counts['changed']} other answers changed; confidence {100 * found.confidence_change:+.2f} points on average"
    )
    if found.mean_change is None or found.max_change is None:
        _out("change: no photo is explained for the same class on both sides")
    else:
        levels = f"{found.mean_change:.4f} on average, {found.max_change:.4f} at most"
        _out(f"change {levels} (0 = alike, 1 = nothing in common)")
    other = len(found.photos) - len(found.alike)
    if other:
        _out(f"{other} explained for another class in B: change {found.mean_change_other_class:.4f}, in no mean above")
    for letter, names in (("A", found.layers_only_a), ("B", found.layers_only_b)):
        if names:
            _out(f"layers only in {letter}: {', '.join(names)}")
    for note in found.notes:
        _out(f"note: {note}")
    flips = [photo for photo in found.photos if photo.kind != "same"]
    # What got worse comes first; sorting keeps the order by change within a kind.
    flips.sort(key=lambda photo: ("newly wrong", "changed", "newly right").index(photo.kind))
    _photos("flips", flips, top)
    _photos("photos that changed most", [photo for photo in found.alike if photo.change > 0], top)
    layers = sorted((x for x in found.layers if x.change), key=lambda x: -(x.change or 0))[:SHOWN_LAYERS]
    if layers:
        table = _table("layers that changed most", "mean change")
        for layer in layers:
            table.add_row(layer.name, f"{layer.change:.4f}")
        _print(table)


def _photos(title: str, photos: Sequence[PhotoDiff], top: int) -> None:
    if not photos or not top:
        return
    table = _table(title, "id", "class", "A says", "B says", "", "change")
    for photo in photos[:top]:
        cells = (photo.name, photo.image_id[:8], photo.label or "-", _answer(photo.before), _answer(photo.after))
        kind = "" if photo.kind == "same" else photo.kind
        table.add_row(*map(printable, cells), kind, f"{photo.change:.4f}")
    _print(table)
    if len(photos) > top:
        _out(f"... and {len(photos) - top} more")


def diff_json(found: StudyDiff, verdicts: Sequence[Verdict], top: int | None) -> str:
    """Everything as JSON, with what the limits say."""
    content: dict[str, Any] = found.to_dict(top)
    limits = [{"option": LIMITS[v.name][0], **asdict(v), "within": v.within} for v in verdicts]
    return json.dumps(
        {**content, "limits": limits, "passed": all(v.within for v in verdicts)}, ensure_ascii=False, indent=1
    )


def print_verdicts(found: StudyDiff, verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    """Say which limits are exceeded, and that the others are kept; with JSON only the exceeded ones."""
    for verdict in verdicts:
        option, what = LIMITS[verdict.name]
        over = f", over {verdict.over} of {verdict.of} photos" if verdict.over < verdict.of else ""
        if verdict.name == "missing" and not verdict.within:
            left = f"{found.only_a} only in A, {found.unexplained} not explained in both"
            say(
                f"cannot be judged: {found.missing} of {verdict.of} photos were not compared ({left}), "
                f"{option} allows {verdict.limit:g}"
            )
        elif verdict.found is None:
            why = "no photo has one class in both studies that both networks know"
            if verdict.name in {"change", "mean_change"}:
                why = "no photo is explained for the same class on both sides"
            say(f"limit not met: {option} {verdict.limit:g} cannot be judged, {why}")
        elif verdict.exceeded:
            say(f"limit exceeded: {what} is {verdict.found:g}, {option} allows {verdict.limit:g}{over}")
        elif verdict.missing:
            say(f"limit not met: {option} {verdict.limit:g} cannot be judged, photos were not compared")
        elif not as_json:
            _out(f"within the limit: {what} is {verdict.found:g}, {option} allows {verdict.limit:g}{over}")


def _answer(prediction: Prediction) -> str:
    return f"{prediction.name} ({100 * prediction.probability:.1f} %)"


def _table(title: str, *headings: str) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column(title, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right" if "change" in heading else "left", overflow="fold")
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    # A pipe has no width, and names must come whole.
    width = None if sys.stdout.isatty() else 200
    Console(width=width, markup=False, highlight=False).print(table)


def _out(text: str) -> None:
    typer.echo(printable(text))
