"""A player's own data: everything in one file, and everything gone (I8)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from axes.models import AccessAttempt
from django.db import transaction
from django.db.models import QuerySet

from layerlore.game.domain.scoring import POINT, EntryKind
from layerlore.game.domain.states import EventKind
from layerlore.game.server.models import (
    Account,
    Audit,
    Consent,
    Event,
    Label,
    LedgerEntry,
    Limit,
    Mail,
    PairTally,
    Player,
    Round,
    Session,
    Standing,
)
from layerlore.game.server.models.fields import random_name
from layerlore.game.server.models.people import PlayerKind
from layerlore.game.server.services import ledger, questionnaire, rounds

if TYPE_CHECKING:
    from datetime import datetime

BATCH = 500


def export(player: Player) -> dict[str, Any]:
    """All that is stored about a player, for the player."""
    account = player.account
    mine = [player, *player.merged.all()]
    played = Round.objects.filter(player__in=mine).select_related("map", "picture").order_by("pk")
    return {
        "player": {
            "nickname": player.nickname,
            "kind": player.kind,
            "language": player.language,
            "created": _day_and_time(player.created),
            "seen": _day_and_time(player.seen),
        },
        "account": None
        if account is None
        else {
            "name": account.username,
            "email": account.email,
            "created": _day_and_time(account.date_joined),
            "last_login": _day_and_time(account.last_login),
            "sessions": [
                {"created": _day_and_time(row.created), "expires": _day_and_time(row.expire_date)}
                for row in Session.objects.filter(account=account).order_by("created")
            ],
        },
        "consents": [
            {"at": _day_and_time(row.at), "language": row.text.language, "version": row.text.version}
            for row in Consent.objects.filter(player__in=mine).select_related("text").order_by("pk")
        ],
        "rounds": [_round(row) for row in played.prefetch_related("labels").iterator(BATCH)],
        "points": [
            {
                "at": _day_and_time(row.at),
                "round": row.round.token,
                "for": row.kind,
                "what": row.ref,
                "points": row.points / POINT,
            }
            for row in LedgerEntry.objects.filter(player__in=mine).select_related("round").order_by("pk")
        ],
        "questionnaire": questionnaire.own(mine),
    }


def _round(row: Round) -> dict[str, Any]:
    return {
        "round": row.token,
        "state": row.state,
        "started": _day_and_time(row.started),
        "ended": _day_and_time(row.ended),
        "steps_seen": row.step + 1,
        "guesses": row.guesses,
        "recognised_nothing": row.nothing,
        "voided": row.void_reason,
        "labels": [
            {"text": label.raw, "language": label.language, "step": label.step, "kind": label.kind}
            for label in row.labels.all()
        ],
    }


def _day_and_time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def erase(player: Player, *, keep_labels: bool, now: datetime) -> None:
    """Remove the person: what was played stays under a fresh random name, with days in place of times.

    Args:
        player: The player; its account goes too.
        keep_labels: The campaign keeps the labels (``anonymise``), else they are deleted.
        now: In UTC.
    """
    with transaction.atomic():
        # A log-in that gives it a guest's rounds ends first, so that these are found.
        list(Player.objects.select_for_update(no_key=True).filter(pk=player.pk).values_list("pk"))
        rounds.leave(player, now)
        account = player.account
        campaigns = set(Round.objects.filter(player=player).values_list("campaign_id", flat=True))
        for one in [*player.merged.all(), player]:
            _replace(one, keep_labels=keep_labels, now=now)
        if account is not None:
            _remove_account(account)
        for campaign_id in campaigns:
            ledger.due(campaign_id)


def _replace(player: Player, *, keep_labels: bool, now: datetime) -> None:
    """A ghost takes the place of the player; nothing leads from one to the other."""
    ghost = Player.objects.create(kind=PlayerKind.ERASED.value, shadow=player.shadow, held=player.held)
    Player.objects.filter(pk=ghost.pk).update(created=_day(now), seen=_day(now))
    _blur_rounds(player, ghost, keep_labels=keep_labels)
    questionnaire.forget(player, ghost, keep=keep_labels)
    LedgerEntry.objects.filter(player=player).update(player=ghost)
    Standing.objects.filter(player=player).update(player=ghost)
    PairTally.objects.filter(player=player).update(player=ghost)
    Limit.objects.filter(who=f"p{player.pk}").delete()
    # What staff did stays in the log, to whom does not: the one change that is made to it.
    QuerySet(Audit).filter(subject=player.key).update(subject="")
    player.delete()


def _blur_rounds(player: Player, ghost: Player, *, keep_labels: bool) -> None:
    """Give the rounds new names and days in place of times; devices are told apart, but no longer known."""
    devices: dict[str, str] = {"": ""}
    mine = Round.objects.filter(player=player)
    log = list(Event.objects.filter(round__in=mine))
    entries = list(LedgerEntry.objects.filter(round__in=mine))
    labels = Label.objects.filter(round__in=mine)
    if not keep_labels:
        labels.delete()
        Event.objects.filter(round__in=mine, kind=EventKind.LABELLED.value).delete()
        LedgerEntry.objects.filter(round__in=mine, kind=EntryKind.LABEL.value).delete()
        log = [row for row in log if row.kind != EventKind.LABELLED.value]
        entries = [row for row in entries if row.kind != EntryKind.LABEL.value]
    for event in log:
        event.at = _day(event.at)
        if event.kind == EventKind.STARTED.value:
            event.value = devices.setdefault(event.value, secrets.token_hex(32))
    for entry in entries:
        entry.at = _day(entry.at)
    changed = list(mine)
    for row in changed:
        row.token, row.player, row.request, row.drafts = random_name(), ghost, "", []
        row.device = devices.setdefault(row.device, secrets.token_hex(32))
        row.started, row.expires = _day(row.started), _day(row.expires)
        row.ended = _day(row.ended) if row.ended else None
    texts = list(Label.objects.filter(round__in=mine))
    for label in texts:
        label.raw = label.text
    Label.objects.bulk_update(texts, ["raw"], batch_size=BATCH)
    Event.objects.bulk_update(log, ["at", "value"], batch_size=BATCH)
    LedgerEntry.objects.bulk_update(entries, ["at"], batch_size=BATCH)
    columns = ["token", "player", "request", "drafts", "device", "started", "expires", "ended"]
    Round.objects.bulk_update(changed, columns, batch_size=BATCH)


def _remove_account(account: Account) -> None:
    """Account, sessions, second factor, mail that waits, and failed log-ins."""
    AccessAttempt.objects.filter(username__iexact=account.username).delete()
    if account.email:
        Mail.objects.filter(to__iexact=account.email).delete()
    account.delete()


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
