"""Words that may not be typed (game.md 2.6): every class in every language, its plurals, and what is one letter away.

One set for the whole campaign: a rejection that depended on the true class would tell the player what it is.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import TYPE_CHECKING

from layerlore.game.domain.labels import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FUZZY_FROM = 5
SEPARATORS = re.compile(r"[ '\-]+")
NAME_SEPARATORS = re.compile(r"[,/;()]")
IRREGULAR = {
    "child": "children",
    "foot": "feet",
    "goose": "geese",
    "louse": "lice",
    "man": "men",
    "mouse": "mice",
    "ox": "oxen",
    "person": "people",
    "tooth": "teeth",
    "woman": "women",
}
# Ending of a word -> endings that its plural may have (or, below, its singular); the first that fits is taken. Too many
# forms cost nothing here: a form that is no word is never typed.
ENGLISH = (
    ("y", ("ies", "ys")),
    ("fe", ("fes", "ves")),
    ("f", ("fs", "ves")),
    ("o", ("os", "oes")),
    ("s", ("ses",)),
    ("x", ("xes",)),
    ("z", ("zes", "zzes")),
    ("ch", ("ches", "chs")),
    ("sh", ("shes",)),
    ("", ("s",)),
)
ENGLISH_BACK = (
    ("ies", ("y", "ie")),
    ("ves", ("f", "fe", "ve")),
    ("sses", ("ss",)),
    ("ses", ("s", "se")),
    ("xes", ("x", "xe")),
    ("zes", ("z", "ze")),
    ("ches", ("ch", "che")),
    ("shes", ("sh", "she")),
    ("oes", ("o", "oe")),
    ("ss", ()),
    ("s", ("",)),
)
ITALIAN = (
    ("cia", ("cie", "ce")),
    ("gia", ("gie", "ge")),
    ("io", ("i", "ii")),
    ("co", ("chi", "ci")),
    ("go", ("ghi", "gi")),
    ("ca", ("che", "chi")),
    ("ga", ("ghe", "ghi")),
    ("ista", ("isti", "iste")),
    ("o", ("i", "a")),
    ("a", ("e", "i")),
    ("e", ("i",)),
)
ITALIAN_BACK = (
    ("chi", ("co", "ca")),
    ("ghi", ("go", "ga")),
    ("che", ("ca",)),
    ("ghe", ("ga",)),
    ("ci", ("co", "cio")),
    ("gi", ("go", "gio")),
    ("i", ("o", "e", "io")),
    ("e", ("a",)),
)
RULES = {"en": (ENGLISH, ENGLISH_BACK), "it": (ITALIAN, ITALIAN_BACK)}


def plurals_and_singulars(word: str, language: str) -> set[str]:
    """Forms that a word may have beside itself, in English or Italian; none in another language.

    A form of one or two letters is left out, for it would forbid too much.
    """
    found: set[str] = set()
    for endings in RULES.get(language, ()):
        for ending, others in endings:
            if word.endswith(ending) and len(word) > len(ending):
                found |= {word[: len(word) - len(ending)] + other for other in others}
                break
    if language == "en":
        found |= {
            word.removesuffix(one) + other
            for pair in IRREGULAR.items()
            for one, other in (pair, pair[::-1])
            if word == one or (word.endswith(one) and len(one) > 2)  # firemen too, but foxen not
        }
    return {form for form in found if len(form) > 2}


def compact(text: str) -> list[str]:
    """Words of a folded text, split at hyphens and apostrophes too, without accents."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if unicodedata.category(sign)[0] != "M")
    return [word for word in SEPARATORS.split(plain) if word]


def forms(words: list[str], language: str) -> set[str]:
    """A name and its plurals and singulars, each written in one word."""
    spoken = language.partition("-")[0]
    # The head of a name is its first or last word; to vary all words of a long one would make thousands of forms.
    ends = {0, len(words) - 1}
    choices = [
        {word} | plurals_and_singulars(word, spoken) if place in ends else {word} for place, word in enumerate(words)
    ]
    return {"".join(choice) for choice in itertools.product(*choices)}


def _holes(word: str) -> set[str]:
    """The word with each letter in turn replaced by a sign that no word has."""
    return {f"{word[:place]}?{word[place + 1 :]}" for place in range(len(word))}


def _gaps(word: str) -> set[str]:
    """The word with that sign put at each place in turn."""
    return {f"{word[:place]}?{word[place:]}" for place in range(len(word) + 1)}


def _shorter(word: str) -> set[str]:
    """The word without each letter in turn."""
    return {word[:place] + word[place + 1 :] for place in range(len(word))}


class Taboo:
    """The campaign's taboo words; the same for every round.

    Args:
        names: For each language the names of all classes, with synonyms as more names or after commas, and the
            campaign's own taboo words. Plurals and singulars are made for English and Italian; in another language
            give them as names.
    """

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        """Make all forms once; a look-up then costs the same for every label."""
        exact: set[str] = set()
        near: set[str] = set()
        for language, given in names.items():
            for name in itertools.chain.from_iterable(map(NAME_SEPARATORS.split, given)):
                words = compact(fold(name))
                made = forms(words, language) - {""}
                exact |= made
                if len("".join(words)) >= FUZZY_FROM:
                    near |= made
        self._exact = frozenset(exact)
        self._near = frozenset(near)
        self._holes = frozenset(itertools.chain.from_iterable(map(_holes, near)))

    def holds(self, text: str) -> bool:
        """Whether a label (in normal form) is, holds, or nearly is a taboo word: edit distance 1 from 5 letters on."""
        words = compact(text)
        runs = itertools.combinations(range(len(words) + 1), 2)
        return any(self._is_taboo("".join(words[begin:end])) for begin, end in runs)

    def _is_taboo(self, word: str) -> bool:
        if word in self._exact:
            return True
        one_more, one_other, one_less = _shorter(word), _holes(word), _gaps(word)
        return bool(one_more & self._near or one_other & self._holes or one_less & self._holes)
