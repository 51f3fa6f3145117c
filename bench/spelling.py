"""How many slips does spelling repair put right, how many right words does it spoil, and is the language found?

``--learn`` prints the weights of `layerlore.concepts.spelling.WEIGHTS`, learnt on the dev half.
"""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

import gold
from common import RESULTS, write_csv
from layerlore.concepts.languages import language_of
from layerlore.concepts.reading import Typed, read_texts
from layerlore.concepts.spelling import SHORTEST, WEIGHTS, speller
from layerlore.game.domain.labels import fold
from typos import ITALIAN, half, made_typos, name_typos, one_edit_apart, right_words, typo_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.concepts.spelling import Speller

MADE = 2000
REGULARISED = 0.3
BY_HAND = ("study", "pictured", "moved", "moved double")


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if not total:
        return math.nan, math.nan
    share, square = hits / total, 1.96**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    wide = 1.96 * math.sqrt(share * (1 - share) / total + square / (4 * total * total)) / (1 + square / total)
    return middle - wide, middle + wide


def share(what: str, part: str, weights: Sequence[tuple[bool, int]], by: str = "words") -> dict[str, object]:
    """A row: the share of what is true; of times it was typed without an interval, for those are not independent."""
    hits = sum(yes if by == "words" else yes * count for yes, count in weights)
    total = len(weights) if by == "words" else sum(count for _, count in weights)
    low, high = wilson(hits, total) if by == "words" else ("", "")
    value = hits / total if total else math.nan
    return {"what": what, "half": part, "of": by, "value": value, "low": low, "high": high, "n": total}


def measure(spell: Speller) -> list[dict[str, object]]:
    found = []
    for part in ("dev", "test"):
        pairs = [pair for pair in typo_pairs() if half(pair[0]) == part]
        typos = [pair for pair in pairs if pair[0] not in spell.words]
        words = [pair for pair in typos if " " not in pair[1]]
        for name, some in (
            ("fixed: all pairs one edit apart", pairs),
            ("fixed: of these, where what was typed is no word", typos),
            ("fixed: of these, where no space is missing", words),
        ):
            hits = [(spell.repair_text(typed) == meant, count) for typed, meant, count in some]
            found += [share(name, part, hits), share(name, part, hits, "times typed")]
        far = [pair for pair in typo_pairs(near=False) if half(pair[0]) == part and not one_edit_apart(*pair[:2])]
        named = [pair for pair in name_typos() if half(pair[0]) == part and pair[0] not in spell.words]
        for name, some in (
            ("fixed: pairs more than one edit apart", far),
            ("fixed: names one edit from the one most gave, no words", named),
        ):
            found.append(share(name, part, [(spell.repair_text(typed) == meant, 1) for typed, meant, _ in some]))
        known = [typed for typed, _, _ in pairs if typed in spell.words]
        found.append(share("changed: typed words that are known", part, [(spell.repair(w) != w, 1) for w in known]))
        right = right_words()
        for name, some in right.items():
            for least in (1, 2):
                own = [(word, n) for word, n in some.items() if half(word) == part and n >= least]
                hits = [(spell.repair_text(word) != word, n) for word, n in own]
                what = f"spoilt: {name} given at least {least} times" if least > 1 else f"spoilt: {name}"
                found += [share(what, part, hits), share(what, part, hits, "times typed")]
        usual = sorted({word for some in right.values() for word, n in some.items() if n > 2 and len(word) > 3})
        usual = [word for word in usual if word in spell.words and half(word) == part]
        picked = [usual[place] for place in np.random.default_rng(0).permutation(len(usual))[:MADE]]
        made = made_typos(picked, spell.words.counts)
        found.append(share("fixed: random edits of known words", part, [(spell.repair(a) == b, 1) for a, b in made]))
    return found


def italian() -> list[dict[str, object]]:
    """Random edits of Italian words, and words of both languages that a player chose the other one for."""
    spell = speller("it")
    assert spell is not None
    found = []
    made = [pair for seed in range(5) for pair in made_typos(ITALIAN.split(), spell.words.counts, seed=seed)]
    found.append(share("fixed: random edits of Italian words", "", [(spell.repair(a) == b, 1) for a, b in made]))
    right = right_words()
    english = sorted({word for some in right.values() for word, count in some.items() if count > 9})
    for own, other, words in (("it", "en", ITALIAN.split()), ("en", "it", english)):
        for given in (own, other):
            hits = [(language_of(word, given, ("en", "it")) != given, 1) for word in words]
            found.append(share(f"read as the other language: {own} words where the player chose {given}", "", hits))
    for name in gold.SETS:
        hits = [(language_of(fold(text), "en", ("en", "it")) != "en", 1) for text in gold.load(name).texts]
        found.append(share(f"taken for Italian: answers of {name}", "", hits))
    hits = [(language_of(fold(wrong), "en", ("en", "it")) != "en", 1) for wrong, _, _ in typo_pairs(near=False)]
    found.append(share("taken for Italian: misspelt English answers", "", hits))
    return found


def speed() -> list[dict[str, object]]:
    """Seconds to read 100,000 answers, 20,000 of them different."""
    right = right_words()
    words = sorted({word for some in right.values() for word in some})
    random = np.random.default_rng(0)
    texts = {pair[0] for pair in typo_pairs()} | {pair[0] for pair in made_typos(words[::3], {})}
    while len(texts) < 20_000:
        texts.add(" ".join(words[place] for place in random.integers(len(words), size=random.integers(1, 4))))
    rows = [Typed(text, "en", place % 10, 5) for place, text in enumerate(sorted(texts))]
    names = {target: (name,) for target, name in enumerate(words[:: len(words) // 10])}
    found = []
    for what in ("first time, dictionaries read", "again"):
        start = time.perf_counter()
        read_texts(rows, class_names=names)
        found.append(
            {
                "what": f"seconds to read 100,000 answers, {len(rows):,} different, {what}",
                "value": time.perf_counter() - start,
            }
        )
    return found


def learn(spell: Speller) -> None:
    """Print weights learnt by conditional logistic regression: which reading of a word is the one a person meant?"""
    from scipy.optimize import minimize

    rows = [(typed, meant) for typed, meant, _ in typo_pairs()]
    rows += [(word, word) for some in right_words().values() for word, count in some.items() if count > 1]
    names = [name for name in WEIGHTS if name not in BY_HAND]
    choices = []
    for typed, meant in dict.fromkeys(rows):
        if half(typed) == "test" or spell.known(typed) or len(typed) < SHORTEST or not typed.replace("'", "").isalpha():
            continue
        evidence = spell.evidence(typed)
        evidence = [
            (text, some) for text, some in evidence if not {name for name, _ in some} & {"moved", "moved double"}
        ]
        if meant in [text for text, _ in evidence]:
            table = np.zeros((len(evidence), len(names)))
            for row, (_, some) in enumerate(evidence):
                for name, value in some:
                    if name not in BY_HAND:
                        table[row, names.index(name)] += value
            choices.append((table, [text for text, _ in evidence].index(meant)))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = REGULARISED * float(weights @ weights) / 2, REGULARISED * weights
        for table, right in choices:
            logs = table @ weights
            logs -= logs.max()
            chances = np.exp(logs) / np.exp(logs).sum()
            total -= math.log(chances[right] + 1e-300)
            slope = slope + chances @ table - table[right]
        return total, slope

    weights = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x / math.log(10)
    print(f"{len(choices)} words; stay is given as learnt, without the 0.25 that the table adds")
    for name, value in zip(names, weights, strict=True):
        print(f'    "{name}": {value:.2f},')


def main() -> None:
    timed = speed()
    spell = speller("en")
    assert spell is not None
    if "--learn" in sys.argv:
        learn(spell)
        return
    found = [*measure(spell), *italian(), *timed]
    for row in found:
        print({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})
    write_csv(RESULTS / "spelling.csv", found)


if __name__ == "__main__":
    main()
