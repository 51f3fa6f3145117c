"""The scales of maps and effects, the same in pages and in figures.

Maps: matplotlib's inferno, perceptually uniform and safe for colour-blind readers, over the photo with most
of its own colour taken out (looked at beside viridis, magma and cividis on warm and cold photos: it keeps
the map apart from the photo best). Effects: teal where removing lowers the score, brown where it
raises it; ends of the BrBG scale, told apart by colour-blind readers too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEQUENTIAL = "inferno"
# Opacity of the lowest and of the highest value, before the reader's own control.
LOWEST_ALPHA, HIGHEST_ALPHA, ALPHA_POWER = 0.04, 0.9, 1.3
# Share of the photo's colour that stays under a map.
PHOTO_COLOUR = 0.25
EFFECT_FOR, EFFECT_AGAINST = "#01665e", "#8c510a"


def sequential() -> NDArray[np.uint8]:
    """Colours of the map scale, shape (256, 3)."""
    from matplotlib import colormaps

    rgba = np.asarray(colormaps[SEQUENTIAL](np.arange(256)))
    return np.asarray(np.rint(rgba[:, :3] * 255), dtype=np.uint8)


def alphas() -> NDArray[np.uint8]:
    """Opacity of each level, shape (256,): low values let the photo through."""
    return np.rint(
        (LOWEST_ALPHA + (HIGHEST_ALPHA - LOWEST_ALPHA) * np.linspace(0, 1, 256) ** ALPHA_POWER) * 255
    ).astype(np.uint8)


def css_gradient(stops: int = 17) -> str:
    """The map scale with its opacities as a CSS gradient from left to right."""
    colours, opacity = sequential(), alphas()
    parts = []
    for index in np.linspace(0, 255, stops).round().astype(int):
        red, green, blue = (int(channel) for channel in colours[index])
        parts.append(f"rgb({red} {green} {blue} / {opacity[index] / 255:.2f})")
    return f"linear-gradient(to right, {', '.join(parts)})"


def over_photo(photo: NDArray[np.float64], values: NDArray[np.float64], strength: float = 0.9) -> NDArray[np.float64]:
    """A map painted over a photo as the page does it.

    Args:
        photo: Shape (H, W, 3) in [0, 1].
        values: Map of shape (H, W) in [0, 1].
        strength: The reader's opacity control, in [0, 1].

    Returns:
        Shape (H, W, 3) in [0, 1].
    """
    level = np.rint(values * 255).astype(np.intp)
    alpha = (alphas()[level] / 255 * strength)[..., None]
    grey = photo @ np.array([0.2126, 0.7152, 0.0722])
    colour = 1 - (1 - PHOTO_COLOUR) * strength
    pale = photo * colour + grey[..., None] * (1 - colour)
    return np.asarray(pale * (1 - alpha) + sequential()[level] / 255 * alpha)
