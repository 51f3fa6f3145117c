"""Answers that were read and grouped, and what people decided, as concepts on cluster maps."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from layerlore.concepts.agreement import measure_agreement
from layerlore.concepts.records import AnswerFate, Concept, ConceptSet
from layerlore.concepts.scoring import Said, score_maps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Form(NamedTuple):
    """What an answer was read as.

    Attributes:
        language: Such as ``en``.
        text: What it was read as.
    """

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Label:
    """What a form belongs to.

    Attributes:
        language: Of the concept.
        lemma: Its dictionary form; with the language it tells which concept it is.
        name: As shown.
        decided: A person had a hand in it.
    """

    language: str
    lemma: str
    name: str
    decided: bool = False

    @property
    def concept_id(self) -> str:
        """16 hex digits of language and lemma."""
        return concept_id(self.language, self.lemma)


def concept_id(language: str, lemma: str) -> str:
    """16 hex digits that depend on language and lemma only."""
    return hashlib.sha256(f"{language}\0{lemma}".encode()).hexdigest()[:16]


def grouped_forms(fates: Sequence[AnswerFate]) -> dict[Form, Label]:
    """What grouping made of each form, before anybody decided anything."""
    found: dict[Form, Label] = {}
    for fate in fates:
        form = Form(fate.language, fate.read_as)
        if fate.grouped and form not in found:
            found[form] = Label(fate.language, fate.grouped, fate.grouped_name)
    return found


def form_counts(fates: Sequence[AnswerFate]) -> Counter[Form]:
    """How many answers that count were read as each form; one that is on control maps only has none."""
    return Counter(Form(fate.language, fate.read_as) for fate in fates if fate.grouped and not fate.reason)


def assemble(
    fates: Sequence[AnswerFate],
    labels: Mapping[Form, Label],
    layers: Mapping[str, int],
    *,
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> ConceptSet:
    """Concepts on cluster maps.

    Args:
        fates: Of all answers, as grouping left them.
        labels: What each form belongs to.
        layers: Layer to its place among all layers that can be explained.
        settings: To be kept with it.
        facts: Likewise; those that depend on the labels are put in.
    """
    ids = {label: label.concept_id for label in set(labels.values())}
    said: list[Said] = []
    told: list[AnswerFate] = []
    for one in fates:
        behind = ids[labels[Form(one.language, one.read_as)]] if one.grouped else ""
        fate = replace(one, concept_id="" if one.reason else behind)
        told.append(fate)
        if behind:
            said.append(Said(fate, behind))
    concepts = _concepts(labels, ids, form_counts(fates))
    maps = score_maps(said, told, concepts, layers)
    kept = {name: one for name, one in sorted(concepts.items()) if one.forms}
    counts = {
        "concepts": len(kept),
        "maps_named": len(maps),
        "answers_behind_concepts": sum(bool(fate.concept_id) for fate in told),
        "agreement": measure_agreement(told, layers),
    }
    return ConceptSet(kept, maps, tuple(told), settings=settings, facts={**facts, **counts})


def _concepts(labels: Mapping[Form, Label], ids: Mapping[Label, str], counts: Mapping[Form, int]) -> dict[str, Concept]:
    """All concepts, those on control maps only too: these have no forms."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    of: dict[str, Label] = {}
    for form, label in labels.items():
        name = ids[label]
        of[name] = replace(label, decided=label.decided or (name in of and of[name].decided))
        if counts.get(form):
            forms[name][form.text] += counts[form]
    return {
        name: Concept(
            concept_id=name,
            name=label.name,
            lemma=label.lemma,
            language=label.language,
            forms=tuple(sorted(forms[name].items(), key=lambda item: (-item[1], item[0]))),
            decided=label.decided,
        )
        for name, label in of.items()
    }
