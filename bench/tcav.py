"""Testing with concept vectors: how long it takes beside captum, and what textures say about classes.

Two questions, on EfficientNet-Lite0 with its ImageNet weights:

1. ``time``: the same pictures, photos, layers and number of vectors through captum's TCAV and through ours, without a
   cache; captum runs the network once for each layer, as its code is. Captum's vectors are our closed-form ones, so
   that no solver is measured; its activations are flattened, because it has no other way.
2. ``prior``: textures (Describable Textures Dataset, 12 pictures each) for classes where people know the answer:
   honeycomb (class 599) is bubbly or cobwebbed rather than banded, a crossword puzzle (918) chequered, a spider web
   (815) cobwebbed, a zebra (340) banded. There are no photos of them to differentiate at, so the derivative is taken at
   photos of other classes: does the class's score rise along the texture?

Three minutes on one thread. How often the test finds what is not there, and what is: ``tcav_null.py``.

    python bench/tcav.py [--photos 24]
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings

import numpy as np
import torch

from common import DATA, RESULTS, photo_paths, write_csv
from layerlore import load_network
from layerlore.classes.tcav_features import Features
from layerlore.classes.tcav_statistics import (
    Space,
    held_out_accuracy,
    null_derivatives,
    shuffled,
    sign_score,
    smooth_score,
    two_sided,
)
from layerlore.network.photos import read_photo
from layerlore.significance import holm, wilson

TEXTURES = ("banded", "bubbly", "chequered", "cobwebbed", "crosshatched", "bumpy")
CLASSES = {340: "zebra", 599: "honeycomb", 815: "spider web", 918: "crossword puzzle"}
SETS = 4000
RUNS = 50


def textures(kind: str):  # noqa: ANN201 - a list of photos
    return [read_photo(path) for path in sorted((DATA / "dtd10" / kind).glob("*.jpg"))]


def vectors_time(network, layers, photos, concept, others) -> list[dict[str, object]]:  # noqa: ANN001
    """Seconds of both, in turn, three times."""
    from captum.concept import TCAV, Classifier, Concept
    from torch.utils.data import DataLoader

    class Means(Classifier):
        """Difference of means, as ours."""

        def __init__(self) -> None:
            self.vector = None

        def train_and_eval(self, dataloader, **_):  # noqa: ANN001, ANN003, ANN202
            parts = list(dataloader)
            rows, labels = torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])
            vector = rows[labels == 0].mean(0) - rows[labels == 1].mean(0)
            self.vector = vector / vector.norm()
            return {}

        def weights(self):  # noqa: ANN202
            return torch.stack([self.vector, -self.vector])

        def classes(self):  # noqa: ANN202
            return [0, 1]

    inputs = torch.stack([network.prepare(photo) for photo in photos])
    keep = [torch.stack([network.prepare(one) for one in some]) for some in (concept, others)]

    def theirs() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sets = [Concept(i, str(i), DataLoader(some, batch_size=16)) for i, some in enumerate(keep)]
            tcav = TCAV(network.module, [x.path for x in layers], classifier=Means(), save_path=folder)
            found = tcav.interpret(inputs, [sets], target=340)["0-1"]
            return {x.name: float(found[x.path]["sign_count"][0]) for x in layers}

    def ours(pooling: str) -> dict[str, float]:
        features = Features(network, layers, pooling, None)
        pictures = features.activations([*concept, *others], lambda: [*concept, *others])
        slopes = features.gradients(photos, 340, lambda: photos)
        weights = np.where(np.arange(len(concept) + len(others)) < len(concept), 1 / len(concept), -1 / len(others))
        return {
            x.name: float(sign_score(slope.astype(np.float64) @ (weights @ found.astype(np.float64))))
            for x, found, slope in zip(layers, pictures, slopes, strict=True)
        }

    ways = {"captum": theirs, "ours, flatten": lambda: ours("flatten"), "ours, mean": lambda: ours("mean")}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    scores = {}
    for _ in range(3):
        for way, run in ways.items():
            start = time.process_time()
            scores[way] = run()
            seconds[way].append(time.process_time() - start)
    apart = {way: max(abs(scores[way][x.name] - scores["captum"][x.name]) for x in layers) for way in ways}
    return [
        {
            "what": "time",
            "way": way,
            "layers": len(layers),
            "cpu_seconds": round(float(np.median(some)), 3),
            "ratio": round(float(np.median(seconds["captum"]) / np.median(some)), 2),
            "largest_sign_difference": round(apart[way], 4),
        }
        for way, some in seconds.items()
    ]


def spaces(features, pool, sets, photos, targets) -> list[Space]:  # noqa: ANN001
    """For each layer the inner products of the pool, then the sets; the photos' gradients for all targets."""
    acts = [features.activations(some, lambda some=some: some) for some in (pool, *sets)]
    slopes = [features.gradients(photos, target, lambda: photos) for target in targets]
    found = []
    for layer in range(len(features.layers)):
        base = acts[0][layer].astype(np.float64)
        rows = np.concatenate([one[layer] for one in acts]).astype(np.float64) - base.mean(axis=0)
        found.append(Space(rows @ rows.T, rows @ np.concatenate([one[layer] for one in slopes]).astype(np.float64).T))
    return found


def prior(network, layers, photos, pool) -> list[dict[str, object]]:  # noqa: ANN001
    sets = [textures(kind) for kind in TEXTURES]
    rows = []
    for layer, space in zip(
        layers, spaces(Features(network, layers, "mean", None), pool, sets, photos, CLASSES), strict=True
    ):
        size, count = len(sets[0]), len(pool)
        rest = np.arange(count)
        for number, kind in enumerate(TEXTURES):
            ours = np.arange(count + number * size, count + (number + 1) * size)
            along = null_derivatives(space, ours[None], rest, "mean")
            drawn = shuffled(np.append(rest, ours), size, count, SETS, np.random.default_rng(number))
            null = np.concatenate([along, null_derivatives(space, *drawn, "mean")])
            rng = np.random.default_rng(number)
            accuracy = float(held_out_accuracy(space, ours, rest, runs=RUNS, method="mean", rng=rng).mean())
            low, high = wilson(accuracy, 2 * size)
            for place, name in enumerate(CLASSES.values()):
                part = slice(place * len(photos), (place + 1) * len(photos))
                scale = float(np.sqrt((null[:, part] ** 2).mean()))
                score = float(smooth_score(along[0, part], scale))
                rows.append(
                    {
                        "what": "prior",
                        "way": f"{kind} for {name}",
                        "layer": layer.name,
                        "accuracy": round(accuracy, 3),
                        "accuracy_low": round(low, 3),
                        "accuracy_high": round(high, 3),
                        "smooth": round(score, 3),
                        "sign": round(float(sign_score(along[0, part])), 3),
                        "p": two_sided(score, smooth_score(null[1:, part], scale)),
                    }
                )
    for name in CLASSES.values():
        some = [row for row in rows if str(row["way"]).endswith(f"for {name}")]
        for row, corrected in zip(some, holm([float(row["p"]) for row in some]), strict=True):
            row["p_holm"] = round(corrected, 5)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=24)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network()
    layers = network.layers.select("default")
    photos = [read_photo(path) for path in photo_paths(arguments.photos)]
    pool = [read_photo(path) for path in photo_paths(120, skip=arguments.photos)]
    rows = vectors_time(network, layers, photos, textures("banded"), pool[:12])
    rows += prior(network, layers, photos, pool)
    write_csv(RESULTS / "tcav.csv", rows)


if __name__ == "__main__":
    main()
