"""Where the work is done: in this process, in processes of this machine, or on a Dask or Ray cluster.

Every backend comes down to one function, from a task to a `concurrent.futures.Future`. joblib itself is left out of
the way: its Ray backend gives no result before all are there, and its Dask backend waits for ever where a worker died
(joblib 1.6), so that neither could stream shards to the disk. Its processes, loky, are used through their executor.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import sys
import threading
import time
import warnings
import weakref
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.machinery import PathFinder
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from layerlore.errors import OutputError, SettingError, StudyError
from layerlore.study.worker import Plan, Result, Task, explain_shard, on_one_thread, placed, work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from layerlore.network.model import Network

BACKENDS = ("loky", "dask", "ray")
SPARE = 2
"""Tasks in flight beyond one for each worker, so that none waits for its photos to be read."""

CONNECT_SECONDS = 20
"""How long a cluster may take to answer."""

Submit: TypeAlias = "Callable[[Task], Future[Result | Exception]]"


@dataclass(frozen=True)
class Pool:
    """Workers that are ready.

    Attributes:
        submit: Starts a task.
        workers: How many there are.
        ahead: Tasks that may be in flight; memory grows with it.
        died: Exceptions that mean that a worker ended before its task.
    """

    submit: Submit
    workers: int
    ahead: int
    died: tuple[type[BaseException], ...] = ()


def default_workers() -> int:
    """One worker for each GPU, else for each core that this process may use."""
    import torch
    from joblib import cpu_count

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the cores cannot be told apart, it counts threads
        return int(torch.cuda.device_count() or cpu_count(only_physical_cores=True))


def check_backend(backend: str, workers: int | None, address: str | None) -> None:
    """Refuse what cannot be before anything is done.

    Raises:
        SettingError: Unknown backend, no workers, or an address for processes of this machine.
        StudyError: The backend's packages are not installed.
    """
    if backend not in BACKENDS:
        raise SettingError(f"unknown backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    if workers is not None and workers < 1:
        raise SettingError(f"workers is {workers}; it must be at least 1")
    if address is not None and backend == "loky":
        raise SettingError("loky runs on this machine and has no address; choose the backend dask or ray for a cluster")
    package = {"dask": "distributed", "ray": "ray"}.get(backend)
    if package is not None:
        from importlib.util import find_spec

        if find_spec(package) is None:
            raise StudyError(
                f"the backend {backend} needs a package that is not installed; run: pip install 'layerlore[{backend}]'"
            )


@contextmanager
def open_pool(
    backend: str, network: Network, plan: Plan, folder: Path, *, workers: int, address: str | None = None
) -> Iterator[Pool]:
    """Start workers that have the network; on the way out they are ended, also in the midst of their work.

    Args:
        backend: ``loky``, ``dask`` or ``ray``.
        network: The network.
        plan: What is the same for all tasks; ``key``, ``claims`` and ``slots`` are filled in here.
        folder: For temporary files.
        workers: Number of workers; on a cluster that exists already, the most tasks at a time.
        address: Of a cluster that exists already.

    Raises:
        StudyError: The network cannot be sent, or the cluster is not there.
    """
    if backend == "loky" and workers == 1:
        with _here(network, plan) as pool:
            yield pool
        return
    content = pickled(network)
    plan = replace(plan, key=hashlib.sha256(content).hexdigest(), paths=tuple(sys.path), slots=workers)
    opened = {"loky": _loky, "dask": _dask, "ray": _ray}[backend]
    with opened(content, plan, folder, workers, address) as pool:
        yield pool


def results(pool: Pool, tasks: Iterator[Task]) -> Iterator[Result]:
    """Do the tasks and yield each result as it comes; memory does not grow with the number of tasks.

    Raises:
        StudyError: A worker died.
        Exception: What a task raised.
    """
    pending = {pool.submit(task) for task in islice(tasks, pool.ahead)}
    try:
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            while done:
                future = done.pop()
                yield _outcome(future, pool)
                del future
                pending.update(pool.submit(task) for task in islice(tasks, 1))
    finally:
        for future in pending:
            future.cancel()


def _outcome(future: Future[Result | Exception], pool: Pool) -> Result:
    try:
        value = future.result()
    except pool.died as error:
        raise StudyError(
            f"a worker process ended before its work was done ({first_line(error)}), most often for want of memory; "
            f"run again with fewer --workers (there were {pool.workers}), what is done is kept"
        ) from error
    if isinstance(value, Exception):
        raise value
    return value


def pickled(network: Network) -> bytes:
    """The network as bytes, with the code of modules that only this process can import."""
    import cloudpickle

    own = _own_modules()
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        content: bytes = cloudpickle.dumps(network)
    except Exception as error:
        raise StudyError(
            f"{network.name} cannot be sent to other processes ({type(error).__name__}: {first_line(error)}); "
            "run with one worker (--backend loky --workers 1), or define it in a module of its own"
        ) from error
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)
    return content


def _own_modules() -> list[ModuleType]:
    """Modules beside the user, from a network ``module.path:callable``; other processes would not find them."""
    here = str(Path.cwd())
    return [
        module
        for name, module in list(sys.modules.items())
        if "." not in name
        and name != "__main__"
        and str(getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")).startswith(here)
        and PathFinder.find_spec(name) is None
    ]


@contextmanager
def _here(network: Network, plan: Plan) -> Iterator[Pool]:
    """The driver itself is the only worker; nothing is pickled."""
    import torch

    def submit(task: Task) -> Future[Result | Exception]:
        future: Future[Result | Exception] = Future()
        future.set_result(explain_shard(task, plan, network))
        return future

    device = "cuda:0" if torch.cuda.is_available() else str(network.device)
    with on_one_thread(), placed(network, device):
        yield Pool(submit, workers=1, ahead=1)


@contextmanager
def _loky(content: bytes, plan: Plan, folder: Path, workers: int, _address: str | None) -> Iterator[Pool]:
    """Processes of this machine, which read the network from a file."""
    from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

    parcel = folder / f".network-{plan.key[:8]}.part"  # a name that the next run removes if this one is killed
    plan = replace(plan, claims=folder)
    try:
        parcel.write_bytes(content)
    except OSError as error:
        parcel.unlink(missing_ok=True)
        raise OutputError(f"cannot write {parcel}: {error.strerror}; make room, and run again") from error
    executor = ProcessPoolExecutor(
        workers, initializer=begin_process, initargs=(os.getpid(),), env={"OMP_NUM_THREADS": "1"}
    )
    try:

        def submit(task: Task) -> Future[Result | Exception]:
            with interrupts_kept_here():  # the first call starts the processes
                future: Future[Result | Exception] = executor.submit(work, task, plan, parcel)
            return future

        yield Pool(submit, workers, workers + SPARE, died=(BrokenProcessPool,))
    finally:
        executor.shutdown(wait=False, kill_workers=True)
        for path in (parcel, *folder.glob(".device-*.part")):
            path.unlink(missing_ok=True)


def begin_process(driver: int) -> None:
    """In a worker process of this machine: end when the driver has gone, however it went."""

    def watch() -> None:
        while os.getppid() == driver:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def interrupts_kept_here() -> Iterator[None]:
    """Processes started inside leave Ctrl-C to the driver, which ends them; theirs would be one traceback each."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _signals_as_they_were() -> Iterator[None]:
    """Ray takes SIGTERM for itself; whoever had it before gets it back, and what comes between is an interrupt."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as error:
        raise KeyboardInterrupt from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _dask(content: bytes, plan: Plan, folder: Path, workers: int, address: str | None) -> Iterator[Pool]:
    """A Dask cluster: the one at ``address``, or one of this machine."""
    import logging

    import dask
    import distributed

    start: Any = distributed  # half of it is typed
    with ExitStack() as stack:
        # A task holds its photos' files; Dask would warn of each that is large.
        stack.enter_context(dask.config.set({"distributed.admin.large-graph-warning-threshold": "10GB"}))
        if address is None:
            plan = replace(plan, claims=folder)
            with interrupts_kept_here():
                cluster = stack.enter_context(
                    start.LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        memory_limit=None,
                        dashboard_address=None,
                        silence_logs=logging.CRITICAL,
                    )
                )
            stack.callback(_kill_dask_workers, cluster)
        try:
            client = stack.enter_context(
                start.Client(address or cluster, timeout=CONNECT_SECONDS, set_as_default=False)
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise StudyError(
                f"no Dask scheduler answers at {address} ({first_line(error)}); give its address, "
                "such as tcp://host:8786, or none for a cluster of this machine"
            ) from error
        threads = sum(client.nthreads().values())
        if not threads:
            raise StudyError(f"the Dask cluster at {address} has no workers; start some with: dask worker {address}")
        [parcel] = client.scatter([content], broadcast=True, hash=False)
        executor = client.get_executor(pure=False)

        def submit(task: Task) -> Future[Result | Exception]:
            future: Future[Result | Exception] = executor.submit(work, task, plan, parcel)
            return future

        count = min(workers, threads)
        try:
            yield Pool(submit, count, count + SPARE, died=(distributed.KilledWorker,))
        finally:
            executor.shutdown(wait=False)


def _kill_dask_workers(cluster: Any) -> None:  # noqa: ANN401 untyped library
    """End the processes of a local cluster in the midst of their work, which closing it would wait for."""
    for nanny in cluster.workers.values():
        with suppress(AttributeError, OSError, TypeError):
            nanny.auto_restart = False
            os.kill(nanny.pid, signal.SIGKILL)


@contextmanager
def _ray(content: bytes, plan: Plan, _folder: Path, workers: int, address: str | None) -> Iterator[Pool]:
    """A Ray cluster: the one at ``address``, the one that this process is part of, or one of this machine."""
    import logging

    import ray

    ours = not ray.is_initialized()
    if ours:
        _check_answers(address)
        where: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False} if address is None else {}
        try:
            with _signals_as_they_were():
                ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **where)
        except (ConnectionError, OSError, ValueError, RuntimeError) as error:
            raise _no_ray(address, error) from error
    started: weakref.WeakSet[Future[Result | Exception]] = weakref.WeakSet()
    try:
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0))
        remote = ray.remote(work).options(num_cpus=1, num_gpus=1 if gpus else 0, max_retries=2)
        parcel: Any = ray.put(content)

        def submit(task: Task) -> Future[Result | Exception]:
            future: Future[Result | Exception] = remote.remote(task, plan, parcel).future()
            started.add(future)
            return future

        count = max(1, min(workers, gpus or int(resources.get("CPU", 1))))
        yield Pool(submit, count, count + SPARE, died=(ray.exceptions.RayError,))
    finally:
        if ours and address is None:
            ray.shutdown()
        else:
            for future in list(started):
                if not future.done():
                    with suppress(Exception):  # it may be over by now, or the cluster gone
                        ray.cancel(future.object_ref, force=True)  # type: ignore[attr-defined]
            if ours:
                ray.shutdown()


def _check_answers(address: str | None) -> None:
    """Refuse an address where nothing listens; Ray would try for many minutes.

    Raises:
        StudyError: Nothing does.
    """
    if address is None:
        return
    place = urlsplit(address if "://" in address else f"ray://{address}")
    with suppress(ValueError):  # no port, such as "auto"
        if place.hostname and place.port:
            try:
                socket.create_connection((place.hostname, place.port), CONNECT_SECONDS).close()
            except OSError as error:
                raise _no_ray(address, error) from error


def _no_ray(address: str | None, error: BaseException) -> StudyError:
    return StudyError(
        f"no Ray cluster can be had at {address or 'this machine'} ({first_line(error)}); give its address, "
        "such as auto or ray://host:10001, or none for a cluster of this machine"
    )


def first_line(error: BaseException) -> str:
    """What went wrong, in one short line."""
    return (str(error).strip().splitlines() or [""])[0][:200].strip().rstrip(".") or type(error).__name__
