"""A tiny network and small photos, in which a bright patch decides the class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import nn

from layerlore.network.model import Network
from layerlore.network.preprocess import Preprocess

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 32


class Tiny(nn.Module):
    """Two convolutions, an average, a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, 3)."""
        return self.head(self.features(x).mean(dim=(2, 3)))


def network(seed: int = 0) -> Network:
    """The network, with weights drawn from the seed; it sees the middle of a photo."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = Tiny().eval()
    return Network(
        module,
        class_names=["ant", "bee", "cat"],
        preprocess=Preprocess(size=(SIDE, SIDE), resize=SIDE),
        name="tiny",
        spec="evalnet:network",
    )


def save_photos(folder: Path, amount: int = 4) -> Path:
    """Photos of 40 x 32 pixels in two classes, each with a bright patch."""
    rng = np.random.default_rng(0)
    for number in range(amount):
        pixels = rng.integers(0, 90, (32, 40, 3), dtype=np.uint8)
        top, left = int(rng.integers(4, 18)), int(rng.integers(8, 22))
        pixels[top : top + 8, left : left + 8] = rng.integers(150, 255, 3)
        place = folder / ("ant" if number % 2 else "bee")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number}.png")
    return folder
