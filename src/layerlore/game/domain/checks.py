"""Checks of single configuration values: each takes what TOML gives and returns the value, or raises ValueError.

The text of the ValueError is the fix, to stand after the key's name.
"""

from __future__ import annotations

import itertools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[object], object]

T = TypeVar("T")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?")


def shown(value: object) -> str:
    """A value as it stands in a message, at most 60 characters."""
    text = "true" if value is True else "false" if value is False else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def flag(value: object) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither true nor false; write true or false")  # noqa: TRY004
    return value


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number from ``low`` to ``high``."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{shown(value)} is no whole number from {low} to {high}; write one")
        return value

    return check


def is_rate(value: object) -> bool:
    """Whether it is a number from 0 to 1; true and false are none, and neither is nan."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def rate(value: object) -> float:
    """A number from 0 to 1."""
    if not is_rate(value):
        raise ValueError(f"{shown(value)} is no number from 0 to 1; write a share such as 0.1")
    return float(value)  # type: ignore[arg-type]


def one_of(*allowed: str) -> Callable[[object], str]:
    """One of a few words."""

    def check(value: object) -> str:
        if value not in allowed:
            raise ValueError(f"{shown(value)} is none of {', '.join(allowed)}; write one of them in quotes")
        return str(value)

    return check


def matching(pattern: str, example: str) -> Callable[[object], str]:
    """A text that matches a pattern as a whole."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"{shown(value)} does not look right; write it like {example!r}")
        return value

    return check


def texts(value: object) -> tuple[str, ...]:
    """A list of different texts, none empty; the list may be."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ValueError(f'{shown(value)} is no list of texts; write one such as ["a", "b"]')
    if len(set(value)) < len(value):
        raise ValueError("the list names something twice; name each once")
    return tuple(value)


def some_texts(low: int, high: int) -> Callable[[object], tuple[str, ...]]:
    """A list of ``low`` to ``high`` different texts."""

    def check(value: object) -> tuple[str, ...]:
        found = texts(value)
        if not low <= len(found) <= high:
            raise ValueError(f"the list has {len(found)} entries; write {low} to {high}")
        return found

    return check


def subset(*allowed: str) -> Callable[[object], tuple[str, ...]]:
    """A list of some of a few words, each once."""

    def check(value: object) -> tuple[str, ...]:
        found = texts(value)
        strange = [item for item in found if item not in allowed]
        if strange:
            raise ValueError(f"{shown(strange[0])} is none of {', '.join(allowed)}; name some of them")
        return found

    return check


def one_number(*allowed: int) -> Callable[[object], int]:
    """One of a few whole numbers."""

    def check(value: object) -> int:
        if isinstance(value, bool) or value not in allowed:
            raise ValueError(f"{shown(value)} is none of {', '.join(map(str, allowed))}; write one of them")
        return int(str(value))

    return check


def languages(value: object) -> tuple[str, ...]:
    """A list of at least one language code."""
    codes = texts(value)
    if not codes or not all(LANGUAGE.fullmatch(code) for code in codes):
        raise ValueError(f'{shown(value)} is no list of language codes; write one such as ["en", "it"]')
    return codes


def _pairs(value: object, check: Callable[[object], T], example: str) -> Mapping[str, T]:
    if not isinstance(value, dict) or not all(isinstance(key, str) and LANGUAGE.fullmatch(key) for key in value):
        raise ValueError(f"{shown(value)} is no table with a language for each entry; write it like {example}")
    return {key: check(item) for key, item in value.items()}


def texts_by_language(value: object) -> Mapping[str, tuple[str, ...]]:
    """A table from language to a list of texts."""
    return _pairs(value, texts, '{ en = ["dog"], it = ["cane"] }')


def _file_name(value: object) -> str:
    if not isinstance(value, str) or not value or value in (".", "..") or PurePosixPath(value).name != value:
        raise ValueError(f"{shown(value)} is no plain file name; write the name of a file beside the configuration")
    if "\\" in value or "\0" in value:
        raise ValueError(f"{shown(value)} has a character that no file name here may have; use letters and dots")
    return value


def files_by_language(value: object) -> Mapping[str, str]:
    """A table from language to the name of a file beside the configuration."""
    return _pairs(value, _file_name, '{ en = "consent.en.md" }')


def reveal_steps(value: object) -> tuple[float, ...]:
    """One to twelve growing shares of the picture."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= 12 or not all(is_rate(item) for item in value):
        raise ValueError("one to twelve shares of the picture are needed; write a list such as [0.02, 0.045, 0.08]")
    steps = tuple(float(item) for item in value)
    if steps[0] == 0 or any(after <= before for before, after in itertools.pairwise(steps)):
        raise ValueError("each step must show more than the one before, the first more than 0; put them in order")
    return steps


def stairs(value: object) -> tuple[tuple[int, float], ...]:
    """Pairs of a number of rounds and the rate from there on; the first begins at 0 rounds."""
    pairs: list[tuple[int, float]] = []
    for pair in value if isinstance(value, list | tuple) else ():
        if not isinstance(pair, list | tuple) or len(pair) != 2 or type(pair[0]) is not int or not is_rate(pair[1]):
            raise ValueError(f"{shown(pair)} is no pair of rounds and rate; write it like [10, 0.15]")
        pairs.append((pair[0], float(pair[1])))
    begins = [rounds for rounds, _ in pairs]
    if not pairs or begins[0] != 0 or begins != sorted(set(begins)):
        raise ValueError("the pairs must begin at 0 rounds and grow; write them like [[0, 0.25], [10, 0.15]]")
    return tuple(pairs)


def count_or_all(value: object) -> int | None:
    """``"all"`` (None) or a number of classes, at least two."""
    if value == "all" or value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 2:
        raise ValueError(f'{shown(value)} is neither "all" nor a number of at least 2; write one of the two')
    return value
