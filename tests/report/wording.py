"""Words for the maps of a study of real photos, made by hand, and its classes explained with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import handmade

from layerlore.classes.explaining import ClassSettings
from layerlore.classes.records import Elsewhere, Removal, Suspect
from layerlore.classes.storage import classes_of, save_classes
from layerlore.classes.tcav_records import ConceptScore, Null, Untested, Validation, save_validation
from layerlore.concepts.storage import save_concepts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerlore.classes.records import ClassExplanation
    from layerlore.concepts.records import ConceptSet
    from layerlore.study.study import Study

PLAYERS = ("7f3a", "b2c9", "e410")


def words_of(study: Study, *, source: str = "people", without: str = "") -> ConceptSet:
    """The heaviest map of each layer has a word of its class, the next one a word that all classes share.

    Args:
        study: The study.
        source: Who said them.
        without: A class of which nobody was asked.
    """
    parts = []
    for explanation in study.explanations():
        image = next(image for image in study.images if image.image_id == explanation.photo.image_id)
        if image.label == without:
            continue
        own = f"{(image.label or 'thing').split()[-1]} part"
        said: dict[tuple[str, int], dict[str, tuple[str, ...]]] = {}
        for layer in explanation.layers:
            for cluster, word in zip(layer.clusters, (own, "background"), strict=False):
                said[layer.name, cluster.index] = {word: PLAYERS[: 2 + cluster.index]}
        parts.append(
            handmade.concept_set(
                said, image_id=explanation.photo.image_id, target=explanation.target.index, source=source
            )
        )
    return handmade.together(parts)


def name_maps(study: Study, *, source: str = "people") -> ConceptSet:
    """Write these words, and the classes explained with them, into the study."""
    found = words_of(study, source=source)
    save_concepts(study.folder, found)
    classes_of(study)
    return found


def fill(study: Study, *, without: str) -> None:
    """Words, classes, suspects and tests with concept vectors: all that a page of a class can show.

    The maps, words and classes are the study's own; the figures of suspects and tests are made up, as so few photos
    would give none.

    Args:
        study: The study.
        without: A class of which nobody was asked.
    """
    found = words_of(study, without=without)
    save_concepts(study.folder, found)
    made = []
    for one in classes_of(study):
        if one.from_maps:
            made.append(one)
            continue
        shown = [
            Suspect(
                concept.concept_id, concept.name, one.layers[-1], 0.6, 0.8, 0.7, 0.9,
                "80 % of its maps lies outside the object, where 70 % of the view is.", 4, 0.01, concept.examples,
            )
            for concept in one.top(one.layers[-1])
        ]  # fmt: skip
        removal = Removal("blur", 6, 6, 4, 0.5, 0.6, Elsewhere(5, 5, 5, 3, 0.9, 0.6))
        asked = tuple(replace(trend, means=(trend.means[0], None, *trend.means[2:])) for trend in one.trends)
        made.append(replace(one, suspects=tuple(shown), removal=removal, checked=6, trends=asked))
    save_classes(study, made, ClassSettings())
    save_validation(study.folder, Validation(tuple(_scores(made)), (Untested("", "", "", "one is too rare"),)))


def _scores(made: Sequence[ClassExplanation]) -> Iterator[ConceptScore]:
    """For each concept of a class a test in each layer: more than chance, no more than that, and a vector at chance."""
    for one in made:
        concepts = {concept.concept_id: concept.name for some in one.concepts.values() for concept in some}
        for concept_id, name in concepts.items() if not one.from_maps else ():
            for place, layer in enumerate(one.layers):
                none = ConceptScore(
                    label=one.label,
                    target=one.target or 0,
                    concept_id=concept_id,
                    name=name,
                    machine=False,
                    layer=layer,
                    layer_index=place,
                    examples=20,
                    photos=6,
                    null=Null.maps,
                    accuracy=0.5,
                    accuracy_low=0.4,
                    accuracy_high=0.6,
                    at_chance=True,
                )
                score, p_holm = ((0.82, 0.01), (0.21, 0.01), (0.55, 0.6))[place % 3]
                numbers = {"score": score, "sign": score, "smooth": score, "low": score - 0.1, "high": score + 0.1}
                chance = {"null_low": 0.4, "null_high": 0.6, "p": p_holm / 9, "p_holm": p_holm}
                accuracy = {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95}
                last = layer == one.layers[-1]
                yield none if last else replace(none, at_chance=False, **numbers, **chance, **accuracy)
