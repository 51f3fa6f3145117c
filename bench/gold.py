"""Gold groups of answers, from people and from us: what the benchmarks and tests of grouping measure against.

``answers``: the project's own, `tests/concepts/gold_answers.csv`, answers as players of Deep Reveal would type them
about photos of ten classes, grouped by hand before any method was run on them. The rules are in `docs/concepts.md`.

``names``: ManyNames (CC BY 4.0): free names of 15,377 objects. Two names given at least 20 times are one concept where
people use them for the same objects: where the cosine of their counts over all objects is at least 0.5, transitively,
unless the data set's annotators say that the pair does not name the same thing. To these come `SPELLINGS`, ways to
write a name that are too rare for counts to tell. Annotated pairs that are not the same object must not be merged.

``norms``: Word Norms 2 (GPL-3; Buchanan et al. 2019): 7,858 different features that people typed for words. Those with
one root, as the authors of the norms have it, are one group.

Each set is split in two by a hash of the name of the group, so that a group is whole in one half: settings are chosen
on ``dev`` and told on ``test``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ANSWERS = Path(__file__).parents[1] / "tests" / "concepts" / "gold_answers.csv"
SETS = ("answers", "names", "norms")
FEWEST, ALIKE = 20, 0.5
SPELLINGS = (
    "t-shirt tshirt|t shirt|t- shirt|t shart|t shrit|t shait",
    "pants pant",
    "train car traincar|railcar",
    "pillow billow|bellow",
    "giraffe girrafe|giraff|girafe|giraffee|giraffes",
    "woman women",
    "motorbike motor bike",
    "cupboard cupboards",
    "flower flowers",
    "chair chairs|chir",
    "desktop desk top",
    "dugout dug out",
    "knife knief",
    "apple apples",
    "cat cats",
    "airplane air plane|aeroplane|aeroplain|airoplan|alroplane|areplane",
    "train trian|trin|trains",
    "shoe shoes",
    "cabinet cabinets",
    "bird birds",
    "vegetable vegetables",
    "snack snacks|snakes",
    "sink sinks",
    "countertop counter-top|counter top",
    "zebra zebras",
    "keyboard kye board|key board|sky board",
    "bed beds",
    "cow cows",
    "eye glass eyeglass|eye class",
    "bed sheet bedsheet",
    "flower pot flowerpot",
    "glove gloves",
    "hotdog hotdogs",
    "banana bananas",
    "cupcake cupcakes",
    "curtain curtains",
    "plate plat",
    "umbrella umberlla",
    "book books",
    "sofa shofa",
    "fruit fruits",
    "pickup truck pick up truck",
    "toy toys",
    "food foods",
    "shirt shirts",
    "scissors scissor",
    "horse horses",
    "leg legs",
    "donut donuts",
    "shelf shelves",
    "pancake pancakes",
    "wing wings",
)
"""A name, a space before its first variant; variants are parted by bars. Listed by hand."""


@dataclass(frozen=True)
class Gold:
    """Different answers with the group of each.

    Attributes:
        name: One of `SETS`.
        texts: Different answers, folded to lower case.
        counts: How often each was given.
        groups: The group of each.
        apart: Pairs of answers that must not be merged.
    """

    name: str
    texts: tuple[str, ...]
    counts: tuple[int, ...]
    groups: tuple[str, ...]
    apart: tuple[tuple[str, str], ...] = ()

    def half(self, which: str) -> Gold:
        """``dev`` or ``test``: whole groups, by a hash of their name."""
        keep = [i for i, group in enumerate(self.groups) if half_of(group) == which]
        texts = tuple(self.texts[i] for i in keep)
        inside = set(texts)
        return Gold(
            self.name,
            texts,
            tuple(self.counts[i] for i in keep),
            tuple(self.groups[i] for i in keep),
            tuple(pair for pair in self.apart if inside.issuperset(pair)),
        )


def half_of(group: str) -> str:
    return ("dev", "test")[hashlib.blake2b(group.encode(), digest_size=1).digest()[0] % 2]


def load(name: str) -> Gold:
    """A gold set.

    Args:
        name: One of `SETS`.

    Raises:
        FileNotFoundError: The data is not there; ``answers`` always is.
    """
    return {"answers": _answers, "names": _names, "norms": _norms}[name]()


def _rows(path: Path, delimiter: str = "\t") -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter=delimiter)


def _answers() -> Gold:
    counts: Counter[str] = Counter()
    groups: dict[str, str] = {}
    for row in _rows(ANSWERS, ","):
        text = row["answer"].casefold()
        counts[text] += 1
        if groups.setdefault(text, row["group"]) != row["group"]:
            raise ValueError(f"{ANSWERS.name}: {text!r} is in two groups")
    return Gold("answers", tuple(counts), tuple(counts.values()), tuple(groups[text] for text in counts))


def _names() -> Gold:
    folder = DATA / "labels_manynames"
    objects: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for number, row in enumerate(_rows(folder / "object_names.tsv")):
        for name, count in json.loads(row["responses_json"]).items():
            objects[name.strip().casefold()][number] += count
    counts = {name: found.total() for name, found in objects.items() if found.total() >= FEWEST}
    names = sorted(counts, key=lambda name: (-counts[name], name))
    apart = [
        (row["word1"].casefold(), row["word2"].casefold())
        for row in _rows(folder / "annotated_pairs.tsv")
        if row["same_object"] == "f"
    ]
    apart = [pair for pair in dict.fromkeys(apart) if pair[0] in counts and pair[1] in counts]
    never = {frozenset(pair) for pair in apart}
    parent = {name: name for name in names}
    for rank, one in enumerate(names):
        for other in names[:rank]:
            if frozenset((one, other)) not in never and _cosine(objects[one], objects[other]) >= ALIKE:
                parent[_root(parent, one)] = _root(parent, other)
    for line in SPELLINGS:
        main = next(name for name in sorted(counts, key=len, reverse=True) if line.startswith(name + " "))
        for variant in line[len(main) + 1 :].split("|"):
            if variant in counts:
                parent[_root(parent, variant)] = _root(parent, main)
    groups = tuple(_root(parent, name) for name in names)
    of = dict(zip(names, groups, strict=True))
    # Two names that counts join through others stay joined; such a pair cannot also be told to be apart.
    apart = [pair for pair in apart if of[pair[0]] != of[pair[1]]]
    return Gold("names", tuple(names), tuple(counts[name] for name in names), groups, tuple(apart))


def _root(parent: Mapping[str, str], name: str) -> str:
    while parent[name] != name:
        name = parent[name]
    return name


def _cosine(one: Counter[int], other: Counter[int]) -> float:
    few, many = sorted((one, other), key=len)
    dot = sum(count * many[number] for number, count in few.items() if number in many)
    return dot / math.sqrt(sum(c * c for c in few.values()) * sum(c * c for c in many.values())) if dot else 0.0


def _norms() -> Gold:
    counts: Counter[str] = Counter()
    roots: dict[str, str] = {}
    for row in _rows(DATA / "labels_wordnorms" / "feature_to_root.tsv"):
        text = row["feature"].strip().casefold()
        counts[text] += int(row["frequency"])
        roots[text] = row["root"].strip().casefold()
    return Gold("norms", tuple(counts), tuple(counts.values()), tuple(roots[text] for text in counts))
