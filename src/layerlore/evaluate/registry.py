"""The metrics by name: what each tests, its formula and source, and what it needs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Family = Literal["faithfulness", "localisation", "complexity", "robustness", "sanity"]
Better = Literal["higher", "lower", "neither"]
Need = Literal["truth", "explainer", "randomised"]


@dataclass(frozen=True)
class MetricInfo:
    """A metric.

    Attributes:
        name: As it is asked for.
        title: As it is written in text.
        family: Which kind of question it answers.
        better: Which values speak for a map.
        source: Publication.
        formula: In one line; x is the photo, M its map in [0, 1], f the probability of the class.
        sentence: What it tests, in plain words.
        needs: What it needs beyond the map: ``truth``, a mask of the object; ``explainer``, the method run again on
            changed inputs; ``randomised``, the method run again on the network with random weights.
    """

    name: str
    title: str
    family: Family
    better: Better
    source: str
    formula: str
    sentence: str
    needs: frozenset[Need] = frozenset()


_RISE = "Petsiuk et al., RISE, BMVC 2018"
_INSERTED = "area under f over the share of pixels shown, highest M first, on {}"
_DELETED = "area under f over the share of pixels replaced by {}, highest M first"
_INSERTION = "How soon the network answers with the class when the photo is uncovered, most important places first."
_DELETION = "How soon the class is lost when the photo is taken away, most important places first."

METRICS: Mapping[str, MetricInfo] = MappingProxyType(
    {
        one.name: one
        for one in (
            MetricInfo(
                "insertion",
                "Insertion (on a blurred photo)",
                "faithfulness",
                "higher",
                _RISE,
                _INSERTED.format("the blurred photo"),
                _INSERTION,
            ),
            MetricInfo(
                "deletion",
                "Deletion (by blurring)",
                "faithfulness",
                "lower",
                _RISE,
                _DELETED.format("the blurred photo"),
                _DELETION,
            ),
            MetricInfo(
                "insertion_mean",
                "Insertion (on the mean colour)",
                "faithfulness",
                "higher",
                _RISE,
                _INSERTED.format("the photo's mean colour"),
                _INSERTION,
            ),
            MetricInfo(
                "deletion_mean",
                "Deletion (by the mean colour)",
                "faithfulness",
                "lower",
                _RISE,
                _DELETED.format("the photo's mean colour"),
                _DELETION,
            ),
        )
    }
)


def check_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once, in the order of ``METRICS``.

    Raises:
        SettingError: One is unknown, or there are none.
    """
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose among {', '.join(METRICS)}"
            raise SettingError(f"unknown metric {name!r}; {hint}")
    if not names:
        raise SettingError(f"no metric was asked for; choose among {', '.join(METRICS)}")
    return tuple(name for name in METRICS if name in names)
