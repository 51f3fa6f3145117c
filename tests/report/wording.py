"""Words for the maps of a study of real photos, made by hand, and its classes explained with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import handmade

from layerlore.classes.storage import classes_of
from layerlore.concepts.storage import save_concepts

if TYPE_CHECKING:
    from layerlore.concepts.records import ConceptSet
    from layerlore.study.study import Study

PLAYERS = ("7f3a", "b2c9", "e410")


def words_of(study: Study, *, source: str = "people") -> ConceptSet:
    """The heaviest map of each layer has a word of its class, the next one a word that all classes share."""
    parts = []
    for explanation in study.explanations():
        image = next(image for image in study.images if image.image_id == explanation.photo.image_id)
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
