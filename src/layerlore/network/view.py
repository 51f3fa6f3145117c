"""The part of a photo that a network sees, for people to look at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from layerlore.network.preprocess import Box

VIEW_SIDE = 448
VIEW_QUALITY = 88


def seen_part(
    image: Image.Image,
    box: Box,
    input_size: tuple[int, int],
    *,
    background: tuple[int, int, int] = (0, 0, 0),
    side: int = VIEW_SIDE,
) -> Image.Image:
    """Cut out the part of a photo that a network sees; maps lie over it edge to edge.

    Args:
        image: The upright photo in RGB.
        box: The part: (left, top, right, bottom) in pixels of the photo; it may reach beyond the photo.
        input_size: (height, width) of the network's input.
        background: Colour beyond the photo's edges.
        side: Longest side in pixels. It is less where neither the photo nor the input has as much detail.
    """
    left, top, right, bottom = box
    across, down = right - left, bottom - top
    longest = min(float(side), max(*input_size, across, down))
    scale = longest / max(across, down)
    rows, columns = input_size
    if abs(across * rows / (down * columns) - 1) < 0.02:  # but for the rounding of a resize, the same shape
        size = (round(longest * columns / max(input_size)), round(longest * rows / max(input_size)))
    else:
        size = (max(1, round(across * scale)), max(1, round(down * scale)))
    inner = (max(left, 0.0), max(top, 0.0), min(right, float(image.width)), min(bottom, float(image.height)))
    if inner == (left, top, right, bottom):
        return image.resize(size, Image.Resampling.LANCZOS, box=inner)
    canvas = Image.new("RGB", size, background)
    part = (max(1, round((inner[2] - inner[0]) * scale)), max(1, round((inner[3] - inner[1]) * scale)))
    canvas.paste(
        image.resize(part, Image.Resampling.LANCZOS, box=inner),
        (round((inner[0] - left) * scale), round((inner[1] - top) * scale)),
    )
    return canvas


def view_jpeg(view: Image.Image) -> bytes:
    """The view as a JPEG file; the same pixels give the same bytes."""
    buffer = io.BytesIO()
    view.save(buffer, format="JPEG", quality=VIEW_QUALITY)
    return buffer.getvalue()
