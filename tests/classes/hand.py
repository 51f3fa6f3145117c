"""A study with hand-made maps: four photos of cats and two of dogs, two layers, three maps of 2 x 2 in each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from small import explained, network, save_photo

from layerlore.concepts.records import Concept, ConceptSet, MapConcept, MapKey
from layerlore.files import write_whole
from layerlore.local.explanation import ClusterMap
from layerlore.study.folder import shard_path
from layerlore.study.schema import encode_shard
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CATS, DOGS = 4, 2
LEFT = [[1, 0], [1, 0]]
RIGHT = [[0, 1], [0, 1]]
EVEN = [[1, 1], [1, 1]]
WEIGHTS = (40.0, 30.0, 20.0)
CHANNELS = ((0, 1), (2, 3), (4, 5))


def hand_study(root: Path, *, maps: Sequence[Sequence[Sequence[float]]] = (LEFT, RIGHT, EVEN)) -> Study:
    """The study; in each layer map 0 of channels 0 and 1 weighs 40 %, map 1 of 2 and 3 30 %, map 2 of 4 and 5 20 %."""
    for label, count in (("cat", CATS), ("dog", DOGS)):
        for number in range(count):
            save_photo(root / "photos" / label / f"{number}.png", number + (100 if label == "dog" else 0), side=16)
    study = Study.create(root / "study", root / "photos", network(), target="label")
    clusters = tuple(cluster(index, np.array(values, dtype=np.float32)) for index, values in enumerate(maps))
    made = [
        replace(one, layers=tuple(replace(layer, height=2, width=2, clusters=clusters) for layer in one.layers))
        for one in explained(study, study.images)
    ]
    key = study.manifest.current
    content = encode_shard(made, study.images, {}, settings=study.settings, settings_hash=key, shard=0)
    write_whole(shard_path(study.folder, key, 0), content)
    return Study.open(study.folder)


def cluster(index: int, values: NDArray[np.float32]) -> ClusterMap:
    return ClusterMap(
        index=index,
        weight=WEIGHTS[index],
        map=values,
        peak=1.0,
        channels=CHANNELS[index],
        channel_weights=(WEIGHTS[index] * 0.75, WEIGHTS[index] * 0.25),
    )


def photos_of(study: Study, label: str) -> list[str]:
    return [image.image_id for image in study.images if image.label == label]


def key_of(study: Study, label: str, number: int, layer: int, index: int) -> MapKey:
    target = {"cat": 0, "dog": 1}[label]
    return MapKey(photos_of(study, label)[number], target, study.settings.layers[layer], index)


def concepts_of(scores: Mapping[MapKey, Mapping[str, float]]) -> ConceptSet:
    """Concepts by hand: map to name to score."""
    names = sorted({name for some in scores.values() for name in some})
    concepts = {name: Concept(name, name, name, "en", ((name, 1),)) for name in names}
    maps = {
        key: tuple(
            MapConcept(key, 0, name, name, score, frequency=int(np.ceil(score)), players=1, mean_step=0.0, guessed=None)
            for name, score in sorted(some.items(), key=lambda item: (-item[1], item[0]))
        )
        for key, some in scores.items()
    }
    return ConceptSet(concepts, maps, fates=())
