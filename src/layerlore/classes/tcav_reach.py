"""Which tests could not be significant, whatever the network does: too few pictures, or too many tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerlore.significance import SIGNIFICANT, holm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerlore.classes.tcav_records import ConceptScore

REACH = "out_of_reach"
"""Name of the list among a run's facts."""


def out_of_reach(scores: Sequence[ConceptScore], least: Mapping[str, float]) -> list[dict[str, Any]]:
    """Concepts of which no test of a class could be significant, even if each had its least p-value.

    Args:
        scores: All tests.
        least: By concept_id the least p-value that its random sets can give.

    Returns:
        For each the class, the concept, its pictures, the tests of the class, and the least corrected p-value.
    """
    found = []
    for label in dict.fromkeys(one.label for one in scores):
        ours = [one for one in scores if one.label == label]
        # Vectors at chance are tests, too, as in the correction.
        corrected = holm([1.0 if one.p is None else least[one.concept_id] for one in ours])
        best: dict[str, float] = {}
        for one, p in zip(ours, corrected, strict=True):
            if one.p is not None:
                best[one.concept_id] = min(p, best.get(one.concept_id, 1.0))
        first = {one.concept_id: one for one in reversed(ours)}
        found += [
            {
                "label": label,
                "concept_id": name,
                "name": first[name].name,
                "examples": first[name].examples,
                "tests": len(ours),
                "p": p,
            }
            for name, p in best.items()
            if p >= SIGNIFICANT
        ]
    return found


def why(one: Mapping[str, Any]) -> str:
    """Why a concept of :func:`out_of_reach` is there."""
    return f"with {one['examples']:,} pictures and {one['tests']:,} tests p is at least {one['p']:.2f}"


def listed(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a run's facts say is out of reach; a file of before has nothing."""
    return list(facts.get(REACH, ()))
