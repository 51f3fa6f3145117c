"""What was measured of the clusters of one photo, layer by layer."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class OrderScore:
    """How well an order of clusters finds what matters: they are removed, or added, in that order.

    Attributes:
        insertion: Area under the class's probability when clusters are added, first of the order first; higher is
            better.
        deletion: The same when they are removed; lower is better.
        insertion_gap: How much of the way from a random order to the best one it goes: 1 = the best order there is,
            0 = no better than random, negative = worse; None where all orders are alike.
        deletion_gap: Likewise.
    """

    insertion: float
    deletion: float
    insertion_gap: float | None
    deletion_gap: float | None


@dataclass(frozen=True)
class GameScore:
    """One layer's clusters as players, for one way of removing them.

    Attributes:
        shapley: Exact Shapley value of each shown cluster, in logits.
        alone: Fall of the logit without one cluster, in logits.
        orders: Name of a number (``weight``, ``importance``) to how well the order by it does.
        shapley_rank: Spearman's rank correlation of each number with the Shapley values; None where there is no order.
        alone_rank: Likewise with ``alone``.
        random: Insertion and deletion of random orders, on average.
        best: Insertion and deletion of the best order for each.
        additivity: Sum of the falls without single clusters over the fall without all; 1 where effects add up, None
            where nothing falls.
        completeness: Fall of the logit without all shown clusters over the fall without the whole layer; None where
            the layer changes nothing.
    """

    shapley: tuple[float, ...]
    alone: tuple[float, ...]
    orders: Mapping[str, OrderScore]
    shapley_rank: Mapping[str, float | None]
    alone_rank: Mapping[str, float | None]
    random: tuple[float, float]
    best: tuple[float, float]
    additivity: float | None
    completeness: float | None


@dataclass(frozen=True)
class Stability:
    """How alike the clusters of a layer stay under one change.

    Attributes:
        agreement: Adjusted Rand index over the maps that were clustered both times; None where fewer than two were.
        cosine: Mean cosine of the shown cluster maps, paired one to one so that the sum is largest; a map without a
            partner counts 0.
    """

    agreement: float | None
    cosine: float | None


@dataclass(frozen=True)
class LayerEvaluation:
    """The clusters of one layer of one photo.

    Attributes:
        name: The layer.
        clusters: Number of shown clusters.
        zero: As players, channels of absent clusters set to zero; None without clusters, or with more than eight.
        mean: Likewise with each channel's own mean over the map.
        mass: Share of the layer's positive weight that the shown clusters hold, in [0, 1].
        stability: Name of a change (``seed``, ``channels``, ``noise``, ``flip``) to what it did; empty where it was
            not asked for.
        silhouette: Mean silhouette of the layer's clusters between the scaled maps; None where nothing was clustered.
        null_silhouette: The same after the places of each map were shuffled and the maps clustered anew.
    """

    name: str
    clusters: int
    zero: GameScore | None
    mean: GameScore | None
    mass: float
    stability: Mapping[str, Stability]
    silhouette: float | None
    null_silhouette: float | None


@dataclass(frozen=True)
class ClusterEvaluation:
    """The clusters of one explanation.

    Attributes:
        layers: One for each explained layer, shallow to deep.
        first: The number that clusters are ordered by, ``importance`` where it was measured, else ``weight``.
        method: Of the explanation.
        seed: Of everything random.
        model_calls: Copies of the photo that went through the network or a part of it, forwards and backwards counted
            each.
    """

    layers: tuple[LayerEvaluation, ...]
    first: str
    method: str
    seed: int
    model_calls: int

    def summary(self) -> dict[str, float | None]:
        """Means over the layers, of completeness the median; None where no layer has a value.

        Completeness is a ratio, which goes anywhere where the whole layer hardly changes the logit.
        """
        rows = [_figures(layer, self.first) for layer in self.layers]
        found: dict[str, float | None] = {}
        for name in FIGURES:
            values = [value for row in rows if (value := row.get(name)) is not None]
            middle = statistics.median if name == "c_completeness" else statistics.fmean
            found[name] = middle(values) if values else None
        return found


FIGURES = (
    "c_insertion",
    "c_deletion",
    "c_shapley",
    "c_ablation",
    "c_weight_shapley",
    "c_weight_ablation",
    "c_completeness",
    "c_mass",
    "c_seed",
    "c_channels",
    "c_noise",
    "c_flip",
    "c_silhouette",
)
"""Names of the figures that a summary gives; those of the metrics."""


def _figures(layer: LayerEvaluation, first: str) -> dict[str, float | None]:
    found: dict[str, float | None] = {"c_mass": layer.mass if layer.clusters else None}
    if layer.zero is not None:
        order = layer.zero.orders[first]
        found |= {
            "c_insertion": order.insertion_gap,
            "c_deletion": order.deletion_gap,
            "c_shapley": layer.zero.shapley_rank[first],
            "c_ablation": layer.zero.alone_rank[first],
            "c_weight_shapley": layer.zero.shapley_rank["weight"],
            "c_weight_ablation": layer.zero.alone_rank["weight"],
            "c_completeness": layer.zero.completeness,
        }
    found |= {f"c_{name}": one.agreement for name, one in layer.stability.items()}
    if layer.silhouette is not None and layer.null_silhouette is not None:
        found["c_silhouette"] = layer.silhouette - layer.null_silhouette
    return found
