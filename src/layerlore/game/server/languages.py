"""Languages of the interface: English, in which it is written, and each that has a catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf.locale import LANG_INFO
from django.utils.translation import to_language

if TYPE_CHECKING:
    from pathlib import Path


def available(folder: Path) -> list[tuple[str, str]]:
    """Code and own name of each language, English first."""
    codes = sorted(to_language(found.parents[1].name) for found in folder.glob("*/LC_MESSAGES/django.mo"))
    return [(code, _name(code)) for code in ("en", *codes)]


def _name(code: str) -> str:
    """What a language calls itself; its code where Django does not know it."""
    known = LANG_INFO.get(code) or LANG_INFO.get(code.partition("-")[0]) or {}
    name = str(known.get("name_local", code))
    return name[:1].upper() + name[1:]
