"""Pictures of which only the heaviest pixels of a map are seen (game.md 2.7).

The photo is resized first and masked last; what is hidden is the background's colour exactly, for it was never written.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.game.bundle.errors import Fault, RevealError
from layerlore.game.bundle.noise import noise_order
from layerlore.game.bundle.png import pad

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from layerlore.network.preprocess import Box

SIDE = 384
EDGE = 4.0
_LEVELS = 2.0**30  # steps between 0 and the highest value; differences below are rounding of the resampling
_AROUND = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Look:
    """How reveals look.

    Attributes:
        fractions: Shares of the picture that the steps show, growing.
        background: Colour of what is hidden, (red, green, blue).
        min_island: Smallest group of pixels that is shown, unless the map leaves no other way.
        edge: Width in pixels over which what is shown fades into the background, on the inside.
    """

    fractions: tuple[float, ...]
    background: tuple[int, int, int] = (128, 128, 128)
    min_island: int = 4
    edge: float = EDGE


@dataclass(frozen=True, eq=False)
class Mask:
    """What one step shows.

    Attributes:
        fraction: Share of the picture.
        pixels: Number of pixels: the share rounded, or less where the map has low support.
        shown: Shape (height, width).
    """

    fraction: float
    pixels: int
    shown: NDArray[np.bool_]


def seen_pixels(
    image: Image.Image, box: Box, input_size: tuple[int, int], background: tuple[int, int, int], side: int = SIDE
) -> NDArray[np.uint8]:
    """The part of a photo that the network saw; its longer side is ``side`` for every photo.

    Args:
        image: The upright photo in RGB.
        box: That part, as in `PhotoRecord`.
        input_size: (height, width) of the network's input.
        background: Colour beyond the photo's edges.
        side: In pixels; also for photos that have less detail, since a size would tell which photo it is.

    Returns:
        Array of shape (height, width, 3).
    """
    from PIL import Image

    from layerlore.network.view import seen_part

    view = seen_part(image, box, input_size, background=background, side=side)
    scale = side / max(view.size)
    if scale != 1:
        size = (max(1, round(view.width * scale)), max(1, round(view.height * scale)))
        view = view.resize(size, Image.Resampling.BICUBIC)
    return np.array(view, np.uint8)


def check_saliency(saliency: NDArray[np.floating]) -> None:
    """Refuse a map from which no step can be made.

    Raises:
        RevealError: It has values that are no numbers, negative ones, or one value everywhere.
    """
    if not np.isfinite(saliency).all():
        raise RevealError(Fault.NOT_FINITE)
    if (saliency < 0).any():
        raise RevealError(Fault.NEGATIVE)
    if saliency.size == 0 or saliency.max() == saliency.min():
        raise RevealError(Fault.CONSTANT)


def reveal_masks(
    saliency: NDArray[np.floating], look: Look, *, seed: int, keep_low_support: bool = False
) -> tuple[Mask, ...]:
    """What each step shows: the first ``round(fraction * pixels)`` pixels, highest first, of those above 0.

    Pixels of one height come in an order of blue noise. Each step shows what the one before shows, and more. A step
    for which the map has too few pixels above 0 is left out, and so are those after it.

    Args:
        saliency: Shape (height, width), at the picture's size.
        look: The steps, and the smallest island.
        seed: Of the order of pixels of one height.
        keep_low_support: Where there are too few pixels for the first step, make it the only one, with what there is.

    Raises:
        RevealError: The map has a fault, see `check_saliency`, or too few pixels for the first step.
    """
    check_saliency(saliency)
    allowed = saliency > 0
    support = int(allowed.sum())
    wanted = [(fraction, pixel_count(fraction, saliency.size)) for fraction in look.fractions]
    steps = [(fraction, pixels) for fraction, pixels in wanted if 0 < pixels <= support]
    if not steps or wanted[0][1] > support:
        if not keep_low_support:
            raise RevealError(Fault.LOW_SUPPORT)
        return (Mask(look.fractions[0], support, allowed),)
    order = _order(saliency, seed, look.min_island)
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    masks: list[Mask] = []
    shown = np.zeros(saliency.size, bool)
    for fraction, pixels in steps:
        before = shown.reshape(saliency.shape)
        following = order[~shown[order]][: pixels - int(shown.sum())]
        shown = shown.copy()
        shown[following] = True
        mask = _without_islands(shown.reshape(saliency.shape), before, allowed, rank, look.min_island)
        shown = mask.ravel()
        masks.append(Mask(fraction, pixels, mask))
    return tuple(masks)


def pixel_count(fraction: float, pixels: int) -> int:
    """Pixels that a step shows."""
    return round(fraction * pixels)


def _order(saliency: NDArray[np.floating], seed: int, min_island: int) -> NDArray[np.int64]:
    """Flat places of all pixels, highest first."""
    # What is above 0 by less than a level still comes before what is not.
    levels = np.maximum(np.rint(saliency / saliency.max() * _LEVELS), saliency > 0)
    grain = math.isqrt(max(1, min_island) - 1) + 1
    height, width = saliency.shape
    ties = noise_order(height, width, seed, grain=grain)
    return np.lexsort((ties.ravel(), -levels.ravel()))


def _without_islands(
    mask: NDArray[np.bool_],
    before: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    rank: NDArray[np.int64],
    smallest: int,
) -> NDArray[np.bool_]:
    """As many pixels without groups of fewer than ``smallest``: the others grow instead, by their best neighbours.

    Args:
        mask: What the step would show.
        before: What the step before shows; it stays.
        allowed: Pixels that may be shown.
        rank: Of each pixel, flat.
        smallest: Pixels of a group that may stay.

    Returns:
        The mask; as it was, where nothing else can grow.
    """
    from scipy import ndimage

    if smallest <= 1:
        return mask
    groups, count = ndimage.label(mask, _AROUND)
    small = np.bincount(groups.ravel(), minlength=count + 1) < smallest
    small[groups[before]] = False
    small[0] = False
    dropped = small[groups]
    missing = int(dropped.sum())
    kept: NDArray[np.bool_] = mask & ~dropped
    while missing:
        near = np.flatnonzero(ndimage.binary_dilation(kept, _AROUND) & allowed & ~kept)
        if not near.size:
            return mask
        best = near[np.argsort(rank[near])][:missing]
        kept.ravel()[best] = True
        missing -= best.size
    return kept


def opacity(mask: NDArray[np.bool_], edge: float) -> NDArray[np.float64]:
    """How much of the photo shows at each pixel, in [0, 1]: 0 outside the mask, above 0 inside.

    It rises smoothly from the mask's border inwards. A narrow part has a narrower edge, so that its middle is clear.

    Args:
        mask: Shape (height, width).
        edge: Width of the rise in pixels.
    """
    from scipy import ndimage

    if mask.all() or not mask.any() or edge <= 0:
        return mask.astype(np.float64)
    # Beyond the picture nothing is hidden, so its own borders are no edges.
    distance = ndimage.distance_transform_edt(mask)
    groups, count = ndimage.label(mask, _AROUND)
    middle = np.zeros(count + 1)
    np.maximum.at(middle, groups[mask], distance[mask])
    width = np.minimum(edge, middle / 2)[groups]
    rise = np.clip(distance / (width + 0.5), 0, 1)
    return np.asarray(rise * rise * (3 - 2 * rise))


def compose(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_], background: tuple[int, int, int], edge: float
) -> NDArray[np.uint8]:
    """The picture where the mask shows it, on an opaque background.

    Args:
        picture: Shape (height, width, 3).
        mask: Shape (height, width).
        background: Colour of the rest.
        edge: See `opacity`.

    Returns:
        A new array of the picture's shape.
    """
    colour = np.array(background, np.uint8)
    made = np.empty(picture.shape, np.uint8)
    made[:] = colour
    share = opacity(mask, edge)[mask][:, None]
    made[mask] = np.rint(colour + share * (picture[mask].astype(np.float64) - colour)).astype(np.uint8)
    return made


def encode(picture: NDArray[np.uint8]) -> bytes:
    """The picture as a PNG file that holds nothing else, padded to the next 4 KiB."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG", compress_level=9)
    return pad(buffer.getvalue())


def render(
    picture: NDArray[np.uint8], values: NDArray[np.float32], look: Look, *, seed: int, keep_low_support: bool = False
) -> list[tuple[Mask, bytes]]:
    """The steps of one map over a picture, with the PNG file of each.

    Args:
        picture: Shape (height, width, 3).
        values: The map at feature resolution, shape (h, w).
        look: How they look.
        seed: See `reveal_masks`.
        keep_low_support: Likewise.

    Raises:
        RevealError: See `reveal_masks`.
    """
    from layerlore.report.maps import upsample

    check_saliency(values)
    saliency = upsample(values, *picture.shape[:2])
    masks = reveal_masks(saliency, look, seed=seed, keep_low_support=keep_low_support)
    return [(mask, encode(compose(picture, mask.shown, look.background, look.edge))) for mask in masks]


def blank(
    picture: NDArray[np.uint8], look: Look, fractions: Sequence[float] | None = None
) -> list[tuple[float, bytes]]:
    """The steps of a map that shows nothing: the background, each time."""
    made = np.empty(picture.shape, np.uint8)
    made[:] = np.array(look.background, np.uint8)
    content = encode(made)
    return [(fraction, content) for fraction in fractions or look.fractions]
