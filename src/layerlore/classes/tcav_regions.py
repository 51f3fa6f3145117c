"""Pictures for concept vectors: what a concept's maps reveal, and random windows to compare with.

A picture is a window of fixed size of what the network sees of a photo, brought to the network's input. Windows are
cut, not masked: the border of a mask is a shape of its own, which a vector would learn in place of the concept.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.network.photos import Photo, read_photo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from layerlore.local.explanation import Explanation
    from layerlore.network.model import Network
    from layerlore.network.preprocess import Box
    from layerlore.study.study import Study

GRID = 64
"""Cells along each side, on which the place of a window is looked for."""

POOL = 400
"""Random windows, about."""

PER_PHOTO = 8
"""Random windows of one photo at most."""


@dataclass(frozen=True, order=True)
class Window:
    """A part of a photo.

    Attributes:
        image_id: The photo.
        left: Where it begins, as a share of what the network sees of the photo.
        top: Likewise.
        side: Its sides, as a share of what the network sees.
    """

    image_id: str
    left: float
    top: float
    side: float


def window_of(image_id: str, values: NDArray[np.float32], fraction: float) -> Window | None:
    """The window that holds the most of a map.

    Args:
        image_id: The map's photo.
        values: The map, shape (h, w).
        fraction: Area of the window as a share of what the network sees.

    Returns:
        None where the map has one value everywhere, so that it shows no place.
    """
    if not float(values.max()) > float(values.min()):
        return None
    coarse = torch.from_numpy(values.astype(np.float64))[None, None]
    fine = torch.nn.functional.interpolate(coarse, (GRID, GRID), mode="bilinear", align_corners=False)[0, 0].numpy()
    side = min(GRID, max(1, round(GRID * fraction**0.5)))
    total = np.pad(fine.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    held = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top, left = np.unravel_index(int(held.argmax()), held.shape)
    return Window(image_id, float(left) / GRID, float(top) / GRID, side / GRID)


def layer_map(explanation: Explanation, layer: str, cluster: int) -> NDArray[np.float32] | None:
    """A cluster map; with -1 all maps of the layer as one. None where there is no such map."""
    found = next((one for one in explanation.layers if one.name == layer), None)
    if found is None:
        return None
    if cluster >= 0:
        return next((one.map for one in found.clusters if one.index == cluster), None)
    if not found.clusters:
        return None
    merged: NDArray[np.float32] = sum(
        (one.map * np.float32(one.peak) for one in found.clusters), np.zeros_like(found.clusters[0].map)
    )
    return merged


def random_windows(images: Sequence[str], fraction: float, rng: np.random.Generator) -> tuple[list[Window], int]:
    """Windows at random places of the photos, as many of each.

    Returns:
        The windows, photo after photo, and how many each has.
    """
    chosen = sorted(images)
    if len(chosen) > POOL:
        chosen = sorted(str(name) for name in rng.choice(chosen, POOL, replace=False))
    per = min(PER_PHOTO, max(1, round(POOL / len(chosen))))
    side = min(GRID, max(1, round(GRID * fraction**0.5)))
    starts = rng.integers(0, GRID - side + 1, (len(chosen), per, 2)) / GRID
    return [
        Window(name, float(left), float(top), side / GRID)
        for name, places in zip(chosen, starts, strict=True)
        for left, top in places
    ], per


def cut(study: Study, network: Network, windows: Iterable[Window]) -> list[Photo]:
    """Cut windows out of their photos, each photo read once.

    Where the network's preprocessing cuts off the edges of a picture, as much more is cut out around the window, so
    that the network sees the window; at the edge of a photo it is moved inwards for that.

    Raises:
        PhotoError: A photo is gone or cannot be read.
    """
    windows = list(windows)
    by_photo: dict[str, list[int]] = defaultdict(list)
    for number, window in enumerate(windows):
        by_photo[window.image_id].append(number)
    margins = _margins(network)
    found: dict[int, Photo] = {}
    for image_id, numbers in by_photo.items():
        photo = read_photo(study.photo_path(image_id))
        box = network.seen_box(photo)
        for number in numbers:
            picture = _cut_one(photo.image, box, windows[number], margins)
            found[number] = Photo(picture, photo.name, image_id)
    return [found[number] for number in range(len(windows))]


def _margins(network: Network) -> tuple[float, float]:
    """How much wider and higher than what the network sees of it a picture of the input's shape is; at least 1."""
    rows, columns = network.input_size
    left, top, right, bottom = network.preprocess.box(2 * columns, 2 * rows)
    return max(1.0, 2 * columns / (right - left)), max(1.0, 2 * rows / (bottom - top))


def _cut_one(image: Image.Image, box: Box, window: Window, margins: tuple[float, float]) -> Image.Image:
    """One window with its margins."""
    left, top, right, bottom = box
    across = _span(left, right - left, window.left, window.side, margins[0], image.width)
    down = _span(top, bottom - top, window.top, window.side, margins[1], image.height)
    return image.crop((across[0], down[0], across[1], down[1]))


def _span(start: float, length: float, place: float, side: float, margin: float, limit: int) -> tuple[int, int]:
    """First and last pixel along one axis, inside the photo."""
    size = min(limit, max(1, round(side * length * margin)))
    middle = start + (place + side / 2) * length
    first = min(max(0, round(middle - size / 2)), limit - size)
    return first, first + size
