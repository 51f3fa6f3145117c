"""What is played: a campaign, its pictures and their maps."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from layerlore.game.bundle.manifest import MapKind
from layerlore.game.domain.lifecycle import CampaignState, MapReason, MapState
from layerlore.game.server.models.fields import choices, only


class Campaign(models.Model):
    """A frozen bundle and its state."""

    key = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=choices(CampaignState), default=CampaignState.DRAFT.value)
    bundle_hash = models.CharField(max_length=64, blank=True, default="")
    config = models.JSONField()
    classes = models.JSONField()
    recount_due = models.BooleanField(default=False)
    recount_problem = models.CharField(max_length=200, blank=True, default="")
    estimated = models.BigIntegerField(default=0, help_text="Last event that the estimates know.")
    loaded = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (only("state", CampaignState),)

    def __str__(self) -> str:
        """Its name."""
        return self.name


class Picture(models.Model):
    """A photo of the campaign. Its class is told by nothing that a player gets before the result."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="pictures")
    key = models.CharField(max_length=32)
    class_index = models.IntegerField()
    width = models.IntegerField()
    height = models.IntegerField()
    full = models.JSONField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["campaign", "key"], name="picture_key"),)

    def __str__(self) -> str:
        """Its random name."""
        return self.key


class Map(models.Model):
    """One cluster map of a picture, with its counters; `load` is ``done + leased`` and never exceeds `cap` (I7)."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="maps")
    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="maps")
    key = models.CharField(max_length=32)
    kind = models.CharField(max_length=10, choices=choices(MapKind))
    layer = models.CharField(max_length=200)
    layer_position = models.IntegerField()
    layer_depth = models.FloatField()
    cluster = models.IntegerField()
    weight = models.FloatField()
    low_support = models.BooleanField(default=False)
    steps = models.JSONField()
    accepted = models.JSONField(default=dict)
    rank = models.IntegerField(help_text="Place in an order in which the layers take turns.")
    cap = models.IntegerField(null=True)
    done = models.IntegerField(default=0)
    leased = models.IntegerField(default=0)
    load = models.GeneratedField(
        expression=F("done") + F("leased"), output_field=models.IntegerField(), db_persist=True
    )
    won = models.IntegerField(default=0)
    resigned = models.IntegerField(default=0)
    state = models.CharField(max_length=10, choices=choices(MapState), default=MapState.ACTIVE.value)
    reason = models.CharField(max_length=12, choices=choices(MapReason), default=MapReason.WANTED.value)
    entropy = models.FloatField(default=1.0, help_text="In bits, over its labels; 1 before the first estimate.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["campaign", "key"], name="map_key"),
            only("kind", MapKind),
            only("state", MapState),
            models.CheckConstraint(
                condition=Q(done__gte=0, leased__gte=0) & (Q(cap=None) | Q(cap__gte=F("done") + F("leased"))),
                name="map_cap",
            ),
        )
        indexes = (models.Index(fields=["campaign", "kind", "state", "load", "rank"], name="map_pick"),)

    def __str__(self) -> str:
        """Its random name."""
        return self.key


class ConsentText(models.Model):
    """A consent text as it was shown; a changed text is another version."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="consents")
    language = models.CharField(max_length=12)
    version = models.CharField(max_length=64, help_text="SHA-256 of the text.")
    text = models.TextField()
    current = models.BooleanField(default=True)
    loaded = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["campaign", "language", "version"], name="consent_version"),
            models.UniqueConstraint(
                fields=["campaign", "language"], condition=Q(current=True), name="consent_one_current"
            ),
        )

    def __str__(self) -> str:
        """Language and version."""
        return f"{self.language} {self.version[:8]}"
