"""Rate, memory and storage of studies: workers against the plain network, and the backends against each other.

About eight minutes on two cores.

Goals: with ``stable`` and nine layers, one worker explains at least 0.40 times as many photos a second as the same
network does forward and backward on one thread (a worker is one thread); two workers do at least 1.7 times as many as
one; memory stays flat over 1,000 photos; a photo takes at most 60 kB. The rates of Dask and Ray are reported.

A rate is measured from the moment when each worker has made its first shard, so that starting the workers is left out;
that is reported apart.

    python bench/study.py [--rounds 2] [--photos 160] [--many 1000]
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image

from common import RESULTS, photo_paths, write_csv
from layerlore import load_network
from layerlore.network.photos import read_photo
from layerlore.study.study import Study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore import Network

NETWORKS = {"efficientnet-lite0": 1.0, "torchvision:resnet18": 1.0, "torchvision:resnet50": 0.6}
"""What is measured, and on which share of the photos."""

BATCH, SHARD = 8, 16
MARKS = (100, 250, 500, 1000)


def plain_rate(network: Network, inputs: torch.Tensor, threads: int, *, seconds: float = 3.0) -> float:
    """Photos a second through the network and back to its input, in batches as in a study."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    wanted = [parameter for parameter in network.module.parameters() if parameter.requires_grad]
    try:
        for parameter in wanted:
            parameter.requires_grad_(False)
        network.module.eval()
        done, start = -BATCH, time.perf_counter()
        while done <= 0 or time.perf_counter() - start < seconds:
            if done == 0:
                start = time.perf_counter()  # the first batch warms up
            photos = inputs.clone().requires_grad_()
            network.module(photos).max(dim=1).values.sum().backward()
            done += BATCH
        return done / (time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
        for parameter in wanted:
            parameter.requires_grad_(True)


def run(folder: Path, photos: Sequence[Path], spec: str, backend: str, workers: int) -> tuple[float, float, Study]:
    """Rate of a study's run, seconds until each worker had made a shard, and the study."""
    study = Study.create(folder, photos, spec, pretrained=spec == "efficientnet-lite0")
    times: list[tuple[int, float]] = []
    start = time.perf_counter()
    study.run(backend=backend, workers=workers, progress=lambda done, _: times.append((done, time.perf_counter())))
    first = next(at for done, at in times if done >= SHARD * workers)
    done, end = times[-1]
    return (done - SHARD * workers) / (end - first), first - start, study


def resident(process: int) -> int:
    """Bytes that a process holds in memory; 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def family() -> list[int]:
    """This process and those that it started."""
    try:
        found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        found = []
    return [os.getpid(), *map(int, found)]


def memory(folder: Path, photos: Sequence[Path]) -> list[dict[str, object]]:
    """Highest memory of driver and two workers, together, between the marks."""
    study = Study.create(folder, photos)
    done = 0
    peaks = dict.fromkeys(MARKS, 0)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            held = sum(resident(process) for process in family())
            mark = next((mark for mark in MARKS if done < mark), MARKS[-1])
            peaks[mark] = max(peaks[mark], held)

    def step(now: int, _total: int) -> None:
        nonlocal done
        done = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        study.run(workers=2, progress=step)
    finally:
        over.set()
        watcher.join()
    rows = [{"what": "memory", "photos": mark, "workers": 2, "value": peaks[mark] / 1e6} for mark in MARKS]
    growth = peaks[MARKS[-1]] / peaks[MARKS[1]]
    print("memory in MB until photo " + ", ".join(f"{mark}: {peaks[mark] / 1e6:.0f}" for mark in MARKS))
    print(f"memory at the end / at photo {MARKS[1]} = {growth:.3f} (goal: flat, <= 1.05)")
    return [*rows, {"what": "memory at the end / at 250", "workers": 2, "value": growth, "goal": "<= 1.05"}]


def many(folder: Path, count: int) -> list[Path]:
    """As many different photos; where there are fewer, they come again with another quality."""
    found = photo_paths(count)
    folder.mkdir()
    paths = []
    for number in range(count):
        copy, rest = divmod(number, len(found))
        buffer = io.BytesIO()
        with Image.open(found[rest]) as image:
            image.convert("RGB").save(buffer, "JPEG", quality=90 - copy)
        path = folder / f"{number:05d}.jpg"
        path.write_bytes(buffer.getvalue())
        paths.append(path)
    return paths


def measure_network(place: Path, spec: str, photos: Sequence[Path], rounds: int) -> list[dict[str, object]]:
    """Rates of one network: plain, one worker, two workers; interleaved, so that a slow minute hits all alike."""
    network = load_network(spec, pretrained=spec == "efficientnet-lite0")
    inputs = torch.stack([network.prepare(read_photo(path)) for path in photos[:BATCH]])
    cores = torch.get_num_threads()
    values: dict[str, list[float]] = {"plain 1": [], "plain all": [], "1": [], "2": [], "start": []}
    size = 0.0
    for number in range(rounds):
        values["plain 1"].append(plain_rate(network, inputs, 1))
        values["plain all"].append(plain_rate(network, inputs, cores))
        for workers in (1, 2):
            folder = place / f"{spec.rpartition(':')[2]}-{workers}-{number}"
            rate, begun, study = run(folder, photos, spec, "loky", workers)
            values[str(workers)].append(rate)
            values["start"] += [begun] * (workers == 2)
            size = study.status().bytes / len(photos) / 1000
        values["plain 1"].append(plain_rate(network, inputs, 1))
    mid = {name: statistics.median(found) for name, found in values.items()}
    one, two = mid["1"] / mid["plain 1"], mid["2"] / mid["1"]
    print(
        f"{spec}: plain {mid['plain 1']:.1f}/s on one thread, {mid['plain all']:.1f}/s on {cores}; "
        f"one worker {mid['1']:.2f}/s, two {mid['2']:.2f}/s; {size:.1f} kB a photo"
    )
    print(
        f"  one worker / plain on one thread = {one:.2f} (goal 0.40); / on {cores} = {mid['1'] / mid['plain all']:.2f}"
    )
    print(f"  two workers / one = {two:.2f} (goal 1.7); / plain on {cores} = {mid['2'] / mid['plain all']:.2f}")
    shared = {"network": spec, "photos": len(photos), "rounds": rounds}
    found = [
        ("plain, one thread, photos/s", 0, mid["plain 1"], ""),
        (f"plain, {cores} threads, photos/s", 0, mid["plain all"], ""),
        ("loky, photos/s", 1, mid["1"], ""),
        ("loky, photos/s", 2, mid["2"], ""),
        ("loky / plain on one thread", 1, one, ">= 0.40"),
        (f"loky / plain on {cores} threads", 1, mid["1"] / mid["plain all"], ""),
        (f"loky / plain on {cores} threads", 2, mid["2"] / mid["plain all"], ""),
        ("two workers / one", 2, two, ">= 1.7"),
        ("seconds until each worker has made a shard", 2, mid["start"], ""),
        ("kB a photo", 0, size, "<= 60"),
    ]
    return [
        {"what": what, "workers": workers or "", "value": value, "goal": goal, **shared}
        for what, workers, value, goal in found
    ]


def measure_backends(place: Path, photos: Sequence[Path], rounds: int) -> list[dict[str, object]]:
    """Rates and starts of the three backends with two workers each on this machine."""
    rates: dict[str, list[float]] = {"loky": [], "dask": [], "ray": []}
    starts: dict[str, list[float]] = {"loky": [], "dask": [], "ray": []}
    for number in range(rounds):
        for backend, found in rates.items():
            rate, start, _ = run(place / f"{backend}-{number}", photos, "efficientnet-lite0", backend, 2)
            found.append(rate)
            starts[backend].append(start)
    rows: list[dict[str, object]] = []
    loky = statistics.median(rates["loky"])
    for backend, found in rates.items():
        rate, start = statistics.median(found), statistics.median(starts[backend])
        shared = {"network": "efficientnet-lite0", "photos": len(photos), "rounds": rounds, "workers": 2}
        rows += [
            {"what": f"{backend} beside the others, photos/s", "value": rate, **shared},
            {"what": f"{backend}, seconds until each worker has made a shard", "value": start, **shared},
            {"what": f"{backend} / loky", "value": rate / loky, **shared},
        ]
        print(f"{backend}: {rate:.2f}/s, {rate / loky:.2f} of loky's; {start:.1f} s to begin")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--photos", type=int, default=160)
    parser.add_argument("--many", type=int, default=1000)
    arguments = parser.parse_args()
    if arguments.photos < 6 * SHARD:
        parser.error(f"--photos {arguments.photos}: a rate needs at least {6 * SHARD}")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        photos = photo_paths(arguments.photos)
        for spec, share in NETWORKS.items():
            # Whole shards for two workers, and more than the first ones, after which the clock starts.
            count = max(2, round(len(photos) * share / (2 * SHARD))) * 2 * SHARD
            rows += measure_network(place, spec, photos[:count], arguments.rounds)
        rows += measure_backends(place, photos, arguments.rounds)
        rows += memory(place / "many", many(place / "photos", arguments.many))
    write_csv(RESULTS / "study.csv", [{**row, "value": round(float(str(row["value"])), 4)} for row in rows])


if __name__ == "__main__":
    main()
