"""Which concepts emerge late and which fade (method.md 5).

The interval of a slope is a bootstrap over photos; over few photos it is too narrow. Whether there is a trend at all is
asked of the layers: where there is none, the scores of a photo may change places among the layers of which people were
asked. That is a permutation test, exact for any number of photos but for its draws, and Holm's correction is over the
class's concepts.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from layerlore.classes.drawing import chance_of, enough_draws
from layerlore.classes.records import Trend
from layerlore.significance import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.classes.collecting import PhotoFacts

MOST = 30
"""Concepts whose trend is told, those with the highest scores over all layers."""
DRAWS = 2000
FEWEST = 4
"""Photos with labels below which no trend is told: a bootstrap over fewer knows no spread."""
WAYS, FEWEST_WAYS, MOST_WAYS = 20_000, 100, 1000
"""Ways to change the layers round that are drawn from: of all photos, and of one at least and at most."""
DECIMALS = 6


def find_trends(
    photos: Sequence[PhotoFacts], layers: Sequence[str], *, seed: int = 0, draws: int = DRAWS
) -> tuple[Trend, ...]:
    """Trends of a class's concepts, highest score first.

    A layer's mean is over the photos of which people were asked there: where nobody was, nothing is told, and where no
    word came of it, it is 0. The interval is the percentile bootstrap over photos, the same samples for all concepts.

    Args:
        photos: Of the class; fewer than `FEWEST` with labels have no trend.
        layers: Shallow to deep; two at least, else there is no trend.
        seed: Of the bootstrap.
        draws: Its samples.
    """
    if sum(bool(photo.labelled) for photo in photos) < FEWEST:
        return ()
    photos = [photo for photo in photos if photo.asked]
    place = {layer: number for number, layer in enumerate(layers)}
    asked = np.array([[layer in photo.asked for layer in layers] for photo in photos], dtype=np.float64)
    if len(layers) < 2 or int(asked.any(axis=0).sum()) < 2:
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
    generator = np.random.default_rng((seed, 1))
    chance = holm([slope_chance(scores[one], asked, generator, enough_draws(len(best))) for one in best])
    trends = []
    for concept_id, p_value in zip(best, chance, strict=True):
        means = layer_means(counts, scores[concept_id], asked)
        slopes = line_slopes(means)
        low, high = np.nanquantile(slopes[1:], [0.025, 0.975])
        shown = tuple(None if np.isnan(value) else round(float(value), DECIMALS) for value in means[0])
        told = [round(float(value), DECIMALS) + 0.0 for value in (slopes[0], low, high, p_value)]
        trends.append(Trend(concept_id, names[concept_id], shown, *told))
    return tuple(trends)


def slope_chance(
    scores: NDArray[np.float64], asked: NDArray[np.float64], generator: np.random.Generator, draws: int
) -> float:
    """How often a slope is as far from 0 when the layers of each photo change places; of both sides.

    Args:
        scores: Shape (photos, layers).
        asked: 1 where people were asked, else 0; same shape. Scores change places among those.
        generator: Of the draws.
        draws: Their number at most.
    """
    known = np.flatnonzero(asked.any(axis=0))
    position = np.linspace(0, 1, scores.shape[1])[known]
    away = position - position.mean()
    # The slope is a sum over photos and layers, so that each photo's part can be drawn by itself.
    pull = away / (away**2).sum() / asked[:, known].sum(axis=0)
    within = [(values[where], pull[where]) for values, where in zip(scores[:, known], asked[:, known] > 0, strict=True)]
    within = [(values, pulls) for values, pulls in within if values.any()]
    ways = int(np.clip(WAYS // max(1, len(within)), FEWEST_WAYS, MOST_WAYS))
    parts = [generator.permuted(np.tile(values, (ways, 1)), axis=1) @ pulls for values, pulls in within]
    seen = sum(float(values @ pulls) for values, pulls in within)
    side = 1.0 if seen > 0 else -1.0
    return min(1.0, 2 * chance_of(side * seen, [side * part for part in parts], generator, draws))


def layer_means(
    counts: NDArray[np.float64], scores: NDArray[np.float64], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean score in each layer for each sample of photos, shape (samples, layers); NaN where no photo was asked.

    Args:
        counts: How often each photo is in each sample, shape (samples, photos).
        scores: Shape (photos, layers).
        asked: 1 where people were asked of a photo in a layer, else 0; same shape.
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
