"""Tiny networks in float64, small enough to be re-computed by hand."""

from __future__ import annotations

import torch
from torch import nn

from layerlore.network.model import Network


class TinyVGG(nn.Module):
    """Three convolutions with in-place ReLU, one pooling step, an average and a linear head."""

    def __init__(self, width: int = 12, classes: int = 4) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        return self.head(self.features(x).mean(dim=(2, 3)))


class TwiceUsed(nn.Module):
    """One ReLU module called three times, in place, with an addition in place between; dropout and batch norm."""

    def __init__(self, width: int = 8, classes: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        x = self.relu(self.conv1(x))
        y = self.relu(self.norm(self.conv2(x)))
        y = self.conv3(y)
        y += x
        y = self.relu(y)
        return self.head(self.drop(y.mean(dim=(2, 3))))


def network(module: nn.Module, *, size: int = 12, seed: int = 0) -> Network:
    """Wrap a module with seeded float64 weights, with an input of size x size."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    classes = module.head.out_features
    return Network(
        module.double(), input_size=(size, size), class_names=[f"class {i}" for i in range(classes)], name="tiny"
    )


def photos(count: int, *, size: int = 12, seed: int = 1) -> torch.Tensor:
    """Random inputs in float64, shape (count, 3, size, size)."""
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
