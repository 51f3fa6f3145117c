"""Spelling repair of short answers, which never changes a word that is known."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from layerlore.concepts.lemmas import WORD
from layerlore.concepts.vocabulary import EXTRA, english_pairs, vocabulary
from layerlore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layerlore.concepts.vocabulary import Vocabulary

SHORTEST = 4
"""A shorter word that is not known may be anything: an abbreviation, a brand, a sound."""

USUAL = 5
"""Times that a study's answers must have a word before it counts as one."""

PARTED = 1.0
"""Log of how likely it is that a usual pair of words lost its space, in the measure of a slip of one letter."""

TOGETHER = -1.0
"""Log of how likely it is that two words are meant as one that no dictionary has: then it stays as it is."""

VOWELS = frozenset("aeiouyàèéìòù")
TRIPLE = re.compile(r"([^\W\d_])\1{2,}")
_CONTRACTIONS = (
    "aren't can't couldn't didn't doesn't don't hadn't hasn't haven't isn't shouldn't wasn't weren't wouldn't that's "
    "there's they're you're"
)
WITHOUT_APOSTROPHE = {form.replace("'", ""): form for form in _CONTRACTIONS.split()}
"""Contractions that lose their apostrophe; "its" is a word."""

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
    """

    words: Vocabulary
    index: Any = field(repr=False)
    typed: Mapping[str, int] = field(default_factory=dict, repr=False)
    usual: frozenset[str] = field(default=frozenset(), repr=False)

    def among(self, typed: Mapping[str, int]) -> Speller:
        """The speller for the answers of a study: a word that they use again and again counts as known.

        A usual slip is no word: it must be typed more often than what it would be repaired to.

        Args:
            typed: Words with how often they were typed.
        """
        own = replace(self, typed=typed)
        often = [word for word, count in typed.items() if count >= USUAL and not self.known(word)]
        return replace(own, usual=frozenset(word for word in often if typed[word] >= typed.get(own.repair(word), 0)))

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
        return max([*self._nearest(word), *self._parted(word), (-math.inf, word)])[1]

    def repair_text(self, text: str) -> str:
        """A folded text with each of its words repaired; what is between them stays.

        Args:
            text: Folded.
        """
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

    def _nearest(self, word: str) -> list[tuple[float, str]]:
        """Known words one edit away, with their likelihood."""
        from symspellpy import Verbosity

        found = self.index.lookup(word, Verbosity.ALL, max_edit_distance=1)
        return [(self.likelihood(word, one.term), one.term) for one in found]

    def likelihood(self, word: str, meant: str) -> float:
        """Log of how likely it is that somebody who typed ``word`` meant ``meant``, up to a constant."""
        return math.log10(self.words.counts.get(meant, 1) * (1 + self.typed.get(meant, 0))) + slip(word, meant)

    def _parted(self, word: str) -> list[tuple[float, str]]:
        """Two words that may have been typed as one, with their likelihood; no usual pair stays as it is."""
        if self.words.language != "en":
            return []
        found = []
        for place in range(1, len(word)):
            first, second = word[:place], word[place:]
            count = english_pairs().get((first, second), 0)
            if count and len(second) > 1:
                found.append((math.log10(count) + PARTED, f"{first} {second}"))
            elif min(place, len(word) - place) > 2 and first in self.words and second in self.words:
                rarer = min(self.words.counts[first], self.words.counts[second])
                found.append((math.log10(rarer) + TOGETHER, word))
        return found


def slip(typed: str, meant: str) -> float:
    """Log of how usual a slip of one edit is among people who type, in the measure of `Speller.likelihood`.

    Args:
        typed: What was typed.
        meant: One insertion, deletion, substitution or transposition away.
    """
    start = next((place for place, (one, two) in enumerate(zip(typed, meant, strict=False)) if one != two), None)
    if start is None:
        start = min(len(typed), len(meant))
    first = -1.5 if start == 0 else 0.0
    if len(typed) == len(meant):
        if typed[start + 1 : start + 2] == meant[start] and meant[start + 1 : start + 2] == typed[start]:
            return 1.0 + first
        one, two = typed[start], meant[start]
        if {one, two} <= VOWELS:
            return 0.6 + first
        return (0.3 if frozenset((one, two)) in _SOUND_ALIKE or two in _NEIGHBOURS.get(one, ()) else -0.5) + first
    longer, letter = (typed, typed[start]) if len(typed) > len(meant) else (meant, meant[start])
    if letter == "'":
        return 1.0
    doubled = letter in (longer[start - 1 : start], longer[start + 1 : start + 2])
    at_end = start >= min(len(typed), len(meant))
    return (1.0 if doubled else -0.8 if at_end and letter in "sd" else 0.3 if not at_end else -0.3) + first


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
