"""What running the game needs: estimates, limits, mail that waits, and the audit log."""

from __future__ import annotations

from enum import StrEnum
from typing import NoReturn

from django.db import models
from django.db.models import F, Q

from layerlore.game.server.models.campaigns import Campaign, Map
from layerlore.game.server.models.fields import choices, only
from layerlore.game.server.models.people import Account, Player


class Estimate(models.Model):
    """What the answers say about a label on a map; refitted in the background."""

    map = models.ForeignKey(Map, on_delete=models.CASCADE, related_name="estimates")
    language = models.CharField(max_length=12)
    text = models.CharField(max_length=40)
    posterior = models.FloatField()
    typed = models.IntegerField()
    seen = models.IntegerField()
    lift = models.FloatField(null=True)
    steps = models.JSONField(default=list, help_text="How often it was typed at each step.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["map", "language", "text"], name="estimate_once"),)
        indexes = (models.Index(fields=["-posterior"], name="estimate_order"),)

    def __str__(self) -> str:
        """The label."""
        return self.text


class PlayerEstimate(models.Model):
    """How far a player can be relied on; for researchers only, and never a verdict on a person."""

    player = models.OneToOneField(Player, on_delete=models.CASCADE, related_name="estimate")
    weight = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    answers = models.IntegerField()
    class_bits = models.FloatField(null=True)
    map_bits = models.FloatField(null=True)

    def __str__(self) -> str:
        """The weight."""
        return f"{self.weight:.2f}"


class Limit(models.Model):
    """How often something was done in a window of time by somebody, who is only a keyed digest here."""

    scope = models.CharField(max_length=20)
    who = models.CharField(max_length=40)
    window = models.BigIntegerField()
    count = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["scope", "who", "window"], name="limit_once"),)

    def __str__(self) -> str:
        """Scope and count."""
        return f"{self.scope} {self.count}"


class MailKind(StrEnum):
    """What waits."""

    MAIL = "mail"
    RESET = "reset"


class Mail(models.Model):
    """A mail that waits to be delivered, or a wish for a link: answering takes as long whether there is an account."""

    kind = models.CharField(max_length=5, choices=choices(MailKind), default=MailKind.MAIL.value)
    language = models.CharField(max_length=12, default="en")
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created = models.DateTimeField(auto_now_add=True)
    tries = models.IntegerField(default=0)
    not_before = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (only("kind", MailKind),)

    def __str__(self) -> str:
        """Only its number: whom it is for is nobody's business."""
        return f"mail {self.pk}"


class AppendOnly(models.QuerySet["Audit"]):
    """Rows that are never changed, but to forget who was erased (`services.erasure`)."""

    def update(self, **kwargs: object) -> NoReturn:  # noqa: ARG002 Django's own
        """No.

        Raises:
            TypeError: Always.
        """
        raise TypeError("the audit log is only added to")

    def delete(self) -> NoReturn:
        """No.

        Raises:
            TypeError: Always.
        """
        raise TypeError("the audit log is only added to")


class Audit(models.Model):
    """What staff and the server itself did. Rows are only ever added."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=80, blank=True, default="")
    detail = models.JSONField(default=dict)

    objects = AppendOnly.as_manager()

    def __str__(self) -> str:
        """What was done."""
        return self.action


class LabelMerge(models.Model):
    """Staff read a label as another one, in the whole campaign; what was typed stays as it is.

    A merge that was undone stays as a record. `services.merging` says what a label counts as.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="merges")
    language = models.CharField(max_length=12)
    text = models.CharField(max_length=40, help_text="Normal form that was typed.")
    into = models.CharField(max_length=40, help_text="Normal form that it counts as.")
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="+")
    undone = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["campaign", "language", "text"], condition=Q(undone=None), name="merge_one_target"
            ),
            models.CheckConstraint(condition=~Q(text=F("into")), name="merge_of_two"),
        )

    def __str__(self) -> str:
        """From and into."""
        return f"{self.text} -> {self.into}"
