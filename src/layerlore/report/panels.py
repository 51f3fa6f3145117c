"""Explanations as pictures without words, for people who compare methods: photo and map, or a grid of layers.

All have one width and one scale of colours, and the scale below; only numbers are written, so that they need no
translation and do not tell whose they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.report import colours, maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from layerlore.local.explanation import ClusterMap, LayerExplanation

WIDTH = 600
GAP = 9
BAR = 14
SMALL = 3
"""Maps of a layer beside its heaviest one."""

LETTERS, FEW_LETTERS = 24, 21
PAPER, INK, SOFT = (255, 255, 255), (28, 28, 26), (91, 91, 87)


def map_panel(photo: Image.Image, values: NDArray[np.float32]) -> Image.Image:
    """One map over the photo.

    Args:
        photo: As the network saw it, in RGB.
        values: Map of shape (h, w).
    """
    height = round(WIDTH * photo.height / photo.width)
    sheet = _paper(height + GAP + BAR)
    sheet.paste(_over(photo, values, WIDTH), (0, 0))
    _scale(sheet)
    return sheet


def layers_panel(photo: Image.Image, layers: Sequence[LayerExplanation]) -> Image.Image:
    """The heaviest maps of every layer over the photo with their weights, first layer to last, in rows of three.

    Args:
        photo: As the network saw it, in RGB.
        layers: Shallow to deep.
    """
    across = 3 if len(layers) > 4 else 2 if len(layers) > 1 else 1
    side = (WIDTH - (across - 1) * GAP) // across
    tall = round(side * photo.height / photo.width)
    tiny = (side - (SMALL - 1) * 4) // SMALL
    low = round(tiny * photo.height / photo.width)
    cell = LETTERS + 8 + tall + 4 + low + FEW_LETTERS + 6
    rows = -(-len(layers) // across)
    sheet = _paper(rows * (cell + GAP) + BAR)
    for number, layer in enumerate(layers):
        left, top = number % across * (side + GAP), number // across * (cell + GAP)
        _layer(sheet, photo, layer, number + 1, (left, top), (side, tiny))
    _scale(sheet)
    return sheet


def _layer(
    sheet: Image.Image,
    photo: Image.Image,
    layer: LayerExplanation,
    number: int,
    place: tuple[int, int],
    sizes: tuple[int, int],
) -> None:
    """Number and weight, the heaviest map, and below it some others with their weights."""
    (left, top), (side, tiny) = place, sizes
    _write(sheet, (left, top), str(number), LETTERS, SOFT)
    top += LETTERS + 8
    tall = round(side * photo.height / photo.width)
    if not layer.clusters:
        _write(sheet, (left + side // 2, top + tall // 2), "-", LETTERS, SOFT)
        return
    first, *others = layer.clusters
    _write(sheet, (left + side, top - LETTERS - 8), _weight(first), LETTERS, INK, right=True)
    sheet.paste(_over(photo, first.map, side), (left, top))
    top += tall + 4
    for place_in_row, one in enumerate(others[:SMALL]):
        x = left + place_in_row * (tiny + 4)
        small = _over(photo, one.map, tiny)
        sheet.paste(small, (x, top))
        _write(sheet, (x, top + small.height + 2), _weight(one), FEW_LETTERS, SOFT)


def _weight(cluster: ClusterMap) -> str:
    return f"{cluster.weight:.0f} %"


def _paper(height: int) -> Image.Image:
    from PIL import Image

    return Image.new("RGB", (WIDTH, height), PAPER)


def _over(photo: Image.Image, values: NDArray[np.float32], width: int) -> Image.Image:
    """A map over the photo, in this width."""
    from PIL import Image

    size = (width, max(1, round(width * photo.height / photo.width)))
    pixels = np.asarray(photo.resize(size, Image.Resampling.LANCZOS), dtype=np.float64) / 255
    painted = colours.over_photo(pixels, maps.shown_map(values, size[1], size[0]))
    return Image.fromarray(np.rint(np.clip(painted, 0, 1) * 255).astype(np.uint8))


def _scale(sheet: Image.Image) -> None:
    """The scale of colours at the foot, lowest on the left."""
    from PIL import Image

    ramp = np.tile(np.linspace(0, 1, WIDTH), (BAR, 1))
    bar = colours.over_photo(np.full((BAR, WIDTH, 3), 0.54), ramp)
    sheet.paste(Image.fromarray(np.rint(bar * 255).astype(np.uint8)), (0, sheet.height - BAR))


def _write(
    sheet: Image.Image,
    place: tuple[int, int],
    said: str,
    size: int,
    colour: tuple[int, int, int],
    *,
    right: bool = False,
) -> None:
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    ImageDraw.Draw(sheet).text(place, said, fill=colour, font=font, anchor="ra" if right else "la")
