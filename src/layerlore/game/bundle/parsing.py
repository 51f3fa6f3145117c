"""JSON into records, every field of its type; nothing is taken on trust, and the standard library does."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.stored import WAY_OUT, read_plain

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
MAX_JSON = 512 * 1024 * 1024
"""Bytes of the largest manifest that is read; 50,000 maps of six steps take 90 million."""


def read_json(path: Path) -> dict[str, Any]:
    """An object from a JSON file.

    Raises:
        BundleError: The file is missing, too large, no JSON, names a key twice, or holds something else.
    """
    content = read_plain(path, MAX_JSON)
    try:
        found = json.loads(content, object_pairs_hook=_without_repetition, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BundleError(f"{path}: damaged ({reason}); {WAY_OUT}") from error
    if not isinstance(found, dict):
        raise BundleError(f"{path}: not a file of a bundle; {WAY_OUT}")
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def records(kind: type[T], values: object, where: str) -> tuple[T, ...]:
    """A list of records of one kind.

    Raises:
        ValueError: It is none; the text says where.
    """
    if not isinstance(values, list):
        raise ValueError(f"{where} is no list")  # noqa: TRY004 all faults are told alike
    return tuple(record(kind, value, f"{where}[{number}]") for number, value in enumerate(values))


def record(kind: type[T], value: object, where: str) -> T:
    """A record from an object: all fields, no others, each of its type.

    Raises:
        ValueError: It is none; the text says where.
    """
    hints: dict[str, Any] = _hints(kind)  # type: ignore[arg-type]
    if not isinstance(value, dict) or value.keys() != hints.keys():
        raise ValueError(f"{where} has other fields than {', '.join(hints)}")
    return kind(**{name: _value(hint, value[name], f"{where}.{name}") for name, hint in hints.items()})


@lru_cache(maxsize=32)
def _hints(kind: type[Any]) -> dict[str, Any]:
    """Field to type."""
    hints = typing.get_type_hints(kind, localns={"Mapping": Mapping})
    return {entry.name: hints[entry.name] for entry in dataclasses.fields(kind)}


def _value(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401 any field
    """A value of the type that a field has, which may be "or None"."""
    if typing.get_origin(hint) is types.UnionType:
        hint = type(None) if value is None else typing.get_args(hint)[0]
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list):
        inner = typing.get_args(hint)[0]
        return tuple(_value(inner, item, f"{where}[{number}]") for number, item in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        inner = typing.get_args(hint)[1]
        return types.MappingProxyType({key: _value(inner, item, f"{where}.{key}") for key, item in value.items()})
    if origin is None and dataclasses.is_dataclass(hint):
        return record(hint, value, where)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, StrEnum) and isinstance(value, str):
        return hint(value)
    if hint is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if hint in (str, int, bool, type(None)) and type(value) is hint:
        return value
    raise ValueError(f"{where} is {value!r:.60}, which cannot be")
