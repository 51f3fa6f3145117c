"""What must hold in the database after any load, kill or restore; run as a process of its own, as Django wants.

python -m gameload.checks FOLDER URL ANSWERS.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gameload.players import Answer

LIMIT = 5  # examples that are told


def check(folder: Path, url: str, answers: list[Answer]) -> dict[str, Any]:
    """Counts of what is wrong, by name, and of what there is."""
    file = folder / "answers.json"
    file.write_text(json.dumps([asdict(one) for one in answers]))
    command = [sys.executable, "-m", "gameload.checks", str(folder), url, str(file)]
    done = subprocess.run(  # noqa: S603 our own module
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def wrong(found: dict[str, Any]) -> dict[str, Any]:
    """What of it should be nothing and is not."""
    return {name: value for name, value in found["wrong"].items() if value}


def _everything(answers: list[dict[str, Any]]) -> dict[str, Any]:
    from django.db import connection
    from django.db.models import Count, F

    from layerlore.game.server.models import Label, Map, Round
    from layerlore.game.server.services import campaigns, recounting, upkeep

    campaign = campaigns.current()
    sure = [one for one in answers if one["acknowledged"]]
    rows = {row.token: row for row in Round.objects.all()}
    labels: dict[int, list[str]] = {}
    for number, text in Label.objects.values_list("round_id", "text"):
        labels.setdefault(number, []).append(text)
    lost = [one["token"] for one in sure if one["token"] not in rows or rows[one["token"]].state == "open"]
    other = [
        one["token"]
        for one in sure
        if one["token"] in rows and not _is_as_sent(one, rows[one["token"]], labels.get(rows[one["token"]].pk, []))
    ]
    twice = Round.objects.values("player", "map").annotate(times=Count("pk")).filter(times__gt=1)
    open_twice = Round.objects.filter(state="open").values("player").annotate(times=Count("pk")).filter(times__gt=1)
    wrong = {
        "answers lost": lost[:LIMIT],
        "answers other than sent": other[:LIMIT],
        "rounds half-written": _half_written(list(rows.values()), labels)[:LIMIT],
        "maps twice": list(twice)[:LIMIT],
        "open rounds twice": list(open_twice)[:LIMIT],
        "maps above their cap": list(Map.objects.filter(load__gt=F("cap")).values_list("key", flat=True)[:LIMIT]),
        "wrong counters": upkeep.wrong_counters(campaign)[:LIMIT],
        "lines of points that differ from the log": recounting.recount(campaign),
        "integrity": "",
    }
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            wrong["integrity"] = "; ".join(row[0] for row in cursor.execute("PRAGMA integrity_check") if row[0] != "ok")
    finished = sum(row.state != "open" for row in rows.values())
    unheard = sum(
        not one["acknowledged"] and one["token"] in rows and rows[one["token"]].state != "open" for one in answers
    )
    return {"wrong": wrong, "rounds": len(rows), "finished": finished, "acknowledged": len(sure), "unheard": unheard}


def _is_as_sent(sent: dict[str, Any], row: Any, labels: list[str]) -> bool:  # noqa: ANN401 a model
    if sorted(labels) != sent["labels"]:
        return False
    if sent["kind"] == "resign":
        return bool(row.state == "resigned") and not row.guesses
    return row.state in ("won", "lost") and [str(answer) for answer, _ in row.guesses] == [sent["fields"]["answer"]]


FINAL = ("won", "lost", "resigned", "expired", "voided")


def _half_written(rows: list[Any], labels: dict[int, list[str]]) -> list[str]:
    """Rounds whose log is not what the row says."""
    from layerlore.game.server.models import Event

    kinds: dict[int, Counter[str]] = {}
    for number, kind in Event.objects.values_list("round_id", "kind"):
        kinds.setdefault(number, Counter())[kind] += 1
    bad = []
    for row in rows:
        log = kinds.get(row.pk, Counter())
        told = sum(log[kind] for kind in FINAL)
        whole = (
            told == int(row.state != "open")
            and log["revealed"] == row.step
            and log["guessed"] == row.tries == len(row.guesses)
            and log["labelled"] == len(labels.get(row.pk, []))
        )
        if not whole:
            bad.append(f"{row.token} {row.state} {dict(log)}")
    return bad


def main() -> None:
    """Print what was found as JSON."""
    folder, url, file = sys.argv[1:]
    from layerlore.game.server.running import Server, campaign_folder, configure

    configure(Server(Path(folder), database=url), campaign_folder(Path(folder)))
    print(json.dumps(_everything(json.loads(Path(file).read_text()))))


if __name__ == "__main__":
    main()
