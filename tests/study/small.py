"""A tiny network that can be loaded by its name, small photos, and a study filled without the runner."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import nn

from layerlore.files import write_whole
from layerlore.local.explain import explain_batch
from layerlore.network.model import Network
from layerlore.study.folder import shard_path
from layerlore.study.images import target_of
from layerlore.study.reading import shard_images
from layerlore.study.schema import encode_shard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from layerlore.local.explanation import Explanation
    from layerlore.network.photos import Photo
    from layerlore.study.records import ImageRecord
    from layerlore.study.study import Study

SPEC = "small:network"
NAMES = ("cat", "dog", "crane", "crane")

PHOTOS = 40
"""Photos of the studies that are run: three shards, the last of them not full."""


class Small(nn.Module):
    """Two convolutions, an average, a linear head."""

    def __init__(self, classes: int = len(NAMES)) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU()
        )
        self.head = nn.Linear(16, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        return self.head(self.features(x).mean(dim=(2, 3)))


def network(seed: int = 0) -> Network:
    """The network, with weights drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = Small().eval()
    return Network(module, class_names=list(NAMES), input_size=(16, 16), name="small", spec=SPEC)


def save_photo(path: Path, seed: int = 0, side: int = 24) -> Path:
    """A photo of noise; each seed has its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side + 4, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def photo_folder(root: Path, count: int = 20) -> Path:
    """Photos of two classes, every other one of each."""
    for number in range(count):
        save_photo(root / ("cat", "dog")[number % 2] / f"{number:02d}.png", number)
    return root


def read(study: Study, images: Sequence[ImageRecord]) -> list[Photo]:
    """The photos, named as in the study."""
    from layerlore.network.photos import Photo, read_photo

    return [Photo(read_photo(study.photo_path(one.image_id)).image, one.name, one.image_id) for one in images]


def explained(study: Study, images: Sequence[ImageRecord]) -> list[Explanation]:
    """What ``explain_batch`` says of these photos."""
    settings = study.settings
    return explain_batch(
        study.load_network(),
        read(study, images),
        [target_of(image, settings) for image in images],
        layers=list(settings.layers),
        method=settings.method,  # type: ignore[arg-type]
        seed=settings.seed,
        ablation=settings.ablation,
        flow=settings.flow,
    )


def fill(study: Study) -> list[Explanation]:
    """Write all shards of a study, and return what is in them."""
    made = []
    for number, images in enumerate(shard_images(study.images, study.settings.shard)):
        explanations = explained(study, images)
        key = study.manifest.current
        content = encode_shard(explanations, images, {}, settings=study.settings, settings_hash=key, shard=number)
        write_whole(shard_path(study.folder, key, number), content)
        made += explanations
    return made


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a study with its bytes; the lock's are left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def assert_same(one: object, other: object, where: str = "") -> None:
    """Fail where two results differ in any field, type, shape or bit."""
    assert type(one) is type(other), where
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        np.testing.assert_array_equal(one, other, err_msg=where)
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), where
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{number}]")
    else:
        assert one == other, where
