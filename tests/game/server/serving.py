"""What tests of the server do again and again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.test import Client

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.game.server.models import Campaign, Player, Round


class Browser(Client):
    """Django's client, always over https."""

    def generic(self, method: str, path: str, data: Any = "", *args: Any, **extra: Any) -> Any:
        extra["secure"] = True
        if args:  # the content type
            extra["content_type"] = args[0]
        return super().generic(method, path, data, **extra)


def open_campaign(folder: Path) -> Campaign:
    """Load a bundle and open it."""
    from django.core.cache import cache

    from layerlore.game.domain.lifecycle import CampaignState
    from layerlore.game.server.services import assignment, campaigns, loading

    cache.clear()
    campaigns._rules.cache_clear()
    assignment._last_rank.cache_clear()
    found = loading.load(folder, verify=False)
    campaigns.move(found, CampaignState.OPEN)
    return campaigns.current()


def make_player(campaign: Campaign) -> Player:
    """A guest who agreed."""
    from layerlore.game.server.services import consents, people

    player, _ = people.new_guest("en", "")
    text = consents.current_text(campaign, "en")
    assert text is not None
    consents.agree(player, text)
    return player


def begin(client: Client) -> Round:
    """Agree and begin a round as a guest."""
    from layerlore.game.server.models import Round

    answer = client.post("/start/", {"agree": "1", "age": "1"})
    assert answer.status_code == 303, answer.content.decode()
    token = re.fullmatch(r"/round/([0-9a-f]{32})/", answer["Location"])
    assert token, answer["Location"]
    return Round.objects.select_related("map", "picture", "campaign", "player").get(token=token[1])


def truth(round_: Round) -> str:
    return str(round_.picture.class_index)


def wrong(round_: Round) -> str:
    return str((round_.picture.class_index + 1) % 3)
