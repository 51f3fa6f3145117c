"""Cluttered digits: pictures whose evidence lies in a known box, and a small network that reads them.

One handwritten digit (scikit-learn's, 8 x 8, public) lies somewhere among others that are cut into tiles and shuffled,
on noise. Methods that claim to find the evidence can be held to it, with no download and a network that is trained in
about a minute.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from layerlore.network.model import Network
from layerlore.network.preprocess import Preprocess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CANVAS = 48
PATCH = 16
TILE = 4
PATCHES = 4
NOISE = 0.08
TRAINING = 1300
WIDTHS = (16, 32, 64, 96)


@dataclass(frozen=True, eq=False)
class Canvases:
    """Pictures with digits at known places.

    Attributes:
        images: Shape (N, 48, 48), float32 in [0, 1].
        labels: Digits that can be read in each, shape (N, D): one, or two.
        boxes: Their places, shape (N, D, 4): first row, first column, and the row and column after the last.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def mask(self, number: int, digit: int = 0) -> NDArray[np.bool_]:
        """Where one digit of one picture lies, shape (48, 48)."""
        top, left, bottom, right = self.boxes[number, digit]
        mask = np.zeros((CANVAS, CANVAS), bool)
        mask[top:bottom, left:right] = True
        return mask

    def rgb(self, number: int) -> NDArray[np.uint8]:
        """One picture as a photo, shape (48, 48, 3)."""
        grey = np.rint(255 * self.images[number]).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)


def split_digits() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the 1,300 digits for training and of the 497 for testing."""
    order = np.random.default_rng(0).permutation(len(_digits()[1]))
    return order[:TRAINING], order[TRAINING:]


def digit_labels() -> NDArray[np.int64]:
    """Which digit each of the 1,797 is."""
    return _digits()[1]


def make_cluttered_digits(
    indices: Sequence[int] | NDArray[np.int64], seed: int, *, second: Sequence[int] | NDArray[np.int64] | None = None
) -> Canvases:
    """One picture for each digit: it, and shuffled others of the same indices up to four patches in all.

    Args:
        indices: Which of scikit-learn's digits.
        seed: Of places, shuffles and noise.
        second: A second whole digit for each picture, in place of one of the shuffled.
    """
    random = np.random.default_rng(seed)
    patches, names = _digits()
    whole = np.stack([np.asarray(indices)] + ([] if second is None else [np.asarray(second)]), axis=1)
    images = random.normal(0, NOISE, (len(whole), CANVAS, CANVAS)).astype(np.float32)
    boxes = np.zeros((*whole.shape, 4), np.int64)
    for number, row in enumerate(whole):
        others = random.choice(np.asarray(indices), PATCHES - len(row))
        shown = [patches[index] for index in row] + [_shuffled(patches[index], random) for index in others]
        for place, (patch, (top, left)) in enumerate(zip(shown, _places(random), strict=True)):
            images[number, top : top + PATCH, left : left + PATCH] += patch
            if place < len(row):
                boxes[number, place] = top, left, top + PATCH, left + PATCH
    return Canvases(images.clip(0, 1), names[whole], boxes)


@functools.cache
def _digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All digits enlarged bilinearly to shape (16, 16), in [0, 1], and which they are."""
    from sklearn.datasets import load_digits

    found = load_digits()
    small = torch.from_numpy(np.asarray(found.images, np.float32) / 16)[:, None]
    large = nn.functional.interpolate(small, (PATCH, PATCH), mode="bilinear", align_corners=False)[:, 0]
    return np.asarray(large.numpy()), np.asarray(found.target, np.int64)


def _shuffled(patch: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Its sixteen tiles of 4 x 4 in another order."""
    side = PATCH // TILE
    tiles = patch.reshape(side, TILE, side, TILE).swapaxes(1, 2).reshape(-1, TILE, TILE)
    tiles = tiles[random.permutation(len(tiles))]
    return tiles.reshape(side, side, TILE, TILE).swapaxes(1, 2).reshape(PATCH, PATCH)


def _places(random: np.random.Generator) -> NDArray[np.int64]:
    """Upper left corners of four patches that do not overlap, shape (4, 2)."""
    first, second = np.triu_indices(PATCHES, k=1)
    while True:
        tries = random.integers(0, CANVAS - PATCH + 1, (64, PATCHES, 2))
        apart = (np.abs(tries[:, first] - tries[:, second]) >= PATCH).any(axis=2).all(axis=1)
        if apart.any():
            found: NDArray[np.int64] = tries[int(apart.argmax())]
            return found


class DigitNet(nn.Module):
    """Four blocks of two 3 x 3 convolutions with max-pools between, the mean over positions, and a linear layer."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        steps: list[nn.Module] = []
        before = 1
        for block, width in enumerate(WIDTHS):
            steps += [nn.MaxPool2d(2)] if block else []
            for _ in range(2):
                steps += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                before = width
        self.features = nn.Sequential(*steps)
        self.head = nn.Linear(before, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the ten digits, shape (N, 10); of the photo's three channels, which are alike, one is used."""
        features: torch.Tensor = self.features(x[:, :1])
        logits: torch.Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


def train_digit_net(*, epochs: int = 14, digits: int = TRAINING, seed: int = 0) -> DigitNet:
    """Train on digits at new places in each epoch; the caller's random state stays as it is.

    Args:
        epochs: How often each digit is seen.
        digits: Use only so many.
        seed: Of the weights, the order and the places.
    """
    indices = split_digits()[0][:digits]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = DigitNet().train()
        optimiser = torch.optim.Adam(module.parameters())
        batches = -(-len(indices) // 32)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=6e-3, total_steps=epochs * batches)
        for epoch in range(epochs):
            seen = make_cluttered_digits(indices, seed * 1000 + epoch)
            images, labels = torch.from_numpy(seen.images)[:, None], torch.from_numpy(seen.labels[:, 0])
            order = torch.randperm(len(images))
            for batch in (order[first : first + 32] for first in range(0, len(order), 32)):
                loss = nn.functional.cross_entropy(module(images[batch]), labels[batch])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
    return module.eval()


def digit_network(module: nn.Module) -> Network:
    """The network with its preprocessing; photos for it are those of :meth:`Canvases.rgb`."""
    plain = Preprocess(size=(CANVAS, CANVAS), resize=CANVAS, mean=(0, 0, 0), std=(1, 1, 1))
    return Network(module, preprocess=plain, class_names=[str(digit) for digit in range(10)], name="DigitNet")
