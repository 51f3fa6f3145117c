"""Staff accounts: the first one is made on the command line, never by default."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_otp.plugins.otp_totp.models import TOTPDevice

from layerlore.errors import SettingError
from layerlore.game.server.models import Account, Audit, Session
from layerlore.game.server.services.names import check_name, skeleton

if TYPE_CHECKING:
    from django.db.models import QuerySet


class Role(StrEnum):
    """What staff may do: admins everything, researchers all but what concerns persons, accounts and Django's admin."""

    ADMIN = "admin"
    RESEARCHER = "researcher"


def role_of(account: Account) -> Role:
    """Role of a staff account."""
    return Role.ADMIN if account.is_superuser else Role.RESEARCHER


def one_time_link(name: str, role: Role = Role.ADMIN, *, actor: Account | None = None) -> str:
    """Make a staff account, or reset a staff account's password and second factor; the path to choose a password.

    Args:
        name: Of the account; one that exists keeps its role.
        role: Of a new account.
        actor: Who does it; None on the command line.

    Raises:
        SettingError: The name cannot be had, or is a player's.
    """
    try:
        check_name(name)
        with transaction.atomic():
            account = Account.objects.filter(username=name).first()
            if account is None:
                admin = role is Role.ADMIN
                account = Account(username=name, skeleton=skeleton(name), is_staff=True, is_superuser=admin)
            if not account.is_staff:
                raise SettingError(f"{name}: is a player's name; choose another one for --admin")
            account.is_active = True
            account.set_unusable_password()
            account.save()
            TOTPDevice.objects.filter(user=account).delete()
            Session.objects.filter(account=account).delete()
            Audit.objects.create(
                actor=actor or account, action="staff-link", subject=name, detail={"role": role_of(account).value}
            )
    except ValidationError as error:
        raise SettingError(f"{name}: {error.messages[0]} Choose another name for --admin") from error
    except IntegrityError as error:
        raise SettingError(f"{name}: looks like a name that is taken; choose another one for --admin") from error
    key = urlsafe_base64_encode(force_bytes(account.pk))
    return reverse("password_reset_confirm", args=[key, default_token_generator.make_token(account)])


def staff_accounts() -> QuerySet[Account]:
    """All staff, by name, with whether they have shown a second factor."""
    shown = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    return Account.objects.filter(is_staff=True).annotate(second_factor=Exists(shown)).order_by("username")


def shut_out(name: str, *, actor: Account) -> bool:
    """Take a staff account's access away; False if there is none such, or it is one's own.

    A new one-time link gives it back.
    """
    with transaction.atomic():
        rows = Account.objects.filter(username=name, is_staff=True, is_active=True).exclude(pk=actor.pk)
        account = rows.first()
        if account is None or not rows.update(is_active=False):
            return False
        Session.objects.filter(account=account).delete()
        TOTPDevice.objects.filter(user=account).delete()
        Audit.objects.create(actor=actor, action="staff-out", subject=name)
    return True
