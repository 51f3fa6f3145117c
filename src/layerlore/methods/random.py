"""A control that knows nothing: a random number at each position of the last layer's maps.

A method that does no better explains nothing. The numbers depend on the seed and the photo, not on the class or the
network's weights, so over many photos it is chance itself and not one lucky map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.methods.subject import Raw, check_count

if TYPE_CHECKING:
    from layerlore.methods.subject import Subject


def explain(subject: Subject, seed: int, *, side: int | None = None) -> Raw:
    """Uniform random numbers.

    Args:
        subject: Photo and class.
        seed: Of the numbers, together with the photo.
        side: Positions in a row and in a column; None for as many as the last layer has, so that the patches are as
            large as those of Grad-CAM. As many as the input has gives single pixels.

    Raises:
        SettingError: The side is below 2.
    """
    if side is None:
        last = subject.network.layers.select(-1)[-1]
        rows, columns = max(2, last.height), max(2, last.width)
    else:
        rows = columns = check_count("side", side, 2)
    values = np.random.default_rng([seed, int(subject.photo.image_id, 16)]).random((rows, columns))
    return Raw(values, signed=False, model_calls=0, settings={"side": side})
