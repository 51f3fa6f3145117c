"""The plain sentences of a comparison: what A says, what B says, what changed most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.report import view, words

if TYPE_CHECKING:
    from layerlore.local.explanation import Explanation, LayerExplanation
    from layerlore.study.compare import Comparison, LayerComparison

    Parts = tuple[tuple[str, bool], ...]

# Lowest similarity of two maps for each wording, such as "A's cluster 1 lies where B's cluster 2 lies".
LIKENESS = (
    (0.999, "lies exactly where"),
    (0.75, "lies where"),
    (0.5, "lies mostly where"),
    (0.25, "overlaps in part where"),
    (0.0, "hardly overlaps where"),
)
# Changes of a probability below this round to nothing.
NOTHING = 0.0005


def headline(comparison: Comparison) -> Parts:
    """What A says, what B says, and what changed most, as parts of a sentence; True marks the emphasised ones."""
    a, b = comparison.a, comparison.b
    said: Parts
    if comparison.same_weights and not comparison.same_target:
        said = (
            ("One network, two classes: A is ", False),
            (a.target.name, True),
            (f" ({words.probability(a.target.probability)}), B is ", False),
            (b.target.name, True),
            (f" ({words.probability(b.target.probability)}); ", False),
        )
        return (*said, *_most(comparison, "differs most"))
    first, second = a.predictions[0], b.predictions[0]
    if comparison.answer_changed:
        said = (
            ("A says ", False),
            (first.name, True),
            (f" ({words.probability(first.probability)}), B says ", False),
            (second.name, True),
            (f" ({words.probability(second.probability)}); ", False),
        )
    else:
        sure = f" (A {words.probability(first.probability)}, B {words.probability(second.probability)}); "
        said = (("A and B both say ", False), (first.name, True), (sure, False))
    return (*said, *_most(comparison, "changed most"))


def _most(comparison: Comparison, did: str) -> Parts:
    most = comparison.most_changed
    if most is None:
        return (("no layer can be compared.", False),)
    if most.change == 0:
        return (("no layer changed.", False),)
    if len(comparison.layers) == 1:
        return ((f"its layer differs by {change(most.change)}.", False),)
    return (("layer ", False), (most.name, True), (f" {did} ({change(most.change)}).", False))


def change(value: float) -> str:
    """A change in [0, 1] as a percentage; what would round to 0 or 100 without being it says so."""
    return words.probability(value)


def lead(comparison: Comparison) -> tuple[str, ...]:
    """The sentences under the headline: the mean change, scores, which classes are explained."""
    amount = words.count(len(comparison.layers), "layer")
    result = [f"On average over {amount} {change(comparison.change)} of what they look at differs."]
    if comparison.same_target:
        result.append(_score(comparison))
    elif not comparison.same_weights:
        result.append(
            f"Explained are different classes, {comparison.a.target.name} in A and {comparison.b.target.name} in B, "
            "so the change is that of the class as well as that of the network."
        )
    return (*result, *comparison.notes)


def _score(comparison: Comparison) -> str:
    a, b = comparison.a.target, comparison.b.target
    moved = comparison.probability_change
    if abs(moved) < NOTHING:
        return f"The probability of {a.name} stays at {words.probability(a.probability)}."
    went = "rises" if moved > 0 else "falls"
    return (
        f"The probability of {a.name} {went} from {words.probability(a.probability)} to "
        f"{words.probability(b.probability)}, its logit goes from {words.number(a.logit)} to {words.number(b.logit)}."
    )


def side_text(explanation: Explanation) -> str:
    """Which network a side is, in words."""
    print_of_weights = view.fingerprint(explanation)
    weights = f", weights {print_of_weights[:8]}" if print_of_weights else ""
    return f"{explanation.network_name}{weights}; explained for {explanation.target.name}"


def layer_sentence(layer: LayerComparison) -> str:
    """What became of the heaviest cluster, and how much has no counterpart."""
    a, b, match = layer.a, layer.b, layer.match
    if not a.clusters or not b.clusters:
        if not a.clusters and not b.clusters:
            return "Neither A nor B has a map here: no positive weight on either side."
        empty, full = ("A", "B") if not a.clusters else ("B", "A")
        return f"{empty} has no map here, so nothing of {full} has a counterpart."
    if match.change == 0:
        return "The same maps with the same weights."
    text = _heaviest(layer)
    told = [
        f"{words.percent(sum(_tenths(own)[i] for i in rest))} of {side}"
        for side, own, rest in (("A", a, match.only_a), ("B", b, match.only_b))
        if rest
    ]
    if not told:
        return f"{text}."
    return f"{text}; {words.listed(told)} {'has' if len(told) == 1 else 'have'} no counterpart."


def _tenths(layer: LayerExplanation) -> list[float]:
    """The clusters' weights in percent as they are printed below the maps."""
    return [float(text.split(words.NBSP)[0]) for text in words.shares(layer)[0]]


def _heaviest(layer: LayerComparison) -> str:
    pair = next((pair for pair in layer.match.pairs if pair.a == 0), None)
    own = words.shares(layer.a)[0][0]
    if pair is None:
        return f"A's heaviest cluster ({own}) has no counterpart in B"
    other = words.shares(layer.b)[0][pair.b]
    which = "heaviest" if pair.b == 0 else f"cluster {pair.b + 1}"
    return f"A's heaviest ({own}) {likeness(pair.similarity)} B's {which} lies ({other})"


def likeness(similarity: float) -> str:
    """How well two maps agree in words that stand between two clusters."""
    return next(text for least, text in LIKENESS if similarity >= least)


def how_paired(comparison: Comparison) -> str:
    """How layers were paired."""
    if comparison.paired_by == "name":
        return "The layers are paired by name: both networks have the same architecture."
    return (
        "The networks have different architectures, so their layers are paired by depth, in order; "
        "channels of different networks cannot be compared."
    )


def unpaired(comparison: Comparison) -> str:
    """The layers that are on one side only, or ""."""
    sides = (("A", comparison.only_a), ("B", comparison.only_b))
    told = [f"{words.listed(names)} of {side}" for side, names in sides if names]
    return f"Without a partner: {'; '.join(told)}." if told else ""
