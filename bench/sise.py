"""SISE and Ada-SISE on pictures whose evidence lies in a known box, and on a real photo of two things.

1. ``digits``: the small network of ``layerlore.digits`` and test pictures of cluttered digits, explained for the
   predicted class. Energy, pointing game and box (as many highest pixels as the box has: the share inside) with the
   digit's box; IoU of the box with what lies above the map's Otsu threshold; drop and increase of the probability when
   only the highest 15 % of the pixels are kept (on grey 0); insertion and deletion (on and by a blurred
   copy). In percent.
2. ``halves``: a photo whose left half is a cup of coffee and whose right half is a cat: which share of the map's sum
   lies in the half of the class it was made for.
3. ``weights``: rank correlation of the maps with those of the same network with a random last layer.

A minute for the training, then seconds for each digit and a minute for each real map; ``--weights`` keeps the network.

    python bench/sise.py [digits] [halves] [weights] [--photos 60] [--weights FILE]
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import spearmanr

from common import RESULTS, bootstrap_interval, digit_net, write_csv
from layerlore import Network, load_network
from layerlore.digits import digit_network, make_cluttered_digits, split_digits
from layerlore.evaluate.measuring import Case, make_case, measure
from layerlore.evaluate.metrics.maps import ranks
from layerlore.methods import cascade, saliency, sise
from layerlore.methods.run import make_subject
from layerlore.network.photos import read_photo
from layerlore.samples import sample_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from layerlore.methods.subject import Subject

LAST = {"layers": [-1]}
WAYS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "random": ("random", {}),
    "centred Gaussian": ("gaussian", {}),
    "Grad-CAM": ("gradcam", {}),
    "Grad-CAM++": ("gradcampp", {}),
    "LayerCAM": ("layercam", {}),
    "Score-CAM": ("scorecam", {}),
    "SISE, last layer only": ("sise", LAST),
    "SISE, masks not divided by their size": ("sise", {}),
    "SISE": ("sise", {}),
    "Ada-SISE": ("adasise", {}),
}
MEASURED = ("energy_pointing", "pointing", "rank_accuracy", "insertion", "deletion")
PATH = RESULTS / "sise.csv"


def otsu_iou(heat: torch.Tensor, truth: NDArray[np.bool_]) -> float:
    """Overlap of the box with what lies above the map's Otsu threshold, over their union."""
    threshold = cascade.otsu(heat.numpy())
    above = np.ones(truth.shape, bool) if threshold is None else heat.numpy() > threshold
    return float((above & truth).sum() / (above | truth).sum())


def kept(case: Case, share: float = 0.15) -> tuple[float, float]:
    """Drop of the probability, and whether it rose, when only the highest pixels are kept."""
    shown = (ranks(case.heat) < share * case.heat.numel())[None, None]
    before, after = case.photo_probability, float(case.ask(case.subject.inputs * shown)[0])
    return max(0.0, before - after) / before, float(after > before)


def undivided(subject: Subject, case: Case) -> Case:
    """The same with each mask at its full weight, however much of the photo it shows."""
    choice = cascade.Choice("auto", "probability", 0.0, 64)
    seen = []
    for depth in cascade.see_depths(subject, choice, lambda slopes: sise.above_share(slopes, 0.0)):
        maps = depth.maps[list(depth.selected)]
        seen.append(cascade.visualise(subject, maps, "probability", baseline=0.0, batch=64, by_size=False))
    merged = cascade.merge(seen)
    assert merged is not None
    found = dataclasses.replace(case.saliency, map=np.asarray(merged.float().numpy()))
    return Case(subject, found, case.explain, case.truth, case.seed)


def digits_part(count: int, weights: Path | None) -> list[dict[str, object]]:
    network = digit_network(digit_net(weights))
    test = split_digits()[1]
    seen = make_cluttered_digits(test, 12345)
    with torch.no_grad():
        right = network.module(torch.from_numpy(seen.images)[:, None]).argmax(1).numpy() == seen.labels[:, 0]
    print(f"accuracy {right.mean():.3f} on {len(test)} test pictures")
    pictures = make_cluttered_digits(test[:count], 7)
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way in WAYS}
    for number in range(count):
        subject = make_subject(network, pictures.rgb(number))
        for way, (method, options) in WAYS.items():
            case = make_case(subject, method, truth=pictures.mask(number), options=options)
            if "divided" in way:
                case = undivided(subject, case)
            measured = measure(case, MEASURED)
            masks = np.sum(case.saliency.settings.get("masks", case.saliency.settings.get("maps", 0)))
            iou = otsu_iou(case.heat, pictures.mask(number))
            values = [float(measured[name].value) for name in MEASURED]
            found[way].append((*values, iou, *kept(case), float(masks), case.saliency.seconds))
    rows = []
    for way, values in found.items():
        energy, point, box, insertion, deletion, iou, drop, increase, masks, seconds = np.array(values).T
        low, high = bootstrap_interval(energy)
        row = {"energy": energy, "pointing": point, "otsu_iou": iou, "box": box, "drop15": drop, "increase15": increase}
        row |= {"insertion": insertion, "deletion": deletion}
        rows.append(
            {
                "part": "digits",
                "method": way,
                "photos": count,
                "accuracy": round(float(right.mean()), 4),
                **{name: round(100 * float(column.mean()), 1) for name, column in row.items()},
                "energy_low": round(100 * low, 1),
                "energy_high": round(100 * high, 1),
                "masks": round(float(masks.mean()), 1),
                "seconds": round(float(np.median(seconds)), 3),
            }
        )
        print(*(rows[-1][key] for key in ("method", *row, "masks", "seconds")), sep=" | ", flush=True)
    return rows


def halves() -> NDArray[np.uint8]:
    """Left the middle of the photo of the coffee, right that of the cat, 224 x 224."""
    network = load_network()
    left, right = (
        np.asarray(network.view(read_photo(sample_path(name)), side=224).resize((224, 224)))
        for name in ("coffee", "chelsea")
    )
    return np.concatenate([left[:, 56:168], right[:, 56:168]], axis=1)


def halves_part() -> list[dict[str, object]]:
    network = load_network()
    # The picture as it is: without the crop of the photo's edges.
    network.preprocess = dataclasses.replace(network.preprocess, resize=224)
    picture = halves()
    rows = []
    for target, side in ((967, "left"), (285, "right")):
        subject = make_subject(network, picture, target)
        for method in ("gradcam", "layercam", "adasise", "sise"):
            case = make_case(subject, method)
            half = case.heat[:, :112] if side == "left" else case.heat[:, 112:]
            top = int(case.heat.argmax()) % 224
            rows.append(
                {
                    "part": "halves",
                    "method": method,
                    "photos": 1,
                    "class": network.class_names[target],
                    "probability": round(case.photo_probability, 3),
                    "energy": round(100 * float(half.sum() / case.heat.sum()), 1),
                    "pointing": 100 * int((top < 112) == (side == "left")),
                    "masks": int(np.sum(case.saliency.settings.get("masks", 0))),
                    "seconds": round(case.saliency.seconds, 1),
                }
            )
            print(*rows[-1].values(), sep=" | ", flush=True)
    return rows


def weights_part(weights: Path | None) -> list[dict[str, object]]:
    pictures = make_cluttered_digits(split_digits()[1][:20], 7)
    small, large = digit_network(digit_net(weights)), load_network()
    photos = [sample_path(name) for name in ("chelsea", "coffee")]
    rows = []
    for what, network, sources, methods in (
        ("digits", small, [pictures.rgb(n) for n in range(20)], ("gradcam", "layercam", "scorecam", "sise", "adasise")),
        ("photos", large, photos, ("gradcam", "layercam", "adasise")),
    ):
        module = copy.deepcopy(network.module)
        torch.manual_seed(0)
        head = [part for part in module.modules() if isinstance(part, torch.nn.Linear)][-1]
        head.reset_parameters()
        shuffled = Network(module, preprocess=network.preprocess)
        for method in methods:
            alike = []
            for source in sources:
                first = saliency(network, source, method=method)
                other = saliency(shuffled, source, first.target, method=method)
                if not (first.constant or other.constant):
                    alike.append(spearmanr(first.map.ravel(), other.map.ravel()).statistic)
            row = {"part": "weights", "method": method, "photos": len(alike), "class": what}
            rows.append({**row, "rank_correlation": round(float(np.mean(alike)), 3)})
            print(*rows[-1].values(), sep=" | ", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["digits", "halves", "weights"])
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--weights", type=Path, help="keep the trained network in this file")
    arguments = parser.parse_args()
    began = time.perf_counter()
    parts = {
        "digits": lambda: digits_part(arguments.photos, arguments.weights),
        "halves": halves_part,
        "weights": lambda: weights_part(arguments.weights),
    }
    rows: list[dict[str, object]] = []
    for part in arguments.parts:
        rows += parts[part]()
        write_csv(PATH, rows)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
