"""Small hand-made networks for the tests of layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from layerlore.network.layers import LayerTable, find_layers

SIZE = (16, 16)


def find(module: nn.Module, size: tuple[int, int] = SIZE) -> LayerTable:
    return find_layers(module, size, torch.device("cpu"))


def names(table: LayerTable) -> list[str]:
    return [layer.name for layer in table]


def conv(inputs: int, outputs: int, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


class Head(nn.Module):
    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, 3)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.fc(maps.mean((2, 3)))


class OneReLU(Head):
    """One ReLU module, called after each convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([conv(3, 4), conv(4, 4), conv(4, 4)])
        self.relu = nn.ReLU(inplace=True)
        self.alias = self.relu

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        for one in self.convs:
            maps = self.relu(one(maps))
        return super().forward(maps)


class Residual(nn.Module):
    """In-place ReLU and in-place addition, as in torchvision's residual blocks."""

    def __init__(self, channels: int = 4, *, last: bool = True) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        self.shortcut = nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.last = last

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        identity = self.shortcut(maps)
        out = self.conv2(self.relu(self.conv1(maps)))
        out += identity
        return self.relu(out) if self.last else out


def residual_net(**options: Any) -> nn.Sequential:
    return nn.Sequential(conv(3, 4), *(Residual(**options) for _ in range(4)), Head())


class ConvReLU(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(conv(inputs, outputs), nn.ReLU(inplace=True))
