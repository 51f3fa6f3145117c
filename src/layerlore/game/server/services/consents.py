"""Consent texts, and who agreed to which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.template.loader import render_to_string
from django.utils import translation

from layerlore.game.server.models import Consent, ConsentText
from layerlore.game.server.services.prepared import Prepared

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.game.domain.config import CampaignConfig
    from layerlore.game.server.models import Campaign, Player


_AGREED = Prepared(
    lambda player, campaign: (
        Consent.objects.filter(player=player, text__campaign=campaign, text__current=True)
        .order_by()
        .values_list("pk")[:1]
    ),
    player=int,
    campaign=int,
)


def default_text(config: CampaignConfig, language: str) -> str:
    """The text for a campaign that has none of its own, in a language."""
    with translation.override(language):
        return render_to_string("game/consent_default.md", {"config": config}).strip() + "\n"


def is_default(text: str, config: CampaignConfig, language: str) -> bool:
    """Whether nobody has made the text their own: it does not say who asks for consent."""
    return text.split() == default_text(config, language).split()


def unchanged(folder: Path, config: CampaignConfig) -> list[Path]:
    """Files of consent texts that nobody has made their own yet."""
    files = {language: folder / config.consent_file(language) for language in config.campaign.languages}
    return [path for language, path in files.items() if is_default(path.read_text("utf-8"), config, language)]


def current_text(campaign: Campaign, language: str) -> ConsentText | None:
    """The text in a language, or else in another one of the campaign."""
    texts = ConsentText.objects.filter(campaign=campaign, current=True)
    return texts.filter(language=language).first() or texts.order_by("pk").first()


def has_agreed(player: Player, campaign: Campaign) -> bool:
    """Whether the player agreed to a text that is still current, in whichever language."""
    return bool(_AGREED.all(player=player.pk, campaign=campaign.pk))


def agree(player: Player, text: ConsentText) -> None:
    """Write down that the player agreed; once."""
    Consent.objects.get_or_create(player=player, text=text)
