"""What an answer is read as: folded, in its language, spelt right, translated where asked, without the class's name."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from layerlore.concepts import languages as telling
from layerlore.concepts import spelling
from layerlore.concepts.class_words import says_nothing, without_class, without_filler
from layerlore.concepts.languages import language_of, load_translator
from layerlore.concepts.lemmas import words_of
from layerlore.concepts.spelling import speller
from layerlore.game.domain.labels import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerlore.concepts.languages import Translator
    from layerlore.concepts.spelling import Speller


class Reason(StrEnum):
    """Why nothing is left of an answer."""

    EMPTY = "empty"
    NO_LETTERS = "no letters"
    SAYS_NOTHING = "says nothing"
    CLASS_NAME = "class name"
    LANGUAGE = "unknown language"
    UNTRANSLATED = "not translated"


SENTENCES = {
    Reason.EMPTY: "Nothing was typed.",
    Reason.NO_LETTERS: "There is no letter or digit in it.",
    Reason.SAYS_NOTHING: "It says that nothing was recognised, or names nothing.",
    Reason.CLASS_NAME: "It only names the class of the photo.",
    Reason.LANGUAGE: "Its alphabet is that of no language of the study.",
    Reason.UNTRANSLATED: "The translator gave nothing for it.",
}
"""A line for people about each reason."""


class Typed(NamedTuple):
    """A distinct answer.

    Attributes:
        text: As typed.
        language: What the player chose; "" where that is not known.
        target: Class of the photo; -1 where that does not matter.
        times: How often it was typed.
    """

    text: str
    language: str = ""
    target: int = -1
    times: int = 1


class Read(NamedTuple):
    """What an answer was read as.

    Attributes:
        language: Such as ``en``; "" where it cannot be told.
        text: What is left; "" if nothing.
        reason: Why nothing is left (a `Reason`), or "".
    """

    language: str
    text: str
    reason: str = ""


@dataclass(frozen=True)
class ReadingSettings:
    """How answers are read.

    Attributes:
        language: Of answers that do not say theirs, and into which is translated.
        languages: Languages that answers may be in, beside those that players chose.
        spelling: Repair the spelling.
        detect: Tell the language of an answer that is surely not in the one that its player chose.
        translate: ``deepl`` or ``argos``; None: other languages stay as they are.
    """

    language: str = "en"
    languages: tuple[str, ...] = ()
    spelling: bool = True
    detect: bool = True
    translate: str | None = None


def read_texts(
    rows: Sequence[Typed],
    *,
    class_names: Mapping[int, Sequence[str]],
    settings: ReadingSettings | None = None,
    translator: Translator | None = None,
) -> tuple[Read, ...]:
    """Read answers; what was read is read as itself.

    Args:
        rows: Distinct answers. How often each was typed tells which words are usual in this study.
        class_names: Class to its names and synonyms, in any language. A class that is not in it has none.
        settings: By default spelling is repaired and nothing is translated.
        translator: Instead of the one that the settings name.

    Returns:
        One for each row, in their order.

    Raises:
        SettingError: There is no such translator.
        ModelError: A package of the extra ``labels`` is not installed, or the translator cannot be had.
    """
    settings = settings or ReadingSettings()
    if translator is None and settings.translate:
        translator = load_translator(settings.translate)
    folded = [fold(row.text) for row in rows]
    languages = _languages(rows, folded, settings)
    texts = _repaired(rows, folded, languages) if settings.spelling else folded
    reasons = [_unreadable(row, text, language) for row, text, language in zip(rows, folded, languages, strict=True)]
    names = {target: tuple(some) for target, some in class_names.items()}
    if translator is not None:
        spoken = ["" if reason else language for reason, language in zip(reasons, languages, strict=True)]
        texts, spoken = _translated(rows, texts, spoken, names, translator, settings.language)
        languages = [new or old for new, old in zip(spoken, languages, strict=True)]
    return tuple(
        Read(language, "", reason) if reason else _bare(text, language, names.get(row.target, ()))
        for row, text, language, reason in zip(rows, texts, languages, reasons, strict=True)
    )


def forget() -> None:
    """Free the dictionaries, which take more memory than the answers of most studies."""
    telling.forget()
    spelling.forget()


def _languages(rows: Sequence[Typed], folded: Sequence[str], settings: ReadingSettings) -> list[str]:
    """Language of each answer."""
    given = [row.language or settings.language for row in rows]
    if not settings.detect:
        return given
    candidates = tuple(sorted({*given, *settings.languages, settings.language}))
    known: dict[tuple[str, str], str] = {}
    for pair in zip(folded, given, strict=True):
        if pair not in known:
            known[pair] = language_of(*pair, candidates)
    return [known[pair] for pair in zip(folded, given, strict=True)]


def _unreadable(row: Typed, text: str, language: str) -> Reason | None:
    """Why an answer is not read at all."""
    if not row.text.strip():
        return Reason.EMPTY
    if not any(sign.isalnum() for sign in text):
        return Reason.NO_LETTERS
    return None if language else Reason.LANGUAGE


def _repaired(rows: Sequence[Typed], folded: Sequence[str], languages: Sequence[str]) -> list[str]:
    """The answers with their spelling repaired; those in a language without a dictionary stay."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row, text, language in zip(rows, folded, languages, strict=True):
        for word in words_of(text):
            counts[language][word] += row.times
    spellers: dict[str, Speller | None] = {}
    for language, some in counts.items():
        found = speller(language) if language else None
        spellers[language] = found and found.among(some)
    known: dict[tuple[str, str], str] = {}
    for text, language in zip(folded, languages, strict=True):
        found = spellers.get(language)
        if (text, language) not in known:
            known[text, language] = found.repair_text(text) if found else text
    return [known[pair] for pair in zip(folded, languages, strict=True)]


def _translated(
    rows: Sequence[Typed],
    texts: Sequence[str],
    languages: Sequence[str],
    names: Mapping[int, tuple[str, ...]],
    translator: Translator,
    target: str,
) -> tuple[list[str], list[str]]:
    """The answers in one language, with that language; each different text is translated once for each class."""
    wanted: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    contexts = [(names.get(row.target) or ("",))[0] for row in rows]
    readable = [language not in ("", target) for language in languages]
    keys = list(zip(languages, contexts, texts, strict=True))
    for (source, context, text), yes in zip(keys, readable, strict=True):
        if yes:
            wanted[source, context].add(text)
    known: dict[tuple[str, str, str], str] = {}
    for (source, context), some in sorted(wanted.items()):
        found = translator.translate(sorted(some), source, target, context)
        known |= {(source, context, text): fold(other) for text, other in zip(sorted(some), found, strict=True)}
    return [known.get(key, key[2]) for key in keys], [target if key in known else key[0] for key in keys]


def _bare(text: str, language: str, names: tuple[str, ...]) -> Read:
    """An answer without what says nothing of the picture."""
    if not text:
        return Read(language, "", Reason.UNTRANSLATED)
    if says_nothing(text):
        return Read(language, "", Reason.SAYS_NOTHING)
    named = False
    while True:
        rest = without_filler(text, language)
        bare = without_class(rest, names, language) if names else rest
        named |= bare != rest
        left = fold(bare)
        if left == text:
            break
        text = left
    if any(sign.isalnum() for sign in text) and not says_nothing(text):
        return Read(language, text)
    return Read(language, "", Reason.CLASS_NAME if named else Reason.SAYS_NOTHING)
