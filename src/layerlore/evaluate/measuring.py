"""All metrics of one map in one call, which share what they can."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from layerlore.errors import LayerLoreError
from layerlore.evaluate.case import Case, make_case
from layerlore.evaluate.metrics import (
    clusters,
    complexity,
    curves,
    drops,
    later,
    localisation,
    road,
    sanity,
    sensitivity,
)
from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import check_metrics

__all__ = ["Case", "make_case", "measure"]

_Group = Callable[[Case, Sequence[str]], dict[str, Measurement]]

_GROUPS: tuple[tuple[frozenset[str], _Group], ...] = (
    (curves.NAMES, curves.measure),
    (road.NAMES, road.measure),
    (drops.NAMES, drops.measure),
    (drops.NAMES_AGAIN, drops.measure_again),
    (localisation.NAMES, localisation.measure),
    (complexity.NAMES, complexity.measure),
    (sensitivity.NAMES, sensitivity.measure),
    (sanity.NAMES, sanity.measure),
    (sanity.NAMES_CLASS, sanity.measure_class),
    (later.NAMES, later.measure),
    (clusters.NAMES, clusters.measure),
)
"""Metrics that share work, with the function that measures them together."""


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """Measure one map.

    The same case gives the same values, whichever metrics are asked for together.

    Args:
        case: Photo, class, method and its map.
        names: Some of ``METRICS``.

    Returns:
        A measurement for each name, in the order of ``METRICS``. Where one could not be made, its value is None and its
        note says why.

    Raises:
        SettingError: A name is unknown.
    """
    asked = check_metrics(names)
    found: dict[str, Measurement] = {}
    for members, group in _GROUPS:
        wanted = [name for name in asked if name in members]
        if not wanted:
            continue
        try:
            found |= group(case, wanted)
        except LayerLoreError as error:  # such as a method that does not take the changed input
            found |= {name: Measurement(None, str(error)) for name in wanted}
    return {name: found[name] for name in asked}
