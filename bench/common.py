"""What the benchmarks share: photos, intervals, and CSV files that say where they come from."""

from __future__ import annotations

import contextlib
import csv
import ctypes
import datetime as dt
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerlore.digits import DigitNet

RESULTS = Path(__file__).parent / "results"
DATA = Path(os.environ.get("LAYERLORE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
FOLDERS = ("imagewoof_val500", "imagenette_val500", "coco128", "hymenoptera")
SUFFIXES = {".jpg", ".jpeg", ".png"}


def photo_paths(count: int, *, skip: int = 0) -> list[Path]:
    """``count`` photos, spread evenly over the test data's folders and, in each, over its classes.

    Args:
        count: How many.
        skip: Leave out the photos that ``photo_paths(skip)`` gives, for a second set.

    Raises:
        SystemExit: The test data is not there.
    """
    pools = []
    for folder in FOLDERS:
        found = sorted(
            path
            for path in (DATA / folder).rglob("*")
            if path.suffix.lower() in SUFFIXES and "png" not in path.parent.name
        )
        # A fixed shuffle, so that any first part of the list is a fair sample of the folder.
        order = np.random.default_rng(0).permutation(len(found))
        pools.append([found[i] for i in order])
    if not any(pools):
        raise SystemExit(f"no photos in {DATA}; set LAYERLORE_TEST_DATA to the folder of the test data")
    mixed = [pool[rank] for rank in range(max(map(len, pools))) for pool in pools if rank < len(pool)]
    return mixed[skip : skip + count]


def bootstrap_interval(values: Sequence[float], *, draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean; one value for each photo."""
    sample = np.asarray(values, dtype=np.float64)
    picks = np.random.default_rng(seed).integers(0, len(sample), (draws, len(sample)))
    low, high = np.quantile(sample[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def digit_net(weights: Path | None) -> DigitNet:
    """The network that reads cluttered digits, from a file if it is there, else trained and kept there."""
    import torch

    from layerlore.digits import DigitNet, train_digit_net

    if weights is not None and weights.exists():
        module = DigitNet()
        module.load_state_dict(torch.load(weights, weights_only=True))
        return module.eval()
    module = train_digit_net()
    if weights is not None:
        torch.save(module.state_dict(), weights)
    return module


def processor() -> str:
    """Model name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows with the machine, the versions and the day beside each."""
    where = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("layerlore", "torch", "numpy", "scipy", "scikit-learn")},
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys([key for row in rows for key in row]))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*columns, *where])
        writer.writeheader()
        writer.writerows({**row, **where} for row in rows)
    print(f"wrote {path.name}")


def keep_memory() -> None:
    """Let the C library keep freed memory for the next pass instead of giving it back; saves half of a pass's time.

    Only glibc knows these settings; elsewhere nothing changes.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
        libc.mallopt(-4, 0)  # M_MMAP_MAX
