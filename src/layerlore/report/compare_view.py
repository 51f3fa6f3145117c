"""What the page of a comparison shows, ready for the template: numbers are text, pictures data addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.report import compare_words, sentences, view, words

if TYPE_CHECKING:
    from layerlore.local.explanation import Explanation
    from layerlore.study.compare import Comparison, LayerComparison
    from layerlore.study.matching import Pair


@dataclass(frozen=True)
class Side:
    """A or B: its letter, its photo as a data address, which network it is."""

    letter: str
    photo: str
    text: str
    explanation: Explanation


@dataclass(frozen=True)
class Half:
    """One side of a pair of clusters. ``width`` is the weight in percent."""

    letter: str
    number: int
    overlay: str
    text: str
    weight: str
    width: float


@dataclass(frozen=True)
class Card:
    """Two matched clusters, or one without a counterpart. Widths are percent; ``channels`` is "" where unknown."""

    a: Half | None
    b: Half | None
    places: str = ""
    places_width: float = 0.0
    channels: str = ""
    channels_width: float = 0.0


@dataclass(frozen=True)
class Row:
    """A layer of the page."""

    position: int
    name: str
    phase: str
    sizes: tuple[str, ...]
    change: str
    width: float
    sentence: str
    cards: tuple[Card, ...]


def side(comparison: Comparison, letter: str) -> Side:
    """Side ``A`` or ``B`` of a comparison."""
    explanation = comparison.a if letter == "A" else comparison.b
    photo = view.data_address("image/jpeg", explanation.photo.view)
    return Side(letter, photo, compare_words.side_text(explanation), explanation)


def layers(comparison: Comparison) -> tuple[Row, ...]:
    """The paired layers, shallow to deep."""
    amount = sum(len(layer.a.clusters) + len(layer.b.clusters) for layer in comparison.layers)
    longest = next(size for most, size in view.OVERLAY_SIDES if amount <= most)
    return tuple(_row(comparison, position, longest) for position in range(len(comparison.layers)))


def _row(comparison: Comparison, position: int, longest: int) -> Row:
    layer = comparison.layers[position]
    halves_a = _halves(comparison.a, layer, "A", longest)
    halves_b = _halves(comparison.b, layer, "B", longest)
    matched = [_card(halves_a[pair.a], halves_b[pair.b], pair) for pair in layer.match.pairs]
    alone = [
        *(Card(halves_a[i], None) for i in layer.match.only_a),
        *(Card(None, halves_b[i]) for i in layer.match.only_b),
    ]
    sizes = dict.fromkeys(words.times(x.channels, x.height, x.width) for x in (layer.a, layer.b))
    return Row(
        position=position,
        name=layer.name,
        phase=words.phase(layer.a.depth)[0],
        sizes=tuple(sizes),
        change=compare_words.change(layer.change),
        width=100 * layer.change,
        sentence=compare_words.layer_sentence(layer),
        cards=(*matched, *alone),
    )


def _halves(explanation: Explanation, layer: LayerComparison, letter: str, longest: int) -> tuple[Half, ...]:
    own = layer.a if letter == "A" else layer.b
    return tuple(
        Half(
            letter=letter,
            number=cluster.index + 1,
            overlay=view.overlay(explanation, cluster, longest),
            text=f"{letter}: {sentences.map_text(own, cluster, weight, explanation.target.logit)}",
            weight=weight,
            width=cluster.weight,
        )
        for cluster, weight in zip(own.clusters, words.shares(own)[0], strict=True)
    )


def _card(a: Half, b: Half, pair: Pair) -> Card:
    overlap = pair.channel_overlap
    return Card(
        a=a,
        b=b,
        places=compare_words.change(pair.similarity),
        places_width=100 * pair.similarity,
        channels="" if overlap is None else compare_words.change(overlap),
        channels_width=0.0 if overlap is None else 100 * overlap,
    )
