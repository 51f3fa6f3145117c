"""Staff accounts: the first one is made on the command line, never by default."""

from __future__ import annotations

from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_otp.plugins.otp_totp.models import TOTPDevice

from layerlore.errors import SettingError
from layerlore.game.server.models import Account, Audit, Session
from layerlore.game.server.services.names import check_name, skeleton


def one_time_link(name: str) -> str:
    """Make a staff account, or reset a staff account's password and second factor; the path to choose a password.

    Raises:
        SettingError: The name cannot be had, or is a player's.
    """
    try:
        check_name(name)
        with transaction.atomic():
            account = Account.objects.filter(username=name).first()
            if account is None:
                account = Account(username=name, skeleton=skeleton(name), is_staff=True, is_superuser=True)
            if not account.is_staff:
                raise SettingError(f"{name}: is a player's name; choose another one for --admin")
            account.set_unusable_password()
            account.save()
            TOTPDevice.objects.filter(user=account).delete()
            Session.objects.filter(account=account).delete()
            Audit.objects.create(actor=account, action="admin-link", subject=name)
    except ValidationError as error:
        raise SettingError(f"{name}: {error.messages[0]} Choose another name for --admin") from error
    except IntegrityError as error:
        raise SettingError(f"{name}: looks like a name that is taken; choose another one for --admin") from error
    key = urlsafe_base64_encode(force_bytes(account.pk))
    return reverse("password_reset_confirm", args=[key, default_token_generator.make_token(account)])
