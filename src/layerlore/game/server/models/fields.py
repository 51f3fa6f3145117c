"""Pieces that several tables share."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from enum import StrEnum


def choices(kinds: type[StrEnum]) -> list[tuple[str, str]]:
    """Values of an enumeration as Django wants them."""
    return [(kind.value, kind.value) for kind in kinds]


def only(field: str, kinds: type[StrEnum]) -> models.CheckConstraint:
    """A CHECK that a column holds a value of an enumeration."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": [kind.value for kind in kinds]}), name=f"%(class)s_{field}"
    )


def random_name() -> str:
    """128 random bits as 32 hex digits."""
    return secrets.token_hex(16)


def random_seed() -> int:
    """Seed of a player's draws; fits a signed 64-bit column."""
    return secrets.randbits(63)
