"""Whether explanations are true, stable and better than others: metrics, and methods measured on the same photos."""

from __future__ import annotations

from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import METRICS, MetricInfo, check_metrics

__all__ = ["METRICS", "Measurement", "MetricInfo", "check_metrics"]
