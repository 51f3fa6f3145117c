"""Which way to turn gradient x activation into flow shares agrees best with removing a cluster for real.

For each photo and each pair of neighbouring default layers, every group of the lower layer (each shown cluster, and
all the rest) is set to zero, and the fall of every upper cluster's merged sum is measured: the truth, signed. Compared
with it, all as percent of the sum of absolute values, are: the group's net contribution; the same with negative ones
as 0; the sum of its channels' positive contributions; the sum over channels and positions of positive contributions;
and the group's number of maps. Reported: mean absolute error in percent points, and the share of upper clusters whose
main feeder is the right one.

About three minutes for 12 photos.

    python bench/flow.py [--photos 12]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import torch

from common import RESULTS, bootstrap_interval, photo_paths, write_csv
from layerlore import load_network
from layerlore.local.capture import capture, forward_with_maps, replaced_outputs
from layerlore.local.explain import Settings, explain_layers
from layerlore.network.photos import read_photo
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shares(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    gross = np.abs(parts).sum()
    return 100 * parts / gross if gross > 0 else parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=12)
    count = parser.parse_args().photos
    network = load_network()
    layers = network.layers.default
    errors: dict[str, list[float]] = defaultdict(list)
    hits: dict[str, list[float]] = defaultdict(list)
    for path in photo_paths(count):
        inputs = network.prepare(read_photo(path))[None]
        captured = capture(network, inputs, None, layers)
        explained = explain_layers(captured, len(network.layers), Settings())[0]
        per_photo: dict[str, list[tuple[float, float]]] = defaultdict(list)
        with undisturbed(network.module):
            maps, _ = forward_with_maps(network, inputs, layers)
            for lower in range(len(layers) - 1):
                below, above = explained[lower], explained[lower + 1]
                groups = [list(c.channels) for c in below.clusters]
                shown = {k for group in groups for k in group}
                groups.append([k for k in range(below.channels) if k not in shown])
                pushes = []
                for cluster in above.clusters:
                    push = torch.zeros_like(maps[lower + 1])
                    index = list(cluster.channels)
                    push[0, index] = captured.gradients[lower + 1][0, index].clamp(min=0)
                    pushes.append(push * (maps[lower + 1] > 0))
                after = [removed_maps(network, inputs, layers[lower], layers[lower + 1], group) for group in groups]
                for push in pushes:
                    fall = np.array([float((push * (maps[lower + 1].detach() - a)).sum()) for a in after])
                    truth = shares(fall)
                    if not truth.any():
                        continue
                    (slope,) = torch.autograd.grad(maps[lower + 1], maps[lower], push, retain_graph=True)
                    product = (slope * maps[lower].detach())[0].double().numpy()
                    channels = product.sum(axis=(1, 2))
                    ways = {
                        "net": [channels[g].sum() for g in groups],
                        "net, negative as 0": [max(channels[g].sum(), 0) for g in groups],
                        "positive channels": [np.maximum(channels[g], 0).sum() for g in groups],
                        "positive positions": [np.maximum(product[g], 0).sum() for g in groups],
                        "number of maps": [float(len(g)) for g in groups],
                    }
                    for way, parts in ways.items():
                        guess = shares(np.array(parts))
                        error = float(np.abs(guess - truth).mean())
                        per_photo[way].append((error, float(guess.argmax() == truth.argmax())))
        for way, pairs in per_photo.items():
            errors[way].append(float(np.mean([e for e, _ in pairs])))
            hits[way].append(float(np.mean([h for _, h in pairs])))
    rows = []
    for way, values in errors.items():
        low, high = bootstrap_interval(values)
        rows.append(
            {
                "way": way,
                "photos": count,
                "mean_abs_error_points": round(float(np.mean(values)), 2),
                "error_low": round(low, 2),
                "error_high": round(high, 2),
                "main_feeder_right": round(float(np.mean(hits[way])), 3),
            }
        )
        print(rows[-1])
    write_csv(RESULTS / "flow.csv", rows)


def removed_maps(network, inputs, lower, upper, channels) -> torch.Tensor:  # noqa: ANN001 - see its only call
    """Maps of the upper layer when the channels of the lower layer are set to zero, shape (1, K, h, w)."""
    seen = []

    def change(position: int, output: torch.Tensor) -> torch.Tensor:
        if position == 0:
            output = output.clone()
            output[:, channels] = 0
        else:
            seen.append(output.clone())
        return output

    with torch.no_grad(), replaced_outputs(network.module, [lower, upper], change):
        network.module(inputs)
    return seen[0]


if __name__ == "__main__":
    main()
