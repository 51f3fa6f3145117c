"""A control that knows one thing: photographers put what they mean in the middle.

A method that points no better than this may only have learnt that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.errors import SettingError
from layerlore.methods.subject import Raw

if TYPE_CHECKING:
    from layerlore.methods.subject import Subject


def explain(subject: Subject, seed: int, *, sigma: float = 0.25) -> Raw:
    """A Gaussian bell in the middle of the input.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        sigma: Its width as a share of the input's height and width.

    Raises:
        SettingError: The width is not above zero.
    """
    del seed
    if not 0 < sigma < np.inf:
        raise SettingError(f"sigma is {sigma}; give a share of the side above 0, such as 0.25")
    across, down = (np.arange(length) + 0.5 - length / 2 for length in reversed(subject.inputs.shape[2:]))
    rows, columns = subject.inputs.shape[2:]
    values = np.exp(-((down[:, None] / rows) ** 2 + (across / columns) ** 2) / (2 * sigma**2))
    return Raw(values, signed=False, model_calls=0, settings={"sigma": sigma})
