"""Maps are enlarged as torch does it, and their mass is put into words rightly."""

from __future__ import annotations

import io

import handmade
import numpy as np
import pytest
import torch
from PIL import Image

from layerlore.report import colours, maps


@pytest.mark.parametrize("shape", [(7, 7), (1, 1), (1, 5), (14, 9), (40, 40)])
def test_upsampling_is_that_of_torch(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None].double(), size=(33, 21), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(maps.upsample(values, 33, 21), theirs[0, 0].numpy(), atol=1e-12)


def test_a_shown_map_fills_its_scale_and_a_constant_one_is_empty() -> None:
    shown = maps.shown_map(handmade.corner(3, 3), 32, 32)
    assert (shown.min(), shown.max()) == (0, 1)
    assert not maps.shown_map(np.full((4, 4), 0.7, np.float32), 8, 8).any()


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "in the upper left"), (3, 3, "in the centre"), (6, 3, "at the bottom"), (2, 6, "at the right")],
)
def test_place_of_one_bright_cell(row: int, column: int, words: str) -> None:
    assert maps.place(handmade.corner(row, column)) == words


def test_place_of_scattered_spread_and_empty_maps() -> None:
    assert maps.place(handmade.corner(0, 0) + handmade.corner(6, 6)) == "in several places"
    broad = np.ones((7, 7), np.float32)
    broad[0, 0] = 0
    assert maps.place(broad) == "spread over the photo"
    assert maps.place(np.zeros((7, 7), np.float32)) == "everywhere alike"
    assert maps.place(np.ones((1, 1), np.float32)) == "everywhere alike"


def test_overlay_shows_the_scale_and_lets_the_photo_through_where_low() -> None:
    ramp = np.linspace(0, 1, 256)[None]
    file = maps.overlay_png(ramp, colours.sequential(), colours.alphas())
    pixels = np.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))[0]
    np.testing.assert_array_equal(pixels[:, :3], colours.sequential())
    np.testing.assert_array_equal(pixels[:, 3], colours.alphas())
    assert pixels[0, 3] < 20
    assert (np.diff(pixels[:, 3].astype(int)) >= 0).all()
