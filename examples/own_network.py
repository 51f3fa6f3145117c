"""Explain a torch module of your own: a ResNet-18 with two classes and preprocessing of its own.

The weights are random here, so the maps mean nothing; load yours with ``weights_only=True``.

python examples/own_network.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torchvision import models
from torchvision.transforms import v2

import layerlore as ll
from layerlore.samples import sample_path

if TYPE_CHECKING:
    from PIL import Image

to_tensor = v2.Compose(
    [
        v2.Resize((160, 160)),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    ]
)


def prepare(photo: Image.Image) -> torch.Tensor:
    """Turn a photo into the network's input, float32 of shape (3, 160, 160)."""
    tensor: torch.Tensor = to_tensor(photo)
    return tensor


def main() -> None:
    """Wrap the module and explain a photo for one of its classes."""
    torch.manual_seed(0)
    module = models.resnet18(num_classes=2).eval()
    network = ll.Network(module, preprocess=prepare, class_names=["cat", "no cat"], name="My ResNet")
    print("default layers:", ", ".join(layer.name for layer in network.layers.default))
    explanation = ll.explain(network, sample_path("chelsea"), target="cat", layers=["layer2.1", "layer4.1"])
    print(explanation.save("own.html"))


if __name__ == "__main__":
    main()
