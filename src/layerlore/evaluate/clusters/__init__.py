"""Whether the clusters of a layer are what the explanation says: faithful, complete, stable, and apart."""

from __future__ import annotations

from layerlore.evaluate.clusters.evaluating import evaluate_clusters
from layerlore.evaluate.clusters.records import ClusterEvaluation, LayerEvaluation

__all__ = ["ClusterEvaluation", "LayerEvaluation", "evaluate_clusters"]
