"""How passwords are kept."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from layerlore.game.server.busy import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import AbstractBaseUser


class Argon2(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters: a tenth of a second on two cores, 19 MiB.

    In each process one password is worked on at a time and few more wait, so that threads are left for those who play.
    """

    time_cost = 2
    memory_cost = 19456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash a password."""
        with _turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Compare a password with a hash."""
        with _turn():
            return super().verify(password, encoded)


WAITING = 4
_working = threading.Lock()
_waiting = threading.BoundedSemaphore(WAITING)


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for one's turn, unless too many wait already.

    Raises:
        BusyError: Too many wait.
    """
    if not _waiting.acquire(blocking=False):
        raise BusyError
    try:
        with _working:
            yield
    finally:
        _waiting.release()


class MinimumLength(MinimumLengthValidator):
    """Django's rule in words of ours: its own are not translated in all languages."""

    def get_error_message(self) -> str:
        """What is wrong, and the way out."""
        return ngettext(
            "It has fewer than %(min)d character; take a longer one.",
            "It has fewer than %(min)d characters; take a longer one.",
            self.min_length,
        ) % {"min": self.min_length}


class MaximumLength:
    """Very long passwords cost time and give nothing; nothing is ever cut off."""

    def __init__(self, max_length: int = 128) -> None:
        """With a longest length in characters."""
        self.max_length = max_length

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Refuse a longer one.

        Raises:
            ValidationError: It is longer.
        """
        del user
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        """The rule."""
        return ngettext(
            "Your password can have at most %(max)d character.",
            "Your password can have at most %(max)d characters.",
            self.max_length,
        ) % {"max": self.max_length}


CONTEXT = ("layerlore", "deepreveal", "deep reveal")
LEFT = 8


class NotTheContext:
    """Names of the player and of the game are guessed first: without them enough must be left."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Refuse a password that is little more than such names.

        Raises:
            ValidationError: It is.
        """
        names = [getattr(user, "username", ""), getattr(user, "email", "").partition("@")[0], *CONTEXT]
        rest = password.casefold()
        for name in names:
            if len(name) > 2:
                rest = rest.replace(name.casefold(), "")
        if rest != password.casefold() and len(rest) < LEFT:
            raise ValidationError(self.get_help_text(), code="password_context")

    def get_help_text(self) -> str:
        """The rule."""
        return _("Your password must be more than your name, your address or the name of the game.")
