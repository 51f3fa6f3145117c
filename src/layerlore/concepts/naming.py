"""Names of groups of answers: the default, and the paper's (method.md 3.4 and 3.5)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from layerlore.concepts.embedding import EXTRA
from layerlore.concepts.lemmas import key_of, lemma, words_of
from layerlore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.concepts.embedding import Encodes

PAPERS_STOP_WORDS = frozenset(
    {"something", "like", "multiple", "lower", "upper", "typical", "maybe", "center", "least", "most", "previous"}
    | {"next", "left", "right"}
)
"""What the paper leaves out beside the usual stop words."""

_GRAMMAR = (
    "i me my mine myself you your yours yourself yourselves he him his himself she her hers herself it its itself",
    "we us our ours ourselves they them their theirs themselves who whom whose which what this that these those",
    "am is are was were be been being have has had having do does did doing can could will would shall should",
    "a an the and or but nor if because as while until though of at by for with about against between into through",
    "during before after above below under over to from up down in out on off upon within without",
    "again further then once here there when where why how all any both each few more some such other another own same",
    "no not only so than too very just now s t d m ll re ve don",
)
"""Closed classes of English words: pronouns, auxiliaries, articles, conjunctions, prepositions, and small adverbs."""
PARTS_OF_SPEECH = ("NOUN", "ADJ", "ADV", "VERB")
"""As what a name that stands alone is read, the first that a dictionary has: players name things."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a group of answers is called.

    Attributes:
        shown: A surface form, as somebody typed it.
        lemma: Dictionary form; groups with one lemma are one concept.
    """

    shown: str
    lemma: str


def name_groups(
    texts: Sequence[str],
    counts: Sequence[int],
    groups: Sequence[int],
    encoder: Encodes,
    *,
    language: str = "en",
    method: str = "lemma-first",
) -> dict[int, Name]:
    """Names of all groups; those with one lemma get one name, its most frequent surface form.

    Args:
        texts: Different texts.
        counts: How often each was given.
        groups: The group of each, from `layerlore.concepts.grouping.group_texts`.
        encoder: The one they were grouped with.
        language: Of the texts.
        method: ``paper`` names a group by one word; any other by the most frequent form of its medoid.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place in sorted(range(len(texts)), key=lambda one: texts[one]):
        members[int(groups[place])].append(place)
    papers = method == "paper"
    keys = {} if papers else {text: key_of(text, language) for text in texts}
    # Where all have one form the name needs no vectors, which are what takes time.
    apart = [some for some in members.values() if papers or len({keys[texts[place]] for place in some}) > 1]
    vectors = encoded(sorted(texts[place] for some in apart for place in some), encoder)
    words = encoded(sorted({word for text in texts for word in words_of(text)}), encoder) if papers else {}
    named = {}
    forms: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for group, places in sorted(members.items()):
        some, weights = [texts[place] for place in places], np.array([counts[place] for place in places])
        if papers:
            shown = telling_word(some, weights, np.stack([vectors[text] for text in some]), words, language)
            form = " ".join(spoken_lemma(word, language) for word in words_of(shown)) or shown
            found = surface_words(some, weights, form, language) or {shown: int(weights.sum())}
        else:
            known = some[0] in vectors
            form = keys[medoid(some, weights, np.stack([vectors[text] for text in some])) if known else some[0]]
            found = {text: int(n) for text, n in zip(some, weights, strict=True) if keys[text] == form}
        named[group] = form
        for text, count in found.items():
            forms[form][text] += count
    shown_as = {form: min(found, key=lambda text: (-found[text], text)) for form, found in forms.items()}
    return {group: Name(shown_as[form], form) for group, form in named.items()}


def medoid(texts: Sequence[str], counts: NDArray[np.int64], vectors: NDArray[np.float32]) -> str:
    """The text with the largest summed cosine to all answers of its group; the first of those that are equal.

    Args:
        texts: Of one group.
        counts: Answers with each text.
        vectors: Unit vectors of the texts.
    """
    sums = vectors @ (counts.astype(np.float32) @ vectors)
    return texts[int(np.argmax(np.round(sums, 5)))]


def telling_word(
    texts: Sequence[str],
    counts: NDArray[np.int64],
    vectors: NDArray[np.float32],
    words: dict[str, NDArray[np.float32]],
    language: str = "en",
) -> str:
    """The paper's name: of the words that are no stop words the one with the largest summed cosine to all answers.

    A group of stop words alone is named by one of them, and one without a word by its most frequent text.

    Args:
        texts: Of one group.
        counts: Answers with each text.
        vectors: Unit vectors of the texts.
        words: Unit vectors of their words.
        language: Of the texts.
    """
    candidates = sorted({word for text in texts for word in words_of(text)})
    candidates = [word for word in candidates if word not in stop_words(language)] or candidates
    if not candidates:
        return texts[int(np.argmax(counts))]
    sums = np.stack([words[word] for word in candidates]) @ (counts.astype(np.float32) @ vectors)
    return candidates[int(np.argmax(np.round(sums, 5)))]


def encoded(texts: Sequence[str], encoder: Encodes) -> dict[str, NDArray[np.float32]]:
    """Different texts with their unit vectors."""
    return dict(zip(texts, encoder.encode(texts), strict=True)) if texts else {}


def surface_words(texts: Sequence[str], counts: NDArray[np.int64], form: str, language: str) -> dict[str, int]:
    """Words of the texts with a dictionary form, with how many answers have them."""
    found: defaultdict[str, int] = defaultdict(int)
    for text, count in zip(texts, counts, strict=True):
        for word in set(words_of(text)):
            if spoken_lemma(word, language) == form:
                found[word] += int(count)
    return dict(found)


@cache
def spoken_lemma(word: str, language: str = "en") -> str:
    """Dictionary form of a word by its part of speech, as the paper has it; the word itself where it is not known.

    Of several forms the shortest is taken: leaves are more than one leaf.

    Args:
        word: A folded word.
        language: Other than in English, dictionary forms without part of speech.

    Raises:
        ModelError: The extra ``labels`` is not installed.
    """
    if language != "en":
        return lemma(word, language)
    try:
        from lemminflect import getAllLemmas
    except ImportError as error:
        raise ModelError(f"names of 'paper' need lemminflect, which is not installed; {EXTRA}") from error
    known: dict[str, tuple[str, ...]] = getAllLemmas(word)
    for part in PARTS_OF_SPEECH:
        if part in known:
            return min(known[part], key=lambda form: (len(form), form)).casefold()
    return word


@cache
def stop_words(language: str) -> frozenset[str]:
    """Words that never name a group: in English those of grammar and the paper's own, else those of stopwordsiso."""
    if language == "en":
        return PAPERS_STOP_WORDS.union(*(line.split() for line in _GRAMMAR))
    from stopwordsiso import has_lang, stopwords

    return frozenset(stopwords(language)) if has_lang(language) else frozenset()
