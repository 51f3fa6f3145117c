"""What a class explanation is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layerlore.concepts.records import MapKey


@dataclass(frozen=True, slots=True)
class ConceptInLayer:
    """A concept that is among the best labels of a class's maps in one layer (method.md 5).

    Attributes:
        concept_id: The concept; for classes without labels ``maps:N``, a group of maps that share channels.
        name: Its name; for a group of maps a neutral one such as ``group 1``.
        score: Sum of its scores over the merged maps of the layer.
        share: Share of the class's explained photos on whose maps of the layer it is a best label, in [0, 1].
        mean_weight: Mean weight of those maps in percent of their layer.
        images: Photos on whose maps it is a best label.
        examples: Up to three maps that show it best, one a photo; with all clusters that were merged, heaviest first.
    """

    concept_id: str
    name: str
    score: float
    share: float
    mean_weight: float
    images: int
    examples: tuple[tuple[MapKey, ...], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trend:
    """How a concept goes from shallow to deep.

    Attributes:
        concept_id: The concept.
        name: Its name.
        means: Mean score in each explained layer, shallow to deep; 0 where it is no label.
        slope: Of a least-squares line over the layers' positions in [0, 1]: positive = it emerges late.
        low: Lower end of the slope's 95 % interval (bootstrap over photos).
        high: Upper end.
    """

    concept_id: str
    name: str
    means: tuple[float, ...]
    slope: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A concept that may be a shortcut: it carries the class but is not the object.

    Attributes:
        concept_id: The concept, or the group of maps.
        name: Its name.
        layer: Layer in which it weighs most.
        score: How suspicious, in [0, 1].
        outside: Share of its maps' mass outside the object's mask or box, or None where none was given.
        expected_outside: What a map of the same photos without preference would have, or None.
        survives: Share of the class's logit that stays when the object is blurred away, or None.
        reason: One sentence with the numbers.
    """

    concept_id: str
    name: str
    layer: str
    score: float
    outside: float | None
    expected_outside: float | None
    survives: float | None
    reason: str


@dataclass(frozen=True)
class ClassExplanation:
    """What a class looks like to the network: concepts per layer, trends, suspects.

    Attributes:
        label: The class as the study names it.
        target: The network's index, or None where photos of several targets are taken together.
        images: Explained photos of the class.
        labelled: Of these, photos with a label on some map.
        layers: Names of the explained layers, shallow to deep.
        concepts: Layer to its concepts, highest score first.
        trends: Concepts over the layers, highest score first.
        suspects: Most suspicious first.
        from_maps: There are too few labels: groups of maps stand in for concepts.
        machine: The labels are a model's proposals.
        settings: What it was made with; plain values.
    """

    label: str
    target: int | None
    images: int
    labelled: int
    layers: tuple[str, ...]
    concepts: Mapping[str, tuple[ConceptInLayer, ...]]
    trends: tuple[Trend, ...]
    suspects: tuple[Suspect, ...]
    from_maps: bool
    machine: bool
    settings: Mapping[str, Any] = field(default_factory=dict)
