"""Maps that judge the players and the method: random blobs, blank maps, easy maps, and all maps of a layer as one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.local.explanation import ClusterMap

WAVE = 0.12
"""Width of the blobs' bumps as a share of the map's side, measured by eye on maps of the default network."""


def random_blobs(height: int, width: int, seed: int) -> NDArray[np.float32]:
    """A smooth random map: its highest parts are blobs in random places.

    It is made at the resolution of a layer and upsampled as a layer's map is, so that its outlines look alike.

    Args:
        height: Rows of the layer's feature maps.
        width: Columns.
        seed: Another seed gives another map.

    Returns:
        Array of shape (height, width) in [0, 1], above 0 but for its lowest point.
    """
    from scipy import ndimage

    # Below a few cells a side there is no room for a smooth bump, and a map of one value could not be revealed.
    height, width = max(height, 7), max(width, 7)
    noise = np.random.default_rng(seed).standard_normal((height, width))
    smooth = ndimage.gaussian_filter(noise, (WAVE * height, WAVE * width), mode="nearest")
    low, high = float(smooth.min()), float(smooth.max())
    return np.asarray((smooth - low) / (high - low), np.float32)


def merged_map(clusters: Sequence[ClusterMap]) -> NDArray[np.float32]:
    """All shown maps of a layer as one: their mean, weighted by the clusters' weights ("full merge", method.md 4).

    Args:
        clusters: At least one, of one shape.

    Returns:
        Array of that shape in [0, 1].
    """
    total = sum(cluster.weight for cluster in clusters)
    mean = sum(cluster.weight / total * cluster.map.astype(np.float64) for cluster in clusters)
    return np.asarray(mean, np.float32)


def spread(by_class: Mapping[int, Sequence[str]], share: float, seed: str, *, least: int = 1) -> list[str]:
    """Photos of every class, so many of each as its share of them.

    Args:
        by_class: Class index to photos, best first where it matters.
        share: Of a class's photos, in [0, 1]; rounded up, so that every class has one. 0 for none.
        seed: Decides which.
        least: Photos of a class at least, where it has so many.

    Returns:
        The photos, class by class.
    """
    if share <= 0:
        return []
    chosen: list[str] = []
    for index, photos in sorted(by_class.items()):
        rng = random.Random(f"{seed}:{index}")  # noqa: S311 it must be repeatable, and only this module uses it
        count = min(len(photos), max(least, -int(-len(photos) * share // 1)))
        chosen += rng.sample(list(photos), count)
    return chosen
