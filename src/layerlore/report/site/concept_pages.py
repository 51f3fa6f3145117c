"""Pages of concepts: all maps of each, its surface forms, and the way back to every answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.concepts.records import NO_GAMES
from layerlore.report import words
from layerlore.report.html import environment, site_policy
from layerlore.report.labels import Label, map_label
from layerlore.report.site.example_maps import map_address, map_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from layerlore.concepts.records import AnswerFate, Concept, ConceptSet, MapConcept
    from layerlore.report.site.example_maps import Shot, Shots

PICTURES = 12
"""Maps of a concept that are shown; the others are listed."""
LISTED = 300
"""Answers, and maps, that a page lists at most; the study's files have all."""
INDEX = "concepts/index.html"


@dataclass(frozen=True)
class Frame:
    """What all pages beside the start page share: the study's name, the query of shared files, what there is.

    ``root`` leads from the page's folder to that of the site.
    """

    study: str
    version: str
    has_concepts: bool
    simulated: bool
    root: str = "../"


@dataclass(frozen=True)
class MapLine:
    """A map of a concept: its picture where it has one, where it is shown, and what was said of it."""

    shot: Shot | None
    address: str
    text: str
    photo: str
    label: Label


@dataclass(frozen=True)
class AnswerLine:
    """An answer: as typed, as read, by whom, when, with what outcome, and the map that it is about."""

    number: str
    text: str
    read_as: str
    player: str
    step: str
    outcome: str
    address: str
    map: str


@dataclass(frozen=True)
class LeftLine:
    """An answer that is behind no concept: as typed, as read, why, and the map that it is about."""

    number: str
    text: str
    read_as: str
    why: str
    address: str
    map: str


@dataclass(frozen=True)
class ConceptPage:
    """What a page says of a concept."""

    concept: Concept
    sentence: str
    layers: tuple[tuple[str, str, str], ...]
    maps: tuple[MapLine, ...]
    more_maps: int
    answers: tuple[AnswerLine, ...]
    more_answers: int
    machine: bool


def concept_file(concept_id: str) -> str:
    """The page of a concept in the site."""
    return f"concepts/{concept_id}.html"


def concept_pages(concepts: ConceptSet, shots: Shots, names: Mapping[str, str]) -> Iterator[tuple[str, ConceptPage]]:
    """File and content of each concept's page.

    Args:
        concepts: Of the study.
        shots: Makes the pictures.
        names: image_id to file name, for photos with a page.
    """
    behind: dict[str, list[AnswerFate]] = {}
    for fate in concepts.fates:
        if fate.concept_id:
            behind.setdefault(fate.concept_id, []).append(fate)
    for concept_id, concept in sorted(concepts.concepts.items()):
        found = [one for one in concepts.maps_of(concept_id) if one.key.image_id in names]
        answers = behind.get(concept_id, [])
        machine = concept.machine or concepts.machine
        # A list from elsewhere may hold real names, and a site may be shown to anybody.
        different = dict.fromkeys(fate.player for fate in answers if fate.player)
        players = {player: f"player {number}" for number, player in enumerate(different, start=1)}
        yield (
            concept_file(concept_id),
            ConceptPage(
                concept=concept,
                sentence=_sentence(found, answers, machine=machine),
                layers=tuple(_layers(found)),
                maps=tuple(_map_lines(found[:LISTED], shots, names, machine=machine)),
                more_maps=max(0, len(found) - LISTED),
                answers=tuple(_answer_line(fate, names, players) for fate in answers[:LISTED]),
                more_answers=max(0, len(answers) - LISTED),
                machine=machine,
            ),
        )


def _sentence(found: list[MapConcept], answers: list[AnswerFate], *, machine: bool) -> str:
    photos = len({one.key.image_id for one in found})
    where = f"on {words.count(len(found), 'map')} of {words.count(photos, 'photo')}"
    if machine:
        return f"A model proposed it {where}; nobody has said it."
    people = len({fate.player or f"row {fate.answer}" for fate in answers})
    return f"{words.count(people, 'person', 'people')} said so in {words.count(len(answers), 'answer')}, {where}."


def _layers(found: list[MapConcept]) -> Iterator[tuple[str, str, str]]:
    """Layer, maps and answers, shallow to deep."""
    order = {one.key.layer: one.layer_index for one in found}
    maps, answers = Counter(one.key.layer for one in found), Counter[str]()
    for one in found:
        answers[one.key.layer] += one.frequency
    for layer in sorted(order, key=lambda name: (order[name], name)):
        yield layer, f"{maps[layer]:,}", f"{answers[layer]:,}"


def _map_lines(found: list[MapConcept], shots: Shots, names: Mapping[str, str], *, machine: bool) -> Iterator[MapLine]:
    for place, one in enumerate(found):
        keys = (one.key,)
        yield MapLine(
            shot=shots.of(keys) if place < PICTURES else None,
            address=f"../{map_address(keys)}",
            text=map_text(keys),
            photo=names[one.key.image_id],
            label=map_label(one, machine=machine),
        )


def _map_of(fate: AnswerFate, names: Mapping[str, str]) -> tuple[str, str]:
    """Address and text of the map that an answer is about; no address where its photo has no page."""
    key = fate.key
    if not key.layer:
        return "", names.get(key.image_id, key.image_id)
    address = f"../{map_address((key,))}" if key.image_id in names else ""
    return address, f"{map_text((key,))}, {names.get(key.image_id, key.image_id)}"


def _left_lines(concepts: ConceptSet, names: Mapping[str, str]) -> list[LeftLine]:
    """The answers in which something was typed, and that are behind no concept."""
    left = [fate for fate in concepts.fates if not fate.concept_id and fate.text]
    return [LeftLine(f"{fate.answer:,}", fate.text, fate.read_as, fate.reason, *_map_of(fate, names)) for fate in left]


def _answer_line(fate: AnswerFate, names: Mapping[str, str], players: Mapping[str, str]) -> AnswerLine:
    outcomes = {True: "class guessed", False: "class not guessed", None: ""}
    address, where = _map_of(fate, names)
    return AnswerLine(
        number=f"{fate.answer:,}",
        text=fate.text,
        read_as=fate.read_as,
        player=players.get(fate.player, ""),
        step="" if fate.step is None else str(fate.step),
        outcome=fate.outcome or outcomes[fate.guessed],
        address=address,
        map=where,
    )


def render_concept(page: ConceptPage, frame: Frame) -> str:
    """The page of a concept as HTML."""
    return _render("site/concept.html.j2", frame, page=page, title=page.concept.name)


def render_concepts(concepts: ConceptSet, frame: Frame, names: Mapping[str, str]) -> str:
    """The list of all concepts, and what became of the answers that are behind none.

    Args:
        concepts: Of the study.
        frame: What all pages share.
        names: image_id to file name, for photos with a page.
    """
    rows = [
        (concept, len(concepts.maps_of(name)), len({one.key.image_id for one in concepts.maps_of(name)}))
        for name, concept in concepts.concepts.items()
    ]
    rows.sort(key=lambda row: (-row[0].answers, -row[1], row[0].name))
    left = Counter(fate.reason for fate in concepts.fates if not fate.concept_id and fate.reason)
    left_lines = _left_lines(concepts, names)
    games = sum(fate.reason not in NO_GAMES for fate in concepts.fates)
    return _render(
        "site/concepts.html.j2",
        frame,
        rows=rows,
        left=left.most_common(),
        left_lines=left_lines[:LISTED],
        more_left=max(0, len(left_lines) - LISTED),
        answers=len(concepts.fates),
        games=games,
        behind=sum(bool(fate.concept_id) for fate in concepts.fates),
        machine=concepts.machine,
        source=concepts.source,
        title="Concepts",
    )


def _render(template: str, frame: Frame, **values: object) -> str:
    return environment().get_template(template).render(policy=site_policy(), frame=frame, words=words, **values)
