"""Small explanations made by hand, so that every sentence and number on a page can be foretold."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections import Counter
from typing import Any

import numpy as np
from PIL import Image

from layerlore.concepts.records import AnswerFate, Concept, ConceptSet, MapConcept, MapKey
from layerlore.local.explanation import (
    Ablation,
    ClusterMap,
    Effect,
    Explanation,
    LayerExplanation,
    LayerFlow,
    PhotoRecord,
    Prediction,
)


def corner(row: int = 0, column: int = 0, side: int = 7) -> np.ndarray:
    """A map with one bright cell."""
    values = np.zeros((side, side), np.float32)
    values[row, column] = 1
    return values


def ablation(drop: float, probability: float = 0.1) -> Ablation:
    return Ablation(Effect(drop, probability), Effect(drop / 2, probability / 2), Effect(drop / 4, probability / 4))


def cluster(index: int = 0, weight: float = 40.0, drop: float | None = 1.8, **changes: Any) -> ClusterMap:
    made = ClusterMap(
        index=index,
        weight=weight,
        map=corner(),
        peak=1.0 - 0.25 * index,
        channels=tuple(range(index * 20, index * 20 + 3)),
        channel_weights=(weight / 2, weight / 4, weight / 4),
        ablation=None if drop is None else ablation(drop),
    )
    return dataclasses.replace(made, **changes)


def layer(*clusters: ClusterMap, **changes: Any) -> LayerExplanation:
    rest = 100 - sum(c.weight for c in clusters) if clusters else 0.0
    made = LayerExplanation(
        name="block1.relu",
        index=0,
        depth=0.2,
        nonlinearity="ReLU",
        rectified=True,
        channels=64,
        height=7,
        width=7,
        clusters=clusters,
        threshold=1.4,
        kept=20,
        weak_weight=0.75 * rest,
        dropped_clusters=2,
        dropped_weight=0.25 * rest,
        silhouette=0.31,
    )
    return dataclasses.replace(made, **changes)


def photo(name: str = "cat.png") -> PhotoRecord:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], np.uint8(90)), axis=-1)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG")
    return PhotoRecord(name, "0123456789abcdef", 80, 64, (8.0, 0.0, 72.0, 64.0), file.getvalue(), 64, 64)


def explanation(*layers: LayerExplanation, **changes: Any) -> Explanation:
    """Two layers with two clusters each unless others are given; logit 12.4."""
    classes = (("tabby", 0.8, 12.4), ("tiger cat", 0.15, 10.7), ("lynx", 0.0004, 4.8))
    predictions = tuple(Prediction(281 + i, name, p, logit) for i, (name, p, logit) in enumerate(classes))
    if not layers:
        two = (cluster(), cluster(1, 24.1, -0.4, map=corner(6, 6)))
        layers = (layer(*two), layer(*two, name="block2.relu", index=1, depth=1.0))
    shares = np.array([[70.0, 10.0], [20.0, 60.0], [10.0, 30.0]], np.float32)
    flow = tuple(
        LayerFlow(lower, shares)
        for lower in range(len(layers) - 1)
        if len(layers[lower].clusters) == len(layers[lower + 1].clusters) == 2
    )
    made = Explanation(
        photo=photo(),
        target=predictions[0],
        predictions=predictions,
        layers=layers,
        flow=flow,
        method="stable",
        seed=0,
        provenance={
            "network": {"name": "TinyNet", "fingerprint": "ab" * 32},
            "settings": {"flow": True, "layers": None},
        },
    )
    return dataclasses.replace(made, **changes)


def concept_set(
    maps: dict[tuple[str, int], dict[str, tuple[str, ...]]],
    *,
    image_id: str = "0123456789abcdef",
    target: int = 281,
    source: str = "people",
    lift: float | None = None,
) -> ConceptSet:
    """Concepts of some maps, made of answers.

    Args:
        maps: Layer and cluster to words, each with the players who typed it.
        image_id: Of the photo.
        target: Index of the class.
        source: Where they come from.
        lift: Of every word.
    """
    machine = source != "people"
    fates: list[AnswerFate] = []
    found: dict[MapKey, tuple[MapConcept, ...]] = {}
    counts: Counter[str] = Counter()
    for (layer_name, number), said in maps.items():
        key = MapKey(image_id, target, layer_name, number)
        some = []
        for word, players in said.items():
            rows = range(len(fates), len(fates) + len(players))
            fates += [_fate(row, key, word, player) for row, player in zip(rows, players, strict=True)]
            counts[word] += len(players)
            amount = len(players)
            some.append(
                MapConcept(
                    key, 0, concept_id(word), word, float(amount), amount, amount, 1.0, True, 9, 0.9, lift, (*rows,)
                )
            )
        found[key] = tuple(sorted(some, key=lambda one: (-one.score, one.name)))
    concepts = {
        concept_id(word): Concept(concept_id(word), word, word, "en", ((word, count),), machine)
        for word, count in counts.items()
    }
    return ConceptSet(concepts, found, tuple(fates), source)


def concept_id(word: str) -> str:
    """16 hex digits that depend on the word only."""
    return hashlib.sha256(word.encode()).hexdigest()[:16]


def _fate(row: int, key: MapKey, word: str, player: str) -> AnswerFate:
    return AnswerFate(
        row, key, word.title(), "en", word, concept_id(word), "", player, 1, True, f"round {row}", "en", "won"
    )


def together(parts: list[ConceptSet]) -> ConceptSet:
    """Concepts of several photos as those of one study."""
    fates: list[AnswerFate] = []
    maps: dict[MapKey, tuple[MapConcept, ...]] = {}
    forms: Counter[str] = Counter()
    for part in parts:
        first = len(fates)
        fates += [dataclasses.replace(fate, answer=first + fate.answer) for fate in part.fates]
        for key, some in part.maps.items():
            maps[key] = tuple(
                dataclasses.replace(one, answers=tuple(first + row for row in one.answers)) for one in some
            )
        forms.update({concept.name: concept.answers for concept in part.concepts.values()})
    known = {name: one for part in parts for name, one in part.concepts.items()}
    concepts = {
        name: dataclasses.replace(one, forms=((one.name, forms[one.name]),)) for name, one in sorted(known.items())
    }
    return ConceptSet(concepts, maps, tuple(fates), parts[0].source)
