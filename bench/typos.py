"""Misspellings and right words, typed by people: what the benchmark and the tests of spelling measure against."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from common import DATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NORMS, NAMES = DATA / "labels_wordnorms", DATA / "labels_manynames"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ITALIAN = (
    "orecchio orecchie occhio occhi naso muso bocca denti lingua zampa zampe coda pelo pelliccia piume ali becco "
    "pinna squame corna zoccoli criniera artigli baffi testa collo pancia schiena strisce macchie ruota ruote "
    "finestrino finestra porta portiera faro fanali targa specchietto paraurti volante sedile manubrio tetto muro "
    "campanile croce arco colonna scale mattoni pietra legno metallo vetro plastica carta stoffa erba prato foglie "
    "albero alberi rami fiori cielo nuvole mare acqua onde sabbia neve montagna strada marciapiede persona uomo donna "
    "bambino mano mani dita braccio gambe piede faccia viso capelli barba cappello maglietta pantaloni scarpe "
    "occhiali guanti borsa tasti schermo pulsanti manopola corda filo catena lama manico scritta lettere numeri righe "
    "quadrati cerchi bianco nero rosso verde giallo grigio marrone arancione rosa azzurro rotondo peloso lucido "
    "liscio ruvido sfondo ombra luce riflesso pesce palla paracadute vela tromba chitarra"
)
"""What people may see in a picture, in Italian; our own list."""

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")


def half(word: str) -> str:
    """Half that a word is in: weights are learnt on ``dev``, figures are of ``test``."""
    return ("dev", "test")[hashlib.sha256(word.encode()).digest()[0] % 2]


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table with tabs; quotes mean nothing but in JSON and in answers."""
    quoting = csv.QUOTE_NONE if path.name in ("typo_pairs.tsv", "feature_to_root.tsv") else csv.QUOTE_MINIMAL
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=quoting))


def one_edit_apart(one: str, two: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of two neighbours makes one text of the other."""
    if abs(len(one) - len(two)) > 1 or one == two:
        return False
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    a, b = one[start:], two[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and len(b) > 1 and a[2:] == b[2:])


def typo_pairs(*, near: bool = True) -> list[tuple[str, str, int]]:
    """Misspelling, what a person made of it, how often: those of Word Norms 2 that are one edit apart, or all."""
    found = ((row["misspelling"], row["corrected"], int(row["count"])) for row in rows(NORMS / "typo_pairs.tsv"))
    return [(typed, meant, count) for typed, meant, count in found if not near or one_edit_apart(typed, meant)]


def name_typos() -> list[tuple[str, str, int]]:
    """Names that a person typed for an object, one edit apart from the name that most gave it, which is that one meant.

    That holds if what was typed is no word; who asks has to see to it.
    """
    found: Counter[tuple[str, str]] = Counter()
    for row in rows(NAMES / "object_names.tsv"):
        top, given = row["top_response"], json.loads(row["responses_json"])
        found.update({(typed, top): n for typed, n in given.items() if one_edit_apart(typed, top)})
    return [(typed, meant, count) for (typed, meant), count in found.items()]


def right_words() -> dict[str, Counter[str]]:
    """Words that people checked or agreed on, with how often, by where they come from; misspellings may be among them.

    ``features``: of Word Norms 2, after its authors checked the spelling; ``answers``: words of its checked answers;
    ``names``: ManyNames' name of each object, by Visual Genome's annotators and by most of the people asked.
    """
    wrong = {row["misspelling"] for row in rows(NORMS / "typo_pairs.tsv")}
    found: dict[str, Counter[str]] = {name: Counter() for name in ("features", "answers", "names")}
    for row in rows(NORMS / "feature_to_root.tsv"):
        found["features"][row["feature"]] += int(row["frequency"])
    for row in rows(NORMS / "responses_raw_vs_spellchecked.tsv"):
        found["answers"].update(WORD.findall(row["spellchecked_response"].lower()))
    for row in rows(NAMES / "object_names.tsv"):
        given = json.loads(row["responses_json"])
        found["names"].update({word: given.get(row["top_response"], 0) for word in row["top_response"].split()})
        found["names"].update(row["vg_name"].split())
    return {
        name: Counter({word: count for word, count in some.items() if WORD.fullmatch(word) and word not in wrong})
        for name, some in found.items()
    }


def made_typos(words: Iterable[str], known: Mapping[str, int], *, seed: int = 0) -> list[tuple[str, str]]:
    """One random edit of each word, with the word; edits that give another known word are drawn again."""
    random = np.random.default_rng(seed)
    made = []
    for word in words:
        for _ in range(20):
            place, letter = int(random.integers(len(word))), LETTERS[random.integers(26)]
            before, here, after = word[:place], word[place], word[place + 1 :]
            edits = (before + after, before + letter + here + after, before + letter + after)
            typed = (*edits, before + after[:1] + here + after[1:])[random.integers(4)]
            if typed != word and len(typed) > 2 and typed not in known:
                made.append((typed, word))
                break
    return made
