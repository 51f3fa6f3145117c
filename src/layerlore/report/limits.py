"""How to read the page, and what it does not say: paragraphs for the page's own help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.report import words

if TYPE_CHECKING:
    from layerlore.local.explanation import Explanation


def limits(explanation: Explanation) -> tuple[tuple[str, str], ...]:
    """Titled paragraphs, most needed first."""
    layers = explanation.layers
    parts = [
        (
            "What a map is",
            "A layer of the network computes many small pictures, its feature maps. Feature maps that light up in "
            "similar places are merged into one cluster map. Bright colour: the cluster responds there and the "
            "class's score rises with it.",
        ),
        (
            "What a weight is",
            "A weight is a share of all that pushes the class's score up in this layer, by the gradient. The shown "
            "clusters, the weak maps and the dropped clusters of a layer add up to 100\N{NO-BREAK SPACE}%. It is not a "
            "probability, and weights of different layers are shares of different wholes.",
        ),
        (
            "Weight is not cause",
            "A gradient says what a tiny change would do. What taking the cluster away does is measured separately, "
            "one cluster at a time; such effects do not add up, because later layers make up for a loss or break "
            "under it. Where weight and effect disagree, trust neither alone.",
        ),
        (
            "How a cluster is removed",
            "Set to zero: its channels fall silent, which the network may never have seen. Set to their mean: each "
            "channel keeps its level everywhere and loses its place, so the figure says what the place is worth.",
        ),
        ("How exact a place is", _resolution(explanation)),
        (
            "Early, middle, late",
            "What layers of a depth typically respond to is known from other studies; whether these clusters do is "
            "for you to see, or for people to say once they have named them.",
        ),
    ]
    if explanation.flow:
        parts.append(
            (
                "Ribbons between the columns",
                "They show which clusters of the layer before feed a cluster: shares of the positive contributions, "
                "by gradient times activation. All that feeds one cluster adds up to 100\N{NO-BREAK SPACE}%; part of it comes "
                "from maps that are not shown.",
            )
        )
    if any(not layer.rectified for layer in layers):
        parts.append(
            (
                "Values below zero",
                "Some of these layers can be negative. Only their positive part counts here; what they say by "
                "negative values is not on this page.",
            )
        )
    if explanation.method == "paper":
        parts.append(("Known weaknesses of the method “paper”", _paper(explanation)))
    return tuple(parts)


def _resolution(explanation: Explanation) -> str:
    if not explanation.layers:
        return "Maps are enlarged from the layer's own cells to the size of the photo."
    cells = min(explanation.layers, key=lambda layer: layer.height * layer.width)
    return (
        f"Maps are enlarged from the layer's own cells, here from as few as {cells.height} × {cells.width}, so a soft "
        "edge is the enlargement's, not the network's. A deep cell also sees far beyond its own square of the photo."
    )


def _paper(explanation: Explanation) -> str:
    odd = sorted({layer.channels for layer in explanation.layers if layer.channels & (layer.channels - 1)})
    text = (
        "The rule that discards weak maps fits layers whose number of maps is a power of two; others lose more weight "
        "than meant"
    )
    if odd:
        text += f" (here the layers with {words.listed([f'{value:,}' for value in odd])} maps)"
    return text + (
        ". Clusters are found in a two-dimensional t-SNE picture and change with the seed. Each map is scaled alone, so a "
        "light cluster can look as hot as a heavy one: switch to one scale per layer. In shallow layers the merged "
        "maps are hardly more faithful than a blob in the middle of the photo."
    )
