"""The plain summary that the words of a page give: what each layer and the whole photo show, and how sure that is.

A sentence is a row of pieces, so that the template can set a word apart from what is said about it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from layerlore.report import effects, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerlore.concepts.merging import MergedMap
    from layerlore.local.explanation import LayerExplanation, Prediction
    from layerlore.report.labels import PageWords

NAMED = 2
"""Words that a sentence about a layer names."""
SHARED = 2
"""Best words of one map that a sentence names."""


class Piece(NamedTuple):
    """A part of a sentence; with a concept where it is a word that people gave."""

    text: str
    concept_id: str = ""


Sentence = tuple[Piece, ...]


def plain(sentence: Sentence) -> str:
    """A sentence as text."""
    return "".join(piece.text for piece in sentence)


def layer_words(layer: LayerExplanation, merged: Sequence[MergedMap], target: Prediction, who: str) -> Sentence:
    """What people (`PageWords.who`) see in a layer and what removing it did; empty where no map of it has a word."""
    named = [one for one in merged if one.labels]
    if not named:
        return ()
    return (Piece(f"{who} "), *_listed(named, "the layer"), *_removing(layer, named, target), Piece("."))


def photo_words(page: PageWords) -> tuple[Sentence, ...]:
    """What people named on the photo's maps: of the deepest layer first, then of the others by their depth."""
    layers, merged = page.explanation.layers, page.level("merged")
    places = [place for place, some in enumerate(merged) if any(one.labels for one in some)]
    if not places:
        return ((Piece(_nothing(page)),),)
    deepest = places[-1]
    sentences = [_deepest(page, deepest)]
    groups: defaultdict[str, list[MergedMap]] = defaultdict(list)
    for place in places[:-1]:
        groups[words.phase(layers[place].depth)[0]].extend(merged[place])
    if groups:
        sentences.append(_earlier(groups, whole=words.phase(layers[deepest].depth)[0]))
    sentences.extend((Piece(text),) for text in _how_sure(page))
    return tuple(sentences)


def _deepest(page: PageWords, place: int) -> Sentence:
    layer, merged = page.explanation.layers[place], page.level("merged")[place]
    named = [one for one in merged if one.labels]
    which = "the last layer" if place == len(page.explanation.layers) - 1 else f"the layer {layer.name}"
    # The words are what people see there; whether the network goes by it is another question.
    who = "a model proposes" if page.concepts.machine else "people named"
    return (
        Piece(f"On the maps of {which} {who} "),
        *_listed(named, "its weight"),
        *_removing(layer, named, page.explanation.target),
        Piece("."),
    )


def _earlier(groups: dict[str, list[MergedMap]], *, whole: str) -> Sentence:
    """What is named in layers of each depth, without figures: weights of two layers are shares of different wholes."""
    pieces: list[Piece] = []
    for word, merged in groups.items():
        weights: defaultdict[Piece, float] = defaultdict(float)
        for one in merged:
            for label in one.best[:1]:
                weights[Piece(label.name, label.concept_id)] += one.weight
        top = sorted(weights, key=lambda piece: (-weights[piece], piece))[:NAMED]
        start = f"of {'other ' if word == whole else ''}{word.lower()} layers: "
        pieces.append(Piece(f"; {start}" if pieces else f"On those {start}"))
        pieces.extend(_joined(top))
    return (*pieces, Piece("."))


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    for place, piece in enumerate(pieces):
        if place:
            yield Piece(" and " if place == len(pieces) - 1 else ", ")
        yield piece


def _listed(named: Sequence[MergedMap], whole: str) -> Iterator[Piece]:
    """The heaviest words with their weights, such as "ears (31 % of its weight) and fur (12 %)"."""
    shown = named[:NAMED]
    for place, one in enumerate(shown):
        if place:
            yield Piece(" and " if place == len(shown) - 1 else ", ")
        for rank, label in enumerate(one.best[:SHARED]):
            if rank:
                yield Piece(" or ")
            yield Piece(label.name, label.concept_id)
        of = f" of {whole}" if place == 0 else ""
        yield Piece(f" ({whole_percent(one.weight)}{of})")


def whole_percent(value: float) -> str:
    """A percentage without decimals; less than half of one says so."""
    return f"{words.number(value, 0)}{words.NBSP}%" if value >= 0.5 else f"<{words.NBSP}1{words.NBSP}%"


def _removing(layer: LayerExplanation, named: Sequence[MergedMap], target: Prediction) -> Iterator[Piece]:
    """The clause on the measured effect of the heaviest map with a word; none where it is several maps."""
    first = named[0]
    if len(first.members) != 1:
        return
    cluster = layer.clusters[first.members[0].cluster]
    if cluster.ablation is None:
        return
    zero, chance = cluster.ablation.zero, effects.no_more_than_chance(cluster)
    at_random = f", {effects.beside_chance(cluster.ablation)}" if chance and zero.logit_drop > 0 else ""
    against = effects.hardly(zero) or zero.logit_drop < 0 or at_random
    subject = "removing it" if len(named) == 1 else "removing the first"
    yield Piece(f"{', yet' if against else ';'} {effects.sentence(zero, target.logit, subject)}{at_random}")


def _nothing(page: PageWords) -> str:
    if page.concepts.machine:
        return f"{page.source} proposes no word for what these maps show."
    return "Nobody has named yet what these maps show."


def _how_sure(page: PageWords) -> Iterator[str]:
    """Who said so, and where words are missing, disputed, or of one person only."""
    explanation = page.explanation
    maps = [(layer, cluster) for layer in explanation.layers for cluster in layer.clusters]
    keys = [page.key(layer, cluster) for layer, cluster in maps]
    named = [key for key in keys if page.concepts.top(key)]
    if page.concepts.machine:
        yield f"These words are proposals of a model ({page.source}); nobody has said them."
    missing = len(keys) - len(named)
    if missing:
        yield f"{missing:,} of {words.count(len(keys), 'map')} {'has' if missing == 1 else 'have'} no word."
    alone = sum(page.one_voice(key) for key in named)
    if alone:
        told = "All words are" if alone == len(named) else f"The best word of {words.count(alone, 'map')} is"
        yield f"{told} one person's only."
    tied = sum(len(page.concepts.top(key)) > 1 for key in named)
    if tied and not page.concepts.machine:
        yield f"On {words.count(tied, 'map')} people do not agree on one word."
