"""Photos evaluated by processes of this machine, each of which writes its own photos' files."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import TYPE_CHECKING

from layerlore.errors import StudyError
from layerlore.evaluate.working import evaluate_photo
from layerlore.study.backends import begin_process, first_line, interrupts_kept_here, pickled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerlore.evaluate.photos import Item
    from layerlore.evaluate.working import Done, Plan
    from layerlore.network.model import Network

_loaded: list[tuple[Network, Plan]] = []
"""What this process works with, once it has begun."""

_evaluated: list[str] = []
"""Photos that this process has evaluated."""


def in_processes(network: Network, items: Sequence[Item], plan: Plan, workers: int) -> Iterator[tuple[Item, Done]]:
    """Evaluate photos in processes that have the network; on the way out they are ended, also in the midst of it.

    Args:
        network: The network.
        items: The photos.
        plan: What is done with each.
        workers: Number of processes.

    Yields:
        Photos as they are done.

    Raises:
        StudyError: A process died, or the network cannot be sent to one.
        LayerLoreError: What a photo's evaluation raised.
    """
    from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

    with tempfile.TemporaryDirectory(prefix="layerlore-") as place:
        parcel = Path(place) / "network"
        parcel.write_bytes(pickled(network))
        executor = ProcessPoolExecutor(
            workers,
            initializer=_begin,
            initargs=(os.getpid(), parcel, plan, tuple(sys.path)),
            env={"OMP_NUM_THREADS": "1"},
        )
        try:
            waiting = {}
            for item in items:
                with interrupts_kept_here():  # the first call starts the processes
                    waiting[executor.submit(_work, item)] = item
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield waiting.pop(future), _outcome(future, BrokenProcessPool, workers)
        finally:
            executor.shutdown(wait=False, kill_workers=True)


def _outcome(future: Future[Done], died: type[BaseException], workers: int) -> Done:
    try:
        return future.result()
    except died as error:
        raise StudyError(
            f"a worker process ended before its work was done ({first_line(error)}), most often for want of memory; "
            f"run again with fewer --workers (there were {workers}), what is done is kept"
        ) from error


def _begin(driver: int, parcel: Path, plan: Plan, paths: Sequence[str]) -> None:
    """In a process: load the network, calculate on one thread, and end when the driver has gone."""
    import torch

    begin_process(driver)
    torch.set_num_threads(1)
    sys.path += [path for path in paths if path not in sys.path]
    with parcel.open("rb") as file:
        network: Network = pickle.load(file)  # noqa: S301 the driver is trusted with this process anyway
    _loaded.append((network, plan))


def _work(item: Item) -> Done:
    """Evaluate one photo in this process."""
    network, plan = _loaded[0]
    done = evaluate_photo(network, item, plan, first=not _evaluated)
    if done.result is not None:
        _evaluated.append(item.image_id)
    return done
