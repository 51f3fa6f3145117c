"""In which language an answer is, and how it is translated where somebody asks for that.

One word says little about its language, so what the player chose wins unless its own dictionary lacks one of the
words, that of exactly one other language in question has all of them, and their letters look like it, too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from layerlore.concepts.lemmas import words_of
from layerlore.concepts.vocabulary import EXTRA, vocabulary
from layerlore.errors import ModelError, SettingError
from layerlore.game.domain.labels import SCRIPTS, script_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SURE = 0.7
"""Confidence of lingua from which its word counts against what a player chose; see `bench/spelling.py`."""

TRANSLATORS = ("argos", "deepl")
_KEY = "DEEPL_AUTH_KEY"
_SEVERAL = {"ja": {"HIRAGANA", "KATAKANA", "CJK"}, "sr": {"CYRILLIC", "LATIN"}, "ko": {"HANGUL", "CJK"}}


def language_of(text: str, given: str, candidates: tuple[str, ...]) -> str:
    """Language of a folded answer; "" if its alphabet is none of any language in question.

    Args:
        text: Folded.
        given: What the player chose, or the study's own.
        candidates: All languages in question.
    """
    scripts = {script_of(letter) for letter in text if letter.isalpha()}
    if not scripts or not scripts.isdisjoint(_scripts(given)):
        others = tuple(one for one in candidates if one != given and not scripts.isdisjoint(_scripts(one)))
        return _surely_other(text, given, others) or given
    fitting = [one for one in candidates if not scripts.isdisjoint(_scripts(one))]
    return fitting[0] if len(fitting) == 1 else _likeliest(text, tuple(fitting))


def forget() -> None:
    """Free what languages are told apart by; it is read again where it is needed."""
    _detector.cache_clear()


def _scripts(language: str) -> set[str]:
    language = language.partition("-")[0]
    return _SEVERAL.get(language, {SCRIPTS.get(language, "LATIN")})


def _surely_other(text: str, given: str, others: tuple[str, ...]) -> str:
    """Another language that an answer is surely in, or ""."""
    words = [part for word in words_of(text) for part in word.split("'") if len(part) > 1]
    own = vocabulary(given)
    if not words or not others or own is None or all(word in own for word in words):
        return ""
    fitting = [one for one in others if (known := vocabulary(one)) and all(word in known for word in words)]
    if len(fitting) != 1:
        return ""
    return fitting[0] if _confidence(text, fitting[0], given) >= SURE else ""


def _likeliest(text: str, languages: tuple[str, ...]) -> str:
    """The likeliest of some languages, or "" of none."""
    return max(languages, key=lambda one: (_confidence(text, one, *languages), one)) if languages else ""


def _confidence(text: str, language: str, *among: str) -> float:
    """How sure lingua is that a text is in a language, and not in one of some others; 0 if it does not know them."""
    detector, names = _detector(tuple(sorted({language, *among})))
    if detector is None or language not in names:
        return 0.0
    return float(detector.compute_language_confidence(text, names[language]))


@cache
def _detector(languages: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    """Detector of some languages with its names of them; None with fewer than two that it knows."""
    try:
        from lingua import IsoCode639_1, Language, LanguageDetectorBuilder
    except ImportError as error:
        raise ModelError(f"languages are told apart by lingua, which is not installed; {EXTRA}") from error
    names = {}
    for one in languages:
        code = getattr(IsoCode639_1, one.partition("-")[0].upper(), None)
        if code is not None:
            names[one] = Language.from_iso_code_639_1(code)
    if len(set(names.values())) < 2:
        return None, names
    return LanguageDetectorBuilder.from_languages(*set(names.values())).build(), names


class Translator(Protocol):
    """What reading needs of a translator."""

    @property
    def name(self) -> str:
        """As it is recorded with the concepts."""
        ...

    def translate(self, texts: Sequence[str], source: str, target: str, context: str) -> Sequence[str]:
        """The texts in another language, one for each, in their order; "" where it cannot.

        Args:
            texts: Different ones, all about photos of one class.
            source: Their language.
            target: The language to translate into.
            context: What the photos show, such as ``golden retriever``; "" where that is not known.
        """
        ...


def load_translator(name: str) -> Translator:
    """A translator: ``deepl`` (on the network, with a key in the environment) or ``argos`` (on this machine).

    Args:
        name: One of `TRANSLATORS`.

    Raises:
        SettingError: There is no such translator.
        ModelError: It is not installed, or there is no key for it.
    """
    if name == "deepl":
        return _deepl()
    if name == "argos":
        return _argos()
    raise SettingError(f"unknown translator {name!r}; there are {', '.join(TRANSLATORS)}")


def _deepl() -> Translator:
    try:
        import deepl
    except ImportError as error:
        raise ModelError('translation by DeepL needs its package; pip install "layerlore[deepl]"') from error
    key = os.environ.get(_KEY, "").strip()
    if not key:
        raise ModelError(f"translation by DeepL needs a key; set {_KEY}, or translate with argos on this machine")
    return _DeepL(deepl.DeepLClient(key), deepl.DeepLException)


@dataclass(frozen=True)
class _DeepL:
    """DeepL's service. The answers leave this machine."""

    client: Any = field(repr=False)
    fault: type[Exception] = field(repr=False)
    name: str = "deepl"

    def translate(self, texts: Sequence[str], source: str, target: str, context: str) -> list[str]:
        about = (
            f"What people see in part of a photo of: {context}." if context else "What people see in part of a photo."
        )
        aim = {"en": "EN-GB", "pt": "PT-PT"}.get(target, target.upper())
        found: list[str] = []
        try:
            for start in range(0, len(texts), 50):  # more in one request is refused
                some = list(texts[start : start + 50])
                results = self.client.translate_text(some, source_lang=source.upper(), target_lang=aim, context=about)
                found += [one.text for one in results]
        except self.fault as error:
            reason = " ".join(str(error).split())[:160]
            raise ModelError(
                f"DeepL did not translate from {source!r} to {target!r} ({reason}); try later, or argos"
            ) from error
        return found


def _argos() -> Translator:
    try:
        import argostranslate.translate as argos
    except ImportError as error:
        raise ModelError('translation on this machine needs Argos; pip install "layerlore[translate]"') from error
    return _Argos(argos)


@dataclass(frozen=True)
class _Argos:
    """Argos Translate with the language packages that are installed here; none is fetched."""

    library: Any = field(repr=False)
    name: str = "argos"
    known: dict[tuple[str, str, str], str] = field(default_factory=dict, repr=False, compare=False)

    def translate(
        self,
        texts: Sequence[str],
        source: str,
        target: str,
        context: str,  # noqa: ARG002 - it takes none, so that a text is translated once for all classes
    ) -> list[str]:
        languages = {one.code: one for one in self.library.get_installed_languages()}
        way = languages[source].get_translation(languages[target]) if {source, target} <= languages.keys() else None
        if way is None:
            raise ModelError(
                f"Argos has no package from {source!r} to {target!r} on this machine; "
                f"argospm install translate-{source}_{target}"
            )
        for text in texts:
            if (text, source, target) not in self.known:
                self.known[text, source, target] = str(way.translate(text))
        return [self.known[text, source, target] for text in texts]
