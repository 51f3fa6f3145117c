"""Changing concepts by hand: what a person means is found, written down, and applied; nothing is embedded again."""

from __future__ import annotations

import difflib
from collections import Counter
from typing import TYPE_CHECKING, Any

from layerlore.concepts.assembling import assemble, grouped_forms
from layerlore.concepts.decisions import (
    DECISIONS_FILE,
    Decision,
    Ref,
    active,
    add_decision,
    apply_decisions,
    place_of,
    read_decisions,
    taken_back,
)
from layerlore.concepts.locking import deciding
from layerlore.concepts.storage import load_concepts, save_concepts
from layerlore.errors import ConceptError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from layerlore.concepts.records import AnswerFate, Concept, ConceptSet

NEAR = 3
LONGEST = 80


def with_decisions(
    fates: Sequence[AnswerFate], decisions: Sequence[Decision], *, settings: Mapping[str, Any], facts: Mapping[str, Any]
) -> ConceptSet:
    """Concepts of answers that were read and grouped, after what people decided.

    Args:
        fates: Of all answers.
        decisions: All entries, in their order.
        settings: To be kept with the concepts.
        facts: Likewise; ``layers`` has the layers with their places. What became of the decisions is put in.
    """
    labels, applied = apply_decisions(grouped_forms(fates), fates, decisions)
    told = {**facts, "decisions": len(applied.applied), "decisions_unfit": list(applied.problems)}
    return assemble(fates, labels, facts["layers"], settings=settings, facts=told)


def curate(folder: Path, decision: Decision, found: ConceptSet | None = None) -> ConceptSet:
    """Write a decision down and apply it to the concepts of a study.

    Args:
        folder: Of the study.
        decision: What was decided, from one of the functions below.
        found: The study's concepts, where they were read already.

    Raises:
        ConceptError: The concepts are a model's proposals, behind which are no answers that could be put together anew;
            or somebody else decided in between.
        FileFormatError: The concepts or the decisions cannot be read.
        OutputError: The folder cannot be written.
    """
    with deciding(folder):
        return _written(folder, decision, found or load_concepts(folder))


def decide(
    folder: Path, make: Callable[[ConceptSet, tuple[Decision, ...]], Decision]
) -> tuple[Decision, ConceptSet, ConceptSet]:
    """Make a decision about what is there now, write it down and apply it; nobody else decides meanwhile.

    Args:
        folder: Of the study.
        make: Makes it of the study's concepts and of the decisions so far.

    Returns:
        The decision, and the concepts before and after it.

    Raises:
        ConceptError: The decision cannot be made, or the concepts are a model's proposals.
        FileFormatError: The concepts or the decisions cannot be read.
        OutputError: The folder cannot be written.
    """
    with deciding(folder):
        found = load_concepts(folder)
        check_people(folder, found)
        made = make(found, read_decisions(folder))
        return made, found, _written(folder, made, found)


def _written(folder: Path, decision: Decision, found: ConceptSet) -> ConceptSet:
    check_people(folder, found)
    add_decision(folder, decision)
    changed = with_decisions(found.fates, read_decisions(folder), settings=found.settings, facts=found.facts)
    save_concepts(folder, changed)
    return changed


def settle(folder: Path, found: ConceptSet, before: Sequence[Decision]) -> ConceptSet:
    """Write new concepts of people's answers, with what was decided while they were made.

    Args:
        folder: Of the study.
        found: The concepts.
        before: Decisions that were applied to them.

    Raises:
        ConceptError: Somebody else has been changing the concepts for long.
        FileFormatError: The decisions cannot be read.
        OutputError: The folder cannot be written.
    """
    with deciding(folder):
        now = read_decisions(folder)
        if now != tuple(before):
            found = with_decisions(found.fates, now, settings=found.settings, facts=found.facts)
        save_concepts(folder, found)
    return found


def check_people(folder: Path, found: ConceptSet) -> None:
    """Refuse to change a model's proposals.

    Raises:
        ConceptError: They are that.
    """
    if found.machine:
        raise ConceptError(f"{folder}: its concepts are proposals of {found.source}; only those of people are changed")


def merge(found: ConceptSet, before: Sequence[Decision], names: Sequence[str], into: str = "") -> Decision:
    """Decide that concepts are one; the first gives its place, ``into`` its name.

    Args:
        found: The study's concepts.
        before: Decisions so far.
        names: What the concepts are called, as for `find_concept`.
        into: What to call it; "" for the name of the first.

    Raises:
        ConceptError: A concept is not there, is named twice, or the name is another one's.
    """
    concepts = [find_concept(found, name) for name in names]
    if len({one.concept_id for one in concepts}) < max(2, len(concepts)):
        raise ConceptError(f"{names[-1]!r}: the same concept as before; name two different ones")
    into = _name(into)
    _check_free(found, into, concepts)
    return Decision(_next(before), "merge", tuple(_ref(one, found) for one in concepts), into=into)


def split(found: ConceptSet, before: Sequence[Decision], name: str, forms: Sequence[str], into: str) -> Decision:
    """Decide that some forms of a concept are another one; where that is there, they join it.

    Args:
        found: The study's concepts.
        before: Decisions so far.
        name: The concept, as for `find_concept`.
        forms: Some of its forms.
        into: What the forms are called.

    Raises:
        ConceptError: The concept or a form is not there, nothing would be left, or nothing would change.
    """
    concept = find_concept(found, name)
    into = _name(into)
    known = {text for text, _ in concept.forms}
    texts = [" ".join(form.casefold().split()) for form in forms]
    if strange := [text for text in texts if text not in known]:
        near = difflib.get_close_matches(strange[0], sorted(known), NEAR, 0.5) or sorted(known)[:NEAR]
        raise ConceptError(f"{strange[0]!r} is no form of {concept.name!r}; it has {', '.join(near)}")
    if not into or not texts:
        raise ConceptError("a split needs forms, and a name for them; give --form and --into")
    if known == set(texts):
        raise ConceptError(f"{concept.name!r}: these are all its forms; rename it, or merge it with another one")
    languages = _languages(found, concept)
    language = languages[texts[0]]
    if any(languages[text] != language for text in texts):
        raise ConceptError(f"{concept.name!r}: these forms are of several languages; split them one by one")
    if place_of(into, language) == (concept.language, concept.lemma):
        raise ConceptError(f"{into!r}: means {concept.name!r} itself; choose another name, or split the other forms")
    return Decision(_next(before), "split", language=language, forms=tuple(texts), into=into)


def rename(found: ConceptSet, before: Sequence[Decision], name: str, into: str) -> Decision:
    """Decide what a concept is called.

    Raises:
        ConceptError: It is not there, or the name is another one's.
    """
    concept = find_concept(found, name)
    into = _name(into)
    if not into:
        raise ConceptError("the new name is empty; give one")
    _check_free(found, into, [concept])
    return Decision(_next(before), "rename", (_ref(concept, found),), into=into)


def undo(before: Sequence[Decision], number: int | None = None) -> Decision:
    """Take a decision back, or an undo.

    Args:
        before: Decisions so far.
        number: Which; None for the last one that holds.

    Raises:
        ConceptError: There is none, or it is taken back already.
    """
    holding = active(before)
    if number is None:
        if not holding:
            raise ConceptError(f"{DECISIONS_FILE}: nothing is decided, so nothing can be undone")
        number = holding[-1].number
    elif number not in {one.number for one in before}:
        some = ", ".join(str(one.number) for one in holding) or "none"
        raise ConceptError(f"there is no decision {number}; those that hold: {some}")
    elif number in taken_back(before):
        raise ConceptError(f"decision {number} is taken back already; see layerlore curate DIR list")
    return Decision(_next(before), "undo", undoes=number)


def find_concept(found: ConceptSet, name: str) -> Concept:
    """The concept that a person means: by its name, its dictionary form, or its concept_id.

    Args:
        found: The study's concepts.
        name: Such as ``ear``; ``it:orecchio`` where other languages have the name too.

    Raises:
        ConceptError: There is none, or there are several; the message has the nearest.
    """
    language, _, rest = name.partition(":")
    spoken = {one.language for one in found.concepts.values()}
    only, text = (language, rest) if rest and language in spoken else ("", name)
    wanted = " ".join(text.casefold().split())
    concepts = [one for one in found.concepts.values() if not only or one.language == only]
    ways = (
        [one for one in concepts if one.concept_id == wanted],
        [one for one in concepts if one.name.casefold() == wanted],
        [one for one in concepts if one.lemma == wanted],
    )
    for some in ways:
        if len(some) == 1:
            return some[0]
        if some:
            told = ", ".join(sorted(f"{one.language}:{one.lemma}" for one in some))
            raise ConceptError(f"{name!r} may mean {told}; give one of these")
    names = {one.name.casefold(): one.name for one in sorted(concepts, key=lambda one: one.answers)}
    near = [names[text] for text in difflib.get_close_matches(wanted, names, NEAR, 0.6)]
    of_form = [one.name for one in concepts if wanted in {text for text, _ in one.forms}]
    if of_form:
        raise ConceptError(f"no concept {name!r}; it is a form of {of_form[0]!r}")
    hint = f"did you mean {' or '.join(near)}?" if near else "see layerlore curate DIR list"
    raise ConceptError(f"no concept {name!r}; {hint}")


def _name(text: str) -> str:
    """A name that a person gives.

    Raises:
        ConceptError: It has signs that cannot be shown.
    """
    text = " ".join(text.split())
    if not text.isprintable() or len(text) > LONGEST:
        raise ConceptError(f"{text[:40]!a}: no name; give one of at most {LONGEST} letters that can be shown")
    return text


def _check_free(found: ConceptSet, name: str, own: Sequence[Concept]) -> None:
    """Refuse the name of another concept, by which the two could not be told apart.

    Raises:
        ConceptError: It is one.
    """
    ids = {one.concept_id for one in own}
    for one in found.concepts.values():
        if name and one.name.casefold() == name.casefold() and one.concept_id not in ids:
            raise ConceptError(f"{name!r}: another concept has that name; merge it too, or choose another name")


def _ref(concept: Concept, found: ConceptSet) -> Ref:
    """A concept as a decision names it, with its forms of its own language."""
    languages = _languages(found, concept)
    forms = tuple(text for text, _ in concept.forms if languages[text] == concept.language)
    return Ref(concept.language, concept.lemma, forms)


def _languages(found: ConceptSet, concept: Concept) -> dict[str, str]:
    """Form to the language that most of its answers are in."""
    counts: dict[str, Counter[str]] = {}
    for fate in found.fates:
        if fate.concept_id == concept.concept_id:
            counts.setdefault(fate.read_as, Counter())[fate.language] += 1
    return {text: min(some, key=lambda one: (-some[one], one)) for text, some in counts.items()}


def _next(before: Sequence[Decision]) -> int:
    return before[-1].number + 1 if before else 1
