"""Who has not come for long is forgotten: guests after 90 days, accounts after two years and a warning."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from layerlore.game.server.models import Player, Session
from layerlore.game.server.models.people import PlayerKind
from layerlore.game.server.services import campaigns
from layerlore.game.server.services.erasure import erase

if TYPE_CHECKING:
    from datetime import datetime

GUEST_IDLE = timedelta(days=90)
ACCOUNT_IDLE = timedelta(days=730)
AFTER_WARNING = timedelta(days=30)
NETWORK = timedelta(days=1)


def forget_the_idle(now: datetime) -> None:
    """Anonymise idle guests and accounts (these after a warning), and drop digests of networks and old sessions."""
    campaign = campaigns.current()
    keep = campaigns.rules(campaign).config.people.erase == "anonymise"
    Session.objects.filter(expire_date__lt=now).delete()
    Player.objects.filter(created__lt=now - NETWORK).exclude(network="").update(network="")
    for guest in Player.objects.filter(kind=PlayerKind.GUEST.value, seen__lt=now - GUEST_IDLE):
        erase(guest, keep_labels=keep, now=now)
    idle = Player.objects.filter(kind=PlayerKind.REGISTERED.value, seen__lt=now - ACCOUNT_IDLE, account__is_staff=False)
    for player in idle.select_related("account"):
        if player.warned is None:
            _warn(player)
            Player.objects.filter(pk=player.pk).update(warned=now)
        elif player.warned < now - AFTER_WARNING:
            erase(player, keep_labels=keep, now=now)


def _warn(player: Player) -> None:
    if player.account is not None and player.account.email:
        with translation.override(player.language):
            subject = render_to_string("game/mail/idle_subject.txt").strip()
            body = render_to_string("game/mail/idle.txt", {"name": player.account.username})
        send_mail(subject, body, None, [player.account.email])
