"""What metrics of a map cost, and how much less insertion and deletion take than torchcam's.

Insertion and deletion on a blurred photo, 20 steps, the same Grad-CAM map, photo, baseline and number of pictures for
both, taken in turn; processor time on one thread, and how far the areas are apart. And each metric alone that needs no
mask of an object.

About two minutes on one thread.

    python bench/metrics.py [--photos 8]
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import torch

from common import RESULTS, bootstrap_interval, photo_paths, write_csv
from layerlore import load_network
from layerlore.evaluate import METRICS
from layerlore.evaluate.case import Case, make_case
from layerlore.evaluate.measuring import measure
from layerlore.evaluate.metrics import curves
from layerlore.methods.subject import Subject
from layerlore.network.photos import read_photo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from layerlore.network.model import Network

WITHOUT_TRUTH = tuple(name for name, info in METRICS.items() if not {"truth", "clusters"} & info.needs)
BOTH = ("insertion", "deletion")


def given_map(case: Case) -> SimpleNamespace:
    """What torchcam takes for a method, so that it measures the very map that ours measures."""
    the_map = torch.from_numpy(case.saliency.map)[None]
    # It calls the method itself, which only a class can be.
    kind = type("Given", (SimpleNamespace,), {"__call__": lambda *_, **__: [the_map]})
    return kind(model=case.subject.network.module, fuse_cams=lambda maps: maps[0], _hooks_off=contextlib.nullcontext)


def subjects(network: Network, paths: Sequence[Path]) -> Iterator[Subject]:
    """Photos with the class that the network answers."""
    for path in paths:
        photo = read_photo(path)
        inputs = network.prepare(photo)[None]
        with torch.no_grad():
            target = int(network.module(inputs).argmax())
        yield Subject(network, photo, inputs, target)


def fresh(case: Case) -> Case:
    """The same without what was kept."""
    return Case(case.subject, case.saliency, case.explain, case.truth, case.seed)


def ours(case: Case) -> tuple[float, float]:
    found = measure(fresh(case), BOTH)
    return found["insertion"].value, found["deletion"].value


def torchcams(case: Case) -> tuple[float, float]:
    from torchcam.metrics import DeletionInsertionMetric

    metric = DeletionInsertionMetric(
        given_map(case), lambda logits: logits.softmax(dim=1), steps=curves.STEPS, baseline=curves.blurred
    )
    metric.update(case.subject.inputs, case.subject.target)
    summary = metric.summary()
    return summary["insertion_auc"], summary["deletion_auc"]


def timed(call, *arguments):  # noqa: ANN001, ANN002, ANN201 - any
    began = time.process_time()
    result = call(*arguments)
    return time.process_time() - began, result


def speed(network: Network, paths: Sequence[Path]) -> list[dict[str, object]]:
    times, apart = defaultdict(list), []
    for number, subject in enumerate(subjects(network, paths)):
        case = make_case(subject, "gradcam")
        if number == 0:  # the first calls choose their algorithms
            ours(case), torchcams(case)
        for turn in range(2):
            pair = [("ours", ours), ("torchcam", torchcams)][:: 1 if (number + turn) % 2 else -1]
            found = {}
            for name, call in pair:
                seconds, found[name] = timed(call, case)
                times[name].append(seconds)
        apart.append(np.abs(np.subtract(found["ours"], found["torchcam"])).max())
        for name in WITHOUT_TRUTH:
            times[name].append(timed(measure, fresh(case), [name])[0])
    ratios = np.array(times["torchcam"]) / np.array(times["ours"])
    low, high = bootstrap_interval(ratios)
    pair = {
        "what": "insertion and deletion",
        "photos": len(paths),
        "seconds": round(float(np.median(times["ours"])), 3),
        "torchcam_seconds": round(float(np.median(times["torchcam"])), 3),
        "times_faster": round(float(ratios.mean()), 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "largest_difference": f"{max(apart):.1e}",
    }
    alone = [
        {"what": name, "photos": len(paths), "seconds": round(float(np.median(times[name])), 3)}
        for name in WITHOUT_TRUTH
    ]
    return [pair, *alone]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=8)
    rows = speed(load_network(), photo_paths(parser.parse_args().photos))
    for row in rows:
        print(*row.values(), sep=" | ")
    write_csv(RESULTS / "metrics.csv", rows)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
