"""Who plays: accounts, players (with or without an account), consents, sessions."""

from __future__ import annotations

from enum import StrEnum

from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q

from layerlore.game.domain.suspicion import Suspicion
from layerlore.game.server.models.campaigns import ConsentText
from layerlore.game.server.models.fields import choices, only, random_name, random_seed


class Account(AbstractUser):
    """Somebody with a password. There is no real name; e-mail is optional."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    skeleton = models.CharField(max_length=200, unique=True, help_text="Equal for names that look alike.")
    recovery = models.CharField(max_length=64, blank=True, default="", help_text="Digest of the recovery code.")


class PlayerKind(StrEnum):
    """How a player is known."""

    GUEST = "guest"
    REGISTERED = "registered"
    MERGED = "merged"
    ERASED = "erased"


class Player(models.Model):
    """Somebody who plays. Points, rounds and labels hang on this row, never on the account."""

    key = models.CharField(max_length=32, unique=True, default=random_name)
    kind = models.CharField(max_length=10, choices=choices(PlayerKind), default=PlayerKind.GUEST.value)
    shadow = models.BooleanField(default=False)
    suspicion = models.CharField(max_length=10, choices=choices(Suspicion), blank=True, default=Suspicion.NONE.value)
    held = models.BooleanField(default=False, help_text="Neither earns by labels nor confirms any, until staff decide.")
    account = models.OneToOneField(Account, null=True, on_delete=models.SET_NULL, related_name="player")
    merged_into = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="merged")
    cookie = models.CharField(max_length=64, null=True, unique=True, help_text="Digest of the guest's cookie.")
    network = models.CharField(max_length=40, blank=True, default="", help_text="Keyed digest; kept for a day.")
    nickname = models.CharField(max_length=40, blank=True, default="")
    language = models.CharField(max_length=12, default="en")
    seed = models.BigIntegerField(default=random_seed)
    shortcuts = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)
    seen = models.DateTimeField(auto_now_add=True)
    warned = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            only("kind", PlayerKind),
            only("suspicion", Suspicion),
            models.CheckConstraint(condition=Q(kind="registered") | Q(account=None), name="player_account"),
            models.CheckConstraint(
                condition=~Q(kind="erased") | Q(nickname="", network="", cookie=None), name="player_erased"
            ),
        )
        indexes = (models.Index(fields=["kind", "seen"], name="player_idle"),)

    def __str__(self) -> str:
        """The random name."""
        return self.key


class Consent(models.Model):
    """A player agreed to a text."""

    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="consents")
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["player", "text"], name="consent_once"),)

    def __str__(self) -> str:
        """Which text."""
        return f"{self.player_id} {self.text_id}"


class Session(AbstractBaseSession):
    """A session that knows whose it is, so that people can see and end their own."""

    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE, related_name="sessions")
    created = models.DateTimeField()

    class Meta(AbstractBaseSession.Meta):
        pass

    @classmethod
    def get_session_store_class(cls) -> type:
        """The store that writes these rows."""
        from layerlore.game.server.sessions import SessionStore

        return SessionStore


class Invite(models.Model):
    """A code that lets one person make an account; only its digest is kept."""

    digest = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    used = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Beginning of the digest."""
        return self.digest[:8]
