"""Sample photos by name, from scikit-image's own free collection."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from layerlore.errors import SettingError

SAMPLES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
}
"""Name of each sample and its file; all four are in the public domain (CC0 or NASA)."""


def sample_path(name: str) -> Path:
    """Return the file of a sample photo.

    Args:
        name: A key of ``SAMPLES``.

    Raises:
        SettingError: No sample has the name.
    """
    if name not in SAMPLES:
        raise SettingError(f"no sample photo is called {name!r}; there are {', '.join(sorted(SAMPLES))}")
    return Path(str(files("skimage.data") / SAMPLES[name]))
