"""How passwords are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


class Argon2(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters: a tenth of a second on two cores, 19 MiB."""

    time_cost = 2
    memory_cost = 19456
    parallelism = 1


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
