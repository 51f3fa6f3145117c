"""The paper's way: complete linkage of cosine distances, cut where the silhouette is best (method.md 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.concepts.grouping.silhouette import best_cut
from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.concepts.embedding import Encodes

LARGEST = 6000
"""Different texts; the matrix between 6,000 of them takes 288 MB, and the search for the best cut another 288."""


def group(
    texts: Sequence[str],
    counts: Sequence[int],  # noqa: ARG001 - each different answer counts once
    encoder: Encodes,
    language: str,  # noqa: ARG001 - the encoder's
    settings: Mapping[str, float],  # noqa: ARG001 - it has none
) -> NDArray[np.int64]:
    """Group of each of different texts.

    Raises:
        SettingError: There are more than `LARGEST` texts.
    """
    if len(texts) > LARGEST:
        raise SettingError(
            f"{len(texts)} different answers: grouping 'paper' compares each with each and takes at most {LARGEST}; "
            f"use 'lemma-first'"
        )
    return cut(encoder.encode(texts))


def cut(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """The same for unit vectors; one or two are each alone, as there is nothing to choose from."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    if len(vectors) <= 2:
        return np.arange(len(vectors))
    distances = np.clip(1 - vectors @ vectors.T, 0, 2)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "complete")
    # The published code links by cosine and takes the silhouette of Euclidean distances.
    np.sqrt(2 * distances, out=distances)
    return cut_into(tree, best_cut(tree, distances))


def cut_into(tree: NDArray[np.float64], groups: int) -> NDArray[np.int64]:
    """Exactly so many groups, where scipy's cut by height gives fewer if two merges are equally high."""
    count = len(tree) + 1
    parent = np.arange(count + len(tree))
    for step in range(count - groups):
        parent[int(tree[step, 0])] = parent[int(tree[step, 1])] = count + step
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    return np.unique(parent[:count], return_inverse=True)[1]
