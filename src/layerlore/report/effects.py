"""What removing a cluster did, in plain words: beside chance, beside its weight, and between the variants.

A comparison is told only where the printed numbers, which have one decimal, show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.report import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.local.explanation import Ablation, ClusterMap, Effect, LayerExplanation, Prediction

# Fall of the logit from which a variant is said to have an effect.
LOWERS = 0.1
# Weight in percent from which a first cluster is heavy, and the part of the layer's largest fall that is little.
HEAVY, LITTLE = 30.0, 0.1
# Mean effects of a whole layer below this are no finding: what follows averages the maps.
NOTHING = 0.001


@dataclass(frozen=True)
class EffectRow:
    """One way of removing a cluster: what was done, what it means, what logit and probability did."""

    how: str
    meaning: str
    logit: str
    logit_from_to: str
    probability: str
    probability_from_to: str


def hardly(effect: Effect) -> bool:
    """True if the change of the logit rounds to 0.0."""
    return round(abs(effect.logit_drop), 1) == 0


def raises_score(cluster: ClusterMap) -> bool:
    """True if removing the cluster raises the logit by as much as the page can print."""
    return cluster.ablation is not None and cluster.raises_when_removed and not hardly(cluster.ablation.zero)


def sentence(effect: Effect, logit: float, subject: str = "removing it") -> str:
    """What removing did, such as "removing it lowers the logit by 1.8 of 12.4"."""
    drop = effect.logit_drop
    if hardly(effect):
        return f"{subject} hardly changes the logit"
    if drop < 0:
        return f"{subject} raises the logit by {words.number(-drop)}"
    if drop > logit:
        return f"{subject} lowers the logit from {words.number(logit)} to {words.number(logit - drop)}"
    return f"{subject} lowers the logit by {words.number(drop)} of {words.number(logit)}"


def label(effect: Effect) -> str:
    """The short form beside the bar: an arrow for where the logit goes, and how far."""
    if hardly(effect):
        return "0.0"
    return f"{_arrow(effect.logit_drop)}{words.NBSP}{words.number(abs(effect.logit_drop))}"


def _arrow(drop: float) -> str:
    return words.FALLS if drop > 0 else words.RISES


def no_more_than_chance(cluster: ClusterMap) -> bool:
    """True if removing as many maps at random lowers the logit at least as far as removing the cluster moves it."""
    if cluster.ablation is None or hardly(cluster.ablation.random):
        return False
    return abs(cluster.ablation.zero.logit_drop) <= cluster.ablation.random.logit_drop


def beside_chance(ablation: Ablation) -> str:
    """The chance level in words that follow a fall, such as "less than a random set (5.5)"."""
    at_random = words.number(ablation.random.logit_drop)
    less = words.number(ablation.zero.logit_drop) != at_random
    return f"{'less than' if less else 'as much as'} a random set ({at_random})"


def heavy_without_effect(layer: LayerExplanation) -> bool:
    """True if the first cluster is heavy, and removing it does little: beside the others, or beside chance."""
    first = layer.clusters[0] if layer.clusters else None
    if first is None or first.ablation is None or first.weight < HEAVY:
        return False
    return no_more_than_chance(first) or _little(layer)


def _little(layer: LayerExplanation) -> bool:
    largest = max((c.ablation.zero.logit_drop for c in layer.clusters if c.ablation is not None), default=0.0)
    own = layer.clusters[0].ablation
    return own is not None and round(largest, 1) > 0 and own.zero.logit_drop < LITTLE * largest


def mean_says_nothing(layer: LayerExplanation) -> bool:
    """True if no mean variant of the layer has an effect: what follows only sees each map's mean."""
    effects = [c.ablation.mean.logit_drop for c in layer.clusters if c.ablation is not None]
    return bool(effects) and all(abs(drop) <= NOTHING for drop in effects)


def doubts(layer: LayerExplanation, cluster: ClusterMap) -> tuple[str, ...]:
    """Plain sentences on why the measured effect should not be trusted far."""
    found = cluster.ablation
    if found is None:
        return ()
    result = []
    if no_more_than_chance(cluster):
        at_random = words.number(found.random.logit_drop)
        if raises_score(cluster):
            result.append(f"As many maps removed at random move the logit further: they lower it by {at_random}.")
        else:
            result.append(f"Setting it to zero does no more than removing as many maps at random ({at_random}).")
    if cluster.index == 0 and heavy_without_effect(layer):
        why = "small beside the layer's largest" if _little(layer) else "not above chance"
        result.append(f"Its weight is large and its measured effect {why}: the weight alone would mislead.")
    if not mean_says_nothing(layer):
        result.extend(_variants(found))
    return tuple(result)


def _variants(found: Ablation) -> Iterator[str]:
    """Where setting to zero and setting to the mean point to different conclusions."""
    zero, mean = found.zero.logit_drop, found.mean.logit_drop
    if (zero > LOWERS) == (mean > LOWERS) or round(abs(zero - mean), 1) <= LOWERS:
        return
    if min(zero, mean) < -LOWERS:
        does = ("lowers", "raises") if zero > mean else ("raises", "lowers")
        yield f"The variants disagree: setting to zero {does[0]} the logit, setting to the mean {does[1]} it."
    elif zero > mean:
        yield "Only the zero variant shows an effect: the level of these maps matters, not their place."
    else:
        yield (
            "Only the mean variant shows an effect: the score falls when these maps are alike everywhere, "
            "not when they are silent."
        )


def rows(layer: LayerExplanation, cluster: ClusterMap, target: Prediction) -> tuple[EffectRow, ...]:
    """The variants of removing a cluster side by side; empty where nothing was measured."""
    found = cluster.ablation
    if found is None:
        return ()
    mean = "its level stays everywhere, its place is lost"
    if mean_says_nothing(layer):
        mean = "what follows only sees each map's mean, so this is 0 by construction"
    return (
        _row("Set to zero", "level and place are lost", found.zero, target),
        _row("Set to their mean", mean, found.mean, target),
        _row("As many at random", "set to zero, mean of four draws: the chance level", found.random, target),
    )


def _row(how: str, meaning: str, effect: Effect, target: Prediction) -> EffectRow:
    logit = words.number(target.logit), words.number(target.logit - effect.logit_drop)
    after = min(1.0, max(0.0, target.probability - effect.probability_drop))
    probability = words.probability(target.probability), words.probability(after)
    points = words.number(abs(100 * effect.probability_drop))
    if float(points):
        points = f"{_arrow(effect.probability_drop)}{words.NBSP}{points}"
    return EffectRow(
        how, meaning, label(effect), " → ".join(logit), f"{points}{words.NBSP}points", " → ".join(probability)
    )
