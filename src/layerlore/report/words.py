"""The plain sentences of a page: what the network says, what carries a layer, what a number means.

Every function returns plain text; escaping is the template's work. Numbers and their units are held
together by no-break spaces, and a minus is a real minus sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.report.maps import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.local.explanation import ClusterMap, Effect, Explanation, LayerExplanation, Prediction

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
FALLS, RISES = "\N{BLACK DOWN-POINTING TRIANGLE}", "\N{BLACK UP-POINTING TRIANGLE}"

# Lowest probability for each wording.
CERTAINTY = (
    (0.99, " and is almost certain"),
    (0.9, " and is very sure"),
    (0.7, " and is fairly sure"),
    (0.5, " and is more sure than not"),
    (0.3, ", but is unsure"),
    (0.0, ", but is far from sure"),
)
# Upper end of depth, the word, and what layers at such a depth typically respond to.
PHASES = (
    (1 / 3, "Early", "edges and textures"),
    (2 / 3, "Middle", "patterns and parts"),
    (1.0, "Late", "parts and whole objects"),
)


def number(value: float, decimals: int = 1) -> str:
    """A number with a real minus sign, never "-0.0"."""
    text = f"{abs(value):.{decimals}f}"
    return f"{MINUS}{text}" if value < 0 and float(text) != 0 else text


def percent(value: float) -> str:
    """A percentage with one decimal, such as "24.1 %"; ``value`` is in percent."""
    return f"{number(value)}{NBSP}%"


def probability(value: float) -> str:
    """A probability in percent; what would round to 0 or 100 without being it says so."""
    if 0 < value < 0.0005:
        return f"<{NBSP}0.1{NBSP}%"
    if 0.9995 <= value < 1:
        return f">{NBSP}99.9{NBSP}%"
    return percent(100 * value)


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """An amount with its noun, such as "1 map" or "1,280 maps"."""
    return f"{amount:,}{NBSP}{noun if amount == 1 else plural or noun + 's'}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words in a row, such as "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def times(*sides: int) -> str:
    """A size, with real multiplication signs."""
    return " \N{MULTIPLICATION SIGN} ".join(map(str, sides))


def ordinal(rank: int) -> str:
    """A rank, such as "1st" or "12th"."""
    ending = "th" if 10 <= rank % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


def rounded(exact: Sequence[float]) -> list[float]:
    """Numbers with one decimal whose sum is the rounded sum: the largest remainders are rounded up."""
    tenths = [int(value * 10) for value in exact]
    missing = round(sum(exact) * 10) - sum(tenths)
    by_remainder = sorted(range(len(exact)), key=lambda i: tenths[i] - exact[i] * 10)
    for index in by_remainder[: max(missing, 0)]:
        tenths[index] += 1
    return [value / 10 for value in tenths]


def shares(layer: LayerExplanation) -> tuple[tuple[str, ...], str, str, str]:
    """The layer's percentages, rounded so that what is printed adds up to 100.0.

    Returns:
        Of each cluster; of the weak maps; of the dropped clusters; of both of the last together.
    """
    weights = [cluster.weight for cluster in layer.clusters]
    *clusters, weak, dropped = rounded([*weights, layer.weak_weight, layer.dropped_weight])
    return tuple(map(percent, clusters)), percent(weak), percent(dropped), percent(weak + dropped)


def phase(depth: float) -> tuple[str, str]:
    """Our word for a depth in [0, 1], and what such layers typically respond to."""
    for end, word, typical in PHASES:
        if depth < end:
            return word, typical
    return PHASES[-1][1:]


def headline(explanation: Explanation) -> tuple[str, str, str]:
    """What the network says: before the class, the class, and how sure it is."""
    top = explanation.predictions[0]
    sure = next((words for least, words in CERTAINTY if top.probability >= least), CERTAINTY[-1][1])
    return f"{explanation.network_name} says", top.name, f"{sure} ({probability(top.probability)})."


def runner_up(explanation: Explanation) -> str:
    """The sentence about the second likeliest class."""
    if len(explanation.predictions) < 2:
        return ""
    second = explanation.predictions[1]
    close = explanation.predictions[0].probability < 2 * second.probability
    lead = "Close behind" if close else "Next"
    return f"{lead}: {second.name} ({probability(second.probability)})."


def explained_class(explanation: Explanation) -> str:
    """Which class the page is about, where it is not the network's own answer; else ""."""
    target, ranks = explanation.target, [prediction.index for prediction in explanation.predictions]
    if ranks and ranks[0] == target.index:
        return ""
    rank = f"its {ordinal(ranks.index(target.index) + 1)} choice" if target.index in ranks else "not in its top five"
    return f"Explained here is another class: {target.name} ({probability(target.probability)}, {rank})."


def hardly(effect: Effect) -> bool:
    """True if the change of the logit rounds to 0.0."""
    return round(abs(effect.logit_drop), 1) == 0


def speaks_against(cluster: ClusterMap) -> bool:
    """True if removing the cluster raises the logit by as much as the page can print."""
    return cluster.ablation is not None and cluster.raises_when_removed and not hardly(cluster.ablation.zero)


def effect_sentence(effect: Effect, logit: float, subject: str = "removing it") -> str:
    """What removing did, such as "removing it lowers the logit by 1.8 of 12.4"."""
    drop = effect.logit_drop
    if hardly(effect):
        return f"{subject} hardly changes the logit"
    if drop < 0:
        return f"{subject} raises the logit by {number(-drop)}"
    if drop > logit:
        return f"{subject} lowers the logit from {number(logit)} to {number(logit - drop)}"
    return f"{subject} lowers the logit by {number(drop)} of {number(logit)}"


def effect_label(effect: Effect) -> str:
    """The short form beside the bar: an arrow for where the logit goes, and how far."""
    amount = number(abs(effect.logit_drop))
    if hardly(effect):
        return "0.0"
    return f"{FALLS if effect.logit_drop > 0 else RISES}{NBSP}{amount}"


def no_more_than_chance(cluster: ClusterMap) -> bool:
    """True if removing the cluster lowers the logit, but no more than removing as many maps at random."""
    if cluster.ablation is None or hardly(cluster.ablation.zero) or cluster.ablation.zero.logit_drop < 0:
        return False
    return cluster.ablation.zero.logit_drop <= cluster.ablation.random.logit_drop


def doubts(cluster: ClusterMap) -> str:
    """Why the measured effect should not be trusted far, or ""."""
    if cluster.ablation is None:
        return ""
    zero, mean = cluster.ablation.zero.logit_drop, cluster.ablation.mean.logit_drop
    if no_more_than_chance(cluster):
        at_random = number(cluster.ablation.random.logit_drop)
        return f"Removing as many maps at random lowers the logit by {at_random}: this effect is no more than chance."
    if zero > 0.1 >= mean and zero > 4 * abs(mean):
        return "Only silence has an effect, not the loss of the place: what counts may be the level of these maps."
    return ""


def _disagreement(layer: LayerExplanation) -> str:
    """Where the weights and the measured effects do not say the same, or ""."""
    first, *others = layer.clusters
    against = [str(c.index + 1) for c in others if speaks_against(c)]
    if against:
        return f" Removing cluster {listed(against, 'or')} raises it: weight and effect disagree there."
    if first.ablation is None or speaks_against(first):
        return ""
    drops = [(c.ablation.zero.logit_drop, c.index) for c in others if c.ablation is not None]
    if not drops:
        return ""
    most, index = max(drops, key=lambda pair: (pair[0], -pair[1]))
    own = first.ablation.zero.logit_drop
    if most - own < max(0.1, 0.25 * abs(own)) or no_more_than_chance(others[index - 1]):
        return ""
    return f" Removing cluster {index + 1} does more ({number(most)})."


def layer_sentence(layer: LayerExplanation, target: Prediction) -> str:
    """What carries the layer: how many clusters, the heaviest, where it lies, what removing it did."""
    if not layer.clusters:
        return layer.note or "No feature map of this layer has a positive weight for the class."
    first = layer.clusters[0]
    weight = shares(layer)[0][0]
    lies = "shows no place" if first.constant else f"lies {place(first.map)}"
    if len(layer.clusters) == 1:
        text = f"One cluster carries it ({weight}) and {lies}"
    else:
        text = f"{len(layer.clusters)} clusters. The heaviest ({weight}) {lies}"
    if first.ablation is not None:
        effect = first.ablation.zero
        but = "yet " if hardly(effect) or effect.logit_drop < 0 else ""
        text += f"; {but}{effect_sentence(effect, target.logit)}"
        if speaks_against(first):
            text += ": weight and effect disagree"
        elif no_more_than_chance(first):
            text += f", no more than chance ({number(first.ablation.random.logit_drop)})"
    text += "."
    return text + _disagreement(layer) + (f" {layer.note}" if layer.note else "")


def shown_percent(layer: LayerExplanation) -> float:
    """What the printed percentages of the shown clusters add up to."""
    return sum(float(text.split(NBSP)[0]) for text in shares(layer)[0])


def nonlinearity_note(layer: LayerExplanation) -> str:
    """A warning where the layer's values may be negative, else ""."""
    if layer.rectified:
        return ""
    why = layer.nonlinearity or "no non-linearity"
    return f"Values may be negative ({why}); only the positive part counts."


def map_text(layer: LayerExplanation, cluster: ClusterMap, weight: str, logit: float) -> str:
    """What a reader who cannot see the map is told about it."""
    where = "shows no place: one value everywhere" if cluster.constant else f"lies {place(cluster.map)}"
    text = f"Cluster {cluster.index + 1} of {layer.name}: {weight} of the layer's positive weight; {where}"
    if cluster.ablation is not None:
        text += f"; {effect_sentence(cluster.ablation.zero, logit)}"
        if speaks_against(cluster):
            text += ": the cluster holds the score down"
    if cluster.labels:
        text += f"; people said {listed(cluster.labels[:3])}"
    return text + "."


def verdict(cluster: ClusterMap, weight: str, target: Prediction) -> str:
    """The opening sentence of a cluster's panel: weight and measured effect side by side."""
    text = f"This cluster holds {weight} of the layer's positive weight"
    if cluster.constant:
        text += "; its map has one value everywhere, so it shows no place"
    else:
        text += f" and lies {place(cluster.map)}"
    if cluster.ablation is None:
        return f"{text}. Its effect was not measured."
    effect = cluster.ablation.zero
    said = effect_sentence(effect, target.logit, "Removing it")
    if speaks_against(cluster):
        return f"{text}. {said}: weight and effect disagree, and the cluster holds the score of {target.name} down."
    if hardly(effect):
        return f"{text}. {said}, so its weight says more than its effect."
    return f"{text}. {said}."
