"""A small study of scikit-image's photos, explained by a tiny network, and changes of a bundle as an attacker makes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import skimage.data
import torch
from PIL import Image
from torch import nn

from layerlore.game.bundle.manifest import MANIFEST_FILE, manifest_bytes
from layerlore.network.model import Network
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PHOTOS = {"chelsea": "Egyptian cat", "coffee": "espresso", "rocket": "missile"}
NAMES = ("Egyptian cat", "espresso", "missile", "accordion")
SIDE = 96
SEED = 7


class Small(nn.Module):
    """Two convolutions, an average, a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Linear(16, len(NAMES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        return self.head(self.features(x).mean(dim=(2, 3)))


def network() -> Network:
    """The network, always with the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Small().eval()
    return Network(module, class_names=list(NAMES), input_size=(32, 32), name="small", spec="bundles:network")


def make_study(root: Path) -> Study:
    """Three photos of each of three classes, explained."""
    for photo, label in PHOTOS.items():
        (root / "photos" / label).mkdir(parents=True)
        image = Image.fromarray(getattr(skimage.data, photo)())
        for number in range(3):
            part = image.crop((20 * number, 10 * number, image.width - 15 * number, image.height - 5 * number))
            part.save(root / "photos" / label / f"{photo}-{number}.png")
    study = Study.create(root / "study", root / "photos", network())
    study.run(network=network(), workers=1)
    return study


def sign(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest and give it the hash that fits, as somebody who knows how would."""
    path = bundle / MANIFEST_FILE
    content = json.loads(path.read_bytes())
    del content["sha256"], content["schema"]
    change(content)
    path.write_bytes(manifest_bytes(content))
