"""Time of capturing all nine default layers, against the bare network and against torchcam. About one minute.

Goals: at most 1.3 times one forward pass plus one backward pass to the input of the same network, and at most 1.1
times torchcam's LayerCAM-style capture (forward hooks and one backward pass) of the same layers.

Every round times the three one after the other in a new random order, so that a noisy moment hits all alike; the
ratio is that of the medians, with the quartiles of the per-round ratios beside it.

One thread by default: on a shared machine, two threads wait for each other whenever somebody else runs.

    python bench/capture.py [--rounds 30] [--threads 1] [--models lite0 torchvision:resnet18 torchvision:vgg16]
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from typing import TYPE_CHECKING

import torch

from common import RESULTS, write_csv
from layerlore import load_network
from layerlore.local.capture import capture

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.network.model import Network


def bare_pass(network: Network, inputs: torch.Tensor) -> None:
    """One forward pass, one backward pass from the top class's logit to the input; parameters frozen."""
    leaf = inputs.clone().requires_grad_()
    logits = network.module(leaf)
    torch.autograd.grad(logits.max(), leaf)


def torchcam_pass(network: Network, inputs: torch.Tensor, paths: list[str]) -> None:
    """What torchcam does for the same layers: its hooks, its forward pass, its backward pass to the activations."""
    from torchcam.methods import LayerCAM

    with LayerCAM(network.module, target_layer=paths) as extractor:
        logits = network.module(inputs)
        extractor._backprop(logits, int(logits.argmax()))  # noqa: SLF001 - only the capture, not the maps


def measure(spec: str, rounds: int) -> list[dict[str, object]]:
    """Times in milliseconds and ratios for one network."""
    network = load_network(None if spec == "lite0" else spec, pretrained=spec == "lite0")
    network.module.eval()
    for parameter in network.module.parameters():
        parameter.requires_grad_(False)
    inputs = torch.randn(1, 3, *network.input_size, generator=torch.Generator().manual_seed(0))
    layers = network.layers.default
    ways: dict[str, Callable[[], object]] = {
        "layerlore": lambda: capture(network, inputs, None, layers),
        "bare": lambda: bare_pass(network, inputs),
        "torchcam": lambda: torchcam_pass(network, inputs.clone().requires_grad_(), [x.path for x in layers]),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    shuffle = random.Random(0).shuffle
    for number in range(rounds + 3):
        shuffle(order)
        for name in order:
            start = time.perf_counter()
            ways[name]()
            if number >= 3:  # the first rounds warm up
                times[name].append(1000 * (time.perf_counter() - start))
    rows = []
    for peer, goal in (("bare", 1.3), ("torchcam", 1.1)):
        pairs = sorted(a / b for a, b in zip(times["layerlore"], times[peer], strict=True))
        ratio = statistics.median(times["layerlore"]) / statistics.median(times[peer])
        rows.append(
            {
                "network": spec,
                "layers": len(layers),
                "against": peer,
                "layerlore_ms": round(statistics.median(times["layerlore"]), 2),
                "peer_ms": round(statistics.median(times[peer]), 2),
                "ratio": round(ratio, 3),
                "ratio_q1": round(pairs[len(pairs) // 4], 3),
                "ratio_q3": round(pairs[3 * len(pairs) // 4], 3),
                "goal": goal,
                "met": ratio <= goal,
                "rounds": rounds,
                "threads": torch.get_num_threads(),
            }
        )
        print(f"{spec}: capture / {peer} = {ratio:.2f} (goal {goal})")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", nargs="+", default=["lite0", "torchvision:resnet18", "torchvision:vgg16"])
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [row for spec in arguments.models for row in measure(spec, arguments.rounds)]
    write_csv(RESULTS / "capture.csv", rows)


if __name__ == "__main__":
    main()
