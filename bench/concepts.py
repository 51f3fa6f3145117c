"""How long ``layerlore concepts`` takes, and how much memory, for 100,000 answers of which 20,000 are different.

The whole command in a process of its own, from the start of Python to the written files; then ``layerlore curate`` on
what it made. The answers are those of the gold sets (``bench/gold.py``), pairs of them, and every tenth with a slip;
few are typed often, most of them once. They are about the cluster maps of real photos, with 2,000 players, a tenth of
the rounds on control maps and a twentieth without an answer.

Bars: under 180 s and 2 GB on two cores.

    python bench/concepts.py [--answers 100000] [--distinct 20000] [--photos 60]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import gold
from common import RESULTS, photo_paths, write_csv
from layerlore.concepts.storage import load_concepts
from layerlore.study.answers import ANSWERS_FILE, AnswerRow, write_answers
from layerlore.study.study import Study

SETS = ("answers", "names", "norms")
PLAYERS = 2000
LABELS = 3
"""Of a round, at most."""
CONTROLS, SILENT, SLIPS = 0.1, 0.05, 0.1
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def slipped(text: str, picks: random.Random) -> str:
    """The text with a letter left out, put in, changed, or two swapped."""
    place = picks.randrange(1, max(2, len(text)))
    before, after = text[:place], text[place:]
    ways = (
        after[1:],
        picks.choice(LETTERS) + after,
        picks.choice(LETTERS) + after[1:],
        after[1:2] + after[:1] + after[2:],
    )
    return before + picks.choice(ways)


def texts_of(distinct: int, picks: random.Random) -> list[str]:
    """So many different answers, in random order."""
    words = sorted({text for name in SETS for text in gold.load(name).texts})
    texts = dict.fromkeys(picks.sample(words, min(len(words), distinct)))
    while len(texts) < distinct:
        text = picks.choice(words)
        text = slipped(text, picks) if picks.random() < 2 * SLIPS else f"{text} {picks.choice(words)}"
        texts[text] = None
    found = list(texts)[:distinct]
    picks.shuffle(found)
    return found


def rows_of(study: Study, answers: int, distinct: int) -> list[AnswerRow]:
    """Rows of a campaign's file."""
    picks = random.Random(0)
    texts = texts_of(distinct, picks)
    shares = 1 / np.arange(1, distinct + 1)
    counts = 1 + np.random.default_rng(0).multinomial(answers - distinct, shares / shares.sum())
    typed = [text for text, count in zip(texts, counts.tolist(), strict=True) for _ in range(count)]
    picks.shuffle(typed)
    table = study.to_arrow(["image_id", "target", "layer", "layer_index", "cluster", "shown"])
    maps = [row for row in table.to_pylist() if row["shown"]]
    rows: list[AnswerRow] = []
    number = 0
    while typed:
        number += 1
        where, control = picks.choice(maps), picks.random() < CONTROLS
        labels = [typed.pop() for _ in range(min(len(typed), picks.randint(1, LABELS)))]
        if picks.random() < SILENT:
            typed += labels
            labels = []
        rows += [_row(number, where, text, picks, control=control) for text in labels or [None]]
    return rows


def _row(number: int, where: dict[str, object], text: str | None, picks: random.Random, *, control: bool) -> AnswerRow:
    outcome = picks.choice(("won", "lost", "resigned"))
    return AnswerRow(
        campaign="bench", round=f"r{number}", player=f"p{number % PLAYERS}", device="", shadow=False, voided=False,
        kind="control" if control else "normal", stream="control" if control else "normal",
        image_id=str(where["image_id"]), target=int(str(where["target"])), image_label=None,
        layer="" if control else str(where["layer"]), layer_index=-1 if control else int(str(where["layer_index"])),
        cluster=-1 if control else int(str(where["cluster"])), map_key=f"m{number}", round_language="en", language="en",
        text=text, label=text, merged=None, label_kind="", assisted=False, step=picks.randrange(6) if text else None,
        fraction=0.1 if text else None, steps=6, outcome=outcome, guess=None, guess_index=None, guess_step=None,
        nothing=text is None, day=None, seconds=10.0,
    )  # fmt: skip


def timed(*arguments: str) -> dict[str, object]:
    """Run the command line in a process of its own, on two cores: seconds, processor seconds, and its memory."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = ["taskset", "-c", ",".join(map(str, cores)), sys.executable, "-m", "layerlore", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 our own command line
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "megabytes": round(
            after.ru_maxrss * 1024 / 1e6
        ),  # of the largest of all so far: the first command is the largest
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure, and write the CSV file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--distinct", type=int, default=20_000)
    parser.add_argument("--photos", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "study"
        study = Study.create(folder, photo_paths(options.photos))
        study.run(workers=1)
        rows = rows_of(study, options.answers, options.distinct)
        write_answers(folder / ANSWERS_FILE, rows, campaign="bench")
        made = timed("concepts", str(folder))
        facts = load_concepts(folder).facts
        some = sorted(load_concepts(folder).concepts.values(), key=lambda one: -one.answers)[:2]
        merged = timed("curate", str(folder), "merge", *(one.concept_id for one in some))
        size = sum(path.stat().st_size for path in folder.glob("concept*.parquet"))
    shared = {"answers": facts["answers"], "maps": facts["maps_named"], "concepts": facts["concepts"]}
    results = [
        {"command": "concepts", **shared, "distinct": options.distinct, **made, "file_bytes": size},
        {"command": "curate merge", **shared, "distinct": options.distinct, **merged, "file_bytes": size},
    ]
    for result in results:
        print(result)
    write_csv(RESULTS / "concepts.csv", results)


if __name__ == "__main__":
    main()
