"""What a player types (game.md 2.5): the normal form of a label, and why one is refused."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.domain.taboo import Taboo

MAX_LETTERS = 40
MAX_WORDS = 4
MAX_MARKS = 2
MAX_RAW = 400  # one code point can become 18, so the raw text is bounded before any work is done on it
BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Invisible, though Unicode calls them letters or marks: joiner, fillers, variation selectors.
INVISIBLE = frozenset("\u034f\u115f\u1160\u3164\uffa0\u17b4\u17b5\u180b\u180c\u180d\u180f") | frozenset(
    chr(code) for code in [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]
)
ONE_FORM = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2010": "-"})
SCRIPTS = {
    "ar": "ARABIC",
    "be": "CYRILLIC",
    "bg": "CYRILLIC",
    "el": "GREEK",
    "fa": "ARABIC",
    "he": "HEBREW",
    "hi": "DEVANAGARI",
    "hy": "ARMENIAN",
    "ka": "GEORGIAN",
    "ko": "HANGUL",
    "mk": "CYRILLIC",
    "ru": "CYRILLIC",
    "sr": "CYRILLIC",
    "th": "THAI",
    "uk": "CYRILLIC",
    "zh": "CJK",
}


class Reason(StrEnum):
    """Why a label is refused."""

    EMPTY = "empty"
    TOO_LONG = "too-long"
    TOO_MANY_WORDS = "too-many-words"
    BIDI = "bidi"
    CHARACTER = "character"
    SCRIPT = "script"
    MARKS = "marks"
    TABOO = "taboo"
    DUPLICATE = "duplicate"
    TOO_MANY = "too-many"
    LANGUAGE = "language"
    KIND = "kind"


# The sentence for taboo words names no word: it is the same for every class, so it tells nothing about the true one.
SENTENCES = {
    Reason.EMPTY: "There is no letter in it; type a word.",
    Reason.TOO_LONG: f"It is longer than {MAX_LETTERS} letters; say it shorter.",
    Reason.TOO_MANY_WORDS: f"It has more than {MAX_WORDS} words; say it shorter.",
    Reason.BIDI: "It has signs that turn the writing around; type it without them.",
    Reason.CHARACTER: "Only letters, spaces, hyphens and apostrophes are possible; leave the rest out.",
    Reason.SCRIPT: "It has letters of another alphabet; type it in the language that is shown.",
    Reason.MARKS: "It has too many accents on top of each other; type it without them.",
    Reason.TABOO: "This word is, or is close to, the name of a class; say what you see of it.",
    Reason.DUPLICATE: "You have typed it before.",
    Reason.TOO_MANY: "That is one label too many; remove another one first.",
    Reason.LANGUAGE: "This campaign is not played in that language; choose another one.",
    Reason.KIND: "This is none of the kinds to choose from; choose another one.",
}


@dataclass(frozen=True)
class Label:
    """Something a player typed in a round (I5).

    Attributes:
        text: Normal form.
        language: Language it was typed in.
        step: Step at which it was typed, from 0.
        raw: As it was typed.
        kind: Kind that the player chose, or "".
        assisted: True if the player took a suggested spelling.
    """

    text: str
    language: str
    step: int
    raw: str = ""
    kind: str = ""
    assisted: bool = False


@dataclass(frozen=True)
class Refused:
    """A text that is no label.

    Attributes:
        raw: As it was typed.
        reason: Why; `SENTENCES` has a line for the player for each.
    """

    raw: str
    reason: Reason


def fold(text: str) -> str:
    """Letters as they are compared: one case, one form for each, nothing invisible, no punctuation at the edges."""
    text = unicodedata.normalize("NFKC", text)
    kept = [
        " " if letter.isspace() else letter
        for letter in text
        if letter.isspace() or (unicodedata.category(letter) not in DROPPED and letter not in INVISIBLE)
    ]
    text = " ".join("".join(kept).split()).casefold().translate(ONE_FORM)
    return _strip_edges(unicodedata.normalize("NFKC", text))


def _strip_edges(text: str) -> str:
    """Without punctuation, symbols and spaces at both ends, and without marks that stand on nothing."""
    begin, end = 0, len(text)
    while begin < end and unicodedata.category(text[begin])[0] in "PSZM":
        begin += 1
    while end > begin and unicodedata.category(text[end - 1])[0] in "PSZ":
        end -= 1
    return text[begin:end]


def script_of(letter: str) -> str:
    """Script of a letter, as the first word of its Unicode name; "" if it has none."""
    return unicodedata.name(letter, "").partition(" ")[0]


def normalise(raw: str, language: str = "en") -> str | Reason:
    """Normal form of what a player typed, or why it is no label (game.md 2.5).

    The normal form has 1 to 40 characters, 1 to 4 words, letters of the language's script, spaces, hyphens and
    apostrophes, at most two combining marks, and is its own normal form.
    """
    if BIDI & set(raw):
        return Reason.BIDI
    if len(raw) > MAX_RAW:
        return Reason.TOO_LONG
    text = fold(raw)
    # Folding again changes nothing for any code point there is; nothing promises that of those still to come.
    return _fault(text, language) or (text if fold(text) == text else Reason.CHARACTER)


def _fault(text: str, language: str) -> Reason | None:
    """What is wrong with a folded text."""
    kinds = [unicodedata.category(letter) for letter in text]
    letters = [letter for letter, kind in zip(text, kinds, strict=True) if kind[0] == "L"]
    marks = [letter for letter, kind in zip(text, kinds, strict=True) if kind[0] == "M"]
    script = SCRIPTS.get(language.partition("-")[0], "LATIN")
    faults = {
        Reason.EMPTY: not letters,
        Reason.TOO_LONG: len(text) > MAX_LETTERS,
        Reason.TOO_MANY_WORDS: text.count(" ") >= MAX_WORDS,
        Reason.CHARACTER: any(
            kind[0] not in "LM" and sign not in " '-" for sign, kind in zip(text, kinds, strict=True)
        ),
        Reason.SCRIPT: any(script_of(letter) != script for letter in letters)
        or any(script_of(mark) not in ("COMBINING", script) for mark in marks),
        Reason.MARKS: sum(script_of(mark) == "COMBINING" for mark in marks) > MAX_MARKS,
    }
    return next((reason for reason, wrong in faults.items() if wrong), None)


def check_label(chip: Label, config: CampaignConfig, taboo: Taboo) -> Label | Reason:
    """A chip with its normal form, or why it is refused; only ``chip.raw`` is read as text.

    What is refused depends on the chip and the campaign alone, never on the round's true class (I4).
    """
    if chip.language not in config.campaign.languages:
        return Reason.LANGUAGE
    if chip.kind and chip.kind not in config.labels.kinds:
        return Reason.KIND
    text = normalise(chip.raw, chip.language)
    if isinstance(text, Reason):
        return text
    if taboo.holds(text):
        return Reason.TABOO
    return Label(text, chip.language, chip.step, chip.raw, chip.kind, chip.assisted)


def check_labels(
    chips: Iterable[Label], config: CampaignConfig, taboo: Taboo
) -> tuple[tuple[Label, ...], tuple[Refused, ...]]:
    """The labels of a round, in the order in which they were typed, and what is none.

    Args:
        chips: What was typed, with ``raw`` set; ``text`` is not read.
        config: The campaign's.
        taboo: The campaign's taboo words.

    Returns:
        Labels without repetition, at most ``labels.max_per_round``; and the refused texts with reasons.
    """
    kept: dict[tuple[str, str], Label] = {}
    refused: list[Refused] = []
    for chip in chips:
        label = check_label(chip, config, taboo)
        if isinstance(label, Reason):
            refused.append(Refused(chip.raw, label))
        elif (label.language, label.text) in kept:
            refused.append(Refused(chip.raw, Reason.DUPLICATE))
        elif len(kept) >= config.labels.max_per_round:
            refused.append(Refused(chip.raw, Reason.TOO_MANY))
        else:
            kept[label.language, label.text] = label
    return tuple(kept.values()), tuple(refused)
