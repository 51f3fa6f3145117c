"""How well ways of clustering separate, fit and keep the feature maps of a layer, over 40 photos x 9 layers.

All ways get the same maps: those that pass the 89.6/K threshold, scaled as the paper does; a constant map, which the
paper leaves as it is, counts as no brighter than 1 in every figure. Measured for each photo and layer:

- ``silhouette``: mean silhouette in the space of the maps, not in the space in which a way looks for clusters;
- ``explained``: share of the variance of the maps that the cluster means explain;
- ``agreement``: adjusted Rand index with the clusters of the same photo plus noise that nobody sees (Gaussian,
  sigma 1/255 of the range), on the maps kept in both;
- ``smallest``: maps in the smallest cluster, and ``slivers``: share of layers with a cluster of fewer than three maps;
- CPU seconds for one layer.

The settings of ``stable`` were chosen on 40 other photos of the same collections, of which three happen to be among
these 40; both halves are reported, so that chance is seen. Intervals are 95 % bootstrap
intervals over photos; ``*_gain`` is the paired difference to ``paper``.

About 25 minutes on one thread, nearly all of it t-SNE.

    python bench/clustering.py [--photos 40] [--workers 1]
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from joblib import Parallel, delayed

from common import RESULTS, bootstrap_interval, photo_paths, write_csv
from layerlore import load_network
from layerlore.local import clustering
from layerlore.local.capture import capture
from layerlore.local.weights import discard_threshold, guided_weights, percent
from layerlore.network.photos import read_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Way = Callable[[NDArray[np.float32]], NDArray[np.int64]]

NOISE = 1 / 255
FIGURES = ("silhouette", "explained", "agreement", "smallest", "slivers", "clusters", "cpu_seconds")
COUNTS = range(3, 9)


def flat(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    scaled = clustering.scale_maps(maps).astype(np.float64)
    return np.clip(scaled.reshape(len(scaled), -1), 0, 1)


def best(points: NDArray[np.float64], cuts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The cut with the best silhouette in map space."""
    distances = clustering.euclidean_distances(points)
    return max(cuts, key=lambda cut: clustering.mean_silhouette(distances, cut))


def components(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    return clustering._principal_components(points, count)  # noqa: SLF001


def ward(count: int) -> Way:
    return lambda maps: best(flat(maps), clustering._ward_cuts(components(flat(maps), count), COUNTS))  # noqa: SLF001


def spectral(maps: NDArray[np.float32]) -> NDArray[np.int64]:
    """Normalised affinity, its eight leading eigenvectors after the trivial one, Ward there."""
    distances = clustering.euclidean_distances(flat(maps))
    affinity = np.exp(-(distances**2) / (2 * np.median(distances) ** 2))
    root = np.sqrt(affinity.sum(axis=1))
    _, vectors = np.linalg.eigh(affinity / root[:, None] / root[None, :])
    return best(flat(maps), clustering._ward_cuts(vectors[:, -9:-1], COUNTS))  # noqa: SLF001


def k_means(count: int | None, starts: int) -> Way:
    from sklearn.cluster import KMeans

    def way(maps: NDArray[np.float32]) -> NDArray[np.int64]:
        points = flat(maps)
        space = points if count is None else components(points, count)
        return best(points, [KMeans(k, n_init=starts, random_state=0).fit(space).labels_ for k in COUNTS])

    return way


def k_means_from_ward(maps: NDArray[np.float32]) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans

    points = flat(maps)
    space = components(points, 10)
    cuts = []
    for cut in clustering._ward_cuts(space, COUNTS):  # noqa: SLF001
        centres = np.array([space[cut == c].mean(axis=0) for c in range(cut.max() + 1)])
        cuts.append(KMeans(len(centres), init=centres, n_init=1).fit(space).labels_)
    return best(points, cuts)


WAYS: dict[str, Way] = {
    "paper: t-SNE + Ward": lambda maps: clustering.cluster_maps(maps, method="paper", seed=0).labels,
    "spectral embedding + Ward": spectral,
    "Ward on 3 components": ward(3),
    "Ward on 50 components": ward(50),
    "k-means on the maps": k_means(None, 1),
    "k-means on 10 components, 10 starts": k_means(10, 10),
    "k-means on 10 components from Ward": k_means_from_ward,
    "stable": lambda maps: clustering.cluster_maps(maps, method="stable").labels,
}


def agreement(first: tuple[NDArray, NDArray], second: tuple[NDArray, NDArray]) -> float:
    from sklearn.metrics import adjusted_rand_score

    _, here, there = np.intersect1d(first[0], second[0], return_indices=True)
    return float(adjusted_rand_score(first[1][here], second[1][there]))


def measure(path: Path) -> dict[tuple[str, str], list[float]]:
    """All figures of one photo: way and layer to the values of ``FIGURES``."""
    torch.set_num_threads(1)
    network = load_network()
    clean = network.prepare(read_photo(path))
    generator = torch.Generator().manual_seed(0)
    # The noise is added to pixel values; the preprocessing divides them by 128/255.
    noisy = clean + torch.randn(clean.shape, generator=generator) * NOISE * 255 / 128
    captured = capture(network, torch.stack([clean, noisy]), None, network.layers.default)
    # Both are explained for the class of the clean photo.
    captured = capture(network, torch.stack([clean, noisy]), [captured.targets[0]] * 2, network.layers.default)
    figures = {}
    for layer, maps, slopes in zip(captured.layers, captured.activations, captured.gradients, strict=True):
        shares = percent(guided_weights(maps, slopes).numpy())
        kept = [np.flatnonzero(row > discard_threshold(len(row), method="stable")) for row in shares]
        chosen = [maps[number, torch.from_numpy(index)].numpy() for number, index in enumerate(kept)]
        if min(map(len, chosen)) <= max(COUNTS):
            continue
        points = flat(chosen[0])
        for name, way in WAYS.items():
            start = time.process_time()
            labels = way(chosen[0])
            seconds = time.process_time() - start
            sizes = np.bincount(labels)
            figures[name, layer.name] = [
                clustering.mean_silhouette(clustering.euclidean_distances(points), labels),
                clustering._explained(points, labels),  # noqa: SLF001
                agreement((kept[0], labels), (kept[1], way(chosen[1]))),
                float(sizes.min()),
                float(sizes.min() < 3),
                float(len(sizes)),
                seconds,
            ]
    return figures


def summary(name: str, split: str, photos: list[dict[tuple[str, str], list[float]]]) -> dict[str, object]:
    """One row of the table: means over photos, each the mean over its layers."""

    def per_photo(way: str) -> NDArray[np.float64]:
        return np.array([np.mean([v for (w, _), v in photo.items() if w == way], axis=0) for photo in photos])

    mine, paper = per_photo(name), per_photo("paper: t-SNE + Ward")
    row: dict[str, object] = {"way": name, "split": split, "photos": len(photos)}
    row["layers"] = sum(1 for photo in photos for (way, _) in photo if way == name)
    for column, figure in enumerate(FIGURES):
        row[figure] = round(float(mine[:, column].mean()), 4)
        if figure in FIGURES[:3]:
            low, high = bootstrap_interval(mine[:, column])
            row[f"{figure}_low"], row[f"{figure}_high"] = round(low, 4), round(high, 4)
            gain = mine[:, column] - paper[:, column]
            low, high = bootstrap_interval(gain)
            row[f"{figure}_gain"] = round(float(gain.mean()), 4)
            row[f"{figure}_gain_low"], row[f"{figure}_gain_high"] = round(low, 4), round(high, 4)
    return row


def sliver_losses(photos: list[dict[tuple[str, str], list[float]]], name: str) -> int:
    """Layers where this way leaves a cluster of fewer than three maps and the paper's does not."""
    column = FIGURES.index("slivers")
    return sum(
        values[column] > photo["paper: t-SNE + Ward", layer][column]
        for photo in photos
        for (way, layer), values in photo.items()
        if way == name
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    paths = photo_paths(arguments.photos)
    photos = Parallel(n_jobs=arguments.workers)(delayed(measure)(path) for path in paths)
    half = len(photos) // 2
    splits = {"first half": photos[:half], "second half": photos[half:], "all": photos}
    rows = []
    for split, part in splits.items():
        for name in WAYS:
            rows.append(summary(name, split, part) | {"slivers_not_in_paper": sliver_losses(part, name)})
            if split == "all":
                print({k: rows[-1][k] for k in ("way", *FIGURES, "slivers_not_in_paper")})
    write_csv(RESULTS / "clustering.csv", rows)


if __name__ == "__main__":
    main()
