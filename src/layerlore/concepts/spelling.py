"""Spelling repair of short answers, which never changes a word that is known."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from layerlore.concepts.lemmas import WORD
from layerlore.concepts.pictured import PICTURED
from layerlore.concepts.vocabulary import EXTRA, english_pairs, vocabulary
from layerlore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from layerlore.concepts.vocabulary import Vocabulary

SHORTEST = 4
"""A shorter word that is not known may be anything: an abbreviation, a brand, a sound."""

FURTHEST = 3
"""Letters over which a letter may have been moved."""

USUAL = 5
"""Times that a study's answers must have a word before it counts as one."""

WEIGHTS = {
    "frequency": 0.25,
    "everyday": 0.31,
    "study": 0.56,
    "pictured": 1.00,
    "moved": -0.80,
    "moved double": 0.00,
    "stay": 0.74,
    "stay short": 2.15,
    "stay listed": 0.60,
    "pair": 0.33,
    "pair short": 0.04,
    "rare pair": 0.02,
    "rare pair words": 0.41,
    "apostrophe": 0.40,
    "swapped": 0.46,
    "swapped ie": 0.83,
    "vowel": 0.10,
    "sound": 0.22,
    "near": -0.55,
    "other": -0.84,
    "missing vowel": 0.62,
    "missing consonant": 0.43,
    "missing double": 0.82,
    "missing h": 0.73,
    "missing s": 0.23,
    "missing last": -0.04,
    "extra vowel": -0.65,
    "extra consonant": -0.58,
    "extra double": 0.27,
    "extra h": -0.48,
    "extra s": -0.95,
    "extra last": -0.68,
    "extra near": -0.45,
    "extra e before y": 0.15,
    "first": -0.43,
}
"""Logarithms (base 10) of how usual a slip is, and what they count for the logarithms of frequencies.

`bench/spelling.py --learn` finds them by conditional logistic regression on one half of what people typed and people
put right. Set by hand: "study" is what both frequencies weigh together; "pictured", for words of what is seen in
pictures; "moved", as two slips; and "stay" is 0.25 more than learnt, so that what is not known stays where that is
about as likely.
"""

VOWELS = frozenset("aeiouyàèéìòù")
TRIPLE = re.compile(r"([^\W\d_])\1{2,}")
_CONTRACTIONS = (
    "aren't can't couldn't didn't doesn't don't hadn't hasn't haven't isn't shouldn't wasn't weren't wouldn't ain't "
    "i've we've you've they've that's there's they're you're"
)
WITHOUT_APOSTROPHE = {form.replace("'", ""): form for form in _CONTRACTIONS.split()}
"""Contractions that lose their apostrophe; "its" is a word."""

_APART = re.compile(r"(?<=\w)(?: '| ?' )(s|t|re|ve|ll)\b")
"""The end of a contraction or a possessive, typed apart: "dog 's ear"."""

_NEIGHBOURS = {
    letter: frozenset(
        other
        for row in range(3)
        for place, other in enumerate(("qwertyuiop", "asdfghjkl", "zxcvbnm")[row])
        if abs(row - own_row) <= 1 and abs(place + row / 2 - (own + own_row / 2)) <= 1.1 and other != letter
    )
    for own_row, keys in enumerate(("qwertyuiop", "asdfghjkl", "zxcvbnm"))
    for own, letter in enumerate(keys)
}
_SOUND_ALIKE = frozenset(
    frozenset(pair) for pair in ("ck", "cs", "sz", "gj", "fv", "bp", "dt", "mn", "iy", "kq", "ph", "uw")
)


@dataclass(frozen=True)
class Speller:
    """Repairs the spelling of one language.

    Attributes:
        words: Its vocabulary.
        index: symspellpy's index of the words.
        typed: Words of a study's own answers, with how often they were typed.
        usual: Those of them that count as known, though no dictionary has them.
        done: Words that were repaired already: one that many texts have is weighed once.
    """

    words: Vocabulary
    index: Any = field(repr=False)
    typed: Mapping[str, int] = field(default_factory=dict, repr=False)
    usual: frozenset[str] = field(default=frozenset(), repr=False)
    done: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def among(self, typed: Mapping[str, int]) -> Speller:
        """The speller for the answers of a study: a word that they use again and again counts as known.

        A usual slip is no word: it must be typed more often than what it would be repaired to.

        Args:
            typed: Words with how often they were typed.
        """
        own = replace(self, typed=typed, done={})
        often = [word for word, count in typed.items() if count >= USUAL and not self.known(word)]
        usual = frozenset(word for word in often if typed[word] >= typed.get(own.repair(word), 0))
        return replace(own, usual=usual, done={})

    def known(self, word: str) -> bool:
        """Whether a folded word is right as it is.

        Args:
            word: Without spaces.
        """
        return word in self.words or word in self.usual or any(letter.isdigit() for letter in word) or self._made(word)

    def repair(self, word: str) -> str:
        """The word itself if it is known or nothing is near it; else the likeliest word that is one slip away.

        Args:
            word: Folded, without spaces.
        """
        if self.known(word):
            return word
        if self.words.language == "en" and word in WITHOUT_APOSTROPHE:
            return WITHOUT_APOSTROPHE[word]
        if len(word) < SHORTEST:
            return word
        for short in (TRIPLE.sub(r"\1\1", word), TRIPLE.sub(r"\1", word)):
            if short != word and self.known(short):
                return short
        if word not in self.done:
            self.done[word] = max(self.readings(word))[1]
        return self.done[word]

    def repair_text(self, text: str) -> str:
        """A folded text with each of its words repaired; what is between them stays.

        Args:
            text: Folded.
        """
        if self.words.language == "en":
            text = _APART.sub(r"'\1", text)
        return WORD.sub(lambda found: self._in_text(found[0]), text)

    def _in_text(self, word: str) -> str:
        stem, mark, rest = word.partition("'")
        if not mark or word in self.words:
            return self.repair(word)
        if self.words.language == "en" and rest == "s":
            return self.repair(stem) + "'s"
        # An article that has lost its vowel: "l'orechio".
        return f"{stem}'{self.repair(rest)}" if self.words.language in ("it", "fr") else word

    def _made(self, word: str) -> bool:
        """Whether an English word is made of a known one: hairless, wing-like, unpainted."""
        if self.words.language != "en":
            return False
        for ending in ("less", "like", "ness", "ish"):
            if word.endswith(ending) and len(word) - len(ending) > 2 and word.removesuffix(ending) in self.words:
                return True
        return (
            word.startswith(("un", "non"))
            and len(word) > 6
            and word.removeprefix("un").removeprefix("non") in self.words
        )

    def readings(self, word: str) -> list[tuple[float, str]]:
        """What a word that is not known may be meant as, itself too, with the log of how likely that is."""
        return [(sum(WEIGHTS[name] * value for name, value in some), meant) for meant, some in self.evidence(word)]

    def evidence(self, word: str) -> list[tuple[str, list[tuple[str, float]]]]:
        """What a word that is not known may be meant as, with the values to which `WEIGHTS` are applied."""
        from symspellpy import Verbosity

        near = {one.term: slips(word, one.term) for one in self.index.lookup(word, Verbosity.ALL, 1)}
        far = {other: kind for other, kind in moved(word) if other in self.words.counts and other not in near}
        found = [(meant, [*self._often(meant), *((kind, 1.0) for kind in kinds)]) for meant, kinds in near.items()]
        found += [(meant, [*self._often(meant), (kind, 1.0)]) for meant, kind in far.items()]
        return [*found, *self._parted(word), (word, self._staying(word))]

    def _often(self, word: str) -> list[tuple[str, float]]:
        """How frequent a word is, and whether it is one for what is seen in pictures."""
        counts = {"frequency": self.words.counts, "everyday": self.words.everyday, "study": self.typed}
        often = [(name, math.log10(1 + some.get(word, 0))) for name, some in counts.items()]
        return [*often, ("pictured", float(self.words.language == "en" and word in PICTURED))]

    def _parted(self, word: str) -> list[tuple[str, list[tuple[str, float]]]]:
        """Two words that were typed as one, perhaps: those that often follow each other, or two that are not short."""
        if self.words.language != "en":
            return []
        found = []
        for place in range(1, len(word) - 1):
            first, second = word[:place], word[place:]
            count = english_pairs().get((first, second), 0)
            if count:
                short = float(min(len(first), len(second)) < 3)
                found.append((f"{first} {second}", [("pair", math.log10(count)), ("pair short", short)]))
            elif min(len(first), len(second)) > 2 and first in self.words.everyday and second in self.words.everyday:
                rarer = min(self.words.everyday[first], self.words.everyday[second])
                found.append((f"{first} {second}", [("rare pair", 1.0), ("rare pair words", math.log10(rarer))]))
        return found

    def _staying(self, word: str) -> list[tuple[str, float]]:
        """What speaks for a word as it is, though no dictionary has it."""
        from simplemma import is_known

        return [
            ("stay", 1.0),
            ("stay short", float(len(word) == SHORTEST)),
            # simplemma's English forms hold common misspellings, too: it is a hint, no more.
            ("stay listed", float(self.words.language == "en" and is_known(word, "en"))),
        ]


def moved(word: str) -> Iterator[tuple[str, str]]:
    """Words in which one letter stands elsewhere (tounge, tongue) or another one is double (girrafe, giraffe)."""
    for place, letter in enumerate(word):
        rest = word[:place] + word[place + 1 :]
        doubled = letter == word[place - 1 : place]
        for other in range(len(rest) + 1):
            if 1 < abs(other - place) <= FURTHEST:
                yield rest[:other] + letter + rest[other:], "moved"
            if doubled and other < len(rest) and other not in (place - 1, place):
                yield rest[: other + 1] + rest[other:], "moved double"


def slips(typed: str, meant: str) -> tuple[str, ...]:
    """Kinds of slip, among `WEIGHTS`, that made somebody type a word who meant another one.

    Args:
        typed: What was typed.
        meant: One insertion, deletion, substitution or transposition away.
    """
    start = next((place for place, (one, two) in enumerate(zip(typed, meant, strict=False)) if one != two), None)
    if start is None:
        start = min(len(typed), len(meant))
    if len(typed) == len(meant):
        one, two = typed[start], meant[start]
        swapped = typed[start + 1 : start + 2] == two and meant[start + 1 : start + 2] == one
        kind = "swapped" + " ie" * ({one, two} == {"i", "e"}) if swapped else _exchanged(one, two)
    else:
        kind = _missing(meant, start) if len(meant) > len(typed) else _extra(typed, start)
    return (kind, "first") if start == 0 else (kind,)


def _missing(meant: str, place: int) -> str:
    """Kind of slip that left out a letter."""
    letter = meant[place]
    if letter in "'-":
        return "apostrophe"
    return "missing " + (_special(meant, place) or ("vowel" if letter in VOWELS else "consonant"))


def _extra(typed: str, place: int) -> str:
    """Kind of slip that typed a letter too many."""
    letter, around = typed[place], {typed[place - 1 : place], typed[place + 1 : place + 2]}
    if letter in "'-":
        return "apostrophe"
    if letter == "e" and typed[place + 1 :] == "y":
        return "extra e before y"
    near = "near" if _NEIGHBOURS.get(letter, frozenset()) & around else ""
    return "extra " + (_special(typed, place) or near or ("vowel" if letter in VOWELS else "consonant"))


def _special(word: str, place: int) -> str:
    """What is special about a letter that one of two words has more, or ""."""
    letter, before = word[place], word[place - 1 : place]
    if letter in (before, word[place + 1 : place + 2]):
        return "double"
    if place == len(word) - 1:
        return "s" if letter == "s" else "last"
    return "h" if letter == "h" and before in tuple("wrcgt") else ""


def _exchanged(one: str, two: str) -> str:
    """Kind of slip that took one letter for another."""
    if {one, two} <= VOWELS:
        return "vowel"
    if frozenset((one, two)) in _SOUND_ALIKE:
        return "sound"
    return "near" if two in _NEIGHBOURS.get(one, ()) else "other"


@cache
def speller(language: str) -> Speller | None:
    """The speller of a language; None if there is no dictionary of it.

    Args:
        language: Such as ``en``.

    Raises:
        ModelError: The extra ``labels`` is not installed.
    """
    words = vocabulary(language)
    if words is None:
        return None
    try:
        from symspellpy import SymSpell
    except ImportError as error:
        raise ModelError(f"spelling needs symspellpy, which is not installed; {EXTRA}") from error
    index = SymSpell(max_dictionary_edit_distance=1, prefix_length=7)
    for word, count in words.counts.items():
        index.create_dictionary_entry(word, count)
    return Speller(words, index)


def forget() -> None:
    """Free the dictionaries and their indexes, some 200 MB; they are read again where they are needed."""
    speller.cache_clear()
    vocabulary.cache_clear()
    english_pairs.cache_clear()
