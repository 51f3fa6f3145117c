"""The command that tests concepts: ``layerlore validate``."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerlore.cli.options import Debug, Json, one_line_errors
from layerlore.cli.printing import print_json, printable, say
from layerlore.cli.study_printing import study_progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerlore.classes.tcav_records import ConceptScore, Validation

FEW = 5
"""Untested concepts that are told one by one; ``--json`` has all."""


class Score(StrEnum):
    """Which score is tested."""

    smooth = "smooth"
    sign = "sign"


class Vector(StrEnum):
    """How a concept vector is made."""

    mean = "mean"
    ridge = "ridge"


class Negatives(StrEnum):
    """What a concept is compared with."""

    random = "random"
    concepts = "concepts"


class Pooling(StrEnum):
    """What is taken of a feature map."""

    mean = "mean"
    flatten = "flatten"


Names = Annotated[
    list[str] | None, typer.Option("--class", help="Test only this class; may be given several times.", metavar="NAME")
]
Concepts = Annotated[
    list[str] | None,
    typer.Option("--concept", help="Test only this concept, for every class; several times.", metavar="NAME"),
]
Images = Annotated[
    list[Path] | None,
    typer.Option("--images", help="Folder of pictures that show one concept; several times.", metavar="FOLDER"),
]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(validate)


def validate(  # noqa: PLR0913 one for each option
    folder: Annotated[Path, typer.Argument(help="Folder of the study.", metavar="DIR")],
    *,
    classes: Names = None,
    concept: Concepts = None,
    images: Images = None,
    runs: Annotated[int, typer.Option(help="Random runs for the accuracy, at least 20.", metavar="N")] = 50,
    score: Annotated[Score, typer.Option(help="The score that is tested.")] = Score.smooth,
    vector: Annotated[Vector, typer.Option(help="Difference of means, or ridge regression.")] = Vector.mean,
    negatives: Annotated[
        Negatives, typer.Option(help="Compare a concept with random windows, or with those of the other concepts.")
    ] = Negatives.random,
    pooling: Annotated[Pooling, typer.Option(help="Mean of each feature map, or all of it.")] = Pooling.mean,
    fraction: Annotated[
        float, typer.Option(help="Area of a concept's pictures as a share of the photo.", metavar="SHARE")
    ] = 0.25,
    top: Annotated[int, typer.Option(help="Concepts of each class that are tested.", min=1, metavar="N")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
    every: Annotated[bool, typer.Option("--all", help="Print every layer.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Test whether a class's score depends on its concepts, layer by layer (TCAV)."""
    with one_line_errors(debug=debug):
        from layerlore.classes.tcav import TcavSettings
        from layerlore.classes.tcav import validate as run
        from layerlore.classes.tcav_records import VALIDATION_FILE, save_validation
        from layerlore.study.study import Study

        settings = TcavSettings(
            runs=runs,
            score=score.value,
            vector=vector.value,
            negatives=negatives.value,
            pooling=pooling.value,
            fraction=fraction,
            top=top,
            seed=seed,
        )
        study = Study.open(folder)
        with study_progress("looking", "pictures") as progress:
            found = run(
                study,
                classes=classes or None,
                concepts=concept or None,
                images=images or (),
                settings=settings,
                progress=progress,
            )
        save_validation(folder, found)
        if as_json:
            print_json(_content(found))
            return
        for line in _lines(found, every=every):
            typer.echo(printable(line))
        _tell_out_of_reach(found)
        _tell_untested(found)
        say(f"{folder / VALIDATION_FILE}: {len(found.scores):,} tests")


def _content(found: Validation) -> dict[str, object]:
    """The result for programs."""
    return {
        "scores": [{**asdict(one), "significant": one.significant} for one in found.scores],
        "untested": [asdict(one) for one in found.untested],
        "settings": dict(found.settings),
        "facts": dict(found.facts),
    }


def _tell_out_of_reach(found: Validation) -> None:
    from layerlore.classes.tcav_reach import listed, why

    some = listed(found.facts)
    for one in some[:FEW]:
        say(f"cannot be significant: {one['label']}: {one['name']} ({why(one)})")
    if len(some) > FEW:
        say(f"cannot be significant: {len(some) - FEW:,} more; --json lists all")
    if some:
        say("give these more pictures, or test fewer things at once: --concept, --top")


def _tell_untested(found: Validation) -> None:
    for one in found.untested[:FEW]:
        what = f"{one.label}: {one.name}" if one.name else one.label
        say(f"not tested: {what} ({one.reason})")
    if len(found.untested) > FEW:
        say(f"not tested: {len(found.untested) - FEW:,} more; --json lists all")


def _lines(found: Validation, *, every: bool) -> Iterator[str]:
    """A table for each class: of each concept the layer with the clearest result, or all layers."""
    for label in found.labels:
        scores = found.of(label)
        yield f"{label} ({scores[0].photos} photos)"
        wide = max(len(one.name) + 10 * one.machine for one in scores)
        deep = max(len("layer"), *(len(one.layer) for one in scores))
        rest = f"{'score':<17}  {'by chance':<9}  {'p':>7}  {'layers':>7}  accuracy"
        yield f"  {'concept':<{wide}}  {'layer':<{deep}}  {rest}"
        for concept_id in dict.fromkeys(one.concept_id for one in scores):
            ours = found.of(label, concept_id)
            told = f"{sum(one.significant for one in ours)} of {len(ours)}"
            for one in ours if every else (_clearest(ours),):
                yield f"  {_name(one):<{wide}}  {one.layer:<{deep}}  {_score(one)}  {told:>7}  {_accuracy(one)}"


def _clearest(ours: Sequence[ConceptScore]) -> ConceptScore:
    """The layer with the smallest p-value, then the score furthest from 0.5, then the deepest."""
    return min(
        ours, key=lambda one: (2.0 if one.p is None else one.p, -abs((one.score or 0.5) - 0.5), -one.layer_index)
    )


def _name(one: ConceptScore) -> str:
    return f"{one.name} (machine)" if one.machine else one.name


def _score(one: ConceptScore) -> str:
    """Score with interval, what chance gives, and corrected p-value, with a star where significant."""
    if one.score is None:
        return f"{'vector at chance':<17}  {'':<9}  {'':>7}"
    text = f"{one.score:.2f} [{one.low:.2f}, {one.high:.2f}]"
    chance = f"{one.null_low:.2f}-{one.null_high:.2f}"
    return f"{text:<17}  {chance:<9}  {one.p_holm:>6.4f}{'*' if one.significant else ' '}"


def _accuracy(one: ConceptScore) -> str:
    return f"{one.accuracy:.2f} [{one.accuracy_low:.2f}, {one.accuracy_high:.2f}], {one.examples} pictures"
