"""The default way: one dictionary form is one thing; things are linked on average by three kinds of likeness.

First, answers with the same dictionary forms of their telling words are one item ("the dog's ears", "dog ear"), after
unknown words one slip away from a word that others typed are read as that word. Then items are linked on average while
their mean likeness is at least a threshold. Likeness is a mixture of the cosines of

- the sentence embeddings of the answers,
- the embeddings of the words that they are about ("floppy ears": ear),
- and their letters, which catches families of words (fur, furry) and what was misspelt beyond repair.

From it is taken how alike an answer is to its nearest neighbours in general, so that vague words do not collect all
others (Conneau et al., ICLR 2018), and much where two answers are about words that people keep apart, such as left and
right or red and blue. Answers that were typed rarely are linked more readily: what many people typed is a concept of
its own, what one did is more often another way to say it. Weights and threshold were chosen on the dev halves of the
gold sets (`docs/benchmarks.md`).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.concepts.grouping.contrasts import KINDS, sides
from layerlore.concepts.grouping.linkage import BLOCK, average_linkage
from layerlore.concepts.grouping.variants import meant
from layerlore.concepts.lemmas import head_of, key_of, words_of
from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.concepts.embedding import Encodes

THRESHOLD = 0.52
TEXT, HEAD, LETTERS = 0.4, 0.2, 0.4
"""Weights of the three kinds of likeness."""
HUB, NEIGHBOURS = 0.8, 10
RARE = 0.12
"""Added to the likeness of two answers that were typed once; less by the root of how often they were."""
APART = 1.0
"""Taken from the likeness of answers about words that people keep apart."""
GRAMS = 512
"""Numbers that letters are told by."""


def group(
    texts: Sequence[str], counts: Sequence[int], encoder: Encodes, language: str, settings: Mapping[str, float]
) -> NDArray[np.int64]:
    """Group of each of different texts.

    Raises:
        SettingError: The threshold is not between 0 and 1.
    """
    threshold = settings.get("threshold", THRESHOLD)
    if not 0 < threshold <= 1:
        raise SettingError(f"threshold {threshold:g}: must be above 0 and at most 1")
    if not texts:
        return np.zeros(0, dtype=np.int64)
    read = reread(texts, counts, language)
    keys = [key_of(text, language) for text in read]
    shown: dict[str, int] = {}
    for place, key in enumerate(keys):
        if key not in shown or (-counts[place], texts[place]) < (-counts[shown[key]], texts[shown[key]]):
            shown[key] = place
    row = {key: number for number, key in enumerate(shown)}
    typed = np.bincount([row[key] for key in keys], weights=counts).astype(np.float64)
    left, right = likeness(list(shown), [read[place] for place in shown.values()], typed, encoder, language)
    return average_linkage(left, right, threshold, overwrite=True)[[row[key] for key in keys]]


def reread(texts: Sequence[str], counts: Sequence[int], language: str) -> list[str]:
    """The texts with unknown words as the known ones that others typed; a text without such a word stays as it is."""
    seen: Counter[str] = Counter()
    for text, count in zip(texts, counts, strict=True):
        for word in words_of(text):
            seen[word] += count
    right = meant(seen, language)
    if not right:
        return list(texts)
    found = []
    for text in texts:
        words = words_of(text)
        found.append(" ".join(right.get(word, word) for word in words) if right.keys() & set(words) else text)
    return found


def likeness(
    keys: Sequence[str], texts: Sequence[str], typed: NDArray[np.float64], encoder: Encodes, language: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Left and right vectors of items, whose products are the likeness of each with each.

    Args:
        keys: Dictionary forms of the items.
        texts: A text for each.
        typed: How often each was typed.
        encoder: For texts and heads.
        language: Of all of them.
    """
    heads = [head_of(text, language) for text in texts]
    parts = [
        np.sqrt(TEXT) * encoder.encode(texts),
        np.sqrt(HEAD) * encoder.encode(heads),
        np.sqrt(LETTERS) * letters(keys),
    ]
    alike = np.concatenate(parts, axis=1, dtype=np.float32)
    del parts
    ready = ((RARE / np.sqrt(np.maximum(typed, 1)) - HUB * _nearness(alike)) / 2)[:, None]
    kinds, things = _contrasts(heads)
    one = np.ones_like(ready)
    left = np.concatenate([alike, ready, one, -APART * kinds, APART * things], axis=1, dtype=np.float32)
    alike = left[:, : alike.shape[1]]
    right = np.concatenate([alike, one, ready, kinds, things], axis=1, dtype=np.float32)
    return left, right


def letters(keys: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of the runs of two to four letters, word by word."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer: Any = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=GRAMS, dtype=np.float32)
    return np.asarray(vectorizer.transform(keys).toarray(), dtype=np.float32)


def _nearness(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean likeness of each item to its nearest neighbours, less the mean over all items."""
    count = len(vectors)
    neighbours = min(NEIGHBOURS, count - 1)
    if neighbours < 1:
        return np.zeros(count, dtype=np.float32)
    found = np.empty(count, dtype=np.float32)
    for start in range(0, count, BLOCK):
        part = vectors[start : start + BLOCK] @ vectors.T
        part[np.arange(len(part)), np.arange(start, start + len(part))] = -np.inf
        found[start : start + BLOCK] = np.partition(part, -neighbours, axis=1)[:, -neighbours:].mean(axis=1)
    found -= found.mean()
    return found


def _contrasts(heads: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each item the kinds of contrast that its head is in, and the things: two things of a kind are apart."""
    known = sides()
    kinds = np.zeros((len(heads), len(KINDS)), dtype=np.float32)
    things = np.zeros((len(heads), 1 + max(thing for _, thing in known.values())), dtype=np.float32)
    for row, head in enumerate(heads):
        if head in known:
            kind, thing = known[head]
            kinds[row, kind] = things[row, thing] = 1
    return kinds, things
