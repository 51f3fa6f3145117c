"""Filters that turn what the server calls things into words for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from layerlore.game.server.services.staff import role_of
from layerlore.game.server.views import staff_words as words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layerlore.game.server.models import Account

register = template.Library()


def _word(among: Mapping[Any, object], value: object) -> str:
    """The word, or the thing's own name if it is new."""
    return str(among.get(str(value), value))


@register.filter
def campaign_state(value: object) -> str:
    """State of a campaign."""
    return _word(words.CAMPAIGN_STATES, value)


@register.filter
def map_state(value: object) -> str:
    """State of a map."""
    return _word(words.MAP_STATES, value)


@register.filter
def map_reason(value: object) -> str:
    """Why a map is in its state."""
    return _word(words.MAP_REASONS, value)


@register.filter
def map_kind(value: object) -> str:
    """Kind of a map."""
    return _word(words.MAP_KINDS, value)


@register.filter
def limit_scope(value: object) -> str:
    """What is limited."""
    return _word(words.SCOPES, value)


@register.filter
def action(value: object) -> str:
    """What was done."""
    return _word(words.ACTIONS, value)


@register.filter
def staff_role(account: Account) -> str:
    """Role of a staff account."""
    return _word(words.ROLES, role_of(account))
