"""FAM where the answer is known: which of several things in a picture is like the support?

1. ``mosaics``: two by two of nine real photos, 448 x 448, EfficientNet-Lite0; the support is one of the four, cut to
   its middle 70 % and mirrored. Share of the map's sum in its quarter, and whether the highest place lies there.
2. ``digits``: the encoder of the small network of ``layerlore.digits``, canvases with two different digits; the support
   is the mean of five canvases of one of the two. Share of the target's box in the sum over both boxes, whether the
   higher of the boxes' highest places is the target's, and whether the highest place of all is in its box.

Controls: the support's channels in a random order, and all channels alike. Beside FAM: Grad-CAM of the cosine, which
needs a gradient. Intervals over mosaics or canvases. About three minutes, with the training of the small network.

    python bench/fam.py [mosaics] [digits] [--weights FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from common import RESULTS, bootstrap_interval, digit_net, write_csv
from layerlore import Network, load_network
from layerlore.digits import CANVAS, digit_labels, digit_network, make_cluttered_digits, split_digits
from layerlore.evaluate.metrics.maps import upsample
from layerlore.methods import fam
from layerlore.methods.onelayer import choose_layer, see_maps
from layerlore.methods.run import make_subject
from layerlore.network.photos import read_photo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layerlore.methods.subject import Subject

SKIMAGE = ("cat", "coffee", "rocket", "astronaut", "hubble_deep_field", "retina", "immunohistochemistry")
SKLEARN = ("china.jpg", "flower.jpg")
SIDE = 224
PATH = RESULTS / "fam.csv"
WAYS = {
    "cosine, minmax": {},
    "cosine, sum": {"scaling": "sum"},
    "cosine, softmax": {"scaling": "softmax"},
    "dot, minmax": {"metric": "dot"},
    "Euclidean, minmax": {"metric": "euclidean"},
}


def photos() -> list[NDArray[np.uint8]]:
    """Nine photos that come with scikit-image and scikit-learn."""
    import skimage.data
    from sklearn.datasets import load_sample_image

    found = [getattr(skimage.data, name)() for name in SKIMAGE] + [load_sample_image(name) for name in SKLEARN]
    return [np.asarray(one)[..., :3] for one in found]


def middle(photo: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The middle of a photo."""
    rows, columns = photo.shape[:2]
    down, across = round(rows * (1 - share) / 2), round(columns * (1 - share) / 2)
    return photo[down : rows - down, across : columns - across]


def maps_of(subject: Subject, support: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The map of each way and control, at the layer's size."""
    maps = see_maps(subject, choose_layer(subject.network, -1)).double().numpy()
    query = fam.embed(maps, "mean")
    shuffled = np.random.default_rng([1, int(subject.photo.image_id, 16)]).permutation(support)
    lengths = float(np.linalg.norm(query)), float(np.linalg.norm(support))
    slope = (support / lengths[1] - (query @ support) / (lengths[0] * lengths[1]) * query / lengths[0]) / lengths[0]
    return {
        **{way: fam.explain(subject, 0, support=support, **options).values for way, options in WAYS.items()},
        "support's channels permuted": fam.explain(subject, 0, support=shuffled).values,
        "all channels alike": maps.sum(axis=0),
        "Grad-CAM of the cosine": np.maximum(np.einsum("k,khw->hw", slope, maps), 0),
    }


def embedding(network: Network, inputs: torch.Tensor) -> NDArray[np.float64]:
    """Mean embedding of prepared photos, shape (N, 3, H, W)."""
    photo = read_photo(np.zeros((8, 8, 3), np.uint8))
    layer = choose_layer(network, -1)
    from layerlore.methods.subject import Subject

    each = [
        fam.embed(see_maps(Subject(network, photo, one[None], 0), layer).double().numpy(), "mean") for one in inputs
    ]
    return np.mean(each, axis=0)


def mosaics_part() -> list[dict[str, object]]:
    usual = load_network()
    large = dataclasses.replace(usual.preprocess, size=(2 * SIDE, 2 * SIDE), resize=2 * SIDE)
    network = Network(usual.module, preprocess=large)
    sources = photos()
    tiles = [np.asarray(usual.view(read_photo(one), side=SIDE).resize((SIDE, SIDE))) for one in sources]
    supports = [embedding(usual, usual.prepare(read_photo(middle(one, 0.7)[:, ::-1].copy()))[None]) for one in sources]
    random = np.random.default_rng(0)
    energy: dict[str, list[list[float]]] = {}
    hits: dict[str, list[list[float]]] = {}
    for _ in range(15):
        chosen = random.choice(len(sources), 4, replace=False)
        rows = [np.concatenate([tiles[i] for i in chosen[pair]], axis=1) for pair in (slice(0, 2), slice(2, 4))]
        subject = make_subject(network, np.concatenate(rows, axis=0), 0)
        found: dict[str, list[tuple[float, float]]] = {}
        for quarter, index in enumerate(chosen):
            for way, values in maps_of(subject, supports[index]).items():
                half = values.shape[0] // 2
                quarters = values.reshape(2, half, 2, half).swapaxes(1, 2).reshape(4, -1)
                share = float(quarters[quarter].sum() / quarters.sum())
                found.setdefault(way, []).append((share, float(quarters.max(axis=1).argmax() == quarter)))
        for way, pairs in found.items():
            energy.setdefault(way, []).append([share for share, _ in pairs])
            hits.setdefault(way, []).append([hit for _, hit in pairs])
    return rows_of("mosaics", 15, {"energy": energy, "highest in target": hits})


def digits_part(weights: Path | None) -> list[dict[str, object]]:
    network = digit_network(digit_net(weights))
    test, labels = split_digits()[1], digit_labels()
    random = np.random.default_rng(0)
    first = random.choice(test, 200)
    second = np.array([random.choice(test[labels[test] != labels[index]]) for index in first])
    pairs = make_cluttered_digits(first, 11, second=second)
    shots = {}
    for digit in range(10):
        same = test[labels[test] == digit]
        images = torch.from_numpy(make_cluttered_digits(same[-5:], 100 + digit).images)
        shots[digit] = embedding(network, images[:, None].repeat(1, 3, 1, 1))
    measured: dict[str, dict[str, list[list[float]]]] = {"energy": {}, "highest in target": {}, "pointing": {}}
    for number in range(200):
        which = int(random.integers(2))
        subject = make_subject(network, pairs.rgb(number), 0)
        own, other = pairs.mask(number, which), pairs.mask(number, 1 - which)
        for way, values in maps_of(subject, shots[int(pairs.labels[number, which])]).items():
            heat = upsample(values, (CANVAS, CANVAS)).numpy()
            inside = heat[own].sum() + heat[other].sum()
            # A map without a value in either box is undecided.
            share = float(heat[own].sum() / inside) if inside > 0 else 0.5
            for name, value in (
                ("energy", share),
                ("highest in target", float(heat[own].max() > heat[other].max())),
                ("pointing", float(own.flat[heat.argmax()])),
            ):
                measured[name].setdefault(way, []).append([value])
    return rows_of("digits", 200, measured)


def rows_of(part: str, count: int, measured: dict[str, dict[str, list[list[float]]]]) -> list[dict[str, object]]:
    """A row for each way: the mean of each measure, and the interval of the energy over pictures."""
    rows: list[dict[str, object]] = []
    for way, energy in measured["energy"].items():
        low, high = bootstrap_interval([float(np.mean(one)) for one in energy])
        row: dict[str, object] = {"part": part, "way": way, "pictures": count}
        row |= {name: round(float(np.mean(ways[way])), 3) for name, ways in measured.items()}
        rows.append({**row, "energy_low": round(low, 3), "energy_high": round(high, 3)})
        print(*rows[-1].values(), sep=" | ", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["mosaics", "digits"])
    parser.add_argument("--weights", type=Path, help="keep the trained network in this file")
    arguments = parser.parse_args()
    began = time.perf_counter()
    rows: list[dict[str, object]] = []
    for part in arguments.parts:
        rows += mosaics_part() if part == "mosaics" else digits_part(arguments.weights)
        write_csv(PATH, rows)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
