"""The plain sentences of a page: what the network says, what carries a layer, what a number means.

Every function returns plain text; escaping is the template's work. Numbers and their units are held
together by no-break spaces, and a minus is a real minus sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerlore.local.explanation import Explanation, LayerExplanation

NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
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

# Layers that begin deeper than this leave the shallower part of the network out, which is told.
DEEPER_PART = 0.4
WHOLE_DEPTH = 'layers="spread" shows the whole depth'
SMALL_NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
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


def versions(packages: Mapping[str, str]) -> str:
    """Packages with their versions."""
    return ", ".join(f"{name} {version}" for name, version in packages.items())


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
    return f" {TIMES} ".join(map(str, sides))


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


def depth_note(explanation: Explanation) -> str:
    """Where the layers begin, if they leave out the shallower part of the network; else ""."""
    layers = explanation.layers
    if not layers or layers[0].depth <= DEEPER_PART:
        return ""
    begin = f"from {number(100 * layers[0].depth, 0)}{NBSP}% of the depth on"
    if len(layers) == 1:
        return f"This layer lies at {number(100 * layers[0].depth, 0)}{NBSP}% of the depth; {WHOLE_DEPTH}."
    amount = SMALL_NUMBERS[len(layers)] if len(layers) < len(SMALL_NUMBERS) else str(len(layers))
    last = "are the last ones, " if layers[-1].depth == 1 else "lie in the deeper part, "
    return f"These {amount} layers {last}{begin}; {WHOLE_DEPTH}."


def shown_percent(layer: LayerExplanation) -> float:
    """What the printed percentages of the shown clusters add up to."""
    return sum(float(text.split(NBSP)[0]) for text in shares(layer)[0])


def nonlinearity_note(layer: LayerExplanation) -> str:
    """A warning where the layer's values may be negative, else ""."""
    if layer.rectified:
        return ""
    why = layer.nonlinearity or "no non-linearity"
    return f"Values may be negative ({why}); only the positive part counts."
