"""The command that makes concepts of answers."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlore.cli.options import Debug, Json, one_line_errors
from layerlore.cli.printing import print_json, printable, say
from layerlore.cli.study_printing import study_progress
from layerlore.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.concepts.building import ConceptSettings
    from layerlore.concepts.records import ConceptSet

LANGUAGES = "en,it"
"""Those of the game's pages."""
TOP = 10
"""Concepts that are printed; ``--json`` and the files have all."""


class Grouping(StrEnum):
    """How answers that mean the same are found."""

    default = "default"
    paper = "paper"


class Translator(StrEnum):
    """Who translates."""

    deepl = "deepl"
    argos = "argos"


Folder = Annotated[Path, typer.Argument(help="Folder of the study.", metavar="DIR")]


def register(app: typer.Typer) -> None:
    """Add ``concepts`` to the commands."""
    app.command()(concepts)


def concepts(  # noqa: PLR0913 one for each option
    folder: Folder,
    *,
    answers: Annotated[
        Path | None,
        typer.Option(help="CSV, JSON Lines or Parquet with what people typed; default: DIR/answers.parquet."),
    ] = None,
    method: Annotated[Grouping, typer.Option(help="How answers that mean the same are found.")] = Grouping.default,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="A sentence-transformers model, by name or folder; default: all-MiniLM-L6-v2.", metavar="NAME"
        ),
    ] = None,
    translate: Annotated[
        Translator | None, typer.Option(help="Who translates answers into that of --language.", metavar="deepl|argos")
    ] = None,
    language: Annotated[
        str, typer.Option(help="Of answers that do not say theirs; with --from, of the words.", metavar="LANG")
    ] = "en",
    languages: Annotated[
        str, typer.Option(help="Languages that answers may be in, whatever their players chose.", metavar="LANG,...")
    ] = LANGUAGES,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="Let an open_clip model propose words instead of people.", metavar="clip:MODEL[:PRETRAINED]"
        ),
    ] = None,
    words: Annotated[
        Path | None, typer.Option(help="With --from: words to choose from; default: a list of ours.", metavar="FILE")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --from: put proposals in the place of people's concepts.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make concepts of what people typed: names of cluster maps, with the way back to every answer."""
    with one_line_errors(debug=debug):
        if source is not None:
            if answers or encoder or translate or method is not Grouping.default or languages != LANGUAGES:
                raise typer.BadParameter(
                    "a model reads no answers; leave out what is about answers", param_hint="--from"
                )
            propose(folder, source, words, language, replace=replace, as_json=as_json)
            return
        if words or replace:
            raise typer.BadParameter("only with --from", param_hint="--words" if words else "--replace")
        from layerlore.concepts.building import ConceptSettings
        from layerlore.concepts.grouping import DEFAULT

        chosen = DEFAULT if method is Grouping.default else method.value
        settings = ConceptSettings(
            method=chosen,
            encoder=encoder,
            language=language,
            languages=tuple(one.strip() for one in languages.split(",") if one.strip()),
            translate=translate.value if translate else None,
        )
        found, notes = _of_answers(folder, answers, settings)
        if as_json:
            print_json(as_content(found, notes))
        else:
            print_concepts(folder, found, notes)


def _of_answers(folder: Path, answers: Path | None, settings: ConceptSettings) -> tuple[ConceptSet, list[str]]:
    """Make concepts of what people typed, and write them; with what should be known of them."""
    from layerlore.concepts.building import build_concepts
    from layerlore.concepts.curating import settle
    from layerlore.concepts.decisions import read_decisions
    from layerlore.study.answers import ANSWERS_FILE, read_answers
    from layerlore.study.study import Study

    study = Study.open(folder)
    path = answers or folder / ANSWERS_FILE
    if answers is None and not path.exists():
        raise FileFormatError(
            f"{path}: no answers yet; export a campaign with layerlore campaign export {folder}, or give a list of "
            f"answers with --answers FILE"
        )
    read = read_answers(path, study)
    notes = list(read.notes)
    before = read_decisions(folder)
    with study_progress("embedding", "answers") as progress:
        found = build_concepts(study, read, settings, progress=progress, notice=notes.append)
    return settle(folder, found, before), notes


def propose(folder: Path, source: str, words: Path | None, language: str, *, replace: bool, as_json: bool) -> None:
    """Have a model propose concepts; what people said is replaced only where that is asked for."""
    from layerlore.concepts.clip import load_clip
    from layerlore.concepts.locking import deciding
    from layerlore.concepts.proposing import check_free, lines, propose_concepts, read_words
    from layerlore.concepts.storage import save_concepts
    from layerlore.study.study import Study

    study = Study.open(folder)
    if not replace:
        check_free(folder)
    listed = read_words(words, language)
    model = load_clip(source)
    with study_progress("looking") as progress:
        found = propose_concepts(study, model, listed, language=language, progress=progress)
    with deciding(folder):
        if not replace:
            check_free(folder)  # again: a model takes its time, and people's concepts may have been made meanwhile
        save_concepts(folder, found)
    if as_json:
        print_json(as_content(found, []))
        return
    for line in lines(found):
        say(line)
    counts = {one.concept_id: len(found.maps_of(one.concept_id)) for one in found.concepts.values()}
    for one in sorted(found.concepts.values(), key=lambda one: (-counts[one.concept_id], one.name))[:TOP]:
        typer.echo(printable(f"{one.name} (machine), on {counts[one.concept_id]:,} maps"))
    say(f"next: layerlore report {folder}, for the pages")


def as_content(found: ConceptSet, notes: list[str]) -> dict[str, Any]:
    """Concepts for programs."""
    listed = sorted(found.concepts.values(), key=lambda one: (-one.answers, one.name))
    return {
        "source": found.source,
        "settings": dict(found.settings),
        "facts": dict(found.facts),
        "notes": notes,
        "concepts": [
            {**asdict(one), "answers": one.answers, "maps": len(found.maps_of(one.concept_id))} for one in listed
        ],
    }


def print_concepts(folder: Path, found: ConceptSet, notes: list[str]) -> None:
    """What was read, what is left out, and what the concepts are."""
    facts = found.facts
    for note in notes:
        say(f"note: {note}")
    if facts.get("simulated"):
        say("note: simulated answers: a program made them, no people")
    spoken = ", ".join(f"{count:,} in {language}" for language, count in facts["languages"].items())
    say(
        f"{facts['answers']:,} answers of {facts['players']:,} players in {facts['rounds']:,} rounds; "
        f"{facts['answers_behind_concepts']:,} count ({spoken or 'none'}), {facts['distinct']:,} different ones"
    )
    if facts["left_out"]:
        say("left out: " + ", ".join(f"{count:,} {reason}" for reason, count in facts["left_out"].items()))
    if facts["decisions"]:
        say(f"people's decisions that hold: {facts['decisions']:,}")
    say(f"{facts['concepts']:,} concepts on {facts['maps_named']:,} cluster maps")
    for line in agreement_lines(facts["agreement"]):
        say(line)
    for one in sorted(found.concepts.values(), key=lambda one: (-one.answers, one.name))[:TOP]:
        others = [text for text, _ in one.forms if text != one.name][:4]
        told = f"  (also {', '.join(others)})" if others else ""
        count = len(found.maps_of(one.concept_id))
        typer.echo(printable(f"{one.answers:>7,}  {one.name}, on {count:,} maps{told}"))
    say(f"next: layerlore curate {folder} list, to look through them; layerlore report {folder}, for the pages")


def agreement_lines(found: dict[str, Any]) -> Iterator[str]:
    """How far people agree, for people; nothing where no two had the same map."""
    if not found:
        return
    whole, ends = found["all"], found["convergence"]
    if whole["alpha"] is not None:
        of = f"{whole['raters']:,} first words on {whole['maps']:,} maps"
        yield f"people agree: Krippendorff's alpha {_alpha(whole)}, from {of}"
        parts = [(name, one) for name, one in found["layers"].items() if one["alpha"] is not None]
        if len(parts) > 1:
            yield "by layer: " + ", ".join(f"{name} {one['alpha']:.2f}" for name, one in parts)
    yield f"entropy of a map: {whole['typed_bits']:.2f} bits as typed, {whole['concept_bits']:.2f} as concepts"
    if ends["maps"]:
        yield f"a map's best concepts stay after {ends['raters']:.1f} people (median of {ends['maps']:,} maps)"


def _alpha(part: dict[str, Any]) -> str:
    """Alpha, with its interval where there is one."""
    interval = "" if part["low"] is None else f" (95 %: {part['low']:.2f} to {part['high']:.2f})"
    return f"{part['alpha']:.2f}{interval}"
