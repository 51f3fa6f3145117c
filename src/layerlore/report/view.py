"""What the page shows, ready for the template: every number is text already, every picture a data address."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from layerlore.report import colours, effects, importance, maps, merged, sentences, words
from layerlore.report.label_sentences import layer_words
from layerlore.report.labels import Label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from layerlore.local.explanation import ClusterMap, Explanation, LayerExplanation, LayerFlow
    from layerlore.report.label_sentences import Sentence
    from layerlore.report.labels import PageWords

# Longest side of a painted map in pixels, by how many there are: a page that brings them along stays under 3 MB.
OVERLAY_SIDES = ((60, 192), (150, 112), (10**9, 96))
# Stands where the page's script will put a map.
BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


@dataclass(frozen=True)
class Link:
    """A line of a flow list; ``layer`` and ``cluster`` are positions on the page, -1 for what is not shown.

    ``width`` is the share without its sign, in percent; ``against`` tells a negative share.
    """

    layer: int
    cluster: int
    text: str
    share: str
    width: float
    against: bool = False


@dataclass(frozen=True)
class Tile:
    """A cluster map on the page, or several as one, with their numbers. Widths are percent of the bar's own box.

    ``share`` is the importance, or "" where it was not measured.
    """

    number: int
    overlay: str
    text: str
    verdict: str
    weight: str
    weight_width: float
    share: str
    share_width: float
    effect: str
    effect_start: float
    effect_width: float
    raises: bool
    labels: tuple[Label, ...]
    channels: str
    effects: tuple[effects.EffectRow, ...] = ()
    doubts: tuple[str, ...] = ()
    fed_by: tuple[Link, ...] = ()
    feeds: tuple[Link, ...] = ()
    games: str = ""
    levels: str = merged.UNMERGED
    members: tuple[int, ...] = ()

    @property
    def against(self) -> bool:
        """True if the cluster works against the class."""
        return self.share_width < 0

    @property
    def order(self) -> tuple[float, int]:
        """Most important first, or heaviest where importance was not measured; a map comes before its parts."""
        return (-self.share_width if self.share else -self.weight_width), -len(self.members)


@dataclass(frozen=True)
class Column:
    """A layer on the page; ``address`` is its name as a part of an address, ``as_one`` what all its maps as one are."""

    name: str
    address: str
    size: str
    nonlinearity: str
    rectified: bool
    sentence: str
    words: Sentence
    remarks: str
    shown: str
    shown_width: float
    tiles: tuple[Tile, ...]
    other: str
    weak: str
    dropped: str
    note: str
    facts: tuple[tuple[str, str], ...]
    position: int
    as_one: tuple[Label, ...]
    as_one_games: str


@dataclass(frozen=True)
class Phase:
    """Neighbouring layers of one depth: our word for them and what they typically respond to."""

    word: str
    typical: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class EffectScale:
    """The range of all measured effects on the page, in logits.

    Attributes:
        most_against: Largest rise of the logit, 0 if there was none.
        most_support: Largest fall, likewise.
        against: Length of the scale on the side of rises; a sliver at least, so that zero never sits on the edge.
        support: Length on the side of falls.
    """

    most_against: float
    most_support: float
    against: float
    support: float

    @property
    def zero(self) -> float:
        """Where no effect stands, in percent of the bar."""
        return 100 * self.against / (self.against + self.support)

    def bar(self, drop: float) -> tuple[float, float]:
        """Start and width of the bar of an effect, in percent."""
        width = 100 * abs(drop) / (self.against + self.support)
        return (self.zero if drop > 0 else self.zero - width), width


def data_address(kind: str, content: bytes) -> str:
    """Content as a ``data:`` address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def effect_scale(explanation: Explanation) -> EffectScale | None:
    """One scale for all effects of the page, or None where nothing was measured."""
    drops = [c.ablation.zero.logit_drop for layer in explanation.layers for c in layer.clusters if c.ablation]
    if not drops:
        return None
    support, against = max(0.0, *drops), max(0.0, *(-drop for drop in drops))
    whole = (support + against) or 1.0
    return EffectScale(against, support, max(against, 0.08 * whole), max(support, 0.08 * whole))


def overlay_side(explanation: Explanation) -> int:
    """Longest side of the page's painted maps in pixels."""
    amount = sum(len(layer.clusters) for layer in explanation.layers)
    return next(size for most, size in OVERLAY_SIDES if amount <= most)


@dataclass(frozen=True)
class _Look:
    """How the maps of a page are shown: the scale of effects, the side of painted maps, the words."""

    scale: EffectScale | None
    side: int | None
    said: PageWords | None


def phases(explanation: Explanation, *, pictures: bool = True, said: PageWords | None = None) -> tuple[Phase, ...]:
    """The columns of the page, shallow to deep, neighbours of one depth together.

    Args:
        explanation: What the page is about.
        pictures: Paint the maps here; else the page's script does.
        said: Words of its maps.
    """
    look = _Look(effect_scale(explanation), overlay_side(explanation) if pictures else None, said)
    result: list[Phase] = []
    for position, layer in enumerate(explanation.layers):
        word, typical = words.phase(layer.depth)
        column = _column(explanation, position, layer, look)
        if result and result[-1].word == word:
            result[-1] = Phase(word, typical, (*result[-1].columns, column))
        else:
            result.append(Phase(word, typical, (column,)))
    return tuple(result)


def _column(explanation: Explanation, position: int, layer: LayerExplanation, look: _Look) -> Column:
    weights, weak, dropped, other = words.shares(layer)
    shown, target, said = words.shown_percent(layer), explanation.target, look.said
    own = importance.shares(layer)
    tiles = [
        _tile(explanation, position, cluster, (weight, share), look)
        for cluster, weight, share in zip(layer.clusters, weights, own or [None] * len(weights), strict=True)
    ]
    if said is not None:
        tiles.extend(_merged_tiles(said, layer, position, own))
    as_one, as_one_games = said.as_one(layer) if said else ((), "")
    return Column(
        name=layer.name,
        address=quote(layer.name, safe=""),
        size=words.times(layer.channels, layer.height, layer.width),
        nonlinearity=layer.nonlinearity,
        rectified=layer.rectified,
        sentence=sentences.layer_sentence(layer, target),
        words=layer_words(layer, said.level("merged")[position], target, said.who) if said else (),
        remarks=sentences.layer_remarks(layer),
        shown=words.percent(shown),
        shown_width=shown,
        tiles=tuple(sorted(tiles, key=lambda tile: tile.order)),
        other=other,
        weak=weak,
        dropped=dropped,
        note=layer.note,
        facts=tuple(_facts(layer, weak, dropped)),
        position=position,
        as_one=as_one,
        as_one_games=as_one_games,
    )


def _facts(layer: LayerExplanation, weak: str, dropped: str) -> Iterator[tuple[str, str]]:
    yield "Size", f"{words.count(layer.channels, 'feature map')} of {words.times(layer.height, layer.width)} cells"
    yield "Non-linearity", layer.nonlinearity or "none"
    if not layer.rectified:
        yield "Values", words.nonlinearity_note(layer)
    yield "Depth", f"{words.number(100 * layer.depth, 0)}{words.NBSP}% of the explainable layers"
    kept = f"{layer.kept:,} of {words.count(layer.channels, 'map')} clustered"
    yield "Kept", f"{kept}; maps with {words.number(layer.threshold, 3)}{words.NBSP}% or less are weak ({weak})"
    yield "Dropped", f"{words.count(layer.dropped_clusters, 'light cluster')} ({dropped})"
    if layer.silhouette is not None:
        yield "Silhouette", f"{words.number(layer.silhouette, 2)} (1 = clusters far apart, 0 = they touch)"
    if layer.note:
        yield "Note", layer.note


def _tile(
    explanation: Explanation, position: int, cluster: ClusterMap, numbers: tuple[str, float | None], look: _Look
) -> Tile:
    layer, target, said = explanation.layers[position], explanation.target, look.said
    weight, share = numbers
    effect, start, length = "", 0.0, 0.0
    if cluster.ablation is not None and look.scale is not None:
        effect = effects.label(cluster.ablation.zero)
        start, length = look.scale.bar(cluster.ablation.zero.logit_drop)
    machine = bool(said and said.source)
    return Tile(
        number=cluster.index + 1,
        overlay=BLANK if look.side is None else overlay(explanation, cluster, look.side),
        text=sentences.map_text(layer, cluster, weight, target.logit, share=share, machine=machine),
        verdict=sentences.verdict(cluster, weight, target, share),
        weight=weight,
        weight_width=cluster.weight,
        share="" if share is None else words.percent(share),
        share_width=share or 0.0,
        effect=effect,
        effect_start=start,
        effect_width=length,
        raises=effects.raises_score(cluster),
        labels=tuple(map(Label, cluster.labels[:3])) if said is None else said.labels(layer, cluster),
        channels=words.count(len(cluster.channels), "channel"),
        effects=effects.rows(layer, cluster, target),
        doubts=effects.doubts(layer, cluster),
        fed_by=tuple(_fed_by(explanation, position, cluster.index)),
        feeds=tuple(_feeds(explanation, position, cluster.index)),
        games=said.games(layer, cluster) if said else "",
        levels=merged.levels_of(said, position, cluster.index),
    )


def _merged_tiles(
    said: PageWords, layer: LayerExplanation, position: int, own: Sequence[float] | None
) -> Iterator[Tile]:
    """The maps of several clusters; they are numbered on after the single ones."""
    for place, (levels, one) in enumerate(merged.several(said, position), start=1):
        share = importance.together(own, [number - 1 for number in merged.numbers(one)])
        labels = said.merged_labels(one, merged.SHOWN["full" if "full" in levels else "merged"])
        yield Tile(
            number=len(layer.clusters) + place,
            overlay=BLANK,
            text=merged.text(layer, one, [label.name for label in labels[:3]]),
            verdict=merged.verdict(one, share),
            weight=words.percent(one.weight),
            weight_width=one.weight,
            share="" if share is None else words.percent(share),
            share_width=share or 0.0,
            effect="",
            effect_start=0.0,
            effect_width=0.0,
            raises=False,
            labels=labels,
            channels=words.count(len(one.channels), "channel"),
            games=merged.games(one),
            levels=levels,
            members=merged.numbers(one),
        )


def overlay(explanation: Explanation, cluster: ClusterMap, side: int) -> str:
    """A cluster's map as a picture that lies over the photo, as a ``data:`` address."""
    width, height = maps.fit(explanation.photo.view_width, explanation.photo.view_height, side)
    values = maps.shown_map(cluster.map, height, width)
    return data_address("image/png", maps.overlay_png(values, colours.sequential(), colours.alphas()))


def _flow_from(explanation: Explanation, lower: int) -> LayerFlow | None:
    return next((flow for flow in explanation.flow if flow.lower == lower), None)


def _fed_by(explanation: Explanation, position: int, cluster: int) -> Iterator[Link]:
    """What feeds a cluster or works against it, largest share first; what is not shown comes last."""
    flow = _flow_from(explanation, position - 1)
    if flow is None:
        return
    lower, exact = explanation.layers[position - 1], flow.shares[:, cluster].tolist()
    if not any(exact):
        yield Link(position - 1, -1, f"nothing arrives from {lower.name}", words.percent(0), 0)
        return
    amounts = words.rounded([abs(share) for share in exact])
    printed = [words.percent(-a if share < 0 else a) for a, share in zip(amounts, exact, strict=True)]
    for row in sorted(range(len(lower.clusters)), key=lambda i: (-abs(exact[i]), i)):
        text = f"{_sign(exact[row])}from cluster {row + 1} of {lower.name}"
        yield Link(position - 1, row, text, printed[row], abs(exact[row]), exact[row] < 0)
    yield Link(
        position - 1,
        -1,
        f"{_sign(exact[-1])}from what is not shown of {lower.name}",
        printed[-1],
        abs(exact[-1]),
        exact[-1] < 0,
    )


def _sign(share: float) -> str:
    return "against, " if share < 0 else ""


def _feeds(explanation: Explanation, position: int, cluster: int) -> Iterator[Link]:
    """What a cluster feeds, largest share first."""
    flow = _flow_from(explanation, position)
    if flow is None:
        return
    upper, row = explanation.layers[position + 1], flow.shares[cluster].tolist()
    for column in sorted(range(len(upper.clusters)), key=lambda i: (-abs(row[i]), i)):
        text = f"{'against' if row[column] < 0 else 'to'} cluster {column + 1} of {upper.name}"
        yield Link(position + 1, column, text, words.percent(row[column]), abs(row[column]), row[column] < 0)


@dataclass(frozen=True)
class Group:
    """Lines of provenance that belong together."""

    title: str
    lines: tuple[tuple[str, str], ...]


def provenance(explanation: Explanation) -> tuple[Group, ...]:
    """Provenance in groups, such as network and versions; what stands alone comes last."""
    tree = explanation.provenance
    groups = [Group(_plain(key), tuple(flat(value))) for key, value in tree.items() if isinstance(value, dict)]
    alone = tuple(flat({key: value for key, value in tree.items() if not isinstance(value, dict)}))
    return (*groups, Group("more", alone)) if alone else tuple(groups)


def fingerprint(explanation: Explanation) -> str:
    """The whole fingerprint of the network's weights, or "" where none is known."""
    network = explanation.provenance.get("network")
    return str(network.get("fingerprint") or "") if isinstance(network, dict) else ""


def _plain(key: str) -> str:
    return key.replace("_", " ")


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested provenance as lines of "key: value", keys joined by spaces."""
    for key, value in tree.items():
        name = _plain(f"{prefix} {key}".strip())
        if isinstance(value, dict):
            yield from flat(value, name)
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(str, value))
        elif isinstance(value, bool) or value is None:
            yield name, {True: "yes", False: "no", None: "not set"}[value]
        else:
            yield name, str(value)
