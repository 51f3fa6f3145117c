"""LIME: superpixels are switched off at random, and a weighted linear model tells what each is worth.

Source: Ribeiro, Singh and Guestrin, "Why Should I Trust You?", KDD 2016; by the authors' library ``lime``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.methods.subject import Raw, check_choice, check_count, check_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from layerlore.methods.subject import Subject

SEGMENTS = ("quickshift", "slic")
SIDE = 224
"""Width for which the library's settings of quickshift are made; the kernel grows with the input beyond it."""


def explain(
    subject: Subject,
    seed: int,
    *,
    samples: int = 1000,
    segmentation: str = "quickshift",
    output: str = "probability",
    batch: int = 8,
) -> Raw:
    """LIME for images, with the library's defaults: hidden superpixels get their own mean colour.

    Args:
        subject: Photo and class.
        seed: Of the superpixels and of which are switched off.
        samples: Pictures with superpixels switched off, the whole one among them.
        segmentation: ``quickshift`` (the library's default) or ``slic`` (about 50 even superpixels, much faster).
        output: What is explained: ``probability`` (as in the paper) or ``logit``.
        batch: Pictures that go through the network together.

    Raises:
        SettingError: An option is out of range.
    """
    from lime.lime_image import LimeImageExplainer

    samples, batch = check_count("samples", samples, 2), check_count("batch", batch, 1)
    what = check_output(output)
    segments = _segments(subject.view(), segmentation, seed)
    explainer = LimeImageExplainer(random_state=seed)
    with subject.asking(), _no_bar():
        found = explainer.explain_instance(
            subject.pixels(),
            lambda pictures: subject.score(pictures, what),
            labels=(subject.target,),
            top_labels=None,
            num_samples=samples,
            batch_size=batch,
            segmentation_fn=lambda _: segments,
            random_seed=seed,
        )
    values = np.zeros(segments.shape, np.float64)
    for number, weight in found.local_exp[subject.target]:
        values[segments == number] = weight
    settings = {"samples": samples, "segmentation": segmentation, "output": output, "segments": int(segments.max()) + 1}
    return Raw(values, signed=True, model_calls=subject.asked, settings=settings)


def _segments(view: NDArray[np.float64], kind: str, seed: int) -> NDArray[np.intp]:
    """Superpixels, numbered from 0; found in the photo's colours, shape (H, W).

    Raises:
        SettingError: The kind is unknown.
    """
    from skimage.segmentation import quickshift, slic

    check_choice("segmentation", kind, SEGMENTS)
    found: NDArray[Any]
    if kind == "quickshift":
        size = 4 * max(1.0, max(view.shape[:2]) / SIDE)
        found = quickshift(  # type: ignore[no-untyped-call]
            view, kernel_size=size, max_dist=200, ratio=0.2, rng=seed % 2**31
        )
    else:
        found = slic(view, n_segments=50, compactness=10, start_label=0)
    return np.unique(found, return_inverse=True)[1].reshape(view.shape[:2])


class _no_bar:  # noqa: N801 a context, as contextlib's own
    """The library draws a progress bar that cannot be switched off from outside."""

    def __enter__(self) -> None:
        """Replace the bar by the plain list."""
        from lime import lime_image

        self._before: Callable[..., Any] = lime_image.tqdm
        lime_image.tqdm = lambda rows: rows

    def __exit__(self, *_: object) -> None:
        """Put it back."""
        from lime import lime_image

        lime_image.tqdm = self._before
