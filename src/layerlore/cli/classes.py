"""The command that explains classes: what each looks like to the network, layer by layer."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path  # noqa: TC003 typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from layerlore.cli.options import Debug, Json, one_line_errors
from layerlore.cli.printing import print_json, printable, say
from layerlore.cli.study_printing import study_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.classes.records import ClassExplanation, Trend
    from layerlore.classes.records import Removal as RemovalRecord
    from layerlore.classes.telling import TellingWord
    from layerlore.study.study import Study

TOP = 5
"""Concepts of a layer, and trends, that are printed; ``--json`` and the file have all."""


class Photos(StrEnum):
    """Which photos of a class count."""

    all = "all"
    right = "right"
    wrong = "wrong"


class Removal(StrEnum):
    """How the object is removed."""

    blur = "blur"
    fill = "fill"
    none = "none"


def register(app: typer.Typer) -> None:
    """Add ``classes`` to the commands."""
    app.command()(classes)


def classes(
    folder: Annotated[Path, typer.Argument(help="Folder of the study.", metavar="DIR")],
    *,
    label: Annotated[str | None, typer.Option("--class", help="Print this class only.", metavar="NAME")] = None,
    against: Annotated[
        str | None, typer.Option(help="Print the words that tell --class from this one.", metavar="NAME")
    ] = None,
    photos: Annotated[
        Photos, typer.Option(help="Photos of a class: all, or those that the network answers right or wrong.")
    ] = Photos.all,
    removal: Annotated[
        Removal, typer.Option(help="How objects that objects.csv or masks/ give are removed, to find shortcuts.")
    ] = Removal.blur,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Explain the classes of a study: concepts by layer, trends, suspects of a shortcut; writes classes.parquet."""
    with one_line_errors(debug=debug):
        from layerlore.classes.explaining import ClassSettings
        from layerlore.classes.storage import class_content, classes_of
        from layerlore.study.study import Study

        study = Study.open(folder)
        _check_labels(study, label, against)
        settings = ClassSettings(photos=photos.value, removal=removal.value, seed=seed)
        notes: list[str] = []
        with study_progress("explaining", "classes") as progress:
            made = classes_of(study, settings, progress=progress, notice=notes.append)
        shown = [one for one in made if label in (None, one.label)]
        words = () if label is None or against is None else _telling(study, label, against, seed)
        if as_json:
            content = {"study": str(folder), "notes": notes, "classes": [class_content(one) for one in shown]}
            print_json(content if against is None else {**content, "telling": [asdict(word) for word in words]})
            return
        for note in notes:
            say(f"left out: {note}")
        for one in shown:
            print_class(one)
        if against is not None:
            print_telling(words, f"{label} from {against}")


def _check_labels(study: Study, label: str | None, against: str | None) -> None:
    """Refuse a class that is not there before anything is made."""
    from layerlore.classes.collecting import check_label
    from layerlore.errors import StudyError

    for name in (label, against):
        if name is not None:
            check_label(study, name)
    if against is not None and label in (None, against):
        raise StudyError("--against NAME needs --class with another class, to tell the two apart")


def _telling(study: Study, label: str, against: str, seed: int) -> tuple[TellingWord, ...]:
    from layerlore.classes.telling import telling_words
    from layerlore.concepts.storage import load_concepts

    return telling_words(study, load_concepts(study.folder), label, against, seed=seed)


def print_class(one: ClassExplanation) -> None:
    """A class on the terminal."""
    right = "" if one.right is None else f", {one.right} answered right"
    typer.echo(printable(f"{one.label}: {_photos(one.images)}{right}; {_source(one)}"))
    for layer in one.layers:
        for place, concept in enumerate(one.top(layer, TOP)):
            typer.echo(
                printable(
                    f"  {layer if not place else '':20.20} {concept.name:24.24} score {concept.score:8.2f}  on "
                    f"{_photos(concept.images)}, weight {concept.mean_weight:.1f} %"
                )
            )
        if layer in one.stability:
            typer.echo(f"  {'':20} stability of the groups {one.stability[layer]:.2f}")
    _print_trends(one.trends)
    if one.removal is not None:
        gone = "blurred away" if one.removal.how == "blur" else "filled with grey"
        still = f"still this class for {one.removal.still} of {one.removal.right} photos, " if one.removal.right else ""
        typer.echo(f"  object {gone}: {still}{100 * one.removal.logit:.0f} % of the logit stays")
        _print_control(one.removal)
    for suspect in one.suspects:
        typer.echo(printable(f"  suspect: {suspect.name} at {suspect.layer}, {suspect.score:.2f}: {suspect.reason}"))


def _print_control(removal: RemovalRecord) -> None:
    found = removal.elsewhere
    if found is not None and found.right:
        typer.echo(
            f"  as much removed beside it instead, where there is room: still this class for {found.still} of "
            f"{_photos(found.right)}; without the object for {found.still_without}"
        )


def _photos(count: int) -> str:
    return f"{count} photo{'' if count == 1 else 's'}"


def _source(one: ClassExplanation) -> str:
    if one.from_maps:
        few = f"labels on {_photos(one.labelled)} only" if one.labelled else "no labels"
        return f"{few}, so maps are grouped by their channels"
    by = f"by {one.settings['source']}, not by people" if one.machine else "by people"
    return f"labels on {one.labelled} of them, {by}"


def _print_trends(trends: Sequence[Trend]) -> None:
    told = [trend for trend in trends if trend.direction]
    for trend in told[:TOP]:
        typer.echo(
            printable(
                f"  {trend.name} {trend.direction}: slope {trend.slope:+.2f} [{trend.low:+.2f}, {trend.high:+.2f}]"
            )
        )


def print_telling(words: Sequence[TellingWord], which: str) -> None:
    """The words that are more than chance, and how many are not."""
    sure = [word for word in words if word.sure]
    typer.echo(printable(f"what tells {which}: {len(sure)} of {len(words)} words more than chance"))
    for word in sure:
        typer.echo(
            printable(
                f"  {word.layer:20.20} {word.name:24.24} log-odds {word.log_odds:+.2f} [{word.low:+.2f}, "
                f"{word.high:+.2f}], {word.counts[0]} answers against {word.counts[1]}"
            )
        )
