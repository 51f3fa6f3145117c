"""Writers of SQLite wait in a queue that a killed process leaves at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from layerlore.game.server.models import Campaign, Player

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys, time
from layerlore.game.server.sqlite.base import Queue
Queue(sys.argv[1]).enter()
print("in", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has its own queue")
def test_a_writer_waits_for_another_process_and_not_longer_than_that_lives(shared_campaign: Campaign) -> None:
    path = str(connection.settings_dict["NAME"])
    other = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline() == "in\n"
    written = threading.Event()

    def write() -> None:
        with transaction.atomic():
            Player.objects.create(nickname="waited")
        connection.close()
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert not written.wait(0.3)
    assert Campaign.objects.filter(pk=shared_campaign.pk).exists()  # who reads does not wait
    other.kill()
    other.wait()
    assert written.wait(10)
    writer.join()
    assert Player.objects.filter(nickname="waited").exists()


def test_the_queue_lets_each_in_once_and_everybody_in_the_end(tmp_path: Path) -> None:
    from layerlore.game.server.sqlite.base import Queue

    inside, most, entered = 0, 0, 0
    queues = [Queue(str(tmp_path / "file")) for _ in range(3)]  # as in three processes: each opens the files anew

    def visit(number: int) -> None:
        nonlocal inside, most, entered
        for _ in range(40):
            queues[number % 3].enter()
            inside += 1
            most = max(most, inside)
            entered += 1
            inside -= 1
            queues[number % 3].leave()

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(9)]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join(30)
    assert (most, entered) == (1, 360)
