"""The maps of a layer that are shown as one: what is said of them beside the single maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerlore.concepts.merging import BEST, FULL_LABELS
from layerlore.report import words
from layerlore.report.labels import games_sentence
from layerlore.report.maps import place

if TYPE_CHECKING:
    from layerlore.concepts.merging import Level, MergedMap
    from layerlore.local.explanation import LayerExplanation
    from layerlore.report.labels import PageWords

TOGETHER: tuple[Level, ...] = ("merged", "full")
"""The levels at which maps can be shown as one."""
UNMERGED = "unmerged"
SHOWN: dict[Level, int] = {"merged": BEST, "full": FULL_LABELS}
"""Words that a map of several clusters is shown with."""


def several(page: PageWords, position: int) -> list[tuple[str, MergedMap]]:
    """The maps of two clusters or more that a layer is shown with, each with its levels, such as "merged full"."""
    found: dict[tuple[int, ...], tuple[list[str], MergedMap]] = {}
    for level in TOGETHER:
        for one in page.level(level)[position]:
            if len(one.members) > 1:
                found.setdefault(numbers(one), ([], one))[0].append(level)
    return [(" ".join(levels), one) for levels, one in found.values()]


def levels_of(page: PageWords | None, position: int, cluster: int) -> str:
    """The levels at which a single cluster is shown, such as "unmerged merged"."""
    alone = [] if page is None else [level for level in TOGETHER if _alone(page.level(level)[position], cluster)]
    return " ".join([UNMERGED, *alone])


def _alone(maps: tuple[MergedMap, ...], cluster: int) -> bool:
    return any([key.cluster for key in one.members] == [cluster] for one in maps)


def numbers(one: MergedMap) -> tuple[int, ...]:
    """The clusters of a merged map as the page numbers them, from 1."""
    return tuple(sorted(key.cluster + 1 for key in one.members))


def text(layer: LayerExplanation, one: MergedMap, labels: list[str]) -> str:
    """What a reader who cannot see a merged map is told about it."""
    which = words.listed([str(number) for number in numbers(one)])
    said = f"; named {words.listed(labels)}" if labels else ""
    return (
        f"Clusters {which} of {layer.name} as one: {words.percent(one.weight)} of the layer's positive weight; "
        f"lies {place(one.map)}{said}."
    )


def verdict(one: MergedMap, share: float | None = None) -> str:
    """The opening sentence of a merged map's panel."""
    added = "" if share is None else f"; their importances add up to {words.percent(share)}"
    return (
        f"These {words.count(len(one.members), 'cluster')} together hold {words.percent(one.weight)} of the layer's "
        f"positive weight{added}. What removing them together does was not measured; effects of single clusters do "
        "not add up."
    )


def games(one: MergedMap) -> str:
    """How the rounds about its clusters ended, or ""."""
    return games_sentence(one.games)


def script_entry(layer: LayerExplanation, one: MergedMap) -> dict[str, Any]:
    """Of which clusters the page's script puts a merged map together, and the part of each in it."""
    members = [number - 1 for number in numbers(one)]
    weights = [layer.clusters[member].weight for member in members]
    whole = sum(weights)
    return {"members": members, "parts": [round(w / whole, 5) if whole else 1 / len(members) for w in weights]}
