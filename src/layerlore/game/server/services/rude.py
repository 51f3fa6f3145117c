"""Rude words by language: a label with one waits for a person, it is never blocked (game.md 2.6)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

WORDS = Path(__file__).parent.parent / "words"


@lru_cache(maxsize=16)
def words(language: str) -> frozenset[str]:
    """Our list, and ``rude.<language>.txt`` in the campaign's folder with one entry a line."""
    places = [WORDS, *([settings.CAMPAIGN_FOLDER] if settings.CAMPAIGN_FOLDER else [])]
    found: set[str] = set()
    for place in places:
        path = place / f"rude.{language}.txt"
        if path.is_file():
            found |= {line.strip().casefold() for line in path.read_text("utf-8").splitlines() if line.strip()}
    return frozenset(found)


def is_rude(text: str, language: str) -> bool:
    """Whether a label, or a word of it, is on the list."""
    known = words(language)
    return text in known or not known.isdisjoint(text.split())
