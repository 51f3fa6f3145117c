"""RISE: against a loop over the published formula, its masks, and pictures whose evidence lies in a known box."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from layerlore.digits import CANVAS, Canvases
from layerlore.errors import SettingError
from layerlore.evaluate.choosing import choose_methods
from layerlore.methods import METHODS, rise, saliency
from layerlore.methods.run import make_subject

if TYPE_CHECKING:
    from layerlore.methods.subject import Subject
    from layerlore.network.model import Network


@pytest.fixture(scope="module")
def subject(digits: Network, canvases: Canvases) -> Subject:
    return make_subject(digits, canvases.rgb(0), int(canvases.labels[0, 0]))


@pytest.mark.parametrize(("output", "baseline"), [("probability", 0.0), ("logit", 0.3)])
def test_it_is_the_published_sum(subject: Subject, output: str, baseline: float) -> None:
    """Mask by mask, enlarged by another library, on an input that is no square; the same numbers are drawn."""
    from skimage.transform import resize

    narrow = dataclasses.replace(subject, inputs=subject.inputs[:, :, :, :38], asked=0)
    random = np.random.default_rng([5, int(subject.photo.image_id, 16)])
    grids = random.random((12, 5, 5)) < 0.4
    shifts = random.integers((10, 8), size=(12, 2))  # 48 / 5 and 38 / 5, rounded up
    wanted = np.zeros((CANVAS, 38))
    for cells, (down, right) in zip(grids, shifts, strict=True):
        large = resize(cells.astype(float), (60, 48), order=1, mode="edge", anti_aliasing=False)
        mask = large[down : down + CANVAS, right : right + 38]
        shown = narrow.inputs * torch.from_numpy(mask).float() + baseline * torch.from_numpy(1 - mask).float()
        with torch.no_grad():
            scores = subject.network.module(shown).double()
        scores = scores.softmax(1) if output == "probability" else scores
        wanted += float(scores[0, subject.target]) * mask
    wanted /= 0.4 * 12
    raw = rise.explain(narrow, 5, samples=12, grid=5, keep=0.4, output=output, baseline=baseline, batch=5)
    assert np.allclose(raw.values, wanted - min(0, wanted.min()), atol=1e-5)
    assert raw.values.max() > 0.1
    assert raw.model_calls == 12


def test_masks_show_each_pixel_with_the_asked_probability() -> None:
    """The mean is that of the cells, at the edges too, and away from them the variance 4/9 of a cell's.

    A pixel lies anywhere between two cells; the squares of their weights add up to 2/3 on average, in each direction.
    """
    (masks,) = rise.draw_masks(np.random.default_rng(0), 4000, grid=7, keep=0.3, size=(45, 31), batch=4000)
    assert masks.shape == (4000, 45, 31)
    assert (masks.min(), masks.max()) == (0, 1)
    error = (0.3 * 0.7 / 4000) ** 0.5
    assert (masks.mean(dim=0) - 0.3).abs().max() < 4.5 * error
    assert float(masks[:, 7:38, 5:26].var(dim=0).mean()) == pytest.approx(0.3 * 0.7 * 4 / 9, rel=0.03)


def test_the_batch_changes_nothing_and_the_seed_and_the_photo_do(subject: Subject, canvases: Canvases) -> None:
    def ask(number: int = 0, seed: int = 0, batch: int = 8) -> np.ndarray:
        network = subject.network
        return saliency(network, canvases.rgb(number), 3, method="rise", seed=seed, samples=30, batch=batch).map

    first = ask()
    assert np.allclose(first, ask(batch=7), atol=1e-5)
    assert np.allclose(first, ask(batch=64), atol=1e-5)
    assert not np.allclose(first, ask(seed=1), atol=0.1)
    both = [
        next(rise.draw_masks(np.random.default_rng(0), 9, grid=4, keep=0.5, size=(20, 20), batch=n)) for n in (4, 9)
    ]
    assert torch.equal(both[0], both[1][:4])


def test_it_finds_the_digit_better_than_random(digits: Network, canvases: Canvases) -> None:
    """As many highest pixels as the box has: which share lies inside; and the highest pixel."""
    shares: dict[str, list[float]] = {"rise": [], "random": []}
    hits = 0
    for number in range(10):
        mask = canvases.mask(number)
        for method, options in (("rise", {"samples": 500, "batch": 32}), ("random", {"side": CANVAS})):
            found = saliency(digits, canvases.rgb(number), method=method, **options).map
            top = np.argsort(-found.ravel(), kind="stable")[: mask.sum()]
            shares[method].append(float(mask.ravel()[top].mean()))
            hits += bool(method == "rise" and mask.flat[found.argmax()])
    assert np.mean(shares["random"]) < 0.2
    assert np.mean(shares["rise"]) > np.mean(shares["random"]) + 0.3
    assert hits >= 8


def test_it_is_not_among_the_quick_methods() -> None:
    assert "rise" in METHODS
    assert "rise" not in choose_methods(None, {}, 0)[0]


def test_wrong_options_are_told(digits: Network, canvases: Canvases) -> None:
    for options, words in (
        ({"samples": 0}, "samples is 0; give a whole number of at least 1"),
        ({"grid": 1}, "at least 2"),
        ({"grid": 49}, "48 pixels a side"),
        ({"keep": 0.0}, "between 0 and 1"),
        ({"keep": 1}, "between 0 and 1"),
        ({"keep": float("nan")}, "between 0 and 1"),
        ({"output": "loss"}, "probability, logit"),
        ({"baseline": float("inf")}, "finite"),
        ({"batch": 0}, "at least 1"),
        ({"masks": 9}, "no option 'masks'"),
    ):
        with pytest.raises(SettingError, match=words) as caught:
            saliency(digits, canvases.rgb(0), method="rise", **options)
        assert "\n" not in str(caught.value)
