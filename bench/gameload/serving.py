"""The server as people start it, in processes of its own, and what these processes use."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from postgres import binaries
from postgres import server as postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("sqlite", "postgres")
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Running:
    """A server that runs.

    Attributes:
        process: Its first process.
        port: Where it listens.
        seconds: How long it took until it answered.
        said: File with what it said on stderr.
    """

    process: subprocess.Popen[str]
    port: int
    seconds: float
    said: Path


def start(
    folder: Path, *, database: str = "", port: int = 0, workers: int = 2, threads: int = 8, largest: int = 0
) -> Running:
    """Start ``layerlore play`` and wait until it has said its address; with ``largest`` no file may grow beyond.

    Raises:
        SystemExit: It did not start.
    """
    ours = ("LAYERLORE_", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"LAYERLORE_DATABASE": database, "LAYERLORE_LOG_LEVEL": "WARNING"}
    options = ["--port", str(port), "--workers", str(workers), "--threads", str(threads)]
    said = folder / "said.txt"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    begun = time.perf_counter()
    with said.open("a") as errors:
        process = subprocess.Popen(  # noqa: S603 our own command
            [sys.executable, "-m", "layerlore", "play", str(folder), *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            start_new_session=True,
            preexec_fn=limit if largest else None,  # noqa: PLW1509 no threads here
        )
    assert process.stdout
    address = process.stdout.readline().strip()
    if not address:
        raise SystemExit(f"the server did not start: {said.read_text()}")
    return Running(process, int(address.rstrip("/").rpartition(":")[2]), time.perf_counter() - begun, said)


def stop(running: Running) -> float:
    """End it as an operator would; returns the seconds that took."""
    begun = time.perf_counter()
    running.process.send_signal(signal.SIGTERM)
    code = running.process.wait(timeout=60)
    assert code == 0, running.said.read_text()
    return time.perf_counter() - begun


def tree(number: int) -> list[int]:
    """A process and all below it."""
    try:
        tasks = [task.name for task in Path(f"/proc/{number}/task").iterdir()]
        below = [Path(f"/proc/{number}/task/{task}/children").read_text().split() for task in tasks]
    except OSError:
        return [number]
    return [number, *(one for names in below for name in names for one in tree(int(name)))]


def kill(numbers: list[int]) -> None:
    """SIGKILL to each at once."""
    for number in numbers:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_for_end(numbers: list[int]) -> None:
    """Wait until none of them runs any more."""
    end = time.perf_counter() + 10
    while any(_runs(number) for number in numbers):
        assert time.perf_counter() < end, "a killed process is still there"
        time.sleep(0.01)


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass(frozen=True)
class Use:
    """What processes use: seconds of processor time since they began, memory, open files, threads."""

    cpu: float
    rss_mb: float
    files: int
    threads: int


def use(numbers: list[int]) -> Use:
    """Of processes together."""
    cpu = rss = files = threads = 0
    for number in numbers:
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            files += len(list(Path(f"/proc/{number}/fd").iterdir()))
        except OSError:
            continue
        cpu += int(fields[11]) + int(fields[12])
        threads += int(fields[17])
        rss += int(fields[21])
    return Use(cpu / TICK, rss * PAGE / 1e6, files, threads)


@contextmanager
def databases(kind: str) -> Iterator[tuple[str, list[int]]]:
    """URL of a fresh database and the processes that serve it: "" and none for SQLite.

    Raises:
        SystemExit: PostgreSQL is asked for and not installed.
    """
    if kind == "sqlite":
        yield "", []
        return
    place = binaries()
    if place is None:
        raise SystemExit("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    with postgres_server(place, durable=True) as url:
        folder = Path(url.rpartition("=")[2])
        subprocess.run([place / "createdb", "-h", folder, "-U", "game", "game"], check=True)  # noqa: S603
        yield url, [int((folder / "data" / "postmaster.pid").read_text().split()[0])]
