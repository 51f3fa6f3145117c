"""The rest of a network, run alone, says what the whole network says."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from tiny import TwiceUsed, network
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from layerlore.local.capture import replaced_outputs
from layerlore.local.partial import Prefix
from layerlore.network.loading import load_network
from layerlore.network.state import undisturbed

FAMILIES = [
    "torchvision:resnet18",
    "torchvision:densenet121",
    "torchvision:shufflenet_v2_x0_5",
    "timm:convnext_atto",
    "timm:mobilenetv3_small_050",
]


class Shared(nn.Module):
    """One block that is called in a loop, with a skip in place: a layer inside it cannot be told by its path alone."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(3, 3, 1))
        self.head = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        for _ in range(3):
            y = self.block(x)
            y += x
            x = y
        return self.head(x.mean(dim=(2, 3)))


class PreActivation(nn.Module):
    """Blocks that begin with an in-place ReLU on a tensor that they add again later: x becomes relu(x) for both."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.relus = nn.ModuleList(nn.ReLU(inplace=True) for _ in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(6, 6, 3, padding=1) for _ in range(3))
        self.last = nn.ReLU()
        self.head = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        x = self.stem(x)
        for relu, conv in zip(self.relus, self.convs, strict=True):
            y = relu(x)
            x = x + conv(y)
        return self.head(self.last(x).mean(dim=(2, 3)))


class SharedFunction(nn.Module):
    """The same with a non-linearity that is no module's output, called twice inside a wrapper and once outside."""

    class Step(nn.Module):
        """A convolution, a functional ReLU, and a scale after it."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """Maps of the input's shape."""
            return nn.functional.relu(self.conv(x)) * 1.5 - 0.1

    def __init__(self) -> None:
        super().__init__()
        self.step = SharedFunction.Step()
        self.twice = nn.Sequential(self.step, self.step)
        self.head = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        return self.head(self.step(self.twice(x)).mean(dim=(2, 3)))


def check(net, photo, layers, *, fewer):
    """Change each layer by seeded factors, with and without skipping: the same logits, for less arithmetic."""
    with undisturbed(net.module), torch.no_grad():
        prefix = Prefix(net.module, photo, layers)
        for position, layer in enumerate(layers):
            shape = (3, 1, 1, layer.channels) if layer.channels_last else (3, layer.channels, 1, 1)
            factor = 4 * torch.rand(shape, dtype=photo.dtype)
            logits, work = [], []
            for way in (nullcontext(), prefix.skipping(position, 3)):
                change = replaced_outputs(net.module, [layer], lambda _, output, factor=factor: output * factor)
                with way, change, FlopCounterMode(display=False) as counter:
                    logits.append(net.module(photo.expand(3, -1, -1, -1).clone()))
                work.append(counter.get_total_flops())
            scale = logits[0].std(dim=0).max()
            assert scale > 0, f"{layer.name}: the change must reach the logits"
            torch.testing.assert_close(logits[1] / scale, logits[0] / scale, rtol=1e-6, atol=1e-6)
            assert work[1] < work[0] or not fewer
    assert all("forward" not in module.__dict__ for module in net.module.modules())


@pytest.mark.parametrize("spec", FAMILIES)
def test_the_rest_alone_equals_the_whole(spec):
    torch.manual_seed(0)
    net = load_network(spec, pretrained=False)
    net.module.double()
    photo = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    check(net, photo, net.layers.default[::4], fewer=True)


def test_modules_called_several_times():
    net = network(TwiceUsed())
    check(net, torch.randn(1, 3, 12, 12, dtype=torch.float64), net.layers.select("all"), fewer=True)
    net = network(PreActivation())
    check(net, torch.randn(1, 3, 12, 12, dtype=torch.float64), net.layers.select("all"), fewer=True)
    net = network(SharedFunction())
    functional = [layer for layer in net.layers.select("all") if layer.functional]
    assert [layer.call for layer in functional] == [0, 1, 2]
    check(net, torch.randn(1, 3, 12, 12, dtype=torch.float64), functional, fewer=False)
    net = network(Shared())
    check(net, torch.randn(1, 3, 12, 12, dtype=torch.float64), net.layers.select("all"), fewer=False)
