"""Whether explanations are true, stable and better than others: metrics, and methods measured on the same photos.

The package itself can be called: ``layerlore.evaluate(network, photos)`` is
:func:`layerlore.evaluate.running.evaluate`, since one name cannot be a package and a function at once.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import METRICS, MetricInfo, check_metrics

if TYPE_CHECKING:
    from layerlore.evaluate.results import Evaluation

__all__ = ["METRICS", "Measurement", "MetricInfo", "check_metrics"]


class _Package(ModuleType):
    """A package that can be called."""

    def __call__(self, *arguments: Any, **settings: Any) -> Evaluation:  # noqa: ANN401 those of the function
        """Measure methods on the same photos; see :func:`layerlore.evaluate.running.evaluate`."""
        from layerlore.evaluate.running import evaluate

        return evaluate(*arguments, **settings)


sys.modules[__name__].__class__ = _Package
