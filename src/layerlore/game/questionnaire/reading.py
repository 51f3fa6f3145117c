"""A campaign's answers from its database. Django must be set up; nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.game.exchange.database import as_text, pseudonyms
from layerlore.game.exchange.records import day_of
from layerlore.game.questionnaire.records import SheetRecord
from layerlore.game.server.models import Sheet
from layerlore.game.server.models.questions import SheetState

if TYPE_CHECKING:
    from layerlore.game.bundle.link import Link
    from layerlore.game.server.models import Campaign


def read_responses(campaign: Campaign, link: Link | None = None, *, shadow: bool = False) -> list[SheetRecord]:
    """Photos that were answered, by respondent.

    Args:
        campaign: The campaign.
        link: The way back to the study's photos, or None.
        shadow: Also answers of players whom staff have set aside.
    """
    rows = Sheet.objects.filter(respondent__campaign=campaign, state=SheetState.ANSWERED.value)
    if not shadow:
        rows = rows.exclude(respondent__player__shadow=True)
    rows = rows.select_related("respondent__player", "photo__picture").prefetch_related("ratings")
    name = pseudonyms(campaign)
    found = []
    for row in rows.order_by("pk"):
        key = row.photo.picture.key
        linked = link.images.get(key) if link else None
        found.append(
            SheetRecord(
                respondent=name("player", row.respondent.player.key),
                expertise=row.respondent.expertise,
                photo=key,
                image_id=linked.image_id if linked else "",
                right=row.photo.right,
                place=row.place,
                order=tuple(row.order),
                ratings={(one.method, one.item): one.value for one in row.ratings.all()},
                choice=row.choice,
                comment=row.comment,
                language=row.language,
                seconds=row.seconds,
                day=day_of(as_text(row.answered)),
            )
        )
    return sorted(found, key=lambda one: (one.respondent, one.place, one.photo))
