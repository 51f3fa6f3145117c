"""Filters that turn what the server calls things into words for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from layerlore.game.server.services.staff import role_of
from layerlore.game.server.views import staff_words as words
from layerlore.game.server.views.sentences import LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from layerlore.game.server.models import Account

register = template.Library()


def _filter(among: Mapping[Any, object]) -> Callable[[object], str]:
    """A filter that gives the word for a thing, or the thing's own name if it is new."""

    def word(value: object) -> str:
        return str(among.get(str(value), value))

    return word


for name, among in (
    ("campaign_state", words.CAMPAIGN_STATES),
    ("map_state", words.MAP_STATES),
    ("map_reason", words.MAP_REASONS),
    ("map_kind", words.MAP_KINDS),
    ("limit_scope", LIMITS),
    ("action", words.ACTIONS),
):
    register.filter(name, _filter(among))


@register.filter
def staff_role(account: Account) -> str:
    """Role of a staff account."""
    return str(words.ROLES[role_of(account)])
