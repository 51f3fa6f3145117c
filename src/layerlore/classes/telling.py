"""The words that tell two classes apart, layer by layer.

How much more people say a word of one class than of the other: log-odds with an informative Dirichlet prior (Monroe,
Colaresi & Quinn, "Fightin' Words", Political Analysis 2008). The prior is what is said of all classes of the study in
that layer, and weighs as much as both classes together, so that a word said once is never a difference. As in class
explanations, what is said of a photo counts where it is explained for its own class: maps for what it was taken for
tell of that other class. Answers about one photo are no independent ones; so whether a difference is more than chance
is asked of the photos: they are dealt anew to the two classes, again and again, and Holm's correction is over the
words of all layers, since they are told together. There are so many draws that it can be passed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from layerlore.classes.collecting import check_label
from layerlore.classes.drawing import chances, enough_draws
from layerlore.errors import LayerError, StudyError
from layerlore.significance import SIGNIFICANT, Z, holm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from layerlore.concepts.records import ConceptSet
    from layerlore.study.study import Study

DRAWS = 2000
"""At least; there are more where Holm's correction needs them."""
AT_ONCE = 1_000_000
"""Draws that are made together, times photos or words, for memory."""
DECIMALS = 6
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class TellingWord:
    """A concept of two classes in one layer.

    Attributes:
        layer: The layer.
        concept_id: The concept.
        name: Its name.
        counts: Answers behind it of the one class and of the other.
        photos: Photos of the one class and of the other that have it.
        log_odds: Positive: it is said more of the one class, negative: more of the other; shrunk to 0 by the prior.
        low: Lower end of its 95 % interval.
        high: Upper end.
        z: ``log_odds`` by its standard error.
        p_value: Of the permutation of photos, Holm-corrected over the words of all layers that are told.
    """

    layer: str
    concept_id: str
    name: str
    counts: tuple[int, int]
    photos: tuple[int, int]
    log_odds: float
    low: float
    high: float
    z: float
    p_value: float

    @property
    def sure(self) -> bool:
        """More than chance: the interval leaves out 0, and the photos say so too."""
        return (self.low > 0 or self.high < 0) and self.p_value < SIGNIFICANT


def telling_words(
    study: Study,
    concepts: ConceptSet,
    label: str,
    other: str,
    *,
    layer: str | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> tuple[TellingWord, ...]:
    """The words that tell two classes apart.

    Args:
        study: The study.
        concepts: Its concepts.
        label: The one class.
        other: The other.
        layer: This layer only.
        seed: Of the permutations.
        draws: Their number at least.

    Returns:
        Layer by layer, shallow to deep, those with the largest absolute z first.

    Raises:
        StudyError: There is no such class, or it is the same.
        LayerError: The layer is not explained.
    """
    for name in (label, other):
        check_label(study, name)
    if label == other:
        raise StudyError(f"class {label!r} cannot be told from itself; name another")
    if layer is not None and layer not in study.settings.layers:
        raise LayerError(f"layer {layer!r} was not explained; explained are {', '.join(study.settings.layers)}")
    labels = {image.image_id: (image.label if study.labels else image.predicted_name) for image in study.images}
    own = {image.image_id: (image.class_index if study.labels else image.predicted) for image in study.images}
    said = _said(concepts, own)
    layers = [
        _counted(name, said.get(name, {}), labels, (label, other))
        for name in (study.settings.layers if layer is None else (layer,))
    ]
    draws = max(draws, enough_draws(sum(len(one.words) for one in layers)))
    found = [word for one in layers for word in _of_layer(one, concepts, seed, draws)]
    corrected = holm([word.p_value for word in found])
    return tuple(replace(one, p_value=round(p, DECIMALS)) for one, p in zip(found, corrected, strict=True))


def _said(concepts: ConceptSet, own: Mapping[str, int | None]) -> dict[str, dict[str, dict[str, int]]]:
    """Layer to photo to concept to answers; what is said of maps for another class than the photo's own is left out.

    Args:
        concepts: Of the study.
        own: image_id to the index of its class; None where the network does not know it.
    """
    found: defaultdict[str, defaultdict[str, defaultdict[str, int]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(int))
    )
    for key, some in concepts.maps.items():
        if own.get(key.image_id) not in (None, key.target):
            continue
        for one in some:
            found[key.layer][key.image_id][one.concept_id] += max(one.frequency, 1)
    return {layer: {image: dict(counts) for image, counts in photos.items()} for layer, photos in found.items()}


@dataclass(frozen=True)
class _Counts:
    """What is said in a layer of the photos of two classes.

    Attributes:
        layer: The layer.
        words: Concepts; none where only one of the classes has any.
        counts: Answers by photo and word.
        one: Which photos are of the one class.
        prior: Prior counts of the words.
    """

    layer: str
    words: tuple[str, ...]
    counts: NDArray[np.float64]
    one: NDArray[np.bool_]
    prior: NDArray[np.float64]


def _counted(
    layer: str, said: Mapping[str, Mapping[str, int]], labels: Mapping[str, str | None], pair: tuple[str, str]
) -> _Counts:
    photos = sorted(image for image in said if labels.get(image) in pair)
    words = sorted({word for image in photos for word in said[image]})
    one = np.array([labels[image] == pair[0] for image in photos], dtype=bool)
    if one.all() or not one.any():
        words = []
    counts = np.array([[said[image].get(word, 0) for word in words] for image in photos], dtype=np.float64)
    everywhere = np.array([sum(some.get(word, 0) for some in said.values()) for word in words], dtype=np.float64)
    total = max(1, sum(sum(some.values()) for some in said.values()))
    return _Counts(layer, tuple(words), counts, one, counts.sum() * everywhere / total)


def _of_layer(found: _Counts, concepts: ConceptSet, seed: int, draws: int) -> list[TellingWord]:
    """The words of a layer, their p-values not corrected yet."""
    if not found.words:
        return []
    counts, one = found.counts, found.one
    odds, errors = log_odds(counts[one].sum(axis=0), counts[~one].sum(axis=0), found.prior)
    p_values = _chances(counts, one, found.prior, odds, np.random.default_rng(seed), draws)
    made = [
        TellingWord(
            layer=found.layer,
            concept_id=word,
            name=concepts.concepts[word].name,
            counts=(int(counts[one, place].sum()), int(counts[~one, place].sum())),
            photos=(int((counts[one, place] > 0).sum()), int((counts[~one, place] > 0).sum())),
            log_odds=round(float(odds[place]), DECIMALS),
            low=round(float(odds[place] - Z * errors[place]), DECIMALS),
            high=round(float(odds[place] + Z * errors[place]), DECIMALS),
            z=round(float(odds[place] / errors[place]), DECIMALS),
            p_value=p_values[place],
        )
        for place, word in enumerate(found.words)
    ]
    return sorted(made, key=lambda word: (-abs(word.z), word.name, word.concept_id))


def log_odds(
    one: NDArray[np.float64], other: NDArray[np.float64], prior: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of the log-odds of each word between two classes, and its standard error (Monroe et al., eq. 15-20).

    Args:
        one: Counts of the words in the one class, shape (..., words).
        other: In the other, same shape.
        prior: Prior counts, positive, shape (words,); words that it leaves out count for none.
    """
    # The prior may hold words that neither class has; they are in its sum for both.
    whole_one = one.sum(axis=-1, keepdims=True) + prior.sum()
    whole_other = other.sum(axis=-1, keepdims=True) + prior.sum()
    with_one, with_other = one + prior, other + prior
    # A class of which only one word is said has endless odds for it.
    rest_one, rest_other = np.maximum(whole_one - with_one, 0.5), np.maximum(whole_other - with_other, 0.5)
    odds = np.log(with_one / rest_one) - np.log(with_other / rest_other)
    return odds, np.sqrt(1 / with_one + 1 / with_other)


def _chances(
    counts: NDArray[np.float64],
    one: NDArray[np.bool_],
    prior: NDArray[np.float64],
    odds: NDArray[np.float64],
    generator: np.random.Generator,
    draws: int,
) -> list[float]:
    """How often log-odds are as far from 0 when photos are dealt by chance, for each word."""

    def draw(places: NDArray[np.intp], size: int) -> NDArray[np.float64]:
        """Words that are known are put together as one, since only sums over all words need them."""
        some, expected = counts[:, places], prior[places]
        rest = max(float(prior.sum() - expected.sum()), TINY)
        together = np.column_stack([some, counts.sum(axis=1) - some.sum(axis=1)])
        return np.abs(shuffled_odds(together, one, np.append(expected, rest), generator, size)[:, :-1])

    at_once = max(1, AT_ONCE // max(counts.shape))
    return [float(value) for value in chances(np.abs(odds), draw, draws=draws, at_once=at_once)]


def shuffled_odds(
    counts: NDArray[np.float64],
    one: NDArray[np.bool_],
    prior: NDArray[np.float64],
    generator: np.random.Generator,
    draws: int,
) -> NDArray[np.float64]:
    """Log-odds when photos are dealt to the two classes by chance, shape (draws, words).

    Args:
        counts: Answers by photo and word.
        one: Which photos are of the one class.
        prior: As for :func:`log_odds`.
        generator: Of the dealing.
        draws: How often.
    """
    # The photos with the lowest numbers: several times as fast as to shuffle each row. Sums of counts stay exact.
    drawn = generator.integers(0, 2**32, size=(draws, len(one)), dtype=np.uint32)
    last = int(one.sum()) - 1
    dealt = drawn <= np.partition(drawn, last, axis=1)[:, last : last + 1]
    first = (dealt.astype(np.float32) @ counts.astype(np.float32)).astype(np.float64)
    return log_odds(first, counts.sum(axis=0) - first, prior)[0]
