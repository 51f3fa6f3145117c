"""Classes without words: the maps of a layer grouped across photos by the feature maps that they are made of.

A cluster map is a set of weighted channels. Two maps of different photos that are made of the same channels show what
the network calls the same, whatever a person would call it. So maps are vectors of channel weights, their distance is
one minus the cosine, and average linkage joins them; the number of groups is that of the best silhouette.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from layerlore.classes.collecting import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.classes.collecting import ClassPhotos, MapFacts, PhotoFacts

PREFIX = "maps:"
"""Of the ids of groups, before layer and number."""
MOST_GROUPS = 8
MOST_MAPS = 800
"""Maps that are linked to one another; of more, a sample is, and the others join the group that is nearest."""
RESAMPLES = 20
SHARED = 12
"""Channels that are named of a group."""


@dataclass(frozen=True)
class GroupedMaps:
    """A class's photos with groups of maps in place of concepts.

    Attributes:
        photos: With a row for each group on each photo and layer.
        stability: Layer to the mean adjusted Rand index with the groups of resampled photos.
        channels: Group to the channels that its maps share, heaviest first.
    """

    photos: tuple[PhotoFacts, ...]
    stability: Mapping[str, float]
    channels: Mapping[str, tuple[int, ...]]


def group_photos(found: ClassPhotos, *, seed: int = 0, resamples: int = RESAMPLES) -> GroupedMaps:
    """Put groups of maps in the place of concepts, layer by layer.

    Args:
        found: The photos of the class.
        seed: Of the sample of many maps, and of the resampled photos.
        resamples: Bootstrap samples of the photos, to tell how stable the groups are.
    """
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    stability, channels = {}, {}
    for layer in found.layers:
        maps = [one for photo in found.photos for one in photo.maps.get(layer, ())]
        if not maps:
            continue
        vectors = channel_vectors(maps)
        labels = by_weight(group_vectors(vectors, seed=seed), [one.weight for one in maps])
        told = group_stability(vectors, labels, [one.key.image_id for one in maps], seed=seed, resamples=resamples)
        if told is not None:
            stability[layer] = round(told, 4)
        for number in range(int(labels.max()) + 1):
            members = [one for one, label in zip(maps, labels, strict=True) if label == number]
            group = f"{PREFIX}{layer}:{number + 1}"
            channels[group] = _shared(members)
            for image_id, some in _by_photo(members).items():
                score = sum(one.weight for one in some) / 100
                rows[image_id].append(Row(image_id, layer, group, f"group {number + 1}", score, some))
    photos = [replace(photo, rows=tuple(rows[photo.image_id]), labelled=frozenset()) for photo in found.photos]
    return GroupedMaps(tuple(photos), stability, channels)


def channel_vectors(maps: Sequence[MapFacts]) -> NDArray[np.float64]:
    """Unit vectors of the maps' channel weights, shape (maps, channels); channels that no map has are left out."""
    known = sorted({channel for one in maps for channel in one.channels})
    place = {channel: number for number, channel in enumerate(known)}
    vectors = np.zeros((len(maps), max(len(known), 1)))
    for row, one in zip(vectors, maps, strict=True):
        row[[place[channel] for channel in one.channels]] = one.channel_weights
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))


def group_vectors(vectors: NDArray[np.float64], count: int | None = None, *, seed: int = 0) -> NDArray[np.int64]:
    """Group of each of some unit vectors.

    Args:
        vectors: Shape (n, d).
        count: Number of groups; None: that of the best silhouette, 2 to `MOST_GROUPS`.
        seed: Of the sample, where there are more than `MOST_MAPS`.
    """
    if len(vectors) > MOST_MAPS:
        sample = np.sort(np.random.default_rng(seed).choice(len(vectors), MOST_MAPS, replace=False))
        labels = group_vectors(vectors[sample], count)
        centres = np.stack([vectors[sample][labels == one].mean(axis=0) for one in range(int(labels.max()) + 1)])
        lengths = np.linalg.norm(centres, axis=1)
        return np.asarray((vectors @ centres.T / np.where(lengths > 0, lengths, 1)).argmax(axis=1), dtype=np.int64)
    distances = np.clip(1 - vectors @ vectors.T, 0, 2)
    np.fill_diagonal(distances, 0)
    different = len(np.unique(np.round(vectors, 9), axis=0))
    if different < 3:  # nothing to choose: what differs is apart, if there is any difference
        return np.asarray(np.unique(np.round(vectors, 9), axis=0, return_inverse=True)[1].reshape(-1), dtype=np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_score

    tree = linkage(squareform(distances, checks=False), "average")
    if count is not None:
        return np.asarray(fcluster(tree, count, "maxclust") - 1, dtype=np.int64)
    best, labels = -2.0, np.zeros(len(vectors), dtype=np.int64)
    for number in range(2, min(MOST_GROUPS, different, len(vectors) - 1) + 1):
        cut = np.asarray(fcluster(tree, number, "maxclust") - 1, dtype=np.int64)
        if len(np.unique(cut)) < 2:
            continue
        quality = round(float(silhouette_score(distances, cut, metric="precomputed")), 9)
        if quality > best:
            best, labels = quality, cut
    return labels


def group_stability(
    vectors: NDArray[np.float64],
    labels: NDArray[np.int64],
    photos: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> float | None:
    """Mean adjusted Rand index between groups and those that bootstrap samples of the photos give.

    Each sample is grouped anew, with its own number of groups, and compared on the maps that are in it.

    Args:
        vectors: Of the maps.
        labels: Their groups.
        photos: The photo of each.
        seed: Of the samples.
        resamples: How many.

    Returns:
        1 = always the same groups, 0 = chance; None with fewer than three photos.
    """
    from sklearn.metrics import adjusted_rand_score

    names = sorted(set(photos))
    if len(names) < 3:
        return None
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        inside = np.isin(photos, generator.choice(names, len(names)))
        if inside.sum() > 1:
            values.append(adjusted_rand_score(labels[inside], group_vectors(vectors[inside], seed=seed)))
    return float(np.mean(values)) if values else None


def by_weight(labels: NDArray[np.int64], weights: Sequence[float]) -> NDArray[np.int64]:
    """Renumber groups by the sum of their maps' weights, heaviest 0; empty numbers vanish."""
    total = {int(one): -float(np.sum(np.asarray(weights)[labels == one])) for one in np.unique(labels)}
    order = sorted(total, key=lambda one: (round(total[one], 6), int(np.flatnonzero(labels == one)[0])))
    place = {one: number for number, one in enumerate(order)}
    return np.array([place[int(one)] for one in labels], dtype=np.int64)


def _by_photo(members: Sequence[MapFacts]) -> dict[str, tuple[MapFacts, ...]]:
    found: defaultdict[str, list[MapFacts]] = defaultdict(list)
    for one in members:
        found[one.key.image_id].append(one)
    return {
        image_id: tuple(sorted(some, key=lambda one: (-one.weight, one.key.cluster)))
        for image_id, some in found.items()
    }


def _shared(members: Sequence[MapFacts]) -> tuple[int, ...]:
    """The channels that are in at least half of some maps, heaviest first; no more than `SHARED`."""
    weights: defaultdict[int, float] = defaultdict(float)
    count: defaultdict[int, int] = defaultdict(int)
    for one in members:
        for channel, weight in zip(one.channels, one.channel_weights, strict=True):
            weights[channel] += weight
            count[channel] += 1
    common = [channel for channel in weights if 2 * count[channel] >= len(members)]
    return tuple(sorted(common, key=lambda channel: (-round(weights[channel], 9), channel))[:SHARED])
