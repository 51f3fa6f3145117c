"""SHAP: what each part of the photo adds to the class's score, on average over orders of adding the parts.

Source: Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017; by the authors' library
``shap``. Its partition explainer computes Owen values, Shapley values over a tree of nested rectangles. The library's
way for gradients needs hooks of its own and a background set; this one needs the network's answers only. What is
hidden is blurred, as in the library's examples; the blur is ours (the library's needs OpenCV).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from layerlore.errors import SettingError
from layerlore.methods.subject import Raw, check_count, check_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layerlore.methods.subject import Subject


def explain(
    subject: Subject,
    seed: int,
    *,
    evaluations: int = 500,
    blur: float = 0.5,
    output: str = "probability",
    batch: int = 8,
) -> Raw:
    """SHAP values of nested rectangles against a blurred photo.

    Args:
        subject: Photo and class.
        seed: Changes nothing: no number is drawn.
        evaluations: Pictures with hidden parts to ask the network about; more give smaller rectangles.
        blur: Width of the blur (a box, three times) as a share of the longer side.
        output: What is explained: ``probability`` or ``logit``.
        batch: Pictures that go through the network together.

    Raises:
        SettingError: An option is out of range.
    """
    import shap

    del seed
    evaluations, batch = check_count("evaluations", evaluations, 8), check_count("batch", batch, 1)
    what = check_output(output)
    if not 0 < blur <= 1:
        raise SettingError(f"blur is {blur}; give a share of the longer side, above 0 and at most 1")
    pixels = subject.pixels()
    masker = shap.maskers.Image(_blurred(pixels, blur))
    target = subject.target
    with subject.asking(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries it is made of tell their own deprecations
        explainer = shap.explainers.Partition(lambda pictures: subject.score(pictures, what)[:, target], masker)
        found = explainer(pixels[None], max_evals=evaluations, batch_size=batch, silent=True)
    values = np.asarray(found.values[0], dtype=np.float64).sum(axis=2)  # over the channels
    settings = {"evaluations": evaluations, "blur": blur, "output": output}
    return Raw(values, signed=True, model_calls=subject.asked, settings=settings)


def _blurred(pixels: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """The photo without detail, shape (H, W, 3)."""
    from scipy.ndimage import uniform_filter

    size = max(3, round(share * max(pixels.shape[:2]) / 3))
    for _ in range(3):
        pixels = uniform_filter(pixels, size=(size, size, 1), mode="nearest")
    return pixels
