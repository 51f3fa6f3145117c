"""The questionnaire at a campaign's end: its photos, who answers, and what was answered on each photo."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q

from layerlore.game.server.models.campaigns import Campaign, Picture
from layerlore.game.server.models.fields import choices, only, random_name
from layerlore.game.server.models.people import Player


class Expertise(StrEnum):
    """What people say of themselves."""

    NOVICE = "novice"
    EXPERT = "expert"
    UNTOLD = "untold"


class SheetState(StrEnum):
    """A sheet is answered once."""

    OPEN = "open"
    ANSWERED = "answered"


class QuestionPhoto(models.Model):
    """A photo with one explanation for each method; which picture is whose is told to nobody before the end."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="questions")
    picture = models.OneToOneField(Picture, on_delete=models.CASCADE, related_name="question")
    answer_names = models.JSONField(help_text="Language to the name of the network's answer.")
    probability = models.FloatField()
    right = models.BooleanField(help_text="The photo is of the class that the network answers.")
    views = models.JSONField(help_text="Method to its picture.")

    def __str__(self) -> str:
        """The photo's random name."""
        return self.picture.key


class Respondent(models.Model):
    """A player who began the questionnaire."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="respondents")
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="respondents")
    expertise = models.CharField(max_length=8, choices=choices(Expertise), default=Expertise.UNTOLD.value)
    started = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["player", "campaign"], name="respondent_once"),
            only("expertise", Expertise),
        )

    def __str__(self) -> str:
        """What they say of themselves."""
        return self.expertise


class Sheet(models.Model):
    """One photo that a respondent is shown, with the order of its explanations."""

    token = models.CharField(max_length=32, unique=True, default=random_name)
    respondent = models.ForeignKey(Respondent, on_delete=models.CASCADE, related_name="sheets")
    photo = models.ForeignKey(QuestionPhoto, on_delete=models.CASCADE, related_name="sheets")
    place = models.IntegerField()
    order = models.JSONField(help_text="Methods, first shown first.")
    state = models.CharField(max_length=8, choices=choices(SheetState), default=SheetState.OPEN.value)
    choice = models.CharField(max_length=40, blank=True, default="", help_text="Method chosen; empty: none.")
    comment = models.CharField(max_length=1000, blank=True, default="")
    language = models.CharField(max_length=12, blank=True, default="")
    opened = models.DateTimeField(null=True, help_text="When the sheet before it was answered.")
    answered = models.DateTimeField(null=True)
    seconds = models.IntegerField(null=True, help_text="From opened to answered, pauses among them.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["respondent", "photo"], name="sheet_photo_once"),
            only("state", SheetState),
            models.CheckConstraint(
                condition=Q(state=SheetState.OPEN.value, answered=None)
                | (Q(state=SheetState.ANSWERED.value) & Q(answered__isnull=False)),
                name="sheet_answered",
            ),
        )
        indexes = (models.Index(fields=["photo", "state"], name="sheet_load"),)

    def __str__(self) -> str:
        """Its unguessable name."""
        return self.token


class Rating(models.Model):
    """How far somebody agrees with a statement about one explanation; null where it was skipped."""

    sheet = models.ForeignKey(Sheet, on_delete=models.CASCADE, related_name="ratings")
    method = models.CharField(max_length=40)
    item = models.CharField(max_length=40)
    value = models.SmallIntegerField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["sheet", "method", "item"], name="rating_once"),
            models.CheckConstraint(condition=Q(value=None) | Q(value__gte=1, value__lte=7), name="rating_value"),
        )

    def __str__(self) -> str:
        """Statement and value."""
        return f"{self.item} {self.value}"
