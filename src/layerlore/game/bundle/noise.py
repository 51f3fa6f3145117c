"""Blue noise: an order of pixels in which every beginning is spread evenly, without rows and without clumps."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE = 64
_SIGMA = 1.5
_BEGIN = 0.1


def noise_order(height: int, width: int, seed: int, *, grain: int = 1) -> NDArray[np.int64]:
    """Rank of each pixel in an order of blue noise.

    Args:
        height: Rows.
        width: Columns.
        seed: Another seed gives another order.
        grain: Side of squares of pixels that follow each other, row by row.

    Returns:
        Array of shape (height, width) with each of 0 .. height * width - 1 once.
    """
    rng = np.random.default_rng(seed)
    rows, columns = -(-height // grain), -(-width // grain)
    down, across = -(-rows // TILE), -(-columns // TILE)
    tile = np.roll(_tile(), tuple(rng.integers(0, TILE, 2)), (0, 1))
    if rng.integers(2):
        tile = tile.T
    # The tiles take turns in an order of their own, which differs from rank to rank no more than it must.
    turns = rng.permutation(down * across).reshape(down, across)
    ranks = tile[None, :, None, :] * turns.size + turns[:, None, :, None]
    grains = ranks.reshape(down * TILE, across * TILE)[:rows, :columns]
    pixels = np.repeat(np.repeat(grains, grain, 0), grain, 1)[:height, :width]
    order = np.argsort(pixels, axis=None, kind="stable")
    found = np.empty(order.size, np.int64)
    found[order] = np.arange(order.size)
    return found.reshape(height, width)


@lru_cache(maxsize=1)
def _tile() -> NDArray[np.int64]:
    """Void and cluster: ranks of a TILE x TILE torus.

    R. Ulichney, "The void-and-cluster method for dither array generation", Proc. SPIE 1913, 1993. Phases II and III
    are one here: the next pixel goes into the largest void of what is set, also where more than half is set.
    """
    away = np.minimum(np.arange(TILE), TILE - np.arange(TILE))
    bump = np.exp(-(away[:, None] ** 2 + away[None, :] ** 2) / (2 * _SIGMA**2))

    def around(place: int) -> NDArray[np.float64]:
        return np.asarray(np.roll(bump, divmod(place, TILE), (0, 1)).ravel())

    dots = np.zeros(TILE * TILE, bool)
    start = np.random.default_rng(0).permutation(TILE * TILE)[: int(_BEGIN * TILE * TILE)]
    dots[start] = True
    energy = np.sum([around(int(place)) for place in start], axis=0)
    while True:  # move dots out of clusters into voids, until that moves one back to where it was
        cluster = int(np.argmax(np.where(dots, energy, -np.inf)))
        dots[cluster] = False
        energy -= around(cluster)
        void = int(np.argmin(np.where(dots, np.inf, energy)))
        dots[void] = True
        energy += around(void)
        if void == cluster:
            break
    ranks = np.empty(TILE * TILE, np.int64)
    left, left_energy = dots.copy(), energy.copy()
    for rank in range(int(dots.sum()) - 1, -1, -1):
        cluster = int(np.argmax(np.where(left, left_energy, -np.inf)))
        left[cluster] = False
        left_energy -= around(cluster)
        ranks[cluster] = rank
    for rank in range(int(dots.sum()), TILE * TILE):
        void = int(np.argmin(np.where(dots, np.inf, energy)))
        dots[void] = True
        energy += around(void)
        ranks[void] = rank
    return ranks.reshape(TILE, TILE)
