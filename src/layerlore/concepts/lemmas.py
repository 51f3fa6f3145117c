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


_ITALIAN_NOUNS = {
    "orecchie": "orecchio",
    "rami": "ramo",
    "squame": "squama",
    "ossa": "osso",
    "ginocchia": "ginocchio",
    "ciglia": "ciglio",
    "labbra": "labbro",
}
"""Where simplemma gives another word than what players mean."""

_ITALIAN_EMPTY = _set(
    "il lo la i gli le un uno una suo sua suoi sue questo questa questi queste quello quella quelli quelle alcuni "
    "alcune molto molti molte e o l po"
)
_ITALIAN_PREPOSITIONS = _set(
    "di a da in con su per tra fra sotto sopra dietro davanti vicino accanto verso come d del dello della dell dei "
    "degli delle al allo alla all ai agli alle dal dallo dalla dall dai dagli dalle nel nello nella nell nei negli "
    "nelle sul sullo sulla sull sui sugli sulle col coi"
)
_ITALIAN_BEFORE = _set(
    "due tre quattro cinque sei otto dieci grande grandi gran piccolo piccola piccoli piccole lungo lunga lunghi "
    "lunghe bel bello bella belle bei begli vecchio vecchia nuovo nuova"
)
"""Words that stand before a noun in Italian, where most stand after it."""

_ITALIAN_OFS = _set(
    "parte lato punta estremità bordo fine inizio pezzo paio coppia cima fondo centro gruppo insieme interno esterno "
    "superficie immagine tipo specie"
)
_ITALIAN_IDLE = _ITALIAN_EMPTY | _ITALIAN_PREPOSITIONS
_ITALIAN_VAGUE = _set("colore colorato colorata parte zona area forma cosa cose oggetto superficie qualcosa tipo")


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
    if language == "it" and word in _ITALIAN_NOUNS:
        return _ITALIAN_NOUNS[word]
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
        language: Such as ``en``; one that is neither English nor Italian keeps all its words.
    """
    words = _italian(text) if language == "it" else words_of(text)
    if language in ("en", "it"):
        empty, vague = (_EMPTY | _PREPOSITIONS, _VAGUE) if language == "en" else (_ITALIAN_IDLE, _ITALIAN_VAGUE)
        full = [word for word in words if word not in empty]
        words = [word for word in full if word not in vague] or full or words
    return " ".join(lemma(word, language) for word in words) or text


@lru_cache(maxsize=200_000)
def head_of(text: str, language: str = "en") -> str:
    """Dictionary form of the word that an answer is about: in English its last noun before a preposition.

    "floppy ears" and "ears of the dog" are about an ear, "top of the head" is about a head. In Italian it is the first
    that says something: "orecchie pelose", "parte superiore della testa". For another language it is the whole key.

    Args:
        text: A folded answer.
        language: Such as ``en``.
    """
    if language == "it":
        return _italian_head(text)
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


def _italian(text: str) -> list[str]:
    """Words of an Italian text; articles and prepositions that lost their vowel are words of their own."""
    return [part for word in words_of(text) for part in word.split("'") if part]


def _italian_head(text: str) -> str:
    words = [word for word in _italian(text) if word not in _ITALIAN_EMPTY]
    if words and words[0] in _ITALIAN_OFS:
        after = [place for place, word in enumerate(words) if word in _ITALIAN_PREPOSITIONS]
        words = words[after[0] + 1 :] if after and after[0] < len(words) - 1 else words
    named = [word for word in words if word not in _ITALIAN_IDLE and len(word) > 1]
    telling = [word for word in named if word not in _ITALIAN_VAGUE | _ITALIAN_BEFORE] or named
    return lemma(telling[0], "it") if telling else text
