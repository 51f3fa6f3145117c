"""Metrics of the clusters that a map was folded from, for the methods that are made of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.evaluate.clusters import evaluate_clusters
from layerlore.evaluate.clusters.records import FIGURES
from layerlore.evaluate.records import Measurement
from layerlore.local.explain import Settings, explain_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.evaluate.case import Case
    from layerlore.local.clustering import Method
    from layerlore.network.layers import Layer

NAMES = frozenset(FIGURES)
METHOD_OF: dict[str, Method] = {"inv": "stable", "inv_paper": "paper"}
"""How each method that folds clusters groups maps."""
STABILITIES = frozenset({"c_seed", "c_channels", "c_noise", "c_flip", "c_silhouette"})


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """Measure the clusters of the layers that the map was folded from, explained for the case's photo and class."""
    method = METHOD_OF.get(case.saliency.method)
    if method is None:
        note = f"it makes no clusters; {' and '.join(METHOD_OF)} do"
        return {name: Measurement(None, note) for name in names}
    subject, seed = case.subject, case.saliency.seed
    settings = Settings(method, seed, ablation=True, flow=False)
    network = subject.network
    layers = folded_layers(case)
    [explained] = explain_inputs(network, [subject.photo], subject.inputs, [subject.target], layers, settings)
    stability = bool(STABILITIES & set(names))
    found = evaluate_clusters(network, subject.photo, explained, seed=case.seed, stability=stability)
    summary = found.summary()
    return {
        name: Measurement(summary[name], "" if summary[name] is not None else _WHY, model_calls=found.model_calls)
        for name in names
    }


def folded_layers(case: Case) -> tuple[Layer, ...]:
    """The layers that the map was folded from."""
    return case.subject.network.layers.select(case.saliency.settings.get("layers"))  # type: ignore[arg-type]


_WHY = "no layer has clusters of which it could be told"
