"""What a class explanation is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from layerlore.significance import SIGNIFICANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layerlore.concepts.records import MapKey


@dataclass(frozen=True, slots=True)
class ConceptInLayer:
    """A concept that is among the best labels of a class's maps in one layer (method.md 5).

    Attributes:
        concept_id: The concept; for classes without labels ``maps:LAYER:N``, a group of maps that share channels.
        name: Its name; for a group of maps a neutral one such as ``group 1``, which means another group in each layer.
        score: Sum of its scores over the merged maps of the layer; for a group of maps the sum of their weights, as
            shares of their layers.
        share: Share of the photos on whose maps of the layer it is a best label, in [0, 1]: of those of which people
            were asked there; for a group of maps of all.
        mean_weight: Mean weight of those maps in percent of their layer.
        images: Photos on whose maps it is a best label.
        examples: Up to three maps that show it best, one a photo; with all clusters that were merged, heaviest first.
        channels: For a group of maps the channels that its maps share, heaviest first; else empty.
    """

    concept_id: str
    name: str
    score: float
    share: float
    mean_weight: float
    images: int
    examples: tuple[tuple[MapKey, ...], ...] = field(repr=False)
    channels: tuple[int, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Trend:
    """How a concept goes from shallow to deep.

    Attributes:
        concept_id: The concept.
        name: Its name.
        means: Mean score in each explained layer, shallow to deep, over the photos of which people were asked there; 0
            where it is no best label, None where nobody was asked.
        slope: Of a least-squares line over the layers' positions in [0, 1]: positive = it emerges late.
        low: Lower end of the slope's 95 % interval (bootstrap over photos).
        high: Upper end.
        p_value: Chance that a slope is as far from 0 when the layers of each photo change places, Holm-corrected over
            the class's concepts.
    """

    concept_id: str
    name: str
    means: tuple[float | None, ...]
    slope: float
    low: float
    high: float
    p_value: float = 1.0

    @property
    def direction(self) -> str:
        """``emerges``, ``fades``, or "" where that may be chance: by the p-value, or since the interval holds 0."""
        if self.p_value >= SIGNIFICANT or self.low <= 0 <= self.high:
            return ""
        return "emerges" if self.slope > 0 else "fades"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A concept that may be a shortcut: it carries the class but is not the object.

    Attributes:
        concept_id: The concept, or the group of maps.
        name: Its name.
        layer: Layer in which it is most suspicious.
        score: How suspicious, in [0, 1]; see `layerlore.classes.suspects`.
        outside: Share of its maps' mass outside the object's mask or box, or None where none was given.
        expected_outside: What a map of the same photos without preference would have, or None.
        survives: Share of what its feature maps say for the class that stays when the object is removed from the
            photo, or None where that was not measured.
        reason: One sentence with the numbers.
        photos: Photos with a given object on whose maps it is.
        p_value: Chance that maps without preference lie so far outside, Holm-corrected over the class's concepts and
            layers; or None.
        examples: Up to three of its maps, one a photo, those farthest outside first.
    """

    concept_id: str
    name: str
    layer: str
    score: float
    outside: float | None
    expected_outside: float | None
    survives: float | None
    reason: str
    photos: int = 0
    p_value: float | None = None
    examples: tuple[tuple[MapKey, ...], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The control of a removal: a patch of the object's size and shape is removed beside the object instead.

    Attributes:
        photos: Photos of the class in which there is room for it; the other figures are of these.
        right: Photos that the network answers with the class while all is there.
        still: Of ``right``, those that it still answers with the class without the patch.
        still_without: Of ``right``, those that it still answers with the class without the object.
        logit: Share of the class's logit that stays without the patch; 0 is the logit of an all-grey photo.
        logit_without: Share that stays without the object.
    """

    photos: int
    right: int
    still: int
    still_without: int
    logit: float
    logit_without: float


@dataclass(frozen=True, slots=True)
class Removal:
    """What the network says of a class's photos when the object is removed from them.

    Attributes:
        how: ``fill`` (mean grey) or ``blur``.
        photos: Photos of the class with a given object.
        right: Of these, photos that the network answers with the class while the object is there.
        still: Of ``right``, those that it still answers with the class.
        probability: Mean probability of the class without the object, over ``photos``.
        logit: Share of the class's logit that stays, over ``photos``; 0 is the logit of an all-grey photo.
        elsewhere: What removing as much beside the object does, or None where no photo has room for it.
    """

    how: str
    photos: int
    right: int
    still: int
    probability: float
    logit: float
    elsewhere: Elsewhere | None = None


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
        trends: Concepts over the layers, highest score first; none for groups of maps, which live in one layer.
        suspects: Most suspicious first.
        from_maps: There are too few labels: groups of maps stand in for concepts.
        machine: The labels are a model's proposals.
        settings: What it was made with; plain values.
        right: Of ``images``, those that the network answers with the class; None where the class is not the network's.
        stability: For groups of maps, layer to the mean adjusted Rand index between them and those of bootstrap
            samples of the photos: 1 = always the same groups, 0 = chance.
        removal: What the network says without the object, or None where that was not measured.
        checked: Photos whose object was given.
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
    right: int | None = None
    stability: Mapping[str, float] = field(default_factory=dict)
    removal: Removal | None = None
    checked: int = 0

    def top(self, layer: str, count: int = 5) -> tuple[ConceptInLayer, ...]:
        """The concepts of a layer with the highest scores; empty where it has none."""
        return self.concepts.get(layer, ())[:count]
