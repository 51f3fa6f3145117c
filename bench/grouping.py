"""Which way of grouping answers agrees best with people's groups, with which sentence embeddings?

The gold sets and their halves are those of `gold.py`, the ways those of `grouping_ways.py`. For each way and encoder
one number (a threshold; for HDBSCAN the least neighbours, with a minus for its leaves) is chosen on the dev halves: the
one whose mean B-cubed F1 over the three sets is highest. Then it is told on the test halves, over different answers:
B-cubed F1 with a 95 % bootstrap interval over gold groups, how much more that is than ``paper`` with the same encoder
(interval of the paired difference), pairwise F1, the share of pairs that must not be merged but are, and the seconds
for the groups, without vectors that were made before.

``scale``: 20,000 different answers made of the texts of the gold sets, 100,000 in all; seconds for all and for vectors
alone, seconds of processor time over all threads, and the largest memory of the process.

Encoders beside the default: any folder of a sentence-transformers model, or ``letters`` for runs of two to four
letters. About five minutes for the default encoder on two cores.

    python bench/grouping.py [--encoder letters] [--encoder FOLDER] [--cache FOLDER] [--no-scale]
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import gold
from common import RESULTS, write_csv
from grouping_ways import WAYS
from layerlore.concepts.embedding import DEFAULT, load_encoder
from layerlore.concepts.grouping import group_texts, lemma_first
from layerlore.concepts.grouping.measures import Agreement, b_cubed_items, pairwise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.concepts.embedding import Encodes

DRAWS = 2000


@dataclass
class Kept:
    """An encoder that keeps its vectors, in memory and, if it is given a folder, on disk."""

    name: str
    inner: Encodes
    folder: Path | None
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.folder and self.file.exists():
            with np.load(self.file) as found:
                self.vectors = dict(zip(found["texts"].tolist(), found["vectors"], strict=True))

    @property
    def file(self) -> Path:
        assert self.folder
        return self.folder / f"{self.name}.npz"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        missing = sorted(set(texts) - self.vectors.keys())
        if missing:
            start = time.perf_counter()
            self.vectors |= dict(zip(missing, self.inner.encode(missing), strict=True))
            self.seconds += time.perf_counter() - start
        return np.stack([self.vectors[text] for text in texts])

    def keep(self) -> None:
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            texts = list(self.vectors)
            np.savez(self.file, texts=np.array(texts), vectors=np.stack([self.vectors[text] for text in texts]))


class Letters:
    name = "letters"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return lemma_first.letters(texts)


def measured(way: str, half: gold.Gold, encoder: Encodes, number: float) -> tuple[NDArray[np.int64], float]:
    start = time.perf_counter()
    return WAYS[way][0](half, encoder, number), time.perf_counter() - start


def f1(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    return Agreement(float(precision.mean()), float(recall.mean())).f1


def draws(groups: Sequence[str]) -> NDArray[np.float64]:
    """How often each item is in each bootstrap sample: whole gold groups are drawn."""
    _, place = np.unique(groups, return_inverse=True)
    count = place.max() + 1
    picks = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    return picks[:, place].astype(np.float64)


def drawn_f1(
    items: tuple[NDArray[np.float64], NDArray[np.float64]], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    precision, recall = ((weights @ values) / weights.sum(axis=1) for values in items)
    return 2 * precision * recall / (precision + recall)


def rows_of(encoder: Kept, sets: Sequence[gold.Gold], ways: Sequence[str]) -> list[dict[str, object]]:
    """Of each way its number from the dev halves, and what it gives on the test halves; ``paper`` before the others."""
    rows: list[dict[str, object]] = []
    dev, test = ([one.half(which) for one in sets] for which in ("dev", "test"))
    weights = [draws(half.groups) for half in test]
    papers: dict[str, tuple[float, NDArray[np.float64]]] = {}
    for way in ways:
        tried = {}
        for number in WAYS[way][1]:
            found = [b_cubed_items(measured(way, half, encoder, number)[0], half.groups) for half in dev]
            tried[number] = [f1(*items) for items in found]
        number = max(tried, key=lambda one: (round(float(np.mean(tried[one])), 6), -one))
        for half, told_on_dev, drawn in zip(test, tried[number], weights, strict=True):
            labels, seconds = measured(way, half, encoder, number)
            items = b_cubed_items(labels, half.groups)
            score, sampled = f1(*items), drawn_f1(items, drawn)
            over: dict[str, float] = {}
            if way == "paper":
                papers[half.name] = score, sampled
            elif half.name in papers:
                over["over_paper"] = round(score - papers[half.name][0], 4)
                over |= interval("over_paper", sampled - papers[half.name][1])
            rows.append(
                {
                    "encoder": encoder.name,
                    "way": way,
                    "gold": half.name,
                    "answers": len(half.texts),
                    "groups": len(set(half.groups)),
                    "number": number,
                    "dev_b_cubed": round(told_on_dev, 4),
                    "b_cubed": round(score, 4),
                    **interval("b_cubed", sampled),
                    **over,
                    "precision": round(float(items[0].mean()), 4),
                    "recall": round(float(items[1].mean()), 4),
                    "pairwise": round(pairwise(labels.tolist(), half.groups).f1, 4),
                    "found_groups": len(set(labels.tolist())),
                    "wrongly_merged": wrongly_merged(half, labels),
                    "seconds": round(seconds, 3),
                }
            )
        print(encoder.name, way, number, [(row["gold"], row["b_cubed"], row.get("over_paper")) for row in rows[-3:]])
    return rows


def wrongly_merged(half: gold.Gold, labels: NDArray[np.int64]) -> float | str:
    """Share of the pairs that must stay apart and do not; empty where there are none."""
    of = dict(zip(half.texts, labels.tolist(), strict=True))
    return round(float(np.mean([of[one] == of[other] for one, other in half.apart])), 4) if half.apart else ""


def interval(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return {f"{name}_low": round(float(low), 4), f"{name}_high": round(float(high), 4)}


def scale_row(sets: Sequence[gold.Gold], distinct: int = 20_000, answers: int = 100_000) -> dict[str, object]:
    picks = random.Random(0)
    words = sorted({text for one in sets for text in one.texts})
    texts = set(words)
    while len(texts) < distinct:
        texts.add(f"{picks.choice(words)} {picks.choice(words)}")
    chosen = sorted(texts)[:distinct]
    picks.shuffle(chosen)
    # Few answers are typed often, most of them once.
    shares = 1 / np.arange(1, distinct + 1)
    counts = 1 + np.random.default_rng(0).multinomial(answers - distinct, shares / shares.sum())
    start, cpu = time.perf_counter(), time.process_time()
    encoder = load_encoder()
    kept = Kept(DEFAULT, encoder, None)
    labels = group_texts(chosen, counts.tolist(), kept)
    whole = time.perf_counter() - start
    return {
        "encoder": DEFAULT,
        "way": "lemma-first",
        "gold": "scale",
        "answers": distinct,
        "found_groups": len(set(labels.tolist())),
        "seconds_vectors": round(kept.seconds, 1),
        "seconds": round(whole, 1),
        "processor_seconds": round(time.process_time() - cpu, 1),
        "megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", action="append", default=[], help="one more: letters, or a folder of a model")
    parser.add_argument("--cache", type=Path, help="keep vectors in this folder")
    parser.add_argument("--no-scale", action="store_true")
    args = parser.parse_args()
    sets = [gold.load(name) for name in gold.SETS]
    rows = [] if args.no_scale else [scale_row(sets)]
    for name in [DEFAULT, *args.encoder]:
        inner = Letters() if name == "letters" else load_encoder(None if name == DEFAULT else name)
        encoder = Kept(Path(name).name, inner, args.cache)
        rows += rows_of(encoder, sets, list(WAYS))
        encoder.keep()
    write_csv(RESULTS / "grouping.csv", rows)


if __name__ == "__main__":
    main()
