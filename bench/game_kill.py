"""SIGKILL to the whole server of Deep Reveal while people play, again and again.

100 players with short pauses send answers with two labels each. At a random moment all processes of the server are
killed at once. With the server down the database is checked: every answer that was acknowledged is there, once and as
it was sent; no round is half-written (row, labels, log, points and counters fit together); SQLite's file is whole. Then
the server starts again, and the players, who have waited, send what was not answered once more, as browsers do: what
had been carried out is answered with the way to the result, never with an error. With PostgreSQL the server's processes
are killed, the database's are not.

    python bench/game_kill.py --database sqlite [--kills 20]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import gameload  # noqa: F401 puts the tests' helpers on the path
from common import RESULTS, write_csv
from gameload import campaign, serving
from gameload.killing import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("both", "sqlite", "postgres"), default="both")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--players", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-csv", action="store_true", help="only print")
    told = parser.parse_args()
    bad = 0
    for kind in serving.KINDS if told.database == "both" else (told.database,):
        with tempfile.TemporaryDirectory(prefix="layerlore-kill-") as place, serving.databases(kind) as (url, _):
            folder = campaign.write(Path(place) / "campaign", images=60)
            rows = list(run(folder, url, kills=told.kills, players=told.players, seed=told.seed))
        for row in rows:
            print("  ".join(f"{name} {value}" for name, value in row.items()))
        if not told.no_csv:
            write_csv(RESULTS / f"game_kill_{kind}.csv", [{"database": kind, **row} for row in rows])
        bad += sum(bool(row["wrong"] or row["errors"]) for row in rows)
    if bad:
        raise SystemExit(f"not as it must be after {bad} kills")


if __name__ == "__main__":
    main()
