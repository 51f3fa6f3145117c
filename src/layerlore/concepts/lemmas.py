"""Dictionary forms of short answers, and the word that an answer is about."""

from __future__ import annotations

import re
from functools import lru_cache

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+", re.UNICODE)  # noqa: RUF001 - a typographic apostrophe is meant
"""A word with the apostrophes inside it, or a number."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NOUNS = {
    "leaves": "leaf",
    "leafs": "leaf",
    "skies": "sky",
    "crosses": "cross",
    "axes": "axe",
    "ax": "axe",
    "hooves": "hoof",
    "wolves": "wolf",
    "shelves": "shelf",
    "knives": "knife",
    "calves": "calf",
    "tyres": "tyre",
}
"""Where simplemma gives a verb, a name or nothing for what players mean as a noun."""

_AS_THEY_ARE = _set(
    "glasses sunglasses eyeglasses spectacles goggles trousers pants jeans scissors pliers tweezers headphones woods "
    "saw bare lower upper left ground found bound wound felt rose lit finn bit light being people solider "
    "lens grass dress building opening painting wedding ceiling railing fencing lettering lighting clothing icing "
    "interesting boring nothing something anything everything morning evening"
)
"""Words that are no inflection in an answer, or are another thing than their singular: glasses are not glass."""

_OFS = _set(
    "top bottom part side edge end pair piece bit lot kind sort type back front middle centre center tip group bunch "
    "set inside outside row shape image picture view close-up surface"
)
"""Before "of" they say where or how much; the thing comes after it."""

_PREPOSITIONS = _set("on in at with of from by for under over behind near above below between to into like")
_EMPTY = _set("a an the his her its their my your some this that these those and or very it is")
_VAGUE = _set(
    "colour color coloured colored colours colors side part area shape shaped thing things object surface region "
    "something someone somebody kind"
)
"""They name nothing where another word is beside them: "red colour" is about red."""


def words_of(text: str) -> list[str]:
    """The words of a text, folded, without a possessive."""
    found = (word.casefold().replace("’", "'") for word in WORD.findall(text))  # noqa: RUF001
    return [word.removesuffix("'s") for word in found]


@lru_cache(maxsize=200_000)
def lemma(word: str, language: str = "en") -> str:
    """Dictionary form of one word; the word itself where the language or the word is not known.

    Answers name things, so that a plural is read as a noun first: leaves are more than one leaf, not what leaves.

    Args:
        word: A folded word.
        language: Such as ``en``.
    """
    if language == "en":
        if word in _AS_THEY_ARE:
            return word
        if word in _NOUNS:
            return _NOUNS[word]
    try:
        from simplemma import lemmatize

        return str(lemmatize(word, language)).casefold()
    except ValueError:  # not among simplemma's languages
        return word


@lru_cache(maxsize=200_000)
def key_of(text: str, language: str = "en") -> str:
    """Dictionary forms of the words that say something, in their order: one key, one thing.

    Args:
        text: A folded answer.
        language: Such as ``en``; another language keeps all its words.
    """
    words = words_of(text)
    if language == "en":
        full = [word for word in words if word not in _EMPTY and word not in _PREPOSITIONS]
        words = [word for word in full if word not in _VAGUE] or full or words
    return " ".join(lemma(word, language) for word in words) or text


@lru_cache(maxsize=200_000)
def head_of(text: str, language: str = "en") -> str:
    """Dictionary form of the word that an answer is about: in English its last noun before a preposition.

    "floppy ears" and "ears of the dog" are about an ear, "top of the head" is about a head. For another language it is
    the whole key, since there a noun may stand first.

    Args:
        text: A folded answer.
        language: Such as ``en``.
    """
    if language != "en":
        return key_of(text, language)
    words = [word for word in words_of(text) if word not in _EMPTY]
    while len(words) > 2 and words[1] == "of" and words[0] in _OFS:
        words = words[2:]
    if words and words[0] in _PREPOSITIONS:
        words = words[1:]
    before: list[str] = []
    for word in words:
        if word in _PREPOSITIONS and before:
            break
        before.append(word)
    telling = [word for word in before if word not in _VAGUE] or before
    return lemma(telling[-1], language) if telling else text
