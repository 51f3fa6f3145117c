"""Preprocessing against timm's and torchvision's own transforms, and the part of the photo that is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from layerlore.errors import ModelError, SettingError
from layerlore.network.preprocess import CallablePreprocess, Preprocess, as_preprocess

SIZES = [(500, 375), (375, 500), (333, 331), (100, 59), (224, 224), (640, 201)]


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * 7919 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "config",
    [
        {"input_size": (3, 224, 224), "crop_pct": 0.875, "interpolation": "bicubic"},
        {"input_size": (3, 288, 288), "crop_pct": 1.0, "interpolation": "bicubic", "crop_mode": "squash"},
        {"input_size": (3, 160, 160), "crop_pct": 0.95, "interpolation": "bilinear"},
        {"input_size": (3, 128, 192), "crop_pct": 0.9, "interpolation": "bicubic", "crop_mode": "squash"},
        {"input_size": (3, 192, 192), "crop_pct": 1.0, "interpolation": "lanczos", "crop_mode": "border"},
    ],
    ids=lambda config: f"{config['input_size'][1]}x{config['input_size'][2]}-{config.get('crop_mode', 'center')}",
)
def test_same_tensor_as_timm(config: dict[str, Any], size: tuple[int, int]) -> None:
    from timm.data import create_transform

    full = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4), **config}
    photo = noise(*size)
    torch.testing.assert_close(Preprocess.from_timm(full)(photo), create_transform(**full)(photo), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("options", [{"crop_size": 224}, {"crop_size": 299, "resize_size": 342}, {"crop_size": 256}])
def test_same_tensor_as_torchvision(options: dict[str, int], size: tuple[int, int]) -> None:
    from torchvision.transforms._presets import ImageClassification

    preset = ImageClassification(**options)
    ours = as_preprocess(preset, None)
    assert isinstance(ours, Preprocess)
    torch.testing.assert_close(ours(noise(*size)), preset(noise(*size)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("rounding", ["down", "nearest"])
@given(width=st.integers(60, 500), height=st.integers(60, 500), side=st.integers(16, 120), resize=st.integers(16, 140))
@settings(max_examples=40, deadline=None)
def test_box_has_the_shape_of_the_input(
    fit: Any, rounding: Any, width: int, height: int, side: int, resize: int
) -> None:
    preprocess = Preprocess(size=(side, 100), resize=resize, fit=fit, rounding=rounding)
    left, top, right, bottom = preprocess.box(width, height)
    # Both sides are scaled alike, but for the rounding of the longer one to whole pixels.
    across, down = (right - left) / 100, (bottom - top) / side
    assert across == pytest.approx(down, rel=1.5 / min(resize, resize * min(width, height) / max(width, height)))
    # The middle of the box is the middle of the photo, to one pixel of the input.
    assert (left + right) / 2 == pytest.approx(width / 2, abs=1.01 * across)
    assert (top + bottom) / 2 == pytest.approx(height / 2, abs=1.01 * down)
    assert preprocess(noise(width, height)).shape == (3, side, 100)


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (331, 333), (1024, 300)])
@pytest.mark.parametrize(
    "known",
    [
        Preprocess(),
        Preprocess(size=(96, 160), resize=(120, 200), interpolation="bilinear"),
        Preprocess(size=(64, 64), resize=64),
    ],
    ids=["crop", "squash", "small"],
)
def test_box_of_a_users_function_is_measured(known: Preprocess, size: tuple[int, int]) -> None:
    measured = CallablePreprocess(known)
    expected = known.box(*size)
    assert measured.box(*size) == pytest.approx(expected, abs=0.002 * max(size))
    given_box = CallablePreprocess(known, seen=lambda width, height: (1.0, 2.0, 3.0, 4.0))
    assert given_box.box(*size) == (1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    "function",
    [
        lambda image: torch.zeros(3, 8, 8),
        lambda image: Preprocess()(image).flip(2),
        lambda image: Preprocess()(image).square(),
        Preprocess(fit="pad", resize=224, mean=(0, 0, 0)),
    ],
    ids=["constant", "mirrored", "curved", "padded"],
)
def test_box_is_the_whole_photo_where_it_cannot_be_measured(function: Any) -> None:
    assert CallablePreprocess(function).box(500, 375) == (0, 0, 500, 375)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda image: image, "returned Image"),
        (lambda image: {"pixel_values": torch.zeros(1, 3, 8, 8)}, "returned dict"),
        (lambda image: torch.zeros(8, 8), r"shape \(8, 8\)"),
        (lambda image: torch.zeros(3, 8, 8, dtype=torch.uint8), "uint8"),
        (lambda image: image.no_such_thing, "AttributeError"),
    ],
)
def test_functions_that_return_something_else(function: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        CallablePreprocess(function)(noise(30, 20))


def test_a_batch_of_one_is_taken_apart() -> None:
    assert CallablePreprocess(lambda image: Preprocess()(image)[None])(noise(30, 20)).shape == (3, 224, 224)


def test_settings_are_checked() -> None:
    with pytest.raises(SettingError, match="known are"):
        Preprocess(interpolation="cubic")
    with pytest.raises(SettingError, match="above 0"):
        Preprocess(std=(0.2, 0.0, 0.2))
    with pytest.raises(SettingError, match="at least one pixel"):
        Preprocess(size=(0, 5))
    with pytest.raises(ModelError, match="give a function"):
        as_preprocess(3, None)
