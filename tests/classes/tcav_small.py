"""A tiny network with a planted concept: how red a photo is decides the first class, stripes decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from small import fill
from torch import nn

from layerlore.concepts.records import Concept, ConceptSet, MapConcept, MapKey
from layerlore.network.model import Network
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAMES = ("red", "other", "third")


class Planted(nn.Module):
    """Four maps: red, green, blue and the slope across; only red and green reach the answer, bent a little."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1, padding_mode="replicate")
        self.relu = nn.ReLU()
        self.pool = nn.AvgPool2d(2)
        self.second = nn.Conv2d(4, 4, 1)
        self.bend = nn.ReLU()
        self.head = nn.Linear(4, len(NAMES))
        with torch.no_grad():
            for part in (self.first, self.second, self.head):
                part.weight.zero_()
                part.bias.zero_()
            for colour in range(3):
                self.first.weight[colour, colour, 1, 1] = 1.0
            self.first.weight[3, :, 1, 0], self.first.weight[3, :, 1, 2] = -1.0, 1.0
            self.second.weight[:, :, 0, 0] = torch.eye(4)
            self.head.weight[0] = torch.tensor([2.0, -1.0, 0.0, 0.0])
            self.head.weight[1] = torch.tensor([-1.0, 1.0, 0.0, 0.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes); the square makes the gradient differ from photo to photo."""
        maps = self.bend(self.second(self.pool(self.relu(self.first(x)))))
        return self.head(maps.mean(dim=(2, 3)) + maps.square().mean(dim=(2, 3)))


def planted() -> Network:
    """The network."""

    def prepare(image: Image.Image) -> torch.Tensor:
        small = image.resize((16, 16), Image.Resampling.BOX)
        return torch.from_numpy(np.asarray(small, dtype=np.float32) / 255).permute(2, 0, 1)

    return Network(Planted().eval(), class_names=list(NAMES), preprocess=prepare, name="planted", spec="tcav:planted")


def noise(rng: np.random.Generator, side: int = 48) -> np.ndarray:
    """A photo of dull noise in patches."""
    coarse = rng.integers(60, 180, (6, 6, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


def make_photos(root: Path, count: int = 36, seed: int = 0) -> None:
    """Photos of two classes: noise, with a red patch in those of class ``red``."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        label = NAMES[number % 2]
        pixels = noise(rng).copy()
        if label == "red":
            top, left = rng.integers(0, 24, 2)
            pixels[top : top + 24, left : left + 24] = (235, 30, 40)
        (root / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / label / f"{number:02d}.png")


def make_study(root: Path, count: int = 36) -> Study:
    """A study of such photos, explained."""
    make_photos(root / "photos", count)
    study = Study.create(root / "study", root / "photos", planted(), copies=True, target="label")
    fill(study)
    return study


def save_pictures(folder: Path, pictures: Iterable[np.ndarray]) -> Path:
    """A folder of pictures."""
    folder.mkdir(parents=True)
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


def concepts_on(maps: dict[str, list[MapKey]]) -> ConceptSet:
    """Concepts by name, on these maps."""
    found = {name: Concept(f"{number:016x}", name, name, "en", ((name, 1),)) for number, name in enumerate(maps)}
    by_map: dict[MapKey, list[MapConcept]] = {}
    for name, keys in maps.items():
        for rank, key in enumerate(keys):
            one = MapConcept(key, 0, found[name].concept_id, name, 2.0 - rank / 100, 2, 2, 0.0, None)
            by_map.setdefault(key, []).append(one)
    return ConceptSet(
        concepts={one.concept_id: one for one in found.values()},
        maps={key: tuple(some) for key, some in by_map.items()},
        fates=(),
    )
