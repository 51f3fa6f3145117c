"""Kills the server under its players, and looks at what is left."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from gameload import serving
from gameload.checks import check, wrong
from gameload.players import Diary, player
from gameload.wire import Browser, Crowd, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THINK = 0.3


def run(folder: Path, url: str, *, kills: int, players: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Kill the server so often; what was found after each time, and at the end after a quiet stop."""
    rng = random.Random(seed)
    diary, record = Diary(), Record()
    server = serving.start(folder, database=url)
    port = server.port
    crowd = Crowd(
        [
            Browser(number, port, player(number, diary, think=THINK, seed=seed, patient=True))
            for number in range(players)
        ],
        record,
    )
    for number in range(kills):
        finished = len(diary.answers)
        # Not before there is something to lose; then at any moment.
        while len(diary.answers) < finished + players // 10:
            crowd.run(0.2)
        moment = rng.uniform(0.0, 2.0)
        crowd.run(moment)
        doomed = serving.tree(server.process.pid)
        serving.kill(doomed)
        server.process.wait()
        serving.wait_for_end(doomed)
        crowd.drain()
        yield _found(number + 1, check(folder, url, diary.answers), diary, record)
        server = serving.start(folder, database=url, port=port)
    crowd.run(3.0)
    crowd.finish()
    crowd.close()
    serving.stop(server)
    yield _found("none", check(folder, url, diary.answers), diary, record)


def _found(kill: object, found: dict[str, Any], diary: Diary, record: Record) -> dict[str, Any]:
    for error in diary.errors[:5]:
        print("error:", error)
    return {
        "kill": kill,
        "rounds": found["rounds"],
        "acknowledged": found["acknowledged"],
        "carried out, not acknowledged": found["unheard"],
        "cut off": record.gone,
        "errors": len(diary.errors),
        "wrong": str(wrong(found) or ""),
    }
