"""Mail that waits in the database, so that an answer takes as long with one as without; a keeper delivers it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import translation

from layerlore.game.server.models import Mail
from layerlore.game.server.models.running import MailKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

log = logging.getLogger("layerlore.game.mail")
TRIES = 8


class OutboxBackend(BaseEmailBackend):
    """Django sends to here."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep the mails."""
        rows = [
            Mail(to=address, subject=" ".join(message.subject.split())[:200], body=str(message.body))
            for message in email_messages
            for address in message.to
        ]
        Mail.objects.bulk_create(rows)
        return len(email_messages)


def deliver(now: datetime, *, limit: int = 20) -> int:
    """Deliver what waits; what fails is tried again later and given up after eight tries. Returns what was sent."""
    sent = 0
    backend = get_connection(settings.DELIVERY["BACKEND"])
    for wish in Mail.objects.filter(kind=MailKind.RESET.value).order_by("pk")[:limit]:
        _write_reset(wish)
    for row in Mail.objects.filter(kind=MailKind.MAIL.value, not_before__lte=now).order_by("pk")[:limit]:
        message = EmailMessage(row.subject, row.body, settings.DEFAULT_FROM_EMAIL, [row.to], connection=backend)
        try:
            message.send()
        except Exception as error:  # noqa: BLE001 - whatever the mail server does, the others wait
            log.warning("mail %s could not be delivered: %s", row.pk, type(error).__name__)
            if row.tries + 1 >= TRIES:
                row.delete()
                continue
            later = now + timedelta(minutes=2**row.tries)
            Mail.objects.filter(pk=row.pk).update(tries=row.tries + 1, not_before=later)
        else:
            row.delete()
            sent += 1
    return sent


def wish_reset(address: str, language: str) -> None:
    """Ask for a link to choose a new password; whether there is such an account shows only in the mailbox."""
    Mail.objects.create(kind=MailKind.RESET.value, to=address, language=language, subject="", body="")


def _write_reset(wish: Mail) -> None:
    """Write the mails for the accounts that have this address."""
    public = urlsplit(settings.PUBLIC_ADDRESS)
    with transaction.atomic():
        if not Mail.objects.filter(pk=wish.pk).delete()[0]:
            return
        form = PasswordResetForm({"email": wish.to})
        if form.is_valid():
            with translation.override(wish.language):
                form.save(
                    domain_override=public.netloc,
                    use_https=public.scheme == "https",
                    subject_template_name="game/mail/reset_subject.txt",
                    email_template_name="game/mail/reset.txt",
                )
