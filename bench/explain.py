"""Time of explaining photos: ``stable`` against ``paper``, and 32 photos together against one by one.

About four minutes.

Goals: ``stable`` from capture to merged maps (no ablation, no flow) at most 1/12 of ``paper``; a batch of 32 photos at
least 1.5 times the rate of single photos. Ablation and flow are timed beside them, without a goal.

    python bench/explain.py [--photos FOLDER] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import torch

from common import RESULTS, photo_paths, write_csv
from layerlore import explain, explain_batch, load_network
from layerlore.local.capture import capture
from layerlore.local.explain import Settings, explain_layers
from layerlore.network.photos import read_photo

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 32


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    network = load_network()
    photos = [read_photo(path) for path in photo_paths(BATCH)]
    layers = network.layers.default
    inputs = torch.stack([network.prepare(photo) for photo in photos])
    depth = len(network.layers)

    def to_maps(method: str, batch: torch.Tensor) -> None:
        explain_layers(capture(network, batch, None, layers), depth, Settings(method=method))

    to_maps("stable", inputs[:1])
    to_maps("paper", inputs[:1])
    rows: list[dict[str, object]] = []

    def row(what: str, value: list[float], against: list[float] | None = None, goal: str = "") -> float | None:
        ratio = None if against is None else statistics.median(value) / statistics.median(against)
        rows.append(
            {
                "what": what,
                "seconds_per_photo": round(statistics.median(value), 4),
                "ratio": "" if ratio is None else round(ratio, 4),
                "goal": goal,
                "rounds": len(value),
            }
        )
        return ratio

    stable, paper = [], []
    for number in range(arguments.rounds * 2):
        one = inputs[number % BATCH : number % BATCH + 1]
        stable.append(seconds(lambda one=one: to_maps("stable", one)))
        paper.append(seconds(lambda one=one: to_maps("paper", one)))
    row("paper, capture to merged maps", paper)
    ratio = row("stable, capture to merged maps, against paper", stable, paper, "<= 0.0833")
    print(f"stable / paper = 1/{1 / ratio:.1f} (goal 1/12)")

    single, together = [], []
    for _ in range(arguments.rounds):
        single.append(seconds(lambda: [to_maps("stable", inputs[i : i + 1]) for i in range(BATCH)]) / BATCH)
        together.append(seconds(lambda: to_maps("stable", inputs)) / BATCH)
    row("stable, one by one", single)
    ratio = row(f"stable, {BATCH} together, against one by one", together, single, "<= 0.667")
    print(f"rate of {BATCH} photos together / one by one = {1 / ratio:.2f} (goal 1.5)")

    plain, ablation, flow, full, full_batch = [], [], [], [], []
    for number in range(arguments.rounds):
        photo = photos[number]
        plain.append(seconds(lambda photo=photo: explain(network, photo, ablation=False, flow=False)))
        ablation.append(seconds(lambda photo=photo: explain(network, photo, flow=False)))
        flow.append(seconds(lambda photo=photo: explain(network, photo, ablation=False)))
        full.append(seconds(lambda photo=photo: explain(network, photo)))
    full_batch.append(seconds(lambda: explain_batch(network, photos)) / BATCH)
    row("explain without ablation and flow", plain)
    row("explain with ablation", ablation, plain)
    row("explain with flow", flow, plain)
    row("explain, all", full, plain)
    row(f"explain, all, {BATCH} together", full_batch, full)
    write_csv(RESULTS / "explain.csv", rows)


if __name__ == "__main__":
    main()
