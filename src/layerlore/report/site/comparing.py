"""Which class another is compared with on its page: the one it is taken for, or the one whose words are most alike."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.classes.telling import telling_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerlore.classes.records import ClassExplanation
    from layerlore.classes.telling import TellingWord
    from layerlore.concepts.records import ConceptSet
    from layerlore.report.site.summary import ClassRow
    from layerlore.study.study import Study


@dataclass(frozen=True)
class Against:
    """Another class, and the words that tell the two apart.

    Attributes:
        title: Of the other class as shown.
        label: As the study names it.
        why: Why this one, in a sentence or two.
        words: Those that are more than chance first.
    """

    title: str
    label: str
    why: str
    words: tuple[TellingWord, ...]


def against(
    study: Study,
    one: ClassExplanation,
    made: Sequence[ClassExplanation],
    concepts: ConceptSet | None,
    rows: Mapping[str, ClassRow],
) -> Against | None:
    """The other class; None where the class has no words, or no other has any.

    Args:
        study: The study.
        one: The class.
        made: All of them.
        concepts: Of the study.
        rows: Label of a class, whatever its case, to what the overview says of it.
    """
    if concepts is None or one.from_maps:
        return None
    others = [other for other in made if other.label != one.label and not other.from_maps]
    row = rows.get(one.label.casefold())
    answer = row.mistake.answer if row and row.mistake else ""
    found = next((other for other in others if _title(other, rows) == answer), None)
    why = "It is the class that this one is most often taken for."
    if found is None:
        found = closest(one, others)
        why = "Of all classes here its words are most like those of this one."
        if answer:
            why += f" Most often it is taken for {answer}, of which there are no words here."
    if found is None:
        return None
    told = telling_words(study, concepts, one.label, found.label)
    order = sorted(told, key=lambda word: (not word.sure, -abs(word.z), word.name))
    return Against(_title(found, rows), found.label, why, tuple(order))


def closest(one: ClassExplanation, others: Sequence[ClassExplanation]) -> ClassExplanation | None:
    """The class with the largest cosine between concepts' scores; None where none shares a concept."""
    ours = _scores(one)
    alike = {other.label: _cosine(ours, _scores(other)) for other in others}
    best = max(others, key=lambda other: (alike[other.label], other.label), default=None)
    return best if best is not None and alike[best.label] > 0 else None


def _scores(one: ClassExplanation) -> dict[str, float]:
    scores: defaultdict[str, float] = defaultdict(float)
    for some in one.concepts.values():
        for concept in some:
            scores[concept.concept_id] += concept.score
    return scores


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    product = sum(score * other.get(name, 0.0) for name, score in one.items())
    lengths = math.hypot(*one.values()) * math.hypot(*other.values())
    return product / lengths if lengths > 0 else 0.0


def _title(one: ClassExplanation, rows: Mapping[str, ClassRow]) -> str:
    row = rows.get(one.label.casefold())
    return row.title if row else one.label
