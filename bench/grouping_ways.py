"""Ways to group answers that were compared before the default was chosen; none of these is in the package.

Each takes a gold set, an encoder, and a number that is chosen on the dev halves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.concepts.grouping import lemma_first, paper
from layerlore.concepts.grouping.linkage import average_linkage
from layerlore.concepts.lemmas import head_of, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from gold import Gold
    from layerlore.concepts.embedding import Encodes

    Way = Callable[[Gold, Encodes, float], NDArray[np.int64]]


def numbered(keys: Sequence[object]) -> NDArray[np.int64]:
    number: dict[object, int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)


def apart(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:  # noqa: ARG001
    """Every different answer alone."""
    return np.arange(len(gold.texts))


def forms(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:  # noqa: ARG001
    """The same dictionary forms of the telling words."""
    return numbered([key_of(text) for text in gold.texts])


def heads(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:  # noqa: ARG001
    """The same word that an answer is about."""
    return numbered([head_of(text) for text in gold.texts])


def the_papers(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:  # noqa: ARG001
    return paper.cut(encoder.encode(gold.texts))


def average(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:
    """Average linkage, cut at a cosine."""
    vectors = encoder.encode(gold.texts)
    return average_linkage(vectors, vectors, number)


def complete(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:
    """Complete linkage, cut at a cosine."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    vectors = encoder.encode(gold.texts).astype(np.float64)
    return fcluster(linkage(pdist(vectors, "sqeuclidean") / 2, "complete"), 1 - number, "distance")


def forms_then_average(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:
    """The same dictionary forms first, then average linkage of their embeddings."""
    keys = [key_of(text) for text in gold.texts]
    items = sorted(set(keys))
    vectors = encoder.encode(items)
    of = dict(zip(items, average_linkage(vectors, vectors, number).tolist(), strict=True))
    return np.array([of[key] for key in keys])


def community(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:
    """sentence-transformers' community detection; what it leaves out is alone."""
    import torch
    from sentence_transformers.util import community_detection

    found = community_detection(torch.from_numpy(encoder.encode(gold.texts)), threshold=number, min_community_size=2)
    labels = np.arange(len(gold.texts)) + len(found)
    for group, members in enumerate(found):
        labels[members] = group
    return labels


def hdbscan(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:
    """HDBSCAN on cosine distances with groups of two and more; what it calls noise is alone.

    Its least distance is left at 0: scikit-learn 1.9.1 fails with another one beside NumPy 2.4.
    """
    from sklearn.cluster import HDBSCAN

    vectors = encoder.encode(gold.texts).astype(np.float64)
    distances = np.clip(1 - vectors @ vectors.T, 0, None)
    way = "leaf" if number < 0 else "eom"
    found = HDBSCAN(2, abs(int(number)), metric="precomputed", cluster_selection_method=way, copy=True).fit_predict(
        distances
    )
    return np.where(found < 0, np.arange(len(found)) + found.max() + 1, found)


def default(gold: Gold, encoder: Encodes, number: float) -> NDArray[np.int64]:
    return lemma_first.group(gold.texts, gold.counts, encoder, "en", {"threshold": number})


COSINES = tuple(np.round(np.arange(0.40, 0.86, 0.05), 2).tolist())
WAYS: dict[str, tuple[Way, tuple[float, ...]]] = {
    "each alone": (apart, (0.0,)),
    "dictionary forms": (forms, (0.0,)),
    "word it is about": (heads, (0.0,)),
    "paper": (the_papers, (0.0,)),
    "complete linkage": (complete, COSINES),
    "average linkage": (average, COSINES),
    "community detection": (community, COSINES),
    "HDBSCAN": (hdbscan, (1.0, 2.0, 3.0, -1.0, -2.0, -3.0)),
    "dictionary forms, average linkage": (forms_then_average, COSINES),
    "lemma-first": (default, (0.44, 0.46, 0.48, 0.5, 0.52, 0.54, 0.56)),
}
"""Name to the way and the numbers that are tried for it on the dev halves."""
