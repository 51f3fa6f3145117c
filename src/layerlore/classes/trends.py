"""Which concepts emerge late and which fade (method.md 5)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from layerlore.classes.records import Trend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.classes.collecting import PhotoFacts

MOST = 30
"""Concepts whose trend is told, those with the highest scores over all layers."""
DRAWS = 2000
FEWEST = 4
"""Photos with labels below which no trend is told: a bootstrap over fewer knows no spread."""
DECIMALS = 6


def find_trends(
    photos: Sequence[PhotoFacts], layers: Sequence[str], *, seed: int = 0, draws: int = DRAWS
) -> tuple[Trend, ...]:
    """Trends of a class's concepts, highest score first.

    A layer's mean is over the photos that have labels there: where nobody was asked, nothing is told. The interval is
    the percentile bootstrap over photos, the same samples for all concepts.

    Args:
        photos: Of the class; fewer than `FEWEST` with labels have no trend.
        layers: Shallow to deep; two at least, else there is no trend.
        seed: Of the bootstrap.
        draws: Its samples.
    """
    photos = [photo for photo in photos if photo.labelled]
    place = {layer: number for number, layer in enumerate(layers)}
    asked = np.array([[layer in photo.labelled for layer in layers] for photo in photos], dtype=np.float64)
    if len(layers) < 2 or len(photos) < FEWEST or int(asked.any(axis=0).sum()) < 2:
        return ()
    scores: defaultdict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros((len(photos), len(layers))))
    names: dict[str, str] = {}
    for number, photo in enumerate(photos):
        for row in photo.rows:
            scores[row.concept_id][number, place[row.layer]] += row.score
            names[row.concept_id] = row.name
    best = sorted(scores, key=lambda one: (-round(float(scores[one].sum()), DECIMALS), names[one], one))[:MOST]
    sample = np.random.default_rng(seed).multinomial(len(photos), np.full(len(photos), 1 / len(photos)), size=draws)
    counts = np.vstack([np.ones(len(photos)), sample])
    trends = []
    for concept_id in best:
        means = layer_means(counts, scores[concept_id], asked)
        slopes = line_slopes(means)
        low, high = np.nanquantile(slopes[1:], [0.025, 0.975])
        shown = tuple(None if np.isnan(value) else round(float(value), DECIMALS) for value in means[0])
        told = [round(float(value), DECIMALS) + 0.0 for value in (slopes[0], low, high)]
        trends.append(Trend(concept_id, names[concept_id], shown, *told))
    return tuple(trends)


def layer_means(
    counts: NDArray[np.float64], scores: NDArray[np.float64], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean score in each layer for each sample of photos, shape (samples, layers); NaN where no photo was asked.

    Args:
        counts: How often each photo is in each sample, shape (samples, photos).
        scores: Shape (photos, layers).
        asked: 1 where a photo has labels in a layer, else 0; same shape.
    """
    total = counts @ asked
    means: NDArray[np.float64] = np.full(total.shape, np.nan)
    return np.asarray(np.divide(counts @ (scores * asked), total, out=means, where=total > 0))


def line_slopes(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope of each row's least-squares line over positions from 0 to 1; NaN values are left out.

    Args:
        means: Shape (samples, layers).

    Returns:
        Shape (samples,); NaN where fewer than two values are left.
    """
    position = np.broadcast_to(np.linspace(0, 1, means.shape[1]), means.shape)
    known = ~np.isnan(means)
    count = known.sum(axis=1, keepdims=True)
    values = np.nan_to_num(means)
    middle = np.divide((position * known).sum(axis=1, keepdims=True), count, where=count > 0, out=np.zeros(count.shape))
    away = np.where(known, position - middle, 0)
    spread = (away**2).sum(axis=1)
    slopes: NDArray[np.float64] = np.full(len(means), np.nan)
    return np.asarray(np.divide((away * values).sum(axis=1), spread, out=slopes, where=spread > 0))
