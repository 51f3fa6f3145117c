"""The result of explaining one photo: frozen, with provenance, saved and shown by its own methods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Effect:
    """What removing something did to the class's score; positive = the score fell.

    Attributes:
        logit_drop: Fall of the class's logit.
        probability_drop: Fall of the class's softmax probability, in [-1, 1].
    """

    logit_drop: float
    probability_drop: float


@dataclass(frozen=True)
class Ablation:
    """Measured effect of removing one cluster's channels from its layer.

    Attributes:
        zero: The channels are set to zero.
        mean: Each channel is set to its own mean over the map, which keeps its level but not its place.
        random: Mean effect of setting random sets of as many channels of the layer to zero: the chance level that
            ``zero`` is to be compared with.
    """

    zero: Effect
    mean: Effect
    random: Effect


@dataclass(frozen=True, eq=False)
class ClusterMap:
    """Similar feature maps of one layer merged into one saliency map.

    Attributes:
        index: Rank by weight within the layer, 0 = heaviest.
        weight: Percent of the layer's whole positive weight, 0..100.
        map: Saliency, float32 of shape (h, w) at feature resolution, in [0, 1]; all zero where ``constant``.
        peak: Highest value before scaling relative to the highest of the layer's shown maps, in [0, 1];
            ``map * peak`` puts the maps of a layer on one scale.
        channels: Indices of the merged feature maps, heaviest first.
        channel_weights: Their weights in percent of the layer's positive weight, same order.
        constant: The merged map has one value everywhere, so it shows no place.
        ablation: Measured effect of removing the cluster, or None where it was switched off.
        importance: What of the logit's fall without all shown clusters of the layer is owed to this one: its Shapley
            value, in logits, negative where the cluster speaks against the class. They add up to the fall. None where
            it was not measured: with ``paper``, without ablation, and in files of before.
        labels: Words that people gave, best first; empty until a campaign was played.
    """

    index: int
    weight: float
    map: NDArray[np.float32] = field(repr=False)
    peak: float
    channels: tuple[int, ...] = field(repr=False)
    channel_weights: tuple[float, ...] = field(repr=False)
    constant: bool = False
    ablation: Ablation | None = None
    importance: float | None = None
    labels: tuple[str, ...] = ()

    @property
    def raises_when_removed(self) -> bool:
        """True if the class's logit rises when the channels are set to zero."""
        return self.ablation is not None and self.ablation.zero.logit_drop < 0


@dataclass(frozen=True)
class LayerExplanation:
    """The cluster maps of one layer, and what was left out.

    Percentages are of the layer's whole positive weight: the shown clusters' ``weight`` plus ``weak_weight``
    plus ``dropped_weight`` add up to 100, or all are 0 where the layer has no positive weight.

    Attributes:
        name: The layer in the network's own words, such as ``blocks.4.1.bn2``.
        index: Its place among all explainable layers of the network, 0 = shallowest.
        depth: The same as a share of all explainable layers, in [0, 1].
        nonlinearity: Name of the non-linearity whose output this is, such as ``ReLU6``; "" if there is none.
        rectified: True if the maps cannot be negative.
        channels: Number of feature maps K.
        height: Height of a feature map.
        width: Width of a feature map.
        clusters: The shown cluster maps, heaviest first.
        threshold: Maps with no more than this weight, in percent, were discarded as weak.
        kept: Number of maps that were clustered.
        weak_weight: Weight of the discarded maps in percent.
        dropped_clusters: Number of clusters dropped for their small weight.
        dropped_weight: Their weight in percent.
        silhouette: Mean silhouette of the clustering in the space it was made in, or None if not clustered.
        note: A plain sentence for an edge case ("no feature map has a positive weight ..."), else "".
    """

    name: str
    index: int
    depth: float
    nonlinearity: str
    rectified: bool
    channels: int
    height: int
    width: int
    clusters: tuple[ClusterMap, ...]
    threshold: float
    kept: int
    weak_weight: float
    dropped_clusters: int
    dropped_weight: float
    silhouette: float | None = None
    note: str = ""

    @property
    def shown_weight(self) -> float:
        """Weight of the shown clusters together, in percent."""
        return sum(cluster.weight for cluster in self.clusters)

    @property
    def importance_shares(self) -> tuple[float, ...] | None:
        """Importance of each shown cluster in percent of all their sizes together; None where it was not measured.

        Signed: a cluster that speaks against the class has a negative share. Sizes without their sign add up to 100,
        or all are 0 where removing the clusters changes nothing.
        """
        values = [cluster.importance for cluster in self.clusters if cluster.importance is not None]
        if not values or len(values) < len(self.clusters):
            return None
        gross = sum(map(abs, values))
        return tuple(100 * value / gross if gross > 0 else 0.0 for value in values)

    @property
    def ranked(self) -> tuple[ClusterMap, ...]:
        """The shown clusters in the order of a page: by importance where it was measured, else by weight."""
        if self.importance_shares is None:
            return self.clusters
        return tuple(sorted(self.clusters, key=lambda cluster: (-(cluster.importance or 0.0), cluster.index)))

    @property
    def other_weight(self) -> float:
        """Weight of what is not shown, in percent: weak maps and dropped clusters."""
        return self.weak_weight + self.dropped_weight


@dataclass(frozen=True, eq=False)
class LayerFlow:
    """How much each cluster of a layer feeds each cluster of the next explained layer.

    Attributes:
        lower: Position in ``Explanation.layers`` of the feeding layer; the fed layer is ``lower + 1``.
        shares: Net contribution of each lower cluster to each upper one in percent of the gross, shape
            (n_lower + 1, n_upper); negative where it works against the upper cluster. The last row is everything in
            the lower layer that is not shown. The absolute values of a column add up to 100, or are all 0 where
            nothing arrives. What goes around the lower layer, by shortcuts and biases, is not in it.
    """

    lower: int
    shares: NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """One class of the network's answer: index, readable name, softmax probability and logit."""

    index: int
    name: str
    probability: float
    logit: float


@dataclass(frozen=True)
class PhotoRecord:
    """The photo behind an explanation, as the network saw it.

    Attributes:
        name: File name, or a word such as "array" for a photo from memory.
        image_id: First 16 hex digits of the SHA-256 of the file (or of the pixels, from memory).
        width: Width of the photo in pixels, after its EXIF rotation.
        height: Height, likewise.
        box: Part that the network saw: (left, top, right, bottom) in pixels of the photo.
        view: That part as a JPEG file, for display; the maps lie over it edge to edge.
        view_width: Width of ``view`` in pixels.
        view_height: Height of ``view`` in pixels.
    """

    name: str
    image_id: str
    width: int
    height: int
    box: tuple[float, float, float, float]
    view: bytes = field(repr=False)
    view_width: int
    view_height: int


@dataclass(frozen=True, repr=False)
class Explanation:
    """The layers of one photo for one class, shallow to deep.

    Attributes:
        photo: The photo as the network saw it.
        target: The class that is explained, with its probability and logit.
        predictions: The network's five likeliest classes, likeliest first.
        layers: The explained layers, shallow to deep.
        flow: Links between neighbouring layers; empty where it was switched off.
        method: ``stable`` or ``paper``.
        seed: Seed of everything random.
        provenance: What made this: network spec and fingerprint, versions, settings. Only strings, numbers,
            booleans, None, lists and dicts.
    """

    photo: PhotoRecord
    target: Prediction
    predictions: tuple[Prediction, ...]
    layers: tuple[LayerExplanation, ...]
    flow: tuple[LayerFlow, ...]
    method: str
    seed: int
    provenance: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """One line: photo, class, network and layers."""
        return (
            f"Explanation({self.photo.name!r}, {self.target.name!r} {self.target.probability:.3f}, "
            f"{self.network_name!r}, {len(self.layers)} layers, method={self.method!r})"
        )

    @property
    def network_name(self) -> str:
        """The network in readable words, such as ``EfficientNet-Lite0``."""
        return str(self.provenance.get("network", {}).get("name", "network"))

    def layer(self, name: str) -> LayerExplanation:
        """Return the explained layer with this name.

        Raises:
            LayerError: No explained layer has the name.
        """
        from layerlore.errors import LayerError

        for layer in self.layers:
            if layer.name == name:
                return layer
        raise LayerError(f"layer {name!r} was not explained; explained are {', '.join(x.name for x in self.layers)}")

    def save(self, path: str | Path) -> Path:
        """Write the explanation; the suffix says how: ``.html``, ``.json``, ``.png``, ``.pdf`` or ``.svg``.

        The file appears whole or not at all.

        Returns:
            The path written.

        Raises:
            OutputError: The suffix is unknown or the place cannot be written.
        """
        from layerlore.report import save_explanation

        return save_explanation(self, path)

    def _repr_html_(self) -> str:
        """Show the page in a notebook."""
        from layerlore.report import notebook_html

        return notebook_html(self)
