"""Answers that mean the same, together: one file for each way, `group_texts` to choose one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from layerlore.concepts.grouping import lemma_first, paper
from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from layerlore.concepts.embedding import Encodes

Method = Literal["lemma-first", "paper"]
DEFAULT: Method = "lemma-first"
METHODS = {"lemma-first": lemma_first.group, "paper": paper.group}
"""Each takes texts, counts, an encoder, a language and settings, and gives the group of each text."""
SETTINGS: Mapping[str, frozenset[str]] = {"lemma-first": frozenset({"threshold"}), "paper": frozenset()}


def group_texts(
    texts: Sequence[str],
    counts: Sequence[int],
    encoder: Encodes,
    *,
    language: str = "en",
    method: str = DEFAULT,
    settings: Mapping[str, float] | None = None,
) -> NDArray[np.int64]:
    """Group of each text, numbered from 0 in the order in which groups appear.

    Answers in one language are grouped together, over all photos and classes of a study. The groups do not depend on
    the order of the texts, nor on how often a text stands in the list: its counts are added up.

    Args:
        texts: What was read from the answers: folded, repaired, without names of the class.
        counts: How often each was given.
        encoder: From `layerlore.concepts.embedding.load_encoder`.
        language: Such as ``en``.
        method: ``lemma-first``, or ``paper`` (Bianchi et al. 2024).
        settings: ``threshold`` of ``lemma-first``.

    Raises:
        SettingError: The method or a setting is unknown or out of its range, or there are too many texts for ``paper``.
    """
    import numpy as np

    if method not in METHODS:
        raise SettingError(f"unknown way of grouping {method!r}; known are {', '.join(METHODS)}")
    unknown = set(settings or {}) - SETTINGS[method]
    if unknown:
        raise SettingError(f"grouping {method!r} has no setting {min(unknown)!r}")
    total: dict[str, int] = {}
    for text, count in zip(texts, counts, strict=True):
        total[text] = total.get(text, 0) + count
    # Sorted, so that neither ties nor rounding depend on the order in which answers came.
    distinct = sorted(total)
    labels = METHODS[method](distinct, [total[text] for text in distinct], encoder, language, settings or {})
    of = dict(zip(distinct, labels.tolist(), strict=True))
    number: dict[int, int] = {}
    return np.array([number.setdefault(of[text], len(number)) for text in texts], dtype=np.int64)
