"""One layer's clusters as players, all coalitions of them run through the rest of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.evaluate.clusters.orders import area, best_area, gap, order_by, random_orders, rank_correlation
from layerlore.evaluate.clusters.records import GameScore, OrderScore
from layerlore.local.coalitions import shapley_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

NOTHING = 1e-6
"""Logits below which a fall is no fall."""


def score_game(
    logits: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    silent: float,
    numbers: Mapping[str, Sequence[float]],
    generator: np.random.Generator,
) -> GameScore:
    """Everything that is said of one layer's clusters for one way of removing them.

    Args:
        logits: The class's logit for each coalition, shape (2^k,).
        probabilities: Its probability, same shape.
        silent: Its logit without the whole layer.
        numbers: Numbers of the clusters by name, each of length k.
        generator: Of the random orders.
    """
    players = len(logits).bit_length() - 1
    shapley = shapley_values(logits)
    alone = logits[-1] - logits[len(logits) - 1 - 2 ** np.arange(players)]
    orders = random_orders(players, generator)
    random = [
        float(np.mean([area(probabilities, order, adding=adding) for order in orders])) for adding in (True, False)
    ]
    best = [best_area(probabilities, adding=adding) for adding in (True, False)]
    fall, whole = float(logits[-1] - logits[0]), float(logits[-1]) - silent
    return GameScore(
        shapley=tuple(round(float(value), 6) for value in shapley),
        alone=tuple(round(float(value), 6) for value in alone),
        orders={name: _order(probabilities, order_by(own), random, best) for name, own in numbers.items()},
        shapley_rank={name: rank_correlation(own, shapley.tolist()) for name, own in numbers.items()},
        alone_rank={name: rank_correlation(own, alone.tolist()) for name, own in numbers.items()},
        random=(random[0], random[1]),
        best=(best[0], best[1]),
        additivity=float(alone.sum()) / fall if abs(fall) > NOTHING else None,
        completeness=fall / whole if abs(whole) > NOTHING else None,
    )


def _order(
    probabilities: NDArray[np.float64], order: Sequence[int], random: Sequence[float], best: Sequence[float]
) -> OrderScore:
    own = [area(probabilities, order, adding=adding) for adding in (True, False)]
    gaps = [gap(*three) for three in zip(own, random, best, strict=True)]
    return OrderScore(own[0], own[1], gaps[0], gaps[1])
