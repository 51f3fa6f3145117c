"""Which way of merging a cluster's maps points at what the class depends on: insertion and deletion.

For each photo and three layers (the head, the last 14 x 14 and the last 28 x 28 one) the clusters of ``stable`` are
merged in several ways, then folded into one map (the sum of the shown clusters; for a mean, weighted by cluster
weight), and the heaviest cluster is also tested alone. Insertion reveals the pixels of the photo, brightest of the map
first, over a blurred copy (Gaussian, sigma 10 pixels); deletion replaces them by that copy. Scored is the area under
the predicted class's probability over the share of changed pixels, by trapezoids (Petsiuk et al., RISE, BMVC 2018).
``distinct`` is 1 minus the mean correlation between the maps of a layer: whether clusters can be told apart.

About ten minutes for 24 photos on one thread.

    python bench/merging.py [--photos 24] [--steps 14]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torchvision.transforms.v2.functional import gaussian_blur

from common import RESULTS, bootstrap_interval, photo_paths, write_csv
from layerlore import load_network
from layerlore.local.capture import capture
from layerlore.local.explain import Settings, explain_layers
from layerlore.network.photos import read_photo

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from layerlore.local.explanation import LayerExplanation
    from layerlore.network.model import Network

    Merge = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def paper_mean(maps, slopes, weights):  # noqa: ANN001, ANN201, ARG001 - a Merge
    return np.einsum("n,nhw->hw", weights, maps)


def gradient_sum(maps, slopes, weights):  # noqa: ANN001, ANN201, ARG001
    return np.einsum("nhw,nhw->hw", np.maximum(slopes, 0), np.maximum(maps, 0))


def smooth_gradient_sum(maps, slopes, weights):  # noqa: ANN001, ANN201, ARG001
    smooth = gaussian_filter(np.maximum(slopes, 0), (0, maps.shape[1] / 14, maps.shape[2] / 14), mode="nearest")
    return np.einsum("nhw,nhw->hw", smooth, np.maximum(maps, 0))


def signed_sum(maps, slopes, weights):  # noqa: ANN001, ANN201, ARG001
    return np.maximum((slopes * maps).sum(axis=0), 0)


def mean_times_gradient(maps, slopes, weights):  # noqa: ANN001, ANN201
    """Where the cluster responds, damped where its gradient is small: the geometric mean of both maps."""
    return np.sqrt(np.maximum(paper_mean(maps, slopes, weights), 0) * gradient_sum(maps, slopes, weights))


WAYS: dict[str, Merge] = {
    "paper: weighted mean": paper_mean,
    "sum of activation x positive gradient": gradient_sum,
    "the same, gradient smoothed": smooth_gradient_sum,
    "positive part of the signed sum": signed_sum,
    "geometric mean of the first two": mean_times_gradient,
}


def upsample(values: NDArray[np.float64], side: tuple[int, int]) -> torch.Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[None, None]
    return torch.nn.functional.interpolate(tensor, side, mode="bilinear", align_corners=False)[0, 0]


@torch.no_grad()
def insertion_deletion(
    network: Network, photo: torch.Tensor, target: int, heat: torch.Tensor, steps: int
) -> tuple[float, float]:
    """Areas under the curves for one photo, shape (3, H, W), and one map, shape (H, W)."""
    blurred = gaussian_blur(photo, [61, 61], [10.0, 10.0])
    order = torch.argsort(heat.flatten(), descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    shares = torch.linspace(0, 1, steps + 1)
    shown = rank.reshape(heat.shape)[None] < (shares * len(order)).round()[:, None, None]
    batch = torch.cat([torch.where(shown[:, None], photo, blurred), torch.where(shown[:, None], blurred, photo)])
    network.module.eval()
    probability = network.module(batch).softmax(1)[:, target]
    insertion, deletion = probability.reshape(2, -1)
    return float(torch.trapezoid(insertion, shares)), float(torch.trapezoid(deletion, shares))


def distinctness(maps: list[NDArray[np.float64]]) -> float:
    pairs = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in combinations(maps, 2) if a.std() > 0 and b.std() > 0]
    return 1 - float(np.mean(pairs)) if pairs else float("nan")


def test_layer(score, layer: LayerExplanation, maps, slopes, note) -> None:  # noqa: ANN001 - see main
    """Score every way of merging at one layer."""
    for way, merge in WAYS.items():
        merged = []
        for cluster in layer.clusters:
            index = list(cluster.channels)
            weights = np.array(cluster.channel_weights)
            merged.append(merge(maps[index], slopes[index], weights))
        for what, heat in (("all shown", sum(merged)), ("heaviest cluster", merged[0])):
            insertion, deletion = score(heat)
            note(way, what, insertion, deletion, distinctness(merged) if what == "all shown" else float("nan"))
    insertion, deletion = score(gradient_sum(maps, slopes, None))
    note("LayerCAM of the whole layer", "whole layer", insertion, deletion, float("nan"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--steps", type=int, default=14)
    arguments = parser.parse_args()
    network = load_network()
    candidates = network.layers.select("spread") + network.layers.default
    layers = [[x for x in candidates if x.height == side][-1] for side in (28, 14, 7)]
    results: dict[tuple[str, str, str], list[tuple[float, float, float]]] = defaultdict(list)
    rows, columns = network.input_size
    y, x = np.mgrid[:rows, :columns]
    centre = np.exp(-(((y - rows / 2) / rows) ** 2 + ((x - columns / 2) / columns) ** 2) / (2 * 0.25**2))
    for path in photo_paths(arguments.photos):
        photo = network.prepare(read_photo(path))
        captured = capture(network, photo[None], None, layers)
        explained = explain_layers(captured, len(network.layers), Settings())[0]

        def score(heat, photo=photo, target=captured.targets[0]) -> tuple[float, float]:  # noqa: ANN001
            return insertion_deletion(network, photo, target, upsample(heat, network.input_size), arguments.steps)

        for position, layer in enumerate(explained):
            place = f"{layer.name} ({layer.height} x {layer.width})"

            def note(way, what, *values, place=place) -> None:  # noqa: ANN001, ANN002
                results[place, way, what].append(values)

            maps = captured.activations[position][0].double().numpy()
            slopes = captured.gradients[position][0].double().numpy()
            test_layer(score, layer, maps, slopes, note)
            if position == len(explained) - 1:
                grad_cam = np.maximum(np.einsum("k,khw->hw", slopes.mean(axis=(1, 2)), maps), 0)
                note("Grad-CAM", "whole layer", *score(grad_cam), float("nan"))
        results["no layer", "centred Gaussian", "control"].append((*score(centre), float("nan")))
        noise = np.random.default_rng(0).random((7, 7))
        results["no layer", "random 7 x 7 map", "control"].append((*score(noise), float("nan")))
    table = []
    for (place, way, what), values in results.items():
        insertion, deletion, distinct = np.array(values).T
        low, high = bootstrap_interval(insertion - deletion)
        table.append(
            {
                "layer": place,
                "way": way,
                "map": what,
                "photos": len(values),
                "steps": arguments.steps,
                "insertion": round(float(insertion.mean()), 3),
                "deletion": round(float(deletion.mean()), 3),
                "difference": round(float((insertion - deletion).mean()), 3),
                "low": round(low, 3),
                "high": round(high, 3),
                "distinct": "" if np.isnan(distinct).all() else round(float(np.nanmean(distinct)), 3),
            }
        )
        print(*(table[-1][key] for key in ("layer", "way", "map", "difference", "low", "high", "distinct")), sep=" | ")
    write_csv(RESULTS / "merging.csv", table)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
