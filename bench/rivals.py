"""Every method on the same photos: which maps are true, on the object, sparse and steady, and what does each cost?

Photos of Imagenette with boxes that EfficientNet-Lite0 names rightly by a list beside them, so that the predicted
class, whose map is made, is nearly always the one that the box is of. None of them is among those on which any setting
of this project was chosen (``photo_paths(140)``). Measured by ``layerlore.evaluate``: a run that was stopped goes on,
and the photos come in rounds of ten over all classes, so that what there is after any of them is a fair sample.

LIME, SHAP, RISE, SISE and Score-CAM ask the network 500 to 1,000 times a photo: over two minutes of processor time a
photo for all methods together. ``--sanity`` runs the methods that ask seldom again, on noisy photos, for another class
and on random weights; about 45 seconds a photo. What is in bench/results has 60 photos, and 30 with ``--sanity``.

    python bench/rivals.py [--sanity] [--photos 100] [--methods all] [--workers 2] [--kept FOLDER]
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from typing import TYPE_CHECKING

from common import DATA, RESULTS, photo_paths, write_csv
from layerlore import load_network
from layerlore.evaluate.running import evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.evaluate.results import Evaluation

PLACE = DATA / "imagenette_val500"
ONCE = (
    "insertion", "deletion", "insertion_mean", "deletion_mean", "road",
    "average_drop", "average_gain", "increase_in_confidence",
    "localisation", "gini", "entropy",
)  # fmt: skip
"""Metrics that need no second run of the method."""

AGAIN = ("max_sensitivity", "random_logit", "emprt")
SELDOM = ("gradcam", "gradcampp", "layercam", "fam", "nmf", "inv", "random", "gaussian")
"""Methods that are run again."""

SHOWN = {
    "insertion": 3, "deletion": 3, "insertion_mean": 3, "deletion_mean": 3, "road": 3, "average_drop": 2,
    "energy_pointing": 2, "pointing": 2, "rank_accuracy": 2, "gini": 2, "max_sensitivity": 2, "random_logit": 2,
    "emprt": 2,
}  # fmt: skip
"""Columns of the printed table, with digits."""

REFERENCES = ("gradcam", "inv")
"""What all others are compared with, photo by photo."""

SIGNS = {"better": " ▲", "worse": " ▼"}
MADE = " †"

CHOSEN_ON = 140
"""Photos of ``photo_paths`` on which something was chosen."""

ROUND = 10


def photos() -> list[tuple[Path, str]]:
    """Photos that are named rightly and on which nothing was chosen, with their classes."""
    used = set(photo_paths(CHOSEN_ON))
    with (PLACE / "MANIFEST.tsv").open(newline="") as file:
        index = {row["file"]: int(row["class_index"]) for row in csv.DictReader(file, delimiter="\t")}
    with (PLACE / "lite0_measurements.tsv").open(newline="") as file:
        named = {
            row["file"] for row in csv.DictReader(file, delimiter="\t") if int(row["top1_index"]) == index[row["file"]]
        }
    return [(PLACE / name, name.split("/")[0].split("_", 1)[1]) for name in sorted(named) if PLACE / name not in used]


def rows(found: Evaluation) -> list[dict[str, object]]:
    """The table with the differences from each reference, and the costs, a row each."""
    table = [
        {"against": against} | {name: _short(value) for name, value in line.as_row().items()}
        for against in REFERENCES
        for line in replace(found, against=against).lines
    ]
    costs = [
        {"metric": name, "method": cost.method, "n": cost.n, "mean": _short(getattr(cost, name))}
        for cost in found.costs
        for name in ("seconds", "memory", "model_calls")
        if getattr(cost, name) is not None
    ]
    return [*table, *costs]


def write_photos(path: Path, found: Evaluation) -> None:
    """Write what was measured on each photo, a row for each method; empty where it could not be."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", "method", *found.metrics])
        for one in found.photos:
            for method in one.runs:
                measured = one.runs[method].measured
                values = [measured[name].value if name in measured else None for name in found.metrics]
                writer.writerow([one.photo.path, method, *map(_short, values)])


def _short(value: object) -> object:
    return f"{value:.5g}" if isinstance(value, float) else value


def table(found: Evaluation) -> str:
    """Means as Markdown; marked is what can be told from the reference after Holm's correction, and what is made so."""
    columns = [name for name in SHOWN if name in found.metrics]
    costs = {cost.method: cost for cost in found.costs}
    lines = ["| Method | " + " | ".join(columns) + " | calls | seconds |", "| --- |" + " --- |" * (len(columns) + 2)]
    for method in found.methods:
        cells = [found.line(method, name) for name in columns]
        values = [
            ""
            if one.interval is None
            else f"{one.interval.mean:.{SHOWN[one.metric]}f}{MADE if one.made else ''}" + SIGNS.get(one.verdict, "")
            for one in cells
        ]
        cost = costs[method]
        lines.append(f"| {method} | {' | '.join(values)} | {cost.model_calls:.0f} | {cost.seconds:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sanity", action="store_true", help="run the methods again, those that ask seldom")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--methods", help="names, or 'all'")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kept", help="folder in which a run that was stopped goes on")
    arguments = parser.parse_args()
    name = "rivals_sanity" if arguments.sanity else "rivals"
    methods = arguments.methods or (",".join(SELDOM) if arguments.sanity else "all")
    network, chosen = load_network(), photos()
    for amount in [*range(ROUND, arguments.photos, ROUND), arguments.photos]:
        found = evaluate(
            network,
            chosen,
            methods=methods if methods == "all" else methods.split(","),
            metrics=AGAIN if arguments.sanity else ONCE,
            truths=PLACE / "annotations.tsv",
            sample=amount,
            out=arguments.kept or name,
            workers=arguments.workers,
            notice=print,
        )
        write_csv(RESULTS / f"{name}.csv", rows(found))
        write_photos(RESULTS / f"{name}_photos.csv", found)
        print(f"{amount} photos\n{table(found)}", flush=True)


if __name__ == "__main__":
    main()
