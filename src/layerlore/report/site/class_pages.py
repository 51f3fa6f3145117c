"""Pages of classes: what each looks like to the network, layer by layer, and cards of all for the start page."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.report import words
from layerlore.report.html import environment, site_policy
from layerlore.report.label_sentences import whole_percent
from layerlore.report.site.concept_pages import concept_file
from layerlore.report.site.plots import Plot, told, trend_plot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from layerlore.classes.records import ClassExplanation, ConceptInLayer, Suspect
    from layerlore.classes.telling import TellingWord
    from layerlore.report.site.comparing import Against
    from layerlore.report.site.concept_pages import Frame
    from layerlore.report.site.example_maps import Shot, Shots
    from layerlore.report.site.summary import ClassRow
    from layerlore.report.site.tcav_rows import Tested

TOP = 5
"""Concepts that a layer is shown with; `classes.parquet` has more."""
EXAMPLES = 3
TRENDS = 12
TELLING = 12
BEST = 3
"""Words on a card."""


@dataclass(frozen=True)
class ConceptRow:
    """A concept in a layer of a class."""

    name: str
    address: str
    score: str
    width: float
    weight: str
    photos: str
    examples: tuple[Shot, ...]
    channels: str


@dataclass(frozen=True)
class LayerBlock:
    """A layer of a class."""

    name: str
    rows: tuple[ConceptRow, ...]
    note: str


@dataclass(frozen=True)
class TrendRow:
    """How a concept goes from shallow to deep."""

    name: str
    address: str
    plot: Plot
    direction: str
    slope: str
    means: tuple[str, ...]


@dataclass(frozen=True)
class SuspectRow:
    """A suspect of a shortcut."""

    name: str
    address: str
    reason: str
    examples: tuple[Shot, ...]


@dataclass(frozen=True)
class TellingRow:
    """A word that tells the class from another."""

    name: str
    address: str
    layer: str
    here: str
    there: str
    more_here: bool
    odds: str
    sure: bool


@dataclass(frozen=True)
class ClassPage:
    """What a page says of a class."""

    label: str
    title: str
    sentence: str
    figures: tuple[tuple[str, str, str], ...]
    from_maps: bool
    machine: bool
    note: str
    layers: tuple[LayerBlock, ...]
    trends: tuple[TrendRow, ...]
    gaps: str
    suspects: tuple[SuspectRow, ...]
    checked: str
    removal: str
    other: str
    other_address: str
    other_why: str
    telling: tuple[TellingRow, ...]
    tested: Tested | None
    shell_name: str
    grid: str


@dataclass(frozen=True)
class Card:
    """A class on the start page."""

    title: str
    address: str
    photos: str
    accuracy: str
    words: tuple[str, ...]
    flags: str
    from_maps: bool
    machine: bool
    shot: Shot | None


def class_file(label: str) -> str:
    """The page of a class in the site; it depends on the class's name only."""
    slug = re.sub(r"[^a-z0-9]+", "-", label.casefold()).strip("-")[:40] or "class"
    return f"classes/{slug}-{hashlib.sha256(label.encode()).hexdigest()[:8]}.html"


def class_page(
    one: ClassExplanation,
    row: ClassRow | None,
    shots: Shots,
    *,
    known: Mapping[str, object],
    other: Against | None,
    tested: Tested | None,
    shell_name: str,
) -> ClassPage:
    """What the page of a class says.

    Args:
        one: The class.
        row: The same in the overview; None where the overview has it not.
        shots: Makes the pictures.
        known: Concepts that have a page.
        other: The class that it is compared with, if there is one.
        tested: What tests with concept vectors found; None where there are none.
        shell_name: Name of the study in a command.
    """
    title = row.title if row else one.label
    return ClassPage(
        label=one.label,
        title=title,
        sentence=_sentence(one, title),
        figures=tuple(_figures(one, row)),
        from_maps=one.from_maps,
        machine=one.machine,
        note=_note(one),
        layers=tuple(_layer(one, layer, shots, known) for layer in one.layers),
        trends=tuple(_trends(one, known)),
        gaps=_gaps(one),
        suspects=tuple(_suspect(suspect, shots, known) for suspect in one.suspects),
        checked=_checked(one),
        removal=_removal(one),
        other=other.title if other else "",
        other_address=f"../{class_file(other.label)}" if other else "",
        other_why=_why(other) if other else "",
        telling=tuple(_telling(word, known) for word in other.words[:TELLING]) if other else (),
        tested=tested,
        shell_name=shell_name,
        grid=row.address if row else "photos",
    )


def _sentence(one: ClassExplanation, title: str) -> str:
    """What people named on the maps of the deepest layer with a word; whether the network goes by it is not said."""
    if one.from_maps:
        return (
            f"Nobody has said yet what the maps of {title} show, or too few have; "
            "they are grouped by the feature maps that they share."
        )
    deepest = next((layer for layer in reversed(one.layers) if one.concepts.get(layer)), "")
    if not deepest:
        return f"No map of {title} has a word."
    top = one.top(deepest, BEST)
    named = words.listed([f"{concept.name} ({whole_percent(100 * concept.share)})" for concept in top])
    who = "a model proposes" if one.machine else "people named"
    among = "with proposals there" if one.machine else "of which they were asked there"
    return f"On the maps of the {_which(one, deepest)} {who} in {title}: {named}. The shares are of photos {among}."


def _which(one: ClassExplanation, layer: str) -> str:
    return "last layer" if layer == one.layers[-1] else f"layer {layer}"


def _figures(one: ClassExplanation, row: ClassRow | None) -> Iterator[tuple[str, str, str]]:
    """Numbers of the class; a photo that is taken for another class is explained for that one, and not in it."""
    yield "Photos", f"{one.images:,}", f"of {row.photos:,}, explained for it" if row else "explained for it"
    if row and row.accuracy is not None:
        yield "Accuracy", words.percent(100 * row.accuracy), f"{row.right:,} of {row.explained:,}"
    yield "With words", f"{one.labelled:,}", f"of {one.images:,}"
    if one.checked:
        yield "Suspects", f"{len(one.suspects):,}", f"object known in {one.checked:,}"


def _note(one: ClassExplanation) -> str:
    if one.machine:
        return f"These words are proposals of a model ({one.settings.get('source', 'clip')}); nobody has said them."
    if one.from_maps or one.labelled == one.images:
        return ""
    photos = words.count(one.images, "photo")
    return f"Only {one.labelled:,} of {photos} have words; shares and means are of those of which people were asked."


def _layer(one: ClassExplanation, layer: str, shots: Shots, known: Mapping[str, object]) -> LayerBlock:
    top = one.top(layer, TOP)
    rows = tuple(_row(concept, top[0].score, one.images, shots, known) for concept in top)
    note = ""
    if one.from_maps and layer in one.stability:
        value = one.stability[layer]
        kind = "stable" if value >= 0.7 else "fairly stable" if value >= 0.4 else "hardly stable"
        note = f"Groups {kind}: with other photos of the class they agree to {words.number(value, 2)} (1 = the same)."
    return LayerBlock(layer, rows, note)


def _row(concept: ConceptInLayer, highest: float, images: int, shots: Shots, known: Mapping[str, object]) -> ConceptRow:
    channels = ", ".join(map(str, concept.channels[:6])) + (", …" if len(concept.channels) > 6 else "")
    return ConceptRow(
        name=concept.name,
        address=_address(concept.concept_id, known),
        score=f"score {words.number(concept.score, 1)}",
        width=100 * concept.score / highest if highest > 0 else 0.0,
        weight=f"mean weight {words.percent(concept.mean_weight)}",
        photos=f"{concept.images:,} of {words.count(images, 'photo')}",
        examples=shots.some(concept.examples, EXAMPLES),
        channels=f"channels {channels}" if channels else "",
    )


def _address(concept_id: str, known: Mapping[str, object]) -> str:
    return f"../{concept_file(concept_id)}" if concept_id in known else ""


def _trends(one: ClassExplanation, known: Mapping[str, object]) -> Iterator[TrendRow]:
    said = {"emerges": "emerges late", "fades": "fades", "": "no more than chance"}
    for trend in one.trends[:TRENDS]:
        low, high = words.number(trend.low, 2), words.number(trend.high, 2)
        yield TrendRow(
            name=trend.name,
            address=_address(trend.concept_id, known),
            plot=trend_plot(trend, one.layers),
            direction=said[trend.direction],
            slope=f"slope {words.number(trend.slope, 2)} (95{words.NBSP}%: {low} to {high})",
            means=told(trend),
        )


def _gaps(one: ClassExplanation) -> str:
    """Layers of which nobody was asked, in words, or ""."""
    asked = one.trends[0].means if one.trends else ()
    missing = [layer for layer, mean in zip(one.layers, asked, strict=False) if mean is None]
    return f"nobody was asked about {words.listed(missing)}" if missing else ""


def _suspect(suspect: Suspect, shots: Shots, known: Mapping[str, object]) -> SuspectRow:
    address = _address(suspect.concept_id, known)
    return SuspectRow(suspect.name, address, suspect.reason, shots.some(suspect.examples, EXAMPLES))


def _checked(one: ClassExplanation) -> str:
    if not one.checked:
        return "No photo of this class comes with its object marked, so suspects cannot be told."
    return f"In {words.count(one.checked, 'photo')} the object is marked; no concept is suspected."


def _removal(one: ClassExplanation) -> str:
    found = one.removal
    if found is None:
        return ""
    how = {"blur": "blurred", "fill": "filled with grey"}.get(found.how, found.how)
    said = (
        f"With the object {how}, the network still says the class for {found.still:,} of "
        f"{words.count(found.right, 'photo')} that it got right."
    )
    control = found.elsewhere
    if control is None or not control.right:
        return f"{said} No photo has room for as much to be {how} beside the object, to compare it with."
    return (
        f"{said} In {words.count(control.right, 'photo')} of these there is room beside the object: with as much "
        f"{how} there instead, it still says the class for {control.still:,}; without the object, for "
        f"{control.still_without:,}."
    )


def _why(other: Against) -> str:
    """Why the two are compared, and what came of it."""
    sure = sum(word.sure for word in other.words)
    return f"{other.why} {sure:,} of {words.count(len(other.words), 'word')} in all layers differ by more than chance."


def _telling(word: TellingWord, known: Mapping[str, object]) -> TellingRow:
    low, high = words.number(word.low, 1), words.number(word.high, 1)
    return TellingRow(
        name=word.name,
        address=_address(word.concept_id, known),
        layer=word.layer,
        here=f"{word.counts[0]:,}",
        there=f"{word.counts[1]:,}",
        more_here=word.log_odds > 0,
        odds=f"{words.number(word.log_odds, 1)} ({low} to {high})",
        sure=word.sure,
    )


def card(one: ClassExplanation, row: ClassRow | None, shots: Shots) -> Card:
    """The class on the start page."""
    deepest = next((layer for layer in reversed(one.layers) if one.concepts.get(layer)), "")
    top = one.top(deepest, BEST) if deepest else ()
    shown = shots.some(top[0].examples, 1) if top else ()
    return Card(
        title=row.title if row else one.label,
        address=class_file(one.label),
        photos=words.count(row.photos if row else one.images, "photo"),
        accuracy=f"{words.percent(100 * row.accuracy)} right" if row and row.accuracy is not None else "",
        words=() if one.from_maps else tuple(concept.name for concept in top),
        flags=words.count(len(one.suspects), "suspect") if one.suspects else "",
        from_maps=one.from_maps,
        machine=one.machine,
        shot=shown[0] if shown else None,
    )


def render_class(page: ClassPage, frame: Frame) -> str:
    """The page of a class as HTML."""
    template = environment().get_template("site/class.html.j2")
    return template.render(policy=site_policy(), frame=frame, words=words, page=page, title=page.title)
