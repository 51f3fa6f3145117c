"""Export of a large campaign: seconds, memory, and how long players wait meanwhile.

Some minutes. A campaign of 48,000 maps with a million labels is written into SQLite; processes of their own export
it, with and without `answers.parquet`, and estimate its labels. Another process writes now and then, as answers do.

Goal (specification of the game): at most 200 MB of memory for the export.

    python bench/game_export.py [--labels 1000000]
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gameload  # noqa: F401 puts the tests' helpers on the path
from common import RESULTS, write_csv

IMAGES, PLAYERS, A_ROUND = 12_000, 10_000, 3
WORDS = [
    f"{first} {second}" for first in ("round", "grey", "soft", "long") for second in ("ear", "wheel", "sky", "leaf")
]
BEGIN = "2026-01-05"
TABLES = ("map", "round", "label", "event", "player", "estimate")

EXPORT = """
import json, re, sys, time
from pathlib import Path
from layerlore.game.exchange import exporting
folder, job = Path(sys.argv[1]), sys.argv[2]
began = time.perf_counter(), time.process_time()
if job == "estimates":
    from layerlore.game.exchange.opening import opened
    with opened(folder):
        from layerlore.game.server.models import Campaign
        from layerlore.game.server.services.estimates import refit
        Campaign.objects.update(estimated=0)
        refit()
    size = 0
else:
    if job == "export":
        exporting.STUDY_FILE = "none.toml"
    done = exporting.export_campaign(folder, out=folder / job)
    size = done.written.bytes
    assert bool(done.answers) == (job == "with answers"), done.notes
print(json.dumps({
    "seconds": round(time.perf_counter() - began[0], 1),
    "cpu_seconds": round(time.process_time() - began[1], 1),
    "peak_rss_mb": round(int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6),
    "mib": round(size / 2**20, 1),
}))
"""

WRITE = """
import sys, time
from pathlib import Path
from layerlore.game.server import running
folder = Path(sys.argv[1])
running.configure(running.Server(folder=folder), folder)
from django.db import transaction
from layerlore.game.server.models import Limit
longest = 0.0
row, _ = Limit.objects.get_or_create(scope="bench", who="bench", window=0)
print("ready", flush=True)
while not (folder / "stop").exists():
    time.sleep(0.05)
    began = time.perf_counter()
    with transaction.atomic():
        Limit.objects.filter(pk=row.pk).update(count=1)
    longest = max(longest, time.perf_counter() - began)
print(round(1000 * longest))
"""


FILL = """
CREATE TEMP TABLE place AS SELECT row_number() OVER (ORDER BY id) - 1 AS place, id, picture_id, kind FROM game_map;
CREATE UNIQUE INDEX temp.place_once ON place (place);
CREATE TEMP TABLE number AS
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :most) SELECT i FROM n;
INSERT INTO game_player
    (key, kind, shadow, held, suspicion, cookie, network, nickname, language, seed, shortcuts, created, seen)
    SELECT printf('%032x', i), 'guest', 0, 0, '', printf('%064x', i), '', 'guest-' || i, 'en', i, 1, :begin, :begin
    FROM number WHERE i < :players;
INSERT INTO game_round
    (token, campaign_id, map_id, picture_id, player_id, stream, why, device, language, steps, step, tries, guesses,
    drafts, state, "nothing", request, void_reason, counted, counted_on, started, expires, ended)
    SELECT printf('%032x', i), :campaign, place.id, picture_id, 1 + (i % :maps + i / :maps * 997) % :players,
    iif(kind = 'control', 'control', 'normal'), 'first', printf('%064x', (i % :maps + i / :maps * 997) % :players),
    'en', 6, 2, 1, '[[' || (i % 3) || ', 2]]', '[]', iif(i % 3, 'won', 'lost'), 0, '', '', 1,
    date(:begin, i || ' seconds'), datetime(:begin, i || ' seconds'), datetime(:begin, (i + 1800) || ' seconds'),
    datetime(:begin, (i + 40) || ' seconds')
    FROM number JOIN place ON place.place = i % :maps WHERE i < :rounds ORDER BY i;
CREATE TEMP TABLE turn AS SELECT i FROM number WHERE i < :a_round;
INSERT INTO game_label (round_id, map_id, text, raw, language, step, kind, assisted, flagged, hidden)
    SELECT game_round.id, map_id, word, upper(word), 'en', game_round.id % 3, '', 0, 0, 0
    FROM game_round JOIN turn JOIN word ON word.place = (game_round.id + 5 * i) % :words ORDER BY game_round.id, i;
INSERT INTO game_event (round_id, kind, at, step, value, language, correct)
    SELECT game_round.id, what.kind, started, what.step,
    CASE what.kind WHEN 'started' THEN device WHEN 'guessed' THEN '1' WHEN 'labelled' THEN 'grey ear' ELSE '' END,
    iif(what.kind = 'labelled', 'en', ''), iif(what.kind = 'guessed', state = 'won', NULL)
    FROM game_round JOIN what ORDER BY game_round.id, what.place;
INSERT INTO game_event (round_id, kind, at, step, value, language) SELECT id, state, ended, 2, '', '' FROM game_round;
INSERT INTO game_estimate (map_id, language, text, posterior, typed, seen, lift, steps)
    SELECT id, 'en', word, 0.5, 2, 5, 1.5, '[1, 1]' FROM place JOIN word
    WHERE kind <> 'control' AND word.place < 5 ORDER BY id, word.place;
INSERT INTO game_playerestimate (player_id, weight, low, high, answers)
    SELECT id, 0.5, 0.3, 0.7, 30 FROM game_player;
UPDATE game_campaign SET estimated = (SELECT max(id) FROM game_event);
"""
WHAT = [("started", 0), ("revealed", 1), ("revealed", 2), *[("labelled", 1)] * A_ROUND, ("guessed", 2)]


def fill(folder: Path, labels: int) -> dict[str, int]:
    """Write the campaign with Django, and its rounds with SQL, which takes a tenth of the time."""
    from small_bundle import write_bundle

    from layerlore.game.server import running

    campaign_folder = write_bundle(folder / "campaign", images=IMAGES, honeypots=0, files=False)
    running.configure(running.Server(folder=campaign_folder), campaign_folder)
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0, interactive=False)
    from layerlore.game.bundle.manifest import load_manifest
    from layerlore.game.server.services import loading

    campaign = loading.load(campaign_folder, verify=False)
    write_link(campaign_folder, load_manifest(campaign_folder, verify=False))
    (folder / "study.toml").touch()
    connection.close()
    numbers: dict[str, object] = {"maps": 4 * IMAGES, "rounds": labels // A_ROUND, "players": PLAYERS}
    numbers |= {"campaign": campaign.pk, "begin": BEGIN, "a_round": A_ROUND, "words": len(WORDS)}
    numbers["most"] = max(labels // A_ROUND, PLAYERS)
    database = sqlite3.connect(campaign_folder / "game.sqlite3", isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA temp_store = MEMORY")
    database.execute("CREATE TEMP TABLE word (place, word)")
    database.executemany("INSERT INTO word VALUES (?, ?)", enumerate(WORDS))
    database.execute("CREATE TEMP TABLE what (place, kind, step)")
    database.executemany("INSERT INTO what VALUES (?, ?, ?)", [(n, *one) for n, one in enumerate(WHAT)])
    database.execute("BEGIN")
    for statement in FILL.split(";\n"):
        database.execute(statement, numbers)
    database.execute("COMMIT")
    counts = {name: database.execute(f"SELECT count(*) FROM game_{name}").fetchone()[0] for name in TABLES}  # noqa: S608
    database.close()
    return {f"{name}s": count for name, count in counts.items()}


def write_link(folder: Path, manifest: Any) -> None:  # noqa: ANN401 a Manifest
    """A way back to a study that is not there."""
    from layerlore.game.bundle.link import Link, LinkedImage, LinkedMap, link_bytes

    images = {one.image_key: LinkedImage(one.image_key[:16], "a.jpg", "dog", 1) for one in manifest.images}
    maps = {one.map_key: LinkedMap(one.image_key[:16], 1, one.layer, 0, one.cluster) for one in manifest.maps}
    link = Link(manifest.campaign_id, 0, images, maps, ())
    (folder / "bundle" / "link.json").write_bytes(link_bytes(link))


def measure(folder: Path, job: str) -> dict[str, Any]:
    """Do a job in a process of its own, while another one writes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LAYERLORE_", "DJANGO_"))}
    (folder / "campaign" / "stop").unlink(missing_ok=True)
    command = [sys.executable, "-c"]
    writer = subprocess.Popen(  # noqa: S603 ours
        [*command, WRITE, str(folder / "campaign")], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert writer.stdout
    assert writer.stdout.readline() == "ready\n"
    done = subprocess.run(  # noqa: S603 ours
        [*command, EXPORT, str(folder), job], capture_output=True, text=True, env=environment, check=False
    )
    (folder / "campaign" / "stop").touch()
    waited = writer.communicate()[0]
    assert done.returncode == 0, done.stderr
    return {"job": job, **json.loads(done.stdout), "longest_wait_of_a_writer_ms": int(waited)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, default=1_000_000)
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        counts = fill(Path(place), arguments.labels)
        print(f"{counts} written in {time.perf_counter() - began:.0f} s")
        for job in ("export", "with answers", "estimates"):
            row = {**counts, **measure(Path(place), job), "goal_mb": 200 if job == "export" else ""}
            rows.append(row)
            waited = row["longest_wait_of_a_writer_ms"]
            print(f"{job}: {row['seconds']} s, {row['peak_rss_mb']} MB, a writer waited {waited} ms at most")
    write_csv(RESULTS / "game_export.csv", rows)


if __name__ == "__main__":
    main()
