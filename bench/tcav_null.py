"""Testing with concept vectors: how often is found what is not there, and is found what is there?

EfficientNet-Lite0 with its ImageNet weights; differences of means, the smooth score; windows are cut as in
``layerlore validate``. Four questions:

1. ``pictures``: 12 of 120 photos in place of a folder of pictures, the others are random. Chance by sets drawn from all
   120 (``together``, what the test does) or from those without the 12 (``apart``).
2. ``windows``: 12 photos of a class of 25 (Imagenette, of ImageNet), one random window of each in place
   of a concept, tested for that class; the other nine classes are what it is compared with. Chance by windows of the
   same photos (``same photos``, what the test does) or by sets of photos of all classes (``all photos``).
3. ``object``: the window on the marked object of each photo in place of a random one, for the same classes.
4. ``watermark``: photos with the watermark that makes ImageNet networks say "carton" (ImageNet-W), windows on its text,
   for the class carton, and for control tench. Windows are smaller (1/16), since the text goes through the middle.

    python bench/tcav_null.py [--draws 100]
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch

from common import DATA, RESULTS, photo_paths, write_csv
from layerlore import Study, load_network
from layerlore.classes.tcav_features import Features
from layerlore.classes.tcav_regions import Window, cut, random_windows
from layerlore.classes.tcav_statistics import (
    Space,
    exchanged,
    null_derivatives,
    shuffled,
    smooth_score,
    two_sided,
)
from layerlore.network.photos import read_photo
from layerlore.significance import holm, wilson

SIZE = 12
PER = 6
"""Random windows of each photo."""
SETS = 500
SETS_POWER = 4000
CARTON, TENCH = 478, 0


def p_of(space: Space, ours, compared, sets) -> float:  # noqa: ANN001
    """The p-value of the smooth score."""
    return float(tested(space, ours, compared, sets)["p"])


def tested(space: Space, ours, compared, sets) -> dict[str, float]:  # noqa: ANN001
    """The smooth score, the middle of what chance gives, and its p-value."""
    along = null_derivatives(space, ours[None], compared, "mean")
    null = null_derivatives(space, *sets, "mean")
    scale = float(np.sqrt((np.concatenate([along, null]) ** 2).mean()))
    score, chance = float(smooth_score(along[0], scale)), smooth_score(null, scale)
    middle = float(np.median(chance))
    return {"score": round(score, 4), "chance": round(middle, 4), "p": round(two_sided(score, chance), 6)}


def space_of(pictures, slopes) -> Space:  # noqa: ANN001
    """Means need no inner products of pictures."""
    rows = pictures.astype(np.float64)
    return Space(np.empty((0, 0)), (rows - rows.mean(axis=0)) @ slopes.astype(np.float64).T)


def rate(what: str, way: str, layer: str, found: list[bool]) -> dict[str, object]:
    low, high = wilson(float(np.mean(found)), len(found))
    told = {"what": what, "way": way, "layer": layer, "found": round(float(np.mean(found)), 4)}
    return {**told, "found_low": round(low, 4), "found_high": round(high, 4), "draws": len(found)}


def pictures(network, layers, draws: int) -> list[dict[str, object]]:  # noqa: ANN001
    """Whole photos in place of a folder of pictures."""
    photos = [read_photo(path) for path in photo_paths(24)]
    pool = [read_photo(path) for path in photo_paths(120, skip=24)]
    features = Features(network, layers, "mean", None)
    acts = features.activations(pool, lambda: pool)
    slopes = features.gradients(photos, 340, lambda: photos)
    rows = []
    for layer, some, slope in zip(layers, acts, slopes, strict=True):
        space = space_of(some, slope)
        found: dict[str, list[bool]] = defaultdict(list)
        for seed in range(draws):
            rng = np.random.default_rng(seed)
            order = rng.permutation(len(pool))
            ours, rest = order[:SIZE], order[SIZE:]
            together = shuffled(order, SIZE, len(rest), SETS, rng)
            apart = shuffled(rest, SIZE, len(rest) - SIZE, SETS, rng)
            found["together"].append(p_of(space, ours, rest, together) < 0.05)
            found["apart"].append(p_of(space, ours, rest, apart) < 0.05)
        rows += [rate("pictures", way, layer.name, some) for way, some in found.items()]
    return rows


def imagenette(folder: Path) -> tuple[Study, dict[str, list[str]], dict[str, Window]]:
    """A study of its photos, the photos of each class, and the window on the object of each."""
    root = DATA / "imagenette_val500"
    with (root / "annotations.tsv").open(encoding="utf-8") as file:
        marked = {row["file"]: json.loads(row["boxes_xyxy_stored_px"]) for row in csv.DictReader(file, delimiter="\t")}
    files = sorted(marked)
    pairs = [(root / name, name.partition("/")[0].partition("_")[0]) for name in files]
    study = Study.create(folder, pairs, target="label")
    by_name = {Path(name).stem: name for name in files}
    classes: dict[str, list[str]] = defaultdict(list)
    objects = {}
    for image in study.images:
        classes[str(image.label)].append(image.image_id)
        boxes = np.array(marked[by_name[Path(image.name).stem]])
        largest = boxes[np.argmax((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))]
        objects[image.image_id] = around(image.image_id, largest, (image.width, image.height), 0.5)
    return study, dict(classes), objects


def around(image_id: str, box, size: tuple[int, int], side: float) -> Window:  # noqa: ANN001
    """The window of this side around the middle of a box, inside what the network sees of the photo (7/8 of it)."""
    middle = ((box[:2] + box[2:]) / 2 / np.array(size) - 0.5) * 256 / 224 + 0.5
    left, top = np.clip(middle - side / 2, 0, 1 - side)
    return Window(image_id, float(left), float(top), side)


def of_classes(network, layers, draws: int) -> list[dict[str, object]]:  # noqa: ANN001
    """Random windows of a class's photos, and windows on its objects, tested for it."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        study, classes, objects = imagenette(Path(folder) / "study")
        images = [name for some in classes.values() for name in some]
        rng = np.random.default_rng(0)
        windows = [one for name in images for one in random_windows([name], 0.25, rng)[0][:PER]]
        windows += [objects[name] for name in images]
        features = Features(network, layers, "mean", None)
        acts = features.activations(windows, lambda: cut(study, network, windows))
        target = {image.label: image.class_index for image in study.images}
        slopes = {
            label: features.gradients(
                some, target[label], lambda some=some: (read_photo(study.photo_path(name)) for name in some)
            )
            for label, some in classes.items()
        }
    count = len(images)
    for number, layer in enumerate(layers):
        found: dict[str, list[bool]] = defaultdict(list)
        for place, label in enumerate(classes):
            space = space_of(acts[number], slopes[label][number])
            rows.append(_object(space, place, label, len(classes), count, layer.name))
            for draw in range(draws if number % 4 == 0 else 0):
                same, every = _random(space, place, len(classes), count, np.random.default_rng([place, draw]))
                found["same photos"].append(same)
                found["all photos"].append(every)
        rows += [rate("windows", way, layer.name, some) for way, some in found.items()]
    return _corrected(rows)


def _random(space: Space, place: int, classes: int, count: int, rng) -> tuple[bool, bool]:  # noqa: ANN001
    """Whether random windows of a class are found, by windows of the same photos and by those of all."""
    each = count // classes
    photos = place * each + rng.permutation(each)[:SIZE]
    choices = [np.arange(photo * PER, photo * PER + PER) for photo in photos]
    ours = np.array([rng.choice(some) for some in choices])
    owner = np.arange(count * PER) // PER
    rest = np.flatnonzero(owner // each != place)
    same = p_of(space, ours, rest, (exchanged(choices, SETS, rng), rest)) < 0.05
    one = np.arange(count) * PER
    return same, p_of(space, ours, rest, shuffled(one, SIZE, count - 2 * SIZE, SETS, rng)) < 0.05


def _object(space: Space, place: int, label: str, classes: int, count: int, layer: str) -> dict[str, object]:
    """The test of the windows on a class's objects."""
    each = count // classes
    photos = np.arange(place * each, (place + 1) * each)
    ours = count * PER + photos
    choices = [np.append(np.arange(photo * PER, photo * PER + PER), count * PER + photo) for photo in photos]
    rest = np.flatnonzero(np.arange(count * PER) // PER // each != place)
    rng = np.random.default_rng([place, 1])
    return {
        "what": "object",
        "way": label,
        "layer": layer,
        **tested(space, ours, rest, (exchanged(choices, SETS_POWER, rng), rest)),
    }


def watermark(network, layers) -> list[dict[str, object]]:  # noqa: ANN001
    """Windows on the watermark's text."""
    root = DATA / "imagenet_w"
    with (root / "MANIFEST.tsv").open(encoding="utf-8") as file:
        boxes = {row["file"]: json.loads(row["watermark_box_xyxy"]) for row in csv.DictReader(file, delimiter="\t")}
    with tempfile.TemporaryDirectory() as folder:
        study = Study.create(Path(folder) / "study", [root / name for name in sorted(boxes)])
        by_name = {Path(name).name: np.array(box, dtype=float) for name, box in boxes.items()}
        rng = np.random.default_rng(0)
        images = [study.images[row] for row in rng.permutation(len(study.images))]
        ours, others = images[: len(images) // 2], images[len(images) // 2 :]
        windows = [around(one.image_id, by_name[one.name], (one.width, one.height), 0.25) for one in ours]
        windows += [w for one in (*ours, *others) for w in random_windows([one.image_id], 1 / 16, rng)[0][:PER]]
        features = Features(network, layers, "mean", None)
        acts = features.activations(windows, lambda: cut(study, network, windows))
        photos = [one.image_id for one in ours]
        slopes = {
            target: features.gradients(photos, target, lambda: (read_photo(study.photo_path(name)) for name in photos))
            for target in (CARTON, TENCH)
        }
    rows = []
    size = len(ours)
    places = np.arange(size)
    choices = [np.append(size + np.arange(row * PER, row * PER + PER), row) for row in range(size)]
    rest = np.arange(size + size * PER, len(windows))
    for number, layer in enumerate(layers):
        for target, name in ((CARTON, "carton"), (TENCH, "tench")):
            space = space_of(acts[number], slopes[target][number])
            sets = exchanged(choices, SETS_POWER, np.random.default_rng(number))
            told = tested(space, places, rest, (sets, rest))
            rows.append({"what": "watermark", "way": name, "layer": layer.name, **told})
    return _corrected(rows)


def _corrected(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """With p-values corrected over the layers of each class."""
    for way in Counter(str(row["way"]) for row in rows if "p" in row):
        some = [row for row in rows if row["way"] == way and "p" in row]
        for row, corrected in zip(some, holm([float(str(row["p"])) for row in some]), strict=True):
            row["p_holm"] = round(corrected, 5)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network()
    layers = network.layers.select("default")
    rows = pictures(network, layers[::4], 4 * arguments.draws)
    rows += watermark(network, layers)
    rows += of_classes(network, layers, arguments.draws)
    write_csv(RESULTS / "tcav_null.csv", rows)


if __name__ == "__main__":
    main()
