"""The sentences about layers and clusters: what carries a layer, and what its effects say beside its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.report import effects, importance, words
from layerlore.report.maps import place

if TYPE_CHECKING:
    from layerlore.local.explanation import ClusterMap, LayerExplanation, Prediction


def layer_sentence(layer: LayerExplanation, target: Prediction) -> str:
    """What carries the layer in two short clauses: where its first cluster lies, what removing it did."""
    if not layer.clusters:
        return layer.note or "No feature map of this layer has a positive weight for the class."
    first = layer.ranked[0]
    lies = "shows no place" if first.constant else place(first.map)
    if len(layer.clusters) == 1:
        which = "One cluster,"
    elif layer.importance_shares is None:
        which = "Heaviest"
    else:
        which = "The most important" if first.constant else "The most important lies"
    text = f"{which} {lies}{_removing(layer, target)}."
    return f"{text} {layer.note}" if layer.note else text


def _removing(layer: LayerExplanation, target: Prediction) -> str:
    """The clause on the effect of the first cluster, or "" where it was not measured."""
    first = layer.ranked[0]
    if first.ablation is None:
        return ""
    zero, heavy = first.ablation.zero, first.index == 0 and effects.heavy_without_effect(layer)
    joint = ", yet" if heavy or effects.hardly(zero) or zero.logit_drop < 0 else ";"
    if effects.hardly(zero) or zero.logit_drop < 0:
        return f"{joint} {effects.sentence(zero, target.logit)}"
    if effects.no_more_than_chance(first):
        fall = words.number(zero.logit_drop)
        return f"{joint} removing it lowers the logit by {fall}, {effects.beside_chance(first.ablation)}"
    if heavy:
        fall = words.number(zero.logit_drop)
        return f"{joint} removing it lowers the logit by only {fall} of {words.number(target.logit)}"
    return f"{joint} {effects.sentence(zero, target.logit)}"


def layer_remarks(layer: LayerExplanation) -> str:
    """What else the effects of the layer's clusters say, for the panel: rises, and larger falls than the first's."""
    remarks = []
    rises = [str(c.index + 1) for c in layer.clusters if effects.raises_score(c)]
    if rises:
        remarks.append(f"Removing cluster {words.listed(rises, 'or')} raises the score, which the weight does not say.")
    drops = {c.index: c.ablation.zero.logit_drop for c in layer.clusters if c.ablation is not None}
    most = max(drops, key=lambda index: (drops[index], -index), default=0)
    largest = layer.clusters[most].ablation if drops else None
    first = drops.get(layer.ranked[0].index, 0.0) if drops else 0.0
    if largest is not None and drops[most] - first >= max(0.1, 0.25 * abs(first)):
        at_random = effects.no_more_than_chance(layer.clusters[most])
        beside = f", {effects.beside_chance(largest)}" if at_random else ""
        fall = words.number(drops[most])
        remarks.append(f"The largest fall comes from removing cluster {most + 1} ({fall}{beside}).")
    return " ".join(remarks)


def map_text(
    layer: LayerExplanation,
    cluster: ClusterMap,
    weight: str,
    logit: float,
    *,
    share: float | None = None,
    machine: bool = False,
) -> str:
    """What a reader who cannot see the map is told about it."""
    where = "shows no place: one value everywhere" if cluster.constant else f"lies {place(cluster.map)}"
    does = "" if share is None else f"{words.percent(share)} {importance.OF_WHAT}; "
    text = f"Cluster {cluster.index + 1} of {layer.name}: {does}{weight} of the layer's positive weight; {where}"
    if cluster.ablation is not None:
        text += f"; {effects.sentence(cluster.ablation.zero, logit)}"
    if cluster.labels:
        text += f"; {'a model proposed' if machine else 'people said'} {words.listed(cluster.labels[:3])}"
    return text + "."


def verdict(cluster: ClusterMap, weight: str, target: Prediction, share: float | None = None) -> str:
    """The opening of a cluster's panel: importance where it was measured, weight and measured effect side by side."""
    text = importance.clause(share, weight)
    if cluster.constant:
        text += "; its map has one value everywhere, so it shows no place"
    else:
        text += f" and lies {place(cluster.map)}"
    if cluster.ablation is None:
        return f"{text}. Its effect was not measured."
    effect = cluster.ablation.zero
    said = effects.sentence(effect, target.logit, "Removing it")
    if effects.raises_score(cluster):
        said += ": weight and effect disagree"
    elif effects.hardly(effect):
        said += ", so its weight says more than its effect"
    return f"{text}. {said}."
