"""Networks whose answers are known on paper, and maps of them to be measured."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from layerlore.evaluate.case import Case, make_case
from layerlore.methods.result import Saliency, scale
from layerlore.methods.subject import Subject
from layerlore.network.loading import load_network
from layerlore.network.model import Network
from layerlore.network.photos import Photo, read_photo
from layerlore.samples import sample_path

if TYPE_CHECKING:
    from collections.abc import Callable


class Weighted(torch.nn.Module):
    """Class 1 has the logit sum(weights * x), class 0 has 0: the probability of class 1 is the sigmoid of the sum."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = (x * self.weights).sum(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(found), found], dim=1)


def red(values: object) -> torch.Tensor:
    """Numbers of shape (H, W) as the first of three channels, the others 0: (3, H, W)."""
    first = torch.tensor(values, dtype=torch.float32)
    return torch.stack([first, torch.zeros_like(first), torch.zeros_like(first)])


@pytest.fixture
def weighted() -> Callable[..., Case]:
    """A case of class 1 from the red weights, the red photo and the map, all (H, W)."""

    def make(weights: object, photo: object, heat: object, **options: object) -> Case:
        inputs = red(photo)[None]
        size = tuple(inputs.shape[2:])

        class Plain:
            def __call__(self, image: Image.Image) -> torch.Tensor:
                return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)

            def box(self, width: int, height: int) -> tuple[float, float, float, float]:
                return 0.0, 0.0, float(width), float(height)

        network = Network(Weighted(red(weights)), input_size=size, preprocess=Plain())
        picture = Photo(Image.new("RGB", size[::-1]), "photo", "0123456789abcdef")
        values, constant = scale(np.asarray(heat, dtype=np.float64))
        saliency = Saliency(
            values, "given", 1, 0, {}, 0.0, 1, float(values.min()), float(values.max()), False, constant
        )

        def explain(_network: Network, inputs: torch.Tensor, target: int) -> np.ndarray:
            """Gradient times input, exact for this network."""
            signed = (inputs * _network.module.weights).sum(dim=1)[0] * (1 if target == 1 else -1)
            return scale(signed.detach().double().numpy())[0]

        return Case(Subject(network, picture, inputs, 1), saliency, explain, **options)

    return make


@pytest.fixture(scope="session")
def cat() -> Case:
    """Grad-CAM of the default network for a photo of a cat; real weights."""
    network = load_network()
    photo = read_photo(sample_path("chelsea"))
    return make_case(Subject(network, photo, network.prepare(photo)[None], 285), "gradcam", seed=3)


class GivenMap:
    """What torchcam's metrics take for a method: it gives the map of a case.

    With a method of its own and probabilities asked for, torchcam explains the probability and not the logit.
    """

    def __init__(self, case: Case) -> None:
        self.model = case.subject.network.module
        self._map = torch.from_numpy(case.saliency.map)[None]

    def __call__(self, *_: object, **__: object) -> list[torch.Tensor]:
        return [self._map]

    def fuse_cams(self, cams: list[torch.Tensor]) -> torch.Tensor:
        return cams[0]

    def _hooks_off(self) -> contextlib.nullcontext[None]:
        return contextlib.nullcontext()


@pytest.fixture(scope="session")
def torchcam_cat(cat: Case) -> GivenMap:
    """The cat's map for torchcam's metrics."""
    return GivenMap(cat)
