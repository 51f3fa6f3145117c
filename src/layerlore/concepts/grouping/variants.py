"""Spellings of a word that only this study can tell: unknown words one slip away from a word that others typed.

Spelling is repaired before answers are grouped (`layerlore.concepts.spelling`), against a general dictionary. What is
left are words that the dictionary lacks or would read in several ways; the answers themselves say which was meant.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST = 4
"""Letters of the shorter word; below, nearly any two words are one slip apart."""


def known(word: str, language: str = "en") -> bool:
    """Whether a dictionary has the word in any of its forms; numbers are known."""
    if word.isdigit():
        return True
    try:
        from simplemma import is_known

        return bool(is_known(word, language))
    except ValueError:  # not among simplemma's languages: then nothing is repaired
        return True


def meant(counts: Mapping[str, int], language: str = "en") -> dict[str, str]:
    """For each unknown word that is one slip away from a known one among the answers, the most frequent such word.

    A slip is a letter left out, put in, changed, or two swapped; the first letter stays.

    Args:
        counts: Words with how often they were typed.
        language: Such as ``en``.
    """
    familiar = {word: known(word, language) for word in counts}
    right = [word for word in counts if familiar[word] and len(word) >= SHORTEST - 1]
    index: defaultdict[str, list[str]] = defaultdict(list)
    for word in right:
        for form in _shortened(word):
            index[form].append(word)
    found: dict[str, str] = {}
    for word in counts:
        if familiar[word] or len(word) < SHORTEST - 1:
            continue
        near = {other for form in _shortened(word) for other in index.get(form, ()) if _one_slip(word, other)}
        if near:
            found[word] = min(near, key=lambda other: (-counts[other], other))
    return found


def _shortened(word: str) -> set[str]:
    """The word, and the word without any one of its letters but the first: words one slip apart share one of these."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(1, len(word)))}


def _one_slip(one: str, other: str) -> bool:
    if one[0] != other[0] or max(len(one), len(other)) < SHORTEST:
        return False
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    start = next((i for i in range(len(short)) if short[i] != long[i]), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    swapped = short[start : start + 2] == long[start : start + 2][::-1] and short[start + 2 :] == long[start + 2 :]
    return swapped or short[start + 1 :] == long[start + 1 :]
