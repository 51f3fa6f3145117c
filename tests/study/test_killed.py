"""Runs that are killed at any moment: the next one goes on, and the result is that of a run which nobody disturbed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small import contents, network

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.study.study import Study

KILLS = 20

# Forks runs of a study, one photo a file, and kills each a random time after it began or after its first file. Forking
# saves importing torch each time; the network sleeps in every pass, so that no run comes to its end.
KILLER = """
import os, random, signal, sys, time
sys.path.insert(0, sys.argv[2])
import small, torch
from layerlore.study.study import Study

torch.set_num_threads(1)
network = small.network()
network.layers, network.fingerprint
forward = network.module.forward
network.module.forward = lambda x: (time.sleep(0.04), forward(x))[1]
moments = random.Random(int(sys.argv[4]))
for kill in range(int(sys.argv[3])):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        study = Study.open(sys.argv[1])
        told = lambda done, total: os.write(writing, b".")
        study.run(workers=1, network=network, shard=1, batch=1, progress=told)
        os._exit(0)
    os.close(writing)
    for _ in range(moments.choice((1, 2))):
        if not os.read(reading, 1):
            sys.exit(f"the run stopped by itself before kill {kill}")
    time.sleep(moments.uniform(0, 0.08))
    os.kill(child, signal.SIGKILL)
    if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        sys.exit(f"the run ended before kill {kill}")
    os.close(reading)
    found = Study.open(sys.argv[1]).status()
    print(found.shards, len(found.damaged), found.running, flush=True)
"""


def test_twenty_kills_leave_the_same_bytes_as_none(make_study: Callable[[str], Study]) -> None:
    calm = make_study("calm")
    calm.run(workers=1, shard=1, batch=1)
    shaken = make_study("shaken")
    arguments = [str(shaken.folder), str(Path(__file__).parent), str(KILLS), "0"]
    done = subprocess.run([sys.executable, "-c", KILLER, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == KILLS
    shards = [int(line[0]) for line in lines]
    assert shards == sorted(shards), shards  # nothing that was done is lost
    assert len(set(shards)) > KILLS // 3, shards  # the kills hit runs that were at work
    assert all(line[1:] == ["0"] for line in lines), "damaged, or still said to be running"
    result = shaken.run(workers=1)
    assert result.already >= shards[-1]
    assert contents(shaken.folder) == contents(calm.folder)


def children(process: int) -> list[int]:
    """Processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc to find the workers")
def test_workers_do_not_outlive_a_driver_that_is_killed(
    make_study: Callable[[str], Study], filled: dict[str, bytes], tmp_path: Path
) -> None:
    study = make_study("study")
    shutil.copy(Path(__file__).with_name("small.py"), tmp_path)
    code = (
        "import sys, time; from small import contents, network; from layerlore.study.study import Study\n"
        "slow = network(); slow.layers; forward = slow.module.forward\n"
        "slow.module.forward = lambda x: (time.sleep(60), forward(x))[1]\n"
        "Study.open('study').run(workers=2, network=slow, progress=lambda *done: print(done, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        deadline = time.monotonic() + 60
        while len(children(driver.pid)) < 2 or not list(study.folder.glob(".network-*")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(2)
        workers = children(driver.pid)
        assert f"process {driver.pid}" in study.status().running
        driver.send_signal(signal.SIGKILL)
    while any(_alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "workers live on"
        time.sleep(0.1)
    assert study.status().running == ""
    study.use_network(network())
    study.run(workers=1)
    assert contents(study.folder) == filled


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
