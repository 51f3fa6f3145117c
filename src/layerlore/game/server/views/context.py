"""What every page knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from layerlore.game.server.services import campaigns, questionnaire
from layerlore.game.server.services.people import player_of

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpRequest


def game(request: HttpRequest) -> dict[str, Any]:
    """The campaign, who plays, and the languages to choose from."""
    try:
        campaign = campaigns.current()
        spoken = campaigns.rules(campaign).config.campaign.languages
    except campaigns.NoCampaignError:
        campaign, spoken = None, ()
    player = player_of(request) if hasattr(request, "user") else None
    return {
        "campaign": campaign,
        "player": player,
        "languages": [pair for pair in settings.LANGUAGES if not spoken or pair[0] in spoken],
        "language": get_language(),
        # Asked for by the few pages that invite to it.
        "questionnaire": SimpleLazyObject(lambda: questionnaire.standing(player, campaign) if campaign else None),
    }
