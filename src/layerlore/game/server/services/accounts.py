"""Accounts: signing up keeps a guest's rounds, logging in brings them along, and codes replace a forgotten password."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from layerlore.game.server.models import (
    Account,
    Campaign,
    Consent,
    Invite,
    LedgerEntry,
    Player,
    Round,
    Session,
    Standing,
)
from layerlore.game.server.models.people import PlayerKind
from layerlore.game.server.services import ledger, questionnaire, rounds
from layerlore.game.server.services.keyed import digest
from layerlore.game.server.services.names import skeleton

if TYPE_CHECKING:
    from datetime import datetime

    from layerlore.game.server.models import ConsentText

MERGED = "merged"


class TakenError(Exception):
    """Somebody has this name, or one that looks like it."""


class InviteError(Exception):
    """There is no such invitation, or it was used."""


def sign_up(
    *,
    name: str,
    password: str,
    email: str,
    guest: Player | None,
    text: ConsentText | None,
    invite: str | None,
    language: str,
) -> Account:
    """Make an account; the guest's rounds become its own.

    Args:
        name: Checked by `names.check_name`.
        password: Checked by Django's validators.
        email: May be "".
        guest: The guest whose cookie the browser has, or None.
        text: Consent text that was agreed to now, or None.
        invite: Code of an invitation, or None where none is needed.
        language: Of the interface.

    Raises:
        TakenError: The name is taken.
        InviteError: The code is not one.
    """
    account = Account(username=name, email=email, skeleton=skeleton(name))
    account.set_password(password)
    try:
        with transaction.atomic():
            if invite is not None:
                _use(invite)
            account.save()
            player = guest
            if player is None or not _register(player, account):
                player = Player.objects.create(
                    account=account, kind=PlayerKind.REGISTERED.value, nickname=name, language=language
                )
            if text is not None:
                Consent.objects.get_or_create(player=player, text=text)
    except IntegrityError as error:
        raise TakenError from error
    return account


def _register(guest: Player, account: Account) -> bool:
    """Make a guest the account's player, if it is still a guest."""
    return bool(
        Player.objects.filter(pk=guest.pk, kind=PlayerKind.GUEST.value).update(
            account=account, kind=PlayerKind.REGISTERED.value, nickname=account.username, cookie=None, network=""
        )
    )


def _use(code: str) -> None:
    """Use up an invitation.

    Raises:
        InviteError: It is none.
    """
    if not Invite.objects.filter(digest=digest(code.strip()), used=None).update(used=timezone.now()):
        raise InviteError


def new_invite() -> str:
    """A code for one person."""
    code = secrets.token_urlsafe(16)
    Invite.objects.create(digest=digest(code))
    return code


def merge(guest: Player, into: Player, now: datetime) -> None:
    """Give a guest's rounds to another player of the same person; of two rounds on a map the earlier one counts.

    The later one is voided and stays with a player that is nobody any more but can still be found when the person
    wants to be erased.
    """
    if guest.pk == into.pk:
        return
    with transaction.atomic():
        # Not their keys: who plays meanwhile refers to them, and may hold what is needed below.
        rows = Player.objects.select_for_update(no_key=True).filter(pk__in=(guest.pk, into.pk)).order_by("pk")
        locked = {row.pk: row for row in rows}
        if locked.get(guest.pk) is None or locked[guest.pk].kind != PlayerKind.GUEST.value or into.pk not in locked:
            return
        rounds.leave(guest, now)
        _set_aside_later(guest, into, now)
        Round.objects.filter(player=guest).update(player=into)
        LedgerEntry.objects.filter(player=guest).update(player=into)
        for row in Standing.objects.filter(player=guest):
            same = Standing.objects.filter(player=into, campaign=row.campaign_id, ladder=row.ladder)
            if not same.update(value=F("value") + row.value):
                Standing.objects.filter(pk=row.pk).update(player=into)
        questionnaire.merge(guest, into)
        # What staff or a burst did to the guest goes along, or logging in would be the way out of it.
        for name in ("shadow", "held"):
            if getattr(locked[guest.pk], name):
                Player.objects.filter(pk=into.pk).update(**{name: True})
        if locked[guest.pk].held:
            Player.objects.filter(pk=into.pk).update(suspicion=locked[guest.pk].suspicion)
        for consent in Consent.objects.filter(player=guest):
            Consent.objects.get_or_create(player=into, text_id=consent.text_id)
        Campaign.objects.filter(rounds__player=into).update(recount_due=True)
        guest.delete()


def _set_aside_later(guest: Player, into: Player, now: datetime) -> None:
    """Void the later of two rounds on one map."""
    twice = Round.objects.filter(player=guest, map__rounds__player=into).select_related("map", "player", "campaign")
    aside: Player | None = None
    for mine in twice:
        other = Round.objects.select_related("map", "player", "campaign").get(player=into, map=mine.map_id)
        later = max(mine, other, key=lambda row: (row.started, row.pk))
        rounds.void(later, reason=MERGED, now=now)
        if aside is None:
            aside = Player.objects.create(kind=PlayerKind.MERGED.value, merged_into=into)
        Round.objects.filter(pk=later.pk).update(player=aside)
        for entry in LedgerEntry.objects.filter(round=later):
            ledger.take_back(entry, later.campaign_id)


def new_recovery_code(account: Account) -> str:
    """A code to print and keep: with it a new password can be chosen without e-mail. An older one is void."""
    code = "-".join(secrets.token_hex(4) for _ in range(4))
    Account.objects.filter(pk=account.pk).update(recovery=digest(code))
    return code


def recover(name: str, code: str) -> Account | None:
    """The account whose code it is; the code is used up."""
    with transaction.atomic():
        account = Account.objects.filter(username=name, recovery=digest(code.strip().lower()), is_active=True).first()
        if account is None:
            return None
        used = Account.objects.filter(pk=account.pk, recovery=account.recovery).update(recovery="")
        return account if used else None


def set_password(account: Account, password: str) -> bool:
    """Another password, and every session ends; False if it was changed by somebody else in between."""
    before = account.password
    account.set_password(password)
    with transaction.atomic():
        if not Account.objects.filter(pk=account.pk, password=before).update(password=account.password):
            return False
        Session.objects.filter(account=account).delete()
    return True
