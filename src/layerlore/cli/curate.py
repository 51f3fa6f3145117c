"""The command by which people change concepts: merge, split, rename, undo."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlore.cli.options import Debug, Json, one_line_errors
from layerlore.cli.printing import print_json, printable, say

if TYPE_CHECKING:
    from layerlore.concepts.decisions import Decision
    from layerlore.concepts.records import Concept, ConceptSet

curate_app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Change concepts by hand; every decision is kept in DIR/concept_decisions.toml and applied again later.",
)
FORMS = 6
"""Forms of a concept that are listed; ``--json`` has all."""

Name = Annotated[str, typer.Argument(help="A concept by its name, such as ears; it:orecchie where several have it.")]
Into = Annotated[str, typer.Option(help="What it is called then.", metavar="NAME")]
Who = Annotated[str, typer.Option(help="Who decided; kept in the file.", metavar="NAME")]


def register(app: typer.Typer) -> None:
    """Add ``curate`` to the commands."""
    app.add_typer(curate_app, name="curate")


@curate_app.callback()
def _of_study(
    context: typer.Context, folder: Annotated[Path, typer.Argument(help="Folder of the study.", metavar="DIR")]
) -> None:
    context.obj = folder


@curate_app.command("list")
def list_concepts(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(help="So many concepts, those with most answers.", min=1, metavar="N")] = 50,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the concepts with their forms, and what was decided."""
    with one_line_errors(debug=debug):
        from layerlore.concepts.decisions import read_decisions, taken_back
        from layerlore.concepts.storage import load_concepts

        found, decisions = load_concepts(context.obj), read_decisions(context.obj)
        gone = taken_back(decisions)
        maps = {name: len(found.maps_of(name)) for name in found.concepts}
        listed = sorted(found.concepts.values(), key=lambda one: (-one.answers, -maps[one.concept_id], one.name))
        if as_json:
            told = [{**asdict(one), "holds": one.number not in gone} for one in decisions]
            print_json({"source": found.source, "concepts": [asdict(one) for one in listed], "decisions": told})
            return
        if found.machine:
            say(f"note: {found.source} proposed these words, nobody typed them; they cannot be changed")
        for one in listed[:limit]:
            typer.echo(printable(_line(one, found)))
        if len(listed) > limit:
            say(f"and {len(listed) - limit:,} more; --limit {len(listed)} lists all")
        for entry in decisions:
            typer.echo(printable(f"decision {entry}{' (taken back)' if entry.number in gone else ''}"))
        for problem in found.facts.get("decisions_unfit", ()):
            say(f"note: {problem}")


@curate_app.command()
def merge(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Two concepts or more; the first gives its place.", metavar="A B")],
    *,
    into: Into = "",
    who: Who = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make concepts one."""
    with one_line_errors(debug=debug):
        from layerlore.concepts import curating

        _decide(context.obj, lambda found, before: curating.merge(found, before, names, into), who, as_json=as_json)


@curate_app.command()
def split(
    context: typer.Context,
    name: Name,
    *,
    form: Annotated[list[str], typer.Option(help="A form of it that is something else; may be repeated.")],
    into: Into,
    who: Who = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make some forms of a concept another one; where that is there, they join it."""
    with one_line_errors(debug=debug):
        from layerlore.concepts import curating

        _decide(
            context.obj, lambda found, before: curating.split(found, before, name, form, into), who, as_json=as_json
        )


@curate_app.command()
def rename(
    context: typer.Context,
    name: Name,
    into: Annotated[str, typer.Argument(help="What it is called then.")],
    *,
    who: Who = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Call a concept otherwise."""
    with one_line_errors(debug=debug):
        from layerlore.concepts import curating

        _decide(context.obj, lambda found, before: curating.rename(found, before, name, into), who, as_json=as_json)


@curate_app.command()
def undo(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(help="Which decision; default: the last one that holds.")] = None,
    *,
    who: Who = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Take a decision back, or an undo."""
    with one_line_errors(debug=debug):
        from layerlore.concepts import curating

        _decide(context.obj, lambda _found, before: curating.undo(before, number), who, as_json=as_json)


def _decide(folder: Path, make: Any, who: str, *, as_json: bool) -> None:  # noqa: ANN401 a function of concepts and decisions
    """Make a decision, apply it, and say what there is now."""
    from layerlore.concepts.curating import decide

    def signed(found: ConceptSet, before: tuple[Decision, ...]) -> Decision:
        one: Decision = make(found, before)
        return replace(one, who=who, when=datetime.now(UTC).isoformat(timespec="seconds"))

    made, found, changed = decide(folder, signed)
    if as_json:
        print_json({"decision": asdict(made), "concepts": len(changed.concepts)})
        return
    say(f"decision {made}; {len(changed.concepts):,} concepts")
    before = set(found.concepts.values())
    for one in sorted(changed.concepts.values(), key=lambda one: (-one.answers, one.name)):
        if one not in before:
            typer.echo(printable(_line(one, changed)))


def _line(one: Concept, found: ConceptSet) -> str:
    """A concept in one line."""
    if one.machine:
        return f"{one.language}:{one.name} (machine)  {len(found.maps_of(one.concept_id)):,} maps"
    forms = ", ".join(f"{text} {count:,}" for text, count in one.forms[:FORMS])
    more = f" and {len(one.forms) - FORMS:,} more" if len(one.forms) > FORMS else ""
    mark = " *" if one.decided else ""
    return f"{one.language}:{one.name}{mark}  {len(found.maps_of(one.concept_id)):,} maps; {forms}{more}"
