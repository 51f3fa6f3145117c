"""Many players at once on a real server of Deep Reveal, SQLite or PostgreSQL, all on this machine.

A **full round** is what a browser asks for: ``POST /play/`` and the page it leads to, its picture; once or twice (half
each) ``POST reveal`` with the page and the picture that follow; a guess with two labels (70 % right, 20 % wrong) or a
resignation with two labels (10 %); the result page with the pictures on it. 300 photos of ten classes with three layers
each; a picture has 40 kB. Each player has a connection, cookies, CSRF tokens, and an address of their own.

``steady``: players with a pause of one second before each action. ``saturation``: no pauses, so many players that none
is faster than the limit of rounds a minute, and as many of them at once as are told. ``soak``: as ``steady``, with the
server's memory, files and threads every ten seconds. After each, the database is checked: answers lost or other than
sent, rounds half-written, caps, counters, points against the log.

    python bench/game_load.py steady --database sqlite --seconds 60
    python bench/game_load.py saturation --database postgres --seconds 30
    python bench/game_load.py soak --players 100 --seconds 180
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import gameload  # noqa: F401 puts the tests' helpers on the path
from common import RESULTS, write_csv
from gameload import campaign, serving
from gameload.checks import check, wrong
from gameload.players import Diary, player
from gameload.wire import Browser, Crowd, Record

JOINING, WARM = 60.0, 5.0
SAMPLE = 10.0


@dataclass(frozen=True)
class Plan:
    """What is run."""

    mode: str
    database: str
    players: int
    at_once: int | None
    think: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=("all", "steady", "saturation", "soak"), default="all")
    parser.add_argument("--database", choices=("both", "sqlite", "postgres"), default="both")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--players", type=int, default=0, help="default: 200; 400 for saturation, 100 for soak")
    parser.add_argument("--at-once", type=int, default=24, help="of them with a round at a time; for saturation")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--no-csv", action="store_true", help="only print")
    told = parser.parse_args()
    bad = []
    for mode in ("steady", "saturation") if told.mode == "all" else (told.mode,):
        for database in serving.KINDS if told.database == "both" else (told.database,):
            saturated = mode == "saturation"
            plan = Plan(
                mode,
                database,
                told.players or PLAYERS[mode],
                told.at_once if saturated else None,
                0.0 if saturated else 1.0,
                told.seconds,
            )
            bad += _run(plan, told)
    if bad:
        raise SystemExit(f"not as it must be: {'; '.join(bad)}")


PLAYERS = {"steady": 200, "saturation": 400, "soak": 100}


def _run(plan: Plan, told: argparse.Namespace) -> list[str]:
    """One run; what was not as it must be."""
    with (
        tempfile.TemporaryDirectory(prefix="layerlore-load-") as place,
        serving.databases(plan.database) as (url, pids),
    ):
        folder = campaign.write(Path(place) / "campaign", images=told.images)
        server = serving.start(folder, database=url, workers=told.workers, threads=told.threads)
        try:
            diary, record, rows = _load(plan, server, pids)
        finally:
            stopped = serving.stop(server)
        found = check(folder, url, diary.answers)
    rows[0] |= {"start s": round(server.seconds, 2), "stop s": round(stopped, 2), "wrong": str(wrong(found) or "")}
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    print(found)
    for error in diary.errors[:10]:
        print("error:", error)
    if not told.no_csv:
        write_csv(RESULTS / f"game_{plan.mode}_{plan.database}.csv", rows)
    if wrong(found) or diary.errors or record.gone:
        return [f"{plan.mode} {plan.database}: {wrong(found)}, {len(diary.errors)} errors, {record.gone} cut off"]
    return []


def _load(plan: Plan, server: serving.Running, pids: list[int]) -> tuple[Diary, Record, list[dict[str, Any]]]:
    """Warm up, run, and give what was measured; the first row is about the whole."""
    diary, record = Diary(), Record()
    browsers = [Browser(number, server.port, player(number, diary, think=plan.think)) for number in range(plan.players)]
    crowd = Crowd(browsers, record, at_once=plan.at_once)
    begun = time.perf_counter()
    while len(record.times["join"]) < plan.players and time.perf_counter() < begun + JOINING:
        crowd.run(1.0)
    crowd.run(WARM)
    record.times.clear()
    begun = record.rounds
    before = (_use(server, pids), time.process_time(), time.perf_counter())
    samples = []
    while (left := before[2] + plan.seconds - time.perf_counter()) > 0:
        crowd.run(min(left, SAMPLE))
        samples.append((time.perf_counter() - before[2], _use(server, pids)))
    after = (_use(server, pids), time.process_time(), time.perf_counter())
    rounds, seconds = record.rounds - begun, after[2] - before[2]
    # No more rounds are begun, those that are sent are answered.
    crowd.finish()
    crowd.close()
    requests = sum(map(len, record.times.values()))
    whole = {
        "mode": plan.mode,
        "database": plan.database,
        "kind": "all",
        "players": plan.players,
        "seconds": round(seconds, 1),
        "rounds": rounds,
        "rounds/s": round(rounds / seconds, 1),
        "requests/s": round(requests / seconds, 1),
        "server ms/round": round(1000 * (after[0].cpu - before[0].cpu) / rounds, 2),
        "generator ms/round": round(1000 * (after[1] - before[1]) / rounds, 2),
        "errors": len(diary.errors) + record.gone,
        **_spread([one for times in record.times.values() for one in times]),
        **_slope(samples),
    }
    kinds = [
        {"mode": plan.mode, "database": plan.database, "kind": kind, "requests": len(times), **_spread(times)}
        for kind, times in sorted(record.times.items())
    ]
    return diary, record, [whole, *kinds]


def _use(server: serving.Running, pids: list[int]) -> serving.Use:
    return serving.use([one for number in (server.process.pid, *pids) for one in serving.tree(number)])


def _spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    at = {name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in SHARES.items()}
    return {f"{name} ms": round(1000 * value, 1) for name, value in at.items()} | {"max ms": round(1000 * ordered[-1])}


SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def _slope(samples: list[tuple[float, serving.Use]]) -> dict[str, float]:
    """How memory, files and threads go: MB a minute by the median of all slopes (Theil-Sen), and first and last."""
    slopes = [
        60 * (late.rss_mb - early.rss_mb) / (there - here)
        for place, (here, early) in enumerate(samples)
        for there, late in samples[place + 1 :]
    ]
    first, last = samples[0][1], samples[-1][1]
    return {
        "RSS MB": round(last.rss_mb),
        "RSS MB/min": round(median(slopes), 2) if slopes else 0.0,
        "files first": first.files,
        "files last": last.files,
        "threads first": first.threads,
        "threads last": last.threads,
        "generator RSS MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }


if __name__ == "__main__":
    main()
