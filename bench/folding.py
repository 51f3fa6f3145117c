"""Does a corrected map point at what the class depends on, better than other methods' maps do, and what earns that?

For each photo and way one map, scored for the predicted class by insertion and deletion, against a blurred photo and
against the mean colour, in 14 steps. Every difference is paired: the same photo, another way.

``folded`` is the layers of ``stable`` added up; ``inv`` is that map after correction, the method of this name. What
the correction does by itself is seen where it begins with another map: Grad-CAM's, or a blob in the middle or random
numbers, which know nothing. It hides by a blur and by the mean colour, as the metrics do; ``hiding by colour`` never
saw the blur and ``hiding by blur`` never the mean colour, so that the other two metrics test what is carried over.

The correction's settings were chosen on other photos, among ``photo_paths(40, skip=100)``; the merging of ``stable``
on the first 24 of these (``merging.py``), so the photos after them have a table of their own. Each
measurement is kept in ``folding_photos.csv`` at once, and not made again; cheap ways go first. About two hours for 100
photos on one thread, nearly all of it SISE, which asks the network about a thousand times a photo.

    python bench/folding.py [--photos 100] [--skip 24] [--ways gradcam,inv] [--table]
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

from common import DATA, RESULTS, bootstrap_interval, keep_memory, photo_paths, write_csv
from folding_ways import FOLDS
from layerlore import load_network
from layerlore.evaluate.case import Case
from layerlore.evaluate.measuring import measure
from layerlore.evaluate.metrics import curves
from layerlore.local.folding import correct, upsample
from layerlore.methods.result import Saliency, scale
from layerlore.methods.run import explain_subject, make_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from folding_ways import Fold
    from layerlore.methods.subject import Subject

    Way = Callable[[Subject], Saliency]

KEPT = RESULTS / "folding_photos.csv"
BASELINES = {"blur": ("insertion", "deletion"), "mean": ("insertion_mean", "deletion_mean")}
"""What a photo is uncovered from and taken away to, with the names of the metrics."""

COLUMNS = ("photo", "way", "baseline", "insertion", "deletion", "model_calls", "cpu_seconds")
STEPS = 14
FEWEST = 10
"""Photos below which a way has no row."""

SEEN = 24
"""How many photos of the list the merging of ``stable`` was chosen on, by the same two metrics: the first."""

REFERENCES = ("inv", "gradcam")
"""What each way is compared with, photo by photo."""

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
        return replace(start, map=values.astype(np.float32), model_calls=start.model_calls + asked, constant=False)

    return explain


def folded(fold: Fold) -> Way:
    """A way of ``folding_ways.py`` as a result of the kind that methods give."""

    def explain(subject: Subject) -> Saliency:
        began = time.perf_counter()
        heat, calls = fold(subject)
        scaled, constant = scale(heat - heat.min())
        about = {"method": "folding", "target": subject.target, "seed": 0, "settings": {}, "signed": False}
        seconds, ends = time.perf_counter() - began, {"lowest": float(heat.min()), "highest": float(heat.max())}
        return Saliency(map=scaled, constant=constant, seconds=seconds, model_calls=calls, **about, **ends)

    return explain


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
    "random corrected": corrected("random"),
    "adasise": method("adasise"),
    "sise": method("sise"),
    **{name: folded(fold) for name, fold in FOLDS.items()},
}


Key = tuple[str, str, str]
"""Photo, way, baseline."""


def read_kept() -> dict[Key, dict[str, str]]:
    """What was measured before."""
    if not KEPT.exists():
        return {}
    with KEPT.open(newline="", encoding="utf-8") as file:
        return {(row["photo"], row["way"], row["baseline"]): row for row in csv.DictReader(file)}


def keep(rows: Sequence[Mapping[str, object]]) -> None:
    new = not KEPT.exists()
    with KEPT.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerows(rows)


def score(subject: Subject, way: str, baselines: Sequence[str]) -> list[dict[str, object]]:
    began = time.process_time()
    found = WAYS[way](subject)
    seconds = round(time.process_time() - began, 3)
    case = Case(subject, found, explain=lambda *_: found.map)
    rows = []
    for baseline in baselines:
        measured = measure(case, BASELINES[baseline])
        insertion, deletion = (round(float(measured[name].value or 0), 5) for name in BASELINES[baseline])
        rows.append({"way": way, "baseline": baseline, "insertion": insertion, "deletion": deletion})
    return [{**row, "model_calls": found.model_calls, "cpu_seconds": seconds} for row in rows]


def measure_all(paths: Sequence[Path], ways: Sequence[str], baselines: Sequence[str]) -> None:
    """Measure what is missing; several processes may do so at once."""
    network = load_network()
    network.module.to(memory_format=torch.channels_last)  # half the time on a CPU
    for path in paths:
        name, kept = name_of(path), read_kept()
        missing = {way: [one for one in baselines if (name, way, one) not in kept] for way in ways}
        if any(missing.values()):
            subject = make_subject(network, path)
            for way, wanted in missing.items():
                if wanted:
                    keep([{"photo": name, **row} for row in score(subject, way, wanted)])


def name_of(path: Path) -> str:
    return path.relative_to(DATA).as_posix()


def table(names: Sequence[str], which: str) -> list[dict[str, object]]:
    """Means of each way and a reference over the photos that have both, with their paired difference."""
    kept = read_kept()
    rows = []
    for baseline, reference, way in product(BASELINES, REFERENCES, WAYS):
        keys = [((name, way, baseline), (name, reference, baseline)) for name in names]
        both = [(kept[one], kept[other]) for one, other in keys if one in kept and other in kept]
        if way != reference and len(both) >= FEWEST:
            about = {"of": which, "photos": len(both), "baseline": baseline, "reference": reference, "way": way}
            rows.append({**about, **compared(both)})
    return rows


def compared(both: Sequence[tuple[Mapping[str, str], Mapping[str, str]]]) -> dict[str, object]:
    """Of one way and the reference, photo by photo."""
    row: dict[str, object] = {}
    for metric in ("insertion", "deletion"):
        values, reference = np.array([[float(one[metric]) for one in pair] for pair in both]).T
        low, high = bootstrap_interval(list(reference - values))
        row |= {
            metric: round(float(values.mean()), 3),
            f"{metric} of reference": round(float(reference.mean()), 3),
            f"{metric} of reference minus it": round(float((reference - values).mean()), 3),
            f"{metric} low": round(low, 3),
            f"{metric} high": round(high, 3),
        }
    return row | {
        cost: round(float(np.median([float(one[cost]) for one, _ in both])), 2)
        for cost in ("model_calls", "cpu_seconds")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--skip", type=int, default=0, help="photos left out before these")
    parser.add_argument("--ways", default=",".join(WAYS), help="some of: %(default)s")
    parser.add_argument("--table", action="store_true", help="measure nothing, only make the table anew")
    arguments = parser.parse_args()
    paths = photo_paths(arguments.photos + arguments.skip)[arguments.skip :]
    asked = [] if arguments.table else arguments.ways.split(",")
    cheap = [way for way in asked if not way.endswith("sise")]
    for baseline in BASELINES:
        measure_all(paths, cheap, [baseline])
    measure_all(paths, [way for way in asked if way.endswith("sise")], list(BASELINES))
    names = [name_of(path) for path in photo_paths(100)]
    sets = {"photos 1 to 100": names, "photos 25 to 100": names[SEEN:], "photos 25 to 54": names[SEEN:54]}
    rows = [row for which, some in sets.items() for row in table(some, which)]
    for row in rows:
        print(*row.values(), sep=" | ")
    write_csv(RESULTS / "folding.csv", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    keep_memory()
    curves.STEPS = STEPS
    main()
