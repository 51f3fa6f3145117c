"""Explaining photos: capture, weights, clusters and merged maps put together into an :class:`Explanation`."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np
import torch

from layerlore.errors import ModelError, SettingError
from layerlore.local.ablation import ablate
from layerlore.local.capture import Capture, capture
from layerlore.local.clustering import Clustering, Method, cluster_layers
from layerlore.local.explanation import ClusterMap, Explanation, LayerExplanation, LayerFlow
from layerlore.local.facts import all_predictions, photo_record, provenance_of
from layerlore.local.flow import trace_flow
from layerlore.local.merging import merge_maps
from layerlore.local.storage import quantise
from layerlore.local.weights import discard_threshold, guided_weights, keep_clusters, percent
from layerlore.network.photos import Photo, read_photo

if TYPE_CHECKING:
    from pathlib import Path

    import PIL.Image
    from numpy.typing import NDArray

    from layerlore.network.layers import Layer
    from layerlore.network.model import Network

    PhotoSource: TypeAlias = str | Path | bytes | PIL.Image.Image | NDArray[Any] | torch.Tensor | Photo

TOP_CLASSES = 5
FEWEST_FOR_PROCESSES = 8
"""Photos in a batch from which worker processes win more than their start costs."""


@dataclass(frozen=True)
class Settings:
    """How to explain: the same settings and seed give the same explanation.

    Attributes:
        method: ``stable`` or ``paper``.
        seed: Seed of everything random.
        ablation: Measure the effect of removing each cluster.
        flow: Trace which clusters feed which.
    """

    method: Method = "stable"
    seed: int = 0
    ablation: bool = True
    flow: bool = True

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SettingError: The method is unknown or the seed is out of range.
        """
        if self.method not in get_args(Method):
            raise SettingError(f"unknown method {self.method!r}; choose one of {', '.join(get_args(Method))}")
        try:
            seed = operator.index(self.seed)
        except TypeError:
            seed = -1
        if not 0 <= seed < 2**32:
            raise SettingError(f"seed {self.seed!r} is out of range; give a whole number from 0 to {2**32 - 1}")
        object.__setattr__(self, "seed", seed)  # a plain int, also where a NumPy one was given


def explain(
    network: Network,
    photo: PhotoSource,
    target: int | str | None = None,
    *,
    layers: str | int | Sequence[str | int] | None = None,
    method: Method = "stable",
    seed: int = 0,
    ablation: bool = True,
    flow: bool = True,
) -> Explanation:
    """Explain what a network's layers look at in one photo for one class.

    Args:
        network: The network, from :func:`layerlore.load_network`.
        photo: A path, the bytes of a file, a PIL image, an array or a tensor.
        target: The class to explain by index, WordNet id or name; None = the predicted class.
        layers: Names, or indices from the end, or ``"spread"`` or ``"all"``; None = the network's default, nine.
        method: ``stable`` (deterministic) or ``paper`` (the published way, with t-SNE).
        seed: Seed of everything random.
        ablation: Measure what removing each cluster does to the class's score.
        flow: Trace how much each cluster feeds those of the next layer.

    Returns:
        The explanation, shallow to deep.

    Raises:
        LayerLoreError: Photo, class, layers, network or a setting is at fault; the message is one line.

    Example:
        >>> import layerlore as ll
        >>> explanation = ll.explain(ll.load_network(), "cat.jpg")  # doctest: +SKIP
        >>> explanation.save("cat.html")  # doctest: +SKIP
    """
    return explain_batch(
        network, [photo], [target], layers=layers, method=method, seed=seed, ablation=ablation, flow=flow
    )[0]


def explain_batch(
    network: Network,
    photos: Sequence[PhotoSource],
    targets: Sequence[int | str | None] | None = None,
    *,
    layers: str | int | Sequence[str | int] | None = None,
    method: Method = "stable",
    seed: int = 0,
    ablation: bool = True,
    flow: bool = True,
) -> list[Explanation]:
    """Explain several photos that go through the network together.

    Memory grows with the number of photos in the call; give long lists in parts of about 32.

    Args:
        network: The network.
        photos: The photos, as for :func:`explain`.
        targets: One class for each photo, or None = the predicted ones.
        layers: As for :func:`explain`.
        method: As for :func:`explain`.
        seed: As for :func:`explain`.
        ablation: As for :func:`explain`.
        flow: As for :func:`explain`.

    Returns:
        One explanation for each photo, in their order.

    Raises:
        LayerLoreError: As :func:`explain`.
        SettingError: There is not one target for each photo.
    """
    settings = Settings(method=method, seed=seed, ablation=ablation, flow=flow)
    _check_arguments(network, photos)
    if targets is not None and len(targets) != len(photos):
        raise SettingError(f"{len(targets)} targets for {len(photos)} photos; give one target for each photo")
    if not photos:
        return []
    chosen = network.layers.select(layers)
    wanted = None if targets is None else [None if t is None else network.find_class(t) for t in targets]
    read = [read_photo(photo) for photo in photos]
    return explain_inputs(network, read, _stack(network, read), wanted, chosen, settings)


def explain_inputs(
    network: Network,
    photos: Sequence[Photo],
    inputs: torch.Tensor,
    targets: Sequence[int | None] | None,
    layers: Sequence[Layer],
    settings: Settings,
    *,
    processes: bool = True,
) -> list[Explanation]:
    """Explain photos that are read and preprocessed already; the rest of :func:`explain_batch`.

    Args:
        network: The network.
        photos: The N photos.
        inputs: The same preprocessed, shape (N, 3, H, W).
        targets: Index of the class of each, None for the predicted one; or None for all predicted ones.
        layers: The layers to explain, shallow to deep.
        settings: How to explain.
        processes: Cluster in worker processes where that is faster; False where this is one of many workers.

    Returns:
        One explanation for each photo.
    """
    flows: list[tuple[LayerFlow, ...]] = [()] * len(photos)
    with network.lock:  # hooks and training flags are the module's, so two passes at a time would disturb each other
        captured = capture(network, inputs, targets, layers)
        explained = explain_layers(captured, len(network.layers), settings, processes=processes)
        if settings.ablation:
            stable = settings.method == "stable"  # `paper` stays as published, and shows its weight
            explained = ablate(network, inputs, captured, explained, seed=settings.seed, importance=stable)
        if settings.flow:
            flows = trace_flow(network, inputs, captured, explained, method=settings.method)
    predictions = [all_predictions(network, logits) for logits in captured.logits.double().cpu()]
    provenance = provenance_of(network, asdict(settings), layers)
    return [
        Explanation(
            photo=photo_record(network, photo),
            target=predictions[number][captured.targets[number]],
            predictions=tuple(sorted(predictions[number], key=lambda p: (-p.logit, p.index))[:TOP_CLASSES]),
            layers=tuple(explained[number]),
            flow=flows[number],
            method=settings.method,
            seed=settings.seed,
            provenance=provenance,
        )
        for number, photo in enumerate(photos)
    ]


def _check_arguments(network: object, photos: object) -> None:
    """Refuse what would fail later with a puzzle: a bare module, or one photo where several are asked for."""
    if isinstance(network, torch.nn.Module):
        raise SettingError(
            f"{type(network).__name__} is a bare module; wrap it once: network = layerlore.Network(module, ...)"
        )
    if isinstance(photos, str | bytes) or not isinstance(photos, Sequence):
        raise SettingError("explain_batch takes a list of photos; for one photo use explain")


def explain_layers(
    captured: Capture, depth: int, settings: Settings, *, processes: bool = True
) -> list[list[LayerExplanation]]:
    """Cluster and merge the maps of every photo and layer of a capture.

    The clustering of several photos runs in parallel processes; the result does not depend on their number.

    Args:
        captured: The capture of N photos.
        depth: Number of explainable layers of the network, to tell how deep each lies.
        settings: Method and seed.
        processes: False: cluster in this process alone.

    Returns:
        For each photo its layers, in the order of ``captured.layers``.
    """
    weights = [
        guided_weights(a, g).cpu().numpy() for a, g in zip(captured.activations, captured.gradients, strict=True)
    ]
    kept = [
        [
            keep_maps(activations[number], gradients[number], row[number], settings.method)
            for activations, gradients, row in zip(captured.activations, captured.gradients, weights, strict=True)
        ]
        for number in range(len(captured.targets))
    ]
    clusterings = _cluster_photos([[one.maps for one in photo] for photo in kept], settings, processes=processes)
    return [
        [
            explain_layer(layer, one, clustering, depth=depth, method=settings.method)
            for layer, one, clustering in zip(captured.layers, photo, found, strict=True)
        ]
        for photo, found in zip(kept, clusterings, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class KeptMaps:
    """The maps of one layer of one photo that are heavy enough.

    Attributes:
        shares: Weight of each of the K maps in percent, shape (K,).
        threshold: What a map's weight must exceed.
        index: The n maps kept, shape (n,).
        maps: Their values, float32 of shape (n, h, w).
        slopes: Gradient of the class's logit with respect to them, same shape.
    """

    shares: NDArray[np.float64]
    threshold: float
    index: NDArray[np.intp]
    maps: NDArray[np.float32]
    slopes: NDArray[np.float32]


def keep_maps(
    activations: torch.Tensor, gradients: torch.Tensor, weights: NDArray[np.float64], method: Method
) -> KeptMaps:
    """Discard the weak maps of one layer of one photo; shapes (K, h, w), (K, h, w) and (K,)."""
    shares = percent(weights)
    threshold = discard_threshold(len(shares), method=method)
    index = np.flatnonzero(shares > threshold)
    chosen = torch.from_numpy(index).to(activations.device)
    maps, slopes = (tensor[chosen].float().cpu().numpy() for tensor in (activations, gradients))
    return KeptMaps(shares, threshold, index, maps, slopes)


def _cluster_photos(
    photos: list[list[NDArray[np.float32]]], settings: Settings, *, processes: bool
) -> list[list[Clustering]]:
    """Cluster the kept maps of each layer of each photo.

    Processes, not threads: the arrays are small, so that threads would wait for the interpreter. The workers import
    neither torch nor the network, and stay for the next batch.
    """
    workers = min(os.cpu_count() or 1, len(photos))
    if not processes or len(photos) < FEWEST_FOR_PROCESSES or workers == 1:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # products this small take longer with two threads than with one
            return [cluster_layers(photo, method=settings.method, seed=settings.seed) for photo in photos]
    from joblib import Parallel, delayed

    work = delayed(cluster_layers)
    found: list[list[Clustering]] = Parallel(n_jobs=workers)(
        work(photo, method=settings.method, seed=settings.seed) for photo in photos
    )
    return found


def explain_layer(
    layer: Layer, kept: KeptMaps, clustering: Clustering, *, depth: int, method: Method
) -> LayerExplanation:
    """Drop light clusters of one layer of one photo, and merge the maps of the others."""
    clusters: tuple[ClusterMap, ...] = ()
    dropped: list[NDArray[np.intp]] = []
    if len(kept.index):
        members = [np.flatnonzero(clustering.labels == c) for c in range(int(clustering.labels.max()) + 1)]
        heavy = keep_clusters(np.array([kept.shares[kept.index[m]].sum() for m in members]))
        dropped = [m for m, keep in zip(members, heavy, strict=True) if not keep]
        shown = [m for m, keep in zip(members, heavy, strict=True) if keep]
        clusters = _merge_clusters(shown, kept, method)
    return LayerExplanation(
        name=layer.name,
        index=layer.index,
        depth=round(layer.index / max(depth - 1, 1), 4),
        nonlinearity=layer.nonlinearity,
        rectified=layer.rectified,
        channels=len(kept.shares),
        height=kept.maps.shape[1],
        width=kept.maps.shape[2],
        clusters=clusters,
        threshold=round(kept.threshold, 6),
        kept=len(kept.index),
        weak_weight=round(float(kept.shares.sum() - kept.shares[kept.index].sum()), 6),
        dropped_clusters=len(dropped),
        dropped_weight=round(float(sum(kept.shares[kept.index[m]].sum() for m in dropped)), 6),
        silhouette=None if clustering.silhouette is None else round(float(clustering.silhouette), 6),
        note=_nothing_note(kept) or clustering.note,
    )


def _nothing_note(kept: KeptMaps) -> str:
    """Sentence for a layer with nothing to show, else ""."""
    if len(kept.index):
        return ""
    if not kept.shares.any():
        return "No feature map of this layer has a positive weight for this class."
    return f"No feature map of this layer weighs more than the threshold of {kept.threshold:.3g} %."


def _merge_clusters(shown: list[NDArray[np.intp]], kept: KeptMaps, method: Method) -> tuple[ClusterMap, ...]:
    """Merge the maps of each shown cluster; heaviest first."""
    merged = []
    for members in shown:
        channels = kept.index[members]
        order = np.lexsort((channels, -kept.shares[channels]))
        members, channels = members[order], channels[order]  # noqa: PLW2901 - the same maps, heaviest first
        shares = kept.shares[channels]
        weight = float(shares.sum())
        raw = merge_maps(kept.maps[members], kept.slopes[members], shares, method=method).astype(np.float64)
        merged.append((weight, channels, raw * weight if method == "paper" else raw))
    merged.sort(key=lambda item: (-item[0], item[1][0]))
    highest = max((float(raw.max()) for _, _, raw in merged), default=0.0)
    return tuple(
        _cluster_map(rank, weight, channels, raw, highest, kept.shares)
        for rank, (weight, channels, raw) in enumerate(merged)
    )


def _cluster_map(
    rank: int,
    weight: float,
    channels: NDArray[np.intp],
    raw: NDArray[np.float64],
    highest: float,
    shares: NDArray[np.float64],
) -> ClusterMap:
    """Scale one merged map to [0, 1] and note its peak beside the layer's highest."""
    low, high = float(raw.min()), float(raw.max())
    constant = not high > low
    return ClusterMap(
        index=rank,
        weight=round(weight, 6),
        map=quantise(np.zeros_like(raw) if constant else (raw - low) / (high - low)),
        peak=round(max(high, 0.0) / highest, 6) if highest > 0 else 0.0,
        channels=tuple(int(c) for c in channels),
        channel_weights=tuple(round(float(shares[c]), 6) for c in channels),
        constant=constant,
    )


def _stack(network: Network, photos: Sequence[Photo]) -> torch.Tensor:
    """Preprocessed photos as one tensor of shape (N, C, H, W)."""
    prepared = [network.prepare(photo) for photo in photos]
    if len({tuple(tensor.shape) for tensor in prepared}) > 1:
        raise ModelError(
            "the preprocessing gives photos of different sizes, so they cannot go through the network together; "
            "explain them one by one"
        )
    return torch.stack(prepared)
