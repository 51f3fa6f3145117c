"""What says nothing of a picture: the name of the class itself, articles, and "it looks like"."""

from __future__ import annotations

import re
from functools import lru_cache

from layerlore.game.domain.labels import fold
from layerlore.game.domain.taboo import NAME_SEPARATORS, SEPARATORS, plurals_and_singulars

_ARTICLES = {
    "en": "a|an|the|some|this|that|these|those|its|their|his|her|one of the",
    "it": "il|lo|la|i|gli|le|un|uno|una|dei|degli|delle|del|dello|della",
}
_ELIDED = {"it": r"(?:l|un|dell|all|nell|sull|dall|d|quell)'"}
"""Italian articles and prepositions that have lost their vowel, before a vowel."""

_FILLERS = {
    "en": r"maybe|perhaps|possibly|probably|definitely|i think|i guess|i believe|i see|i can see|i saw|this is"
    r"|these are|it(?:'s| is| was)|that(?:'s| is)|there(?:'s| is| are)|(?:it )?(?:could|might|may|must) be"
    r"|(?:it )?seems(?: to be| like)?|(?:it )?appears(?: to be)?"
    r"|(?:it )?looks?(?: to be| a bit| sort of| kind of)? like"
    r"|something(?: that looks)? like|something similar to|similar to|an? (?:kind|sort|type) of"
    r"|some (?:kind|sort|type) of|(?:kind|sort) of|like an?(?= )",
    "it": r"forse|magari|probabilmente|credo(?: sia| che sia)?|penso(?: sia| che sia)?|vedo|si vede|(?:mi )?sembrano?"
    r"|(?:mi )?sembra|(?:mi )?pare|potrebbe(?:ro)? essere|dovrebbe(?:ro)? essere|è|sono|c'è|ci sono"
    r"|qualcosa (?:come|tipo|di simile a)|una specie di|un tipo di|una sorta di|simile a|tipo",
}
_AFTERTHOUGHTS = {
    "en": r"i think|i guess|i believe|maybe|perhaps|possibly|probably|or something(?: like that)?|or so|not sure",
    "it": r"credo|penso|forse|magari|probabilmente|o qualcosa del genere|o simili|mi sembra|non sono sicur[oa]",
}
_CONNECTING = {
    "en": "of|on|in|at|with|from|by|for|under|over|behind|near|above|below|between|to|into|like|and|or|a|an|the|its"
    "|their|his|her|this|that|some",
    "it": "di|a|da|in|con|su|per|tra|fra|del|dello|della|dei|degli|delle|al|allo|alla|ai|agli|alle|dal|dallo|dalla|dai"
    "|dagli|dalle|nel|nello|nella|nei|negli|nelle|sul|sullo|sulla|sui|sugli|sulle|col|coi|e|o|come|il|lo|la|i|gli|le|un"
    "|uno|una|suo|sua|suoi|sue",
}
"""Words that need another one after them."""

_NO_ANSWER = frozenset(
    {
        "nothing", "none", "no idea", "idk", "dunno", "i don't know", "don't know", "i dont know", "dont know", "n a",
        "na", "n/a", "unknown", "unsure", "not sure", "no clue", "unclear", "can't tell", "cannot tell", "can't see",
        "niente", "nulla", "non so", "non lo so", "boh", "nessuna idea", "non si capisce", "non si vede", "sconosciuto",
        "something", "anything", "whatever", "qualcosa", "anyone", "test", "asdf", "???",
    }
)  # fmt: skip
_OTHER_THINGS = frozenset(
    {
        "hot dog", "hot dogs", "sea lion", "sea lions", "teddy bear", "teddy bears", "guinea pig", "guinea pigs",
        "prairie dog", "sea horse", "rocking horse", "french horn", "tree frog", "bird house", "bird cage", "bird bath",
        "cat walk", "cat eye", "cat eyes", "bull's eye", "car park", "horse shoe", "horse shoes", "fish net",
        "mouse pad", "crane fly", "church key", "boat shoe", "rubber duck", "computer mouse", "star fish",
    }
)  # fmt: skip
"""Two words that are another thing than the class that one of them names."""

_MARK = "\0"


def says_nothing(text: str) -> bool:
    """Whether a folded answer tells that nothing was recognised."""
    return text in _NO_ANSWER


def without_filler(text: str, language: str = "en") -> str:
    """A folded answer without articles before it, and without "it looks like" and "I think"; "" if that is all.

    Args:
        text: Folded.
        language: Such as ``en``; in a language without rules nothing is taken away.
    """
    if language not in _ARTICLES:
        return text
    before, after, dangling = _filler(language)
    while True:
        rest = after.sub("", before.sub("", text)).strip(" -'")
        rest = dangling.sub("", rest).strip(" -'") if rest != text.strip(" -'") else rest
        if rest == text:
            return text
        text = rest


def without_class(text: str, names: tuple[str, ...], language: str = "en") -> str:
    """A folded answer without the names of its class, and without what only led to them; "" if nothing else is left.

    "dog's ear", "dog ear", "ear of the dog" and "ears of dogs" are about an ear. Parts of other words stay: "dogwood".

    Args:
        text: Folded.
        names: Of the class, in any language; several in one after commas.
        language: Of the answer: its rules give the plurals.
    """
    pattern = _names(names, language)
    if pattern is None:
        return text
    marked = pattern.sub(lambda found: _MARK if not _elsewhere(text, found) else found[0], text)
    if _MARK not in marked:
        return text
    leading, connecting = _leading(language)
    marked = leading.sub(" ", marked)
    rest = " ".join(marked.replace(_MARK, " ").split())
    while True:
        shorter = connecting.sub("", rest).strip(" -'")
        if shorter == rest:
            return rest
        rest = shorter


def _elsewhere(text: str, found: re.Match[str]) -> bool:
    """Whether a name stands in a phrase that is another thing."""
    return any(
        begin <= found.start() and found.end() <= begin + len(phrase)
        for phrase in _OTHER_THINGS
        if found[0] in phrase and phrase != found[0] and (begin := f" {text} ".find(f" {phrase} ")) >= 0
    )


@lru_cache(maxsize=4096)
def _names(names: tuple[str, ...], language: str) -> re.Pattern[str] | None:
    """Finds the names of a class with their plurals, possessives, hyphens and spaces, as whole words."""
    forms = {
        tuple(words)
        for name in names
        for part in NAME_SEPARATORS.split(name.replace("_", " "))
        for words in _forms([word for word in SEPARATORS.split(fold(part)) if word], language)
    }
    if not forms:
        return None
    longest = sorted(forms, key=lambda words: (-len(" ".join(words)), words))
    either = "|".join(r"[\s\-']?".join(re.escape(word) for word in words) for words in longest)
    return re.compile(rf"(?<![\w\-])(?:{either})(?:'s|s'|')?(?![\w'\-])")


def _forms(words: list[str], language: str) -> list[list[str]]:
    """A name with the singulars and plurals of the word that has one: the last, or in Italian the first, too."""
    if not words:
        return []
    found = [words]
    found += [[*words[:-1], form] for form in sorted(plurals_and_singulars(words[-1], language))]
    if language == "it" and len(words) > 1:
        found += [[form, *words[1:]] for form in sorted(plurals_and_singulars(words[0], language))]
    return found


@lru_cache(maxsize=16)
def _filler(language: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What may stand before an answer, after it, and what dangles at its end when that is gone."""
    elided = f"|{_ELIDED[language]}" if language in _ELIDED else ""
    return (
        re.compile(rf"^(?:(?:(?:{_FILLERS[language]}|{_ARTICLES[language]})(?=\s|$)\s*){elided})+"),
        re.compile(rf"(?:^|[\s,]+)(?:{_AFTERTHOUGHTS[language]})$"),
        re.compile(rf"(?:^|\s)(?:{_CONNECTING[language]})$"),
    )


@lru_cache(maxsize=16)
def _leading(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What leads to a name after which nothing more is said of it; and what needs another word, at either end."""
    words = _CONNECTING.get(language, r"(?!)")
    elided = _ELIDED.get(language, r"(?!)")
    lead = rf"(?:\b(?:{words})\s+|\b{elided})"
    return (
        re.compile(rf"{lead}*{_MARK}(?=\s*(?:$|\b(?:{words})\b))"),
        re.compile(rf"^(?:{words})(?=\s|$)|(?:^|\s)(?:{words})$|^{elided}$"),
    )
