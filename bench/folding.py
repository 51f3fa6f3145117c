"""Does one map of all layers point at what the class depends on, better than other methods' maps do?

For each photo and way one map, scored for the predicted class by insertion and deletion, against a blurred photo and
against the mean colour, in 14 steps. Every difference is paired: the same photo, another way.

``folded`` is the layers of ``stable`` added up; ``inv`` is that map after correction, the method of this name. What
the correction does by itself is seen where it begins with another map, Grad-CAM's or a blob in the middle that knows
nothing. It hides by a blur and by the mean colour, as the metrics do; ``hiding by colour`` never saw the blur and
``hiding by blur`` never the mean colour, so that the other two metrics test what is carried over.

The photos are not those the correction's settings were chosen on, which are ``photo_paths(14, skip=100)``. Each
measurement is kept in ``folding_photos.csv`` at once, and not made again; cheap ways go first. About two hours for 100
photos on one thread, nearly all of it SISE, which asks the network about a thousand times a photo.

    python bench/folding.py [--photos 100] [--ways gradcam,inv]
"""

from __future__ import annotations

import argparse
import csv
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from common import DATA, RESULTS, bootstrap_interval, keep_memory, photo_paths, write_csv
from layerlore import load_network
from layerlore.evaluate.case import Case
from layerlore.evaluate.measuring import measure
from layerlore.evaluate.metrics import curves
from layerlore.local.folding import correct, upsample
from layerlore.methods.run import explain_subject, make_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from layerlore.methods.result import Saliency
    from layerlore.methods.subject import Subject

    Way = Callable[[Subject], Saliency]

KEPT = RESULTS / "folding_photos.csv"
METRICS = ("insertion", "deletion", "insertion_mean", "deletion_mean")
COLUMNS = ("photo", "way", *METRICS, "model_calls", "cpu_seconds")
STEPS = 14
FINE = "blocks.4.2.bn2"
"""The last layer of 14 x 14."""


def method(name: str, **options: object) -> Way:
    return lambda subject: explain_subject(subject, method=name, seed=0, **options)


def corrected(name: str, **options: object) -> Way:
    """The correction of ``inv``, begun with another method's map."""

    def explain(subject: Subject) -> Saliency:
        start = explain_subject(subject, method=name, seed=0)
        rows, columns = subject.inputs.shape[2:]
        heat = upsample(start.map.astype(np.float64), (rows, columns))
        values, asked = correct(subject.network, subject.inputs, subject.target, heat, **options)
        return _with_map(start, values, start.model_calls + asked)

    return explain


def _with_map(start: Saliency, values: np.ndarray, calls: int) -> Saliency:
    from dataclasses import replace

    return replace(start, map=values.astype(np.float32), model_calls=calls, constant=not np.ptp(values) > 0)


WAYS: dict[str, Way] = {
    "gradcam": method("gradcam"),
    "inv": method("inv"),
    "gradcampp": method("gradcampp"),
    "layercam": method("layercam"),
    "layercam 14 x 14": method("layercam", layer=FINE),
    "folded": method("inv", rounds=0),
    "inv_paper": method("inv_paper"),
    "gaussian": method("gaussian"),
    "random": method("random"),
    "hiding by colour": method("inv", hide="colour"),
    "hiding by blur": method("inv", hide="blur"),
    "gradcam corrected": corrected("gradcam"),
    "gaussian corrected": corrected("gaussian"),
    "adasise": method("adasise"),
    "sise": method("sise"),
}


def read_kept() -> dict[tuple[str, str], dict[str, str]]:
    """What was measured before, by photo and way."""
    if not KEPT.exists():
        return {}
    with KEPT.open(newline="", encoding="utf-8") as file:
        return {(row["photo"], row["way"]): row for row in csv.DictReader(file)}


def keep(row: Mapping[str, object]) -> None:
    new = not KEPT.exists()
    with KEPT.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def score(subject: Subject, way: str) -> dict[str, object]:
    began = time.process_time()
    found = WAYS[way](subject)
    seconds = time.process_time() - began
    case = Case(subject, found, explain=lambda *_: found.map)
    measured = {name: round(float(one.value or 0), 5) for name, one in measure(case, METRICS).items()}
    return {"way": way, **measured, "model_calls": found.model_calls, "cpu_seconds": round(seconds, 3)}


def name_of(path: Path) -> str:
    return path.relative_to(DATA).as_posix()


def table(names: list[str], reference: str = "inv") -> list[dict[str, object]]:
    """A row for each way: means, and the paired difference of the reference to it, over the photos that have both."""
    kept = read_kept()
    rows = []
    for way in WAYS:
        both = [name for name in names if (name, way) in kept and (name, reference) in kept]
        if not both:
            continue
        row: dict[str, object] = {"way": way, "photos": len(both)}
        for metric in METRICS:
            values = np.array([float(kept[name, way][metric]) for name in both])
            differences = np.array([float(kept[name, reference][metric]) for name in both]) - values
            low, high = bootstrap_interval(list(differences))
            row |= {
                metric: round(float(values.mean()), 3),
                f"{metric}: {reference} minus it": round(float(differences.mean()), 3),
                f"{metric}: low": round(low, 3),
                f"{metric}: high": round(high, 3),
            }
        for cost in ("model_calls", "cpu_seconds"):
            row[cost] = round(float(np.median([float(kept[name, way][cost]) for name in both])), 2)
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--ways", default=",".join(WAYS), help="some of: %(default)s")
    arguments = parser.parse_args()
    paths = photo_paths(arguments.photos)
    network = load_network()
    network.module.to(memory_format=torch.channels_last)  # half the time on a CPU
    kept = read_kept()
    asked = arguments.ways.split(",")
    for costly in (False, True):
        ways = [way for way in asked if way.endswith("sise") == costly]
        for path in paths:
            missing = [way for way in ways if (name_of(path), way) not in kept]
            if missing:
                subject = make_subject(network, path)
                for way in missing:
                    keep({"photo": name_of(path), **score(subject, way)})
    rows = table([name_of(path) for path in paths])
    for row in rows:
        print(*row.values(), sep=" | ")
    write_csv(RESULTS / "folding.csv", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    keep_memory()
    curves.STEPS = STEPS
    main()
