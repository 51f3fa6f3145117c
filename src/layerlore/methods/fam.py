"""FAM: which feature maps make two pictures alike, and where they are; for networks that compare.

Source: Liao et al., "Feature Activation Map: Visual Explanation of Deep Learning Models for Image Classification",
arXiv 2307.05017. The likeness of two embeddings is a sum over channels; each channel's part, scaled to [0, 1],
weights its map. The abstract names the parts and their scaling, not the formulas: the cosine's sum is the one that
adds up exactly, the Euclidean form and the scaling by lowest and highest value are our reading.

A classifier compares a photo with nothing. Without ``support`` the photo is compared with the class itself: the
gradient of its logit with respect to the pooled maps, which for a mean and a linear layer is the class's row of
weights. That is CAM with each weight times the photo's own response.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from layerlore.errors import SettingError
from layerlore.local.capture import as_input, channels_first, forward_with_maps
from layerlore.methods.onelayer import CALLS, choose_layer, see_layer, see_maps
from layerlore.methods.subject import Raw, check_choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.methods.subject import Subject
    from layerlore.network.layers import Layer
    from layerlore.network.photos import PhotoSource

    Support = PhotoSource | Sequence[PhotoSource] | NDArray[np.floating] | torch.Tensor

POOLINGS = ("mean", "max", "none")
METRICS = ("cosine", "dot", "euclidean")
SCALINGS = ("minmax", "sum", "l2", "softmax", "none")


@dataclass(frozen=True, eq=False)
class Likeness:
    """What a photo and its support have in common.

    Attributes:
        maps: Feature maps of the photo, shape (K, h, w).
        parts: Part of each channel in the likeness, shape (K,); without pooling of each channel and position, (K h w,).
        support: Where the second embedding comes from.
        model_calls: Photos through the network.
    """

    maps: NDArray[np.float64]
    parts: NDArray[np.float64]
    support: str
    model_calls: int

    @property
    def value(self) -> float:
        """The likeness: cosine, dot product, or minus the squared distance."""
        return float(self.parts.sum())


def explain(
    subject: Subject,
    seed: int,
    *,
    layer: str | int = -1,
    support: Support | None = None,
    pooling: str = "mean",
    metric: str = "cosine",
    scaling: str = "minmax",
) -> Raw:
    """Feature activation map of the photo; to see what matched in the support, swap the two.

    Args:
        subject: Photo; the class matters only without a support.
        seed: Changes nothing: no number is drawn.
        layer: Name of a layer, or its place; the default is the last one before pooling.
        support: What the photo is compared with: a photo, several photos of which the mean embedding is taken, their
            prepared inputs of shape (N, 3, H, W), or an embedding of shape (K,); None for the class's own weights.
        pooling: How maps become an embedding: ``mean``, ``max``, or ``none`` for embeddings of whole maps.
        metric: ``cosine``, ``dot`` or ``euclidean``.
        scaling: Of the channels' parts: ``minmax``, ``sum`` (by the sum of absolute values), ``l2``, ``softmax`` or
            ``none``.

    Raises:
        SettingError: An option is out of range, or the support does not fit the layer.
        LayerError: There is no such layer, or its maps show no place.
        PhotoError: A photo of the support cannot be read.
    """
    del seed
    check_choice("scaling", scaling, SCALINGS)
    found = compare(subject, layer=layer, support=support, pooling=pooling, metric=metric)
    weights = scale_parts(found.parts, scaling)
    if pooling == "none":
        values = weights.reshape(found.maps.shape).sum(axis=0)
    else:
        values = np.einsum("k,khw->hw", weights, found.maps)
    settings = {
        "layer": choose_layer(subject.network, layer).name,
        "support": found.support,
        "pooling": pooling,
        "metric": metric,
        "scaling": scaling,
        "likeness": found.value,
    }
    return Raw(np.maximum(values, 0), signed=False, model_calls=found.model_calls, settings=settings)


def compare(
    subject: Subject,
    *,
    layer: str | int = -1,
    support: Support | None = None,
    pooling: str = "mean",
    metric: str = "cosine",
) -> Likeness:
    """The likeness of the photo and its support, channel by channel; arguments and errors as for :func:`explain`."""
    check_choice("pooling", pooling, POOLINGS)
    check_choice("metric", metric, METRICS)
    if support is None:
        if metric == "euclidean":
            raise SettingError("a class's weights are no picture that has a distance; give support= for euclidean")
        seen = see_layer(subject, layer)
        own = seen.slopes.reshape(-1) if pooling == "none" else seen.slopes.sum(axis=(1, 2))
        parts = contributions(embed(seen.maps, pooling), own, metric)
        return Likeness(seen.maps, parts, "class weights", CALLS)
    chosen = choose_layer(subject.network, layer)
    maps = np.asarray(see_maps(subject, chosen).double().numpy())
    query = embed(maps, pooling)
    other, what, calls = _embed_support(subject, chosen, support, pooling)
    if other.shape != query.shape:
        raise SettingError(
            f"the support has {len(other)} numbers, but layer {chosen.name!r} with pooling {pooling} gives {len(query)}"
        )
    return Likeness(maps, contributions(query, other, metric), what, 1 + calls)


def embed(maps: NDArray[np.float64], pooling: str) -> NDArray[np.float64]:
    """Embedding of feature maps of shape (K, h, w): shape (K,), or (K h w,) without pooling."""
    if pooling == "none":
        return maps.reshape(-1)
    return np.asarray(maps.mean(axis=(1, 2)) if pooling == "mean" else maps.max(axis=(1, 2)))


def contributions(query: NDArray[np.float64], support: NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    """Part of each number in the likeness of two embeddings, same shape; all zero for a cosine with nothing."""
    if metric == "euclidean":
        return -((query - support) ** 2)
    products = query * support
    if metric == "dot":
        return products
    length = float(np.linalg.norm(query) * np.linalg.norm(support))
    return products / length if length > 0 else np.zeros_like(products)


def scale_parts(parts: NDArray[np.float64], scaling: str) -> NDArray[np.float64]:
    """Weights of the maps; parts that are all alike weigh 1, unless all are zero, as then nothing is alike."""
    low, high = float(parts.min()), float(parts.max())
    if scaling == "minmax":
        if low == high:
            return np.full(parts.shape, float(high != 0))
        return (parts - low) / (high - low)
    if scaling == "softmax":
        grown = np.exp(parts - high)
        return np.asarray(grown / grown.sum())
    sizes = {"sum": float(np.abs(parts).sum()), "l2": float(np.linalg.norm(parts)), "none": 1.0}
    return parts / (sizes[scaling] or 1.0)


def _embed_support(
    subject: Subject, layer: Layer, support: Support, pooling: str
) -> tuple[NDArray[np.float64], str, int]:
    """Mean embedding of the support, what it is in words, and how many photos went through the network."""
    if isinstance(support, np.ndarray | torch.Tensor) and support.ndim == 1:
        given = np.asarray(support, dtype=np.float64)
        if not np.isfinite(given).all():
            raise SettingError("the support's embedding holds NaN or infinite values")
        return given, "an embedding", 0
    inputs, what = _prepare(subject, support)
    network = subject.network
    embeddings = []
    with subject.asking():
        for one in inputs:
            (maps,), _ = forward_with_maps(network, as_input(network, one[None]), [layer])
            embeddings.append(
                embed(np.asarray(channels_first(maps.detach(), layer)[0].double().cpu().numpy()), pooling)
            )
    if len({len(one) for one in embeddings}) > 1:
        raise SettingError("the support's photos have inputs of several sizes; without pooling they must be alike")
    return np.asarray(np.mean(embeddings, axis=0)), what, len(embeddings)


def _prepare(subject: Subject, support: Support) -> tuple[Sequence[torch.Tensor], str]:
    """Inputs of the network, each of shape (3, H, W), and their names."""
    from layerlore.network.photos import read_photo

    if isinstance(support, torch.Tensor) and support.ndim == 4:
        return list(support), f"{len(support)} prepared photos"
    sources: Sequence[Any] = support if isinstance(support, list | tuple) else [support]
    if not sources:
        raise SettingError("support is empty; give at least one photo")
    photos = [read_photo(source) for source in sources]
    return [subject.network.prepare(photo) for photo in photos], ", ".join(photo.image_id for photo in photos)
