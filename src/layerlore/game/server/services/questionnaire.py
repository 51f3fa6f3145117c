"""The questionnaire: who is invited, which photos in which order, and answers that count once."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Count

from layerlore.game.domain.lifecycle import CampaignState
from layerlore.game.domain.questionnaire import order_of
from layerlore.game.domain.states import FINISHED, RoundState
from layerlore.game.server.models import Player, QuestionPhoto, Rating, Respondent, Round, Sheet
from layerlore.game.server.models.fields import random_name
from layerlore.game.server.models.questions import Expertise, SheetState
from layerlore.game.server.services.campaigns import rules
from layerlore.game.server.services.keyed import keyed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from layerlore.game.server.models import Campaign

OVER = (CampaignState.CLOSED.value, CampaignState.ARCHIVED.value)


class NoSheetError(Exception):
    """There is no such sheet, or it is somebody else's: the two are told alike."""


@dataclass(frozen=True)
class Standing:
    """How far a player is.

    Attributes:
        invited: May begin, or go on.
        missing: Rounds to play before the invitation.
        begun: Has begun.
        answered: Photos answered.
        photos: Photos that are shown.
    """

    invited: bool
    missing: int
    begun: bool
    answered: int
    photos: int

    @property
    def done(self) -> bool:
        """All is answered."""
        return self.begun and self.answered >= self.photos

    @property
    def left(self) -> int:
        """Photos that are not answered yet."""
        return self.photos - self.answered


@dataclass(frozen=True)
class Answers:
    """What is on a sheet that was sent.

    Attributes:
        ratings: Method and statement to the point on the scale; None where it was skipped.
        choice: The method that was chosen, or "" for none.
        comment: In free words, or "".
    """

    ratings: Mapping[tuple[str, str], int | None]
    choice: str = ""
    comment: str = ""


def standing(player: Player | None, campaign: Campaign) -> Standing | None:
    """How far a player is; None where the campaign asks nothing, or nobody plays."""
    asked = rules(campaign).config.questionnaire
    if player is None or not asked.enabled:
        return None
    respondent = Respondent.objects.filter(player=player, campaign=campaign).first()
    if respondent is not None:
        states = list(Sheet.objects.filter(respondent=respondent).values_list("state", flat=True))
        answered = states.count(SheetState.ANSWERED.value)
        return Standing(answered < len(states), 0, True, answered, len(states))
    finished = Round.objects.filter(
        player=player, campaign=campaign, state__in=[state.value for state in FINISHED], void_reason=""
    ).count()
    # Who has played at all may still be asked once nobody can play any more.
    wanted = min(asked.after_rounds, 1) if campaign.state in OVER else asked.after_rounds
    return Standing(finished >= wanted, max(0, wanted - finished), False, 0, asked.photos)


def begin(player: Player, campaign: Campaign, expertise: Expertise, now: datetime) -> Respondent:
    """Begin, or go on with what was begun: the photos and their orders are drawn once."""
    try:
        with transaction.atomic():
            respondent, new = Respondent.objects.get_or_create(
                player=player, campaign=campaign, defaults={"expertise": expertise.value, "started": now}
            )
            if new:
                _draw(respondent, now)
    except IntegrityError:  # another tab was quicker
        return Respondent.objects.get(player=player, campaign=campaign)
    return respondent


def _draw(respondent: Respondent, now: datetime) -> None:
    """The photos that fewest were asked about; orders of the methods by turns."""
    asked = rules(respondent.campaign).config.questionnaire
    playing = Round.objects.filter(player=respondent.player_id, state=RoundState.OPEN.value).values("picture")
    pool = QuestionPhoto.objects.filter(campaign=respondent.campaign_id).annotate(times=Count("sheets"))
    free = list(pool.exclude(picture__in=playing).order_by("picture__key"))
    rng = random.Random(keyed("questionnaire", f"{respondent.pk}"))  # noqa: S311 - keyed, and only an order
    rng.shuffle(free)
    chosen = sorted(free, key=lambda photo: photo.times)[: asked.photos]
    rng.shuffle(chosen)
    Sheet.objects.bulk_create(
        Sheet(
            respondent=respondent,
            photo=photo,
            place=place,
            order=order_of(asked.methods, respondent.pk + place),
            opened=now if place == 0 else None,
        )
        for place, photo in enumerate(chosen)
    )


def next_sheet(respondent: Respondent) -> Sheet | None:
    """The first one that is not answered."""
    return respondent.sheets.filter(state=SheetState.OPEN.value).order_by("place").first()


def find(player: Player | None, token: str) -> Sheet:
    """A player's sheet, with photo and picture.

    Raises:
        NoSheetError: There is none.
    """
    if player is None:
        raise NoSheetError
    rows = Sheet.objects.select_related("photo__picture", "respondent")
    row = rows.filter(token=token, respondent__player=player).first()
    if row is None:
        raise NoSheetError
    return row


def answer(sheet: Sheet, answers: Answers, *, language: str, now: datetime) -> bool:
    """Keep the answers to a sheet, once; False if it was answered before: the first answers stay."""
    with transaction.atomic():
        _hold(pk=sheet.respondent_id)
        opened = sheet.opened or sheet.respondent.started
        # By its token: who was erased meanwhile has sheets with other ones.
        same = Sheet.objects.filter(pk=sheet.pk, token=sheet.token, state=SheetState.OPEN.value)
        done = same.update(
            state=SheetState.ANSWERED.value,
            choice=answers.choice,
            comment=answers.comment,
            language=language,
            answered=now,
            seconds=max(0, round((now - opened).total_seconds())),
        )
        if not done:
            return False
        Rating.objects.bulk_create(
            Rating(sheet=sheet, method=method, item=item, value=value)
            for (method, item), value in answers.ratings.items()
        )
        following = next_sheet(sheet.respondent)
        if following is not None and following.opened is None:
            Sheet.objects.filter(pk=following.pk).update(opened=now)
    return True


def sheets(player: Player, campaign: Campaign) -> list[Sheet]:
    """A player's sheets, in the order in which they were shown."""
    return list(Sheet.objects.filter(respondent__player=player, respondent__campaign=campaign).order_by("place", "pk"))


def seen_pictures(player: Player | int) -> Any:  # noqa: ANN401 - a query of keys
    """Pictures that the questionnaire shows to a player (or the player of that key) whole; their maps are spoiled."""
    return Sheet.objects.filter(respondent__player=player).values("photo__picture")


def merge(guest: Player, into: Player) -> None:
    """Give a guest's answers to another player of the same person; to each photo only the earlier ones are kept."""
    _hold(player__in=(guest, into))
    for mine in Respondent.objects.filter(player=guest):
        other = Respondent.objects.filter(player=into, campaign=mine.campaign_id).first()
        if other is None:
            Respondent.objects.filter(pk=mine.pk).update(player=into)
            continue
        kept, dropped = sorted((mine, other), key=lambda row: (row.started, row.pk))
        known = set(kept.sheets.filter(state=SheetState.ANSWERED.value).values_list("photo", flat=True))
        more = dropped.sheets.filter(state=SheetState.ANSWERED.value).exclude(photo__in=known)
        photos = list(more.values_list("photo", flat=True))
        kept.sheets.filter(photo__in=photos).delete()  # still open there
        more.update(respondent=kept)
        dropped.delete()
        Respondent.objects.filter(pk=kept.pk).update(player=into)


def forget(player: Player, ghost: Player, *, keep: bool) -> None:
    """Take the person out of the answers: days in place of times, no free words; or delete them."""
    _hold(player=player)
    mine = Respondent.objects.filter(player=player)
    if not keep:
        mine.delete()
        return
    for respondent in mine:
        sheets = list(respondent.sheets.all())
        for sheet in sheets:
            sheet.token, sheet.comment = random_name(), ""
            sheet.opened, sheet.answered = _day(sheet.opened), _day(sheet.answered)
        Sheet.objects.bulk_update(sheets, ["token", "comment", "opened", "answered"])
    for respondent in mine:
        Respondent.objects.filter(pk=respondent.pk).update(player=ghost, started=_day(respondent.started))


def _hold(**which: object) -> None:
    """Let nobody else change the sheets of these respondents until the transaction ends.

    An answer that came between reading a sheet and writing it would be half undone. SQLite lets one writer in anyway.
    """
    list(Respondent.objects.select_for_update().filter(**which).order_by("pk").values_list("pk"))


def _day(at: datetime | None) -> datetime | None:
    return at.replace(hour=0, minute=0, second=0, microsecond=0) if at else None


def own(players: list[Player]) -> list[dict[str, object]]:
    """All answers of somebody, for themselves."""
    rows = Sheet.objects.filter(respondent__player__in=players).select_related("respondent", "photo__picture")
    return [
        {
            "photo": row.photo.picture.key,
            "expertise": row.respondent.expertise,
            "explanations_in_order": row.order if row.state == SheetState.ANSWERED.value else [],
            "answered": row.answered.isoformat(timespec="seconds") if row.answered else None,
            "seconds": row.seconds,
            "language": row.language,
            "chosen": row.choice,
            "comment": row.comment,
            "ratings": [
                {"explanation": one.method, "statement": one.item, "value": one.value} for one in row.ratings.all()
            ],
        }
        for row in rows.prefetch_related("ratings").order_by("pk")
    ]
