"""Maps as they are shown: brought to the photo's size, scaled to [0, 1], and where their mass lies."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Half of the mass of an even map lies on half of the photo; from a third on, no place stands out.
SPREAD_AREA = 1 / 3
# Root mean square distance of the mass from its centre, in photo sides; an even map has 0.41.
SCATTERED = 0.3


def _taps(size: int, out: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """For each of ``out`` pixels along one axis: left neighbour, right neighbour, weight of the right one."""
    position = np.clip((np.arange(out) + 0.5) * size / out - 0.5, 0, size - 1)
    low = np.floor(position).astype(np.intp)
    return low, np.minimum(low + 1, size - 1), position - low


def upsample(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float64]:
    """Bilinear resampling with pixel centres at half integers (``align_corners=False``), edges held.

    It goes downwards as well, without averaging.

    Args:
        values: Map of shape (h, w).
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        Array of shape (height, width).
    """
    top, bottom, down = _taps(values.shape[0], height)
    left, right, across = _taps(values.shape[1], width)
    source = values.astype(np.float64)
    rows = source[top] * (1 - down)[:, None] + source[bottom] * down[:, None]
    return np.asarray(rows[:, left] * (1 - across) + rows[:, right] * across)


def shown_map(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float64]:
    """The map over the photo: upsampled, then from its lowest to its highest point scaled to [0, 1].

    A map with one value everywhere comes out as zeros: it shows no place.
    """
    large = upsample(values, height, width)
    low, high = float(large.min()), float(large.max())
    if not high > low:
        return np.zeros_like(large)
    return (large - low) / (high - low)


def fit(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height with the same proportions and ``side`` as the longer one (at least one pixel each)."""
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def overlay_png(values: NDArray[np.float64], colours: NDArray[np.uint8], alphas: NDArray[np.uint8]) -> bytes:
    """A map as a small PNG with a palette: one colour and one opacity for each of 256 levels.

    Args:
        values: Map of shape (H, W) in [0, 1].
        colours: Shape (256, 3).
        alphas: Shape (256,).
    """
    from PIL import Image

    picture = Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)).convert("L")
    picture.putpalette(colours.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True, transparency=alphas.tobytes())
    return file.getvalue()


def place(values: NDArray[np.float32]) -> str:
    """Where the mass of a map lies, in words that follow "lies".

    Args:
        values: Map of shape (h, w), not negative.
    """
    mass = np.clip(values.astype(np.float64), 0, None)
    total = float(mass.sum())
    if total <= 0 or float(mass.max()) == float(mass.min()):
        return "everywhere alike"
    heavy_first = np.sort(mass.ravel())[::-1].cumsum()
    if (np.searchsorted(heavy_first, total / 2) + 1) / mass.size > SPREAD_AREA:
        return "spread over the photo"
    # A floor under the whole map is no place: what stands above the mean counts.
    mass = np.clip(mass - mass.mean(), 0, None)
    total = float(mass.sum())
    y = (np.arange(mass.shape[0]) + 0.5) / mass.shape[0]
    x = (np.arange(mass.shape[1]) + 0.5) / mass.shape[1]
    rows, columns = mass.sum(1) / total, mass.sum(0) / total
    middle_y, middle_x = float(rows @ y), float(columns @ x)
    if np.sqrt(rows @ (y - middle_y) ** 2 + columns @ (x - middle_x) ** 2) > SCATTERED:
        return "in several places"
    return PLACES[min(2, int(middle_y * 3))][min(2, int(middle_x * 3))]


PLACES = (
    ("in the upper left", "at the top", "in the upper right"),
    ("at the left", "in the centre", "at the right"),
    ("in the lower left", "at the bottom", "in the lower right"),
)
