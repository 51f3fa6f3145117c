"""What happens: rounds, their event log, labels, and points."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from layerlore.game.domain.assignment import Stream, Why
from layerlore.game.domain.scoring import EntryKind
from layerlore.game.domain.states import EventKind, RoundState
from layerlore.game.server.models.campaigns import Campaign, Map, Picture
from layerlore.game.server.models.fields import choices, only, random_name
from layerlore.game.server.models.people import Player


class Round(models.Model):
    """One player on one map. The map's class is not here, so showing a round cannot tell it (I4)."""

    token = models.CharField(max_length=32, unique=True, default=random_name)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="rounds")
    map = models.ForeignKey(Map, on_delete=models.CASCADE, related_name="rounds")
    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="rounds")
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="rounds")
    stream = models.CharField(max_length=10, choices=choices(Stream))
    why = models.CharField(max_length=12, choices=choices(Why))
    device = models.CharField(max_length=64, blank=True, default="", help_text="Keyed digest of the device's cookie.")
    language = models.CharField(max_length=12)
    steps = models.IntegerField()
    step = models.IntegerField(default=0)
    tries = models.IntegerField(default=0, help_text="Guesses made so far.")
    guesses = models.JSONField(default=list, help_text="[class, step] of each guess.")
    drafts = models.JSONField(default=list, help_text="What was typed before the answer, with its step.")
    state = models.CharField(max_length=10, choices=choices(RoundState), default=RoundState.OPEN.value)
    nothing = models.BooleanField(default=False)
    request = models.CharField(max_length=64, blank=True, default="", help_text="Fingerprint of the last answer.")
    void_reason = models.CharField(max_length=60, blank=True, default="")
    counted = models.BooleanField(null=True, help_text="Within the day's cap; null before the first answer.")
    counted_on = models.DateField(null=True)
    started = models.DateTimeField()
    expires = models.DateTimeField()
    ended = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["map", "player"], name="round_map_player"),
            models.UniqueConstraint(
                fields=["player", "campaign"], condition=Q(state=RoundState.OPEN.value), name="round_one_open"
            ),
            only("state", RoundState),
            only("stream", Stream),
            models.CheckConstraint(
                condition=Q(step__gte=0, step__lt=F("steps"), tries__gte=0), name="round_step_in_steps"
            ),
            models.CheckConstraint(
                condition=Q(state=RoundState.OPEN.value, ended=None)
                | (~Q(state=RoundState.OPEN.value) & Q(ended__isnull=False)),
                name="round_ended",
            ),
        )
        indexes = (
            models.Index(fields=["player", "picture"], name="round_exposure"),
            models.Index(fields=["player", "started"], name="round_recent"),
            models.Index(fields=["expires"], condition=Q(state=RoundState.OPEN.value), name="round_overdue"),
            models.Index(fields=["campaign", "state", "ended"], name="round_finished"),
        )

    def __str__(self) -> str:
        """Its unguessable name."""
        return self.token


class Event(models.Model):
    """One line of the log; points follow from the log alone (I6)."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=10, choices=choices(EventKind))
    at = models.DateTimeField()
    step = models.IntegerField()
    value = models.CharField(max_length=200, blank=True, default="")
    language = models.CharField(max_length=12, blank=True, default="")
    correct = models.BooleanField(null=True)

    class Meta:
        constraints = (only("kind", EventKind),)

    def __str__(self) -> str:
        """What happened."""
        return self.kind


class Label(models.Model):
    """Something typed in a round, before its outcome was known, with the step at which it was typed (I5)."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="labels")
    map = models.ForeignKey(Map, on_delete=models.CASCADE, related_name="labels")
    text = models.CharField(max_length=40, help_text="Normal form.")
    raw = models.CharField(max_length=400)
    language = models.CharField(max_length=12)
    step = models.IntegerField()
    kind = models.CharField(max_length=40, blank=True, default="")
    assisted = models.BooleanField(default=False)
    flagged = models.BooleanField(default=False, help_text="On a list of rude words; waits for a person.")
    hidden = models.BooleanField(default=False, help_text="A person decided not to show it to others.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["round", "text", "language"], name="label_once"),
            models.CheckConstraint(condition=Q(step__gte=0), name="label_step"),
        )
        indexes = (
            models.Index(fields=["map", "language", "text"], name="label_same"),
            models.Index(fields=["flagged"], condition=Q(flagged=True), name="label_queue"),
        )

    def __str__(self) -> str:
        """Its normal form."""
        return self.text


class LedgerEntry(models.Model):
    """Points given, in thousandths."""

    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="ledger")
    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="ledger")
    kind = models.CharField(max_length=6, choices=choices(EntryKind))
    ref = models.CharField(max_length=60)
    points = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["round", "kind", "ref"], name="ledger_once"),
            only("kind", EntryKind),
        )
        indexes = (models.Index(fields=["player", "at"], name="ledger_player"),)

    def __str__(self) -> str:
        """What for and how much."""
        return f"{self.kind} {self.points}"


class Standing(models.Model):
    """Sum of a player's ledger for one ladder; a recount gives the same (I6)."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="standings")
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="standings")
    ladder = models.CharField(max_length=20, help_text="all-time, confirmed, or the Monday that begins the week.")
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["player", "campaign", "ladder"], name="standing_once"),)
        indexes = (models.Index(fields=["campaign", "ladder", "-value"], name="standing_order"),)

    def __str__(self) -> str:
        """Ladder and value."""
        return f"{self.ladder} {self.value}"


class ClassTally(models.Model):
    """Rounds on maps of a class, for how common a label is among them."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="class_tallies")
    class_index = models.IntegerField()
    rounds = models.IntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["campaign", "class_index"], name="class_tally_once"),)

    def __str__(self) -> str:
        """Class and count."""
        return f"{self.class_index}: {self.rounds}"


class LabelTally(models.Model):
    """Rounds on maps of a class in which a label was typed."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="label_tallies")
    class_index = models.IntegerField()
    name = models.CharField(max_length=60, help_text="language:text")
    rounds = models.IntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["campaign", "class_index", "name"], name="label_tally_once"),)

    def __str__(self) -> str:
        """Label and count."""
        return f"{self.name}: {self.rounds}"


class PairTally(models.Model):
    """How far a player's labels agree with others' on the same maps, for the points of confirmed labels."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="pair_tallies")
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="pair_tallies")
    agreed = models.IntegerField(default=0)
    expected = models.FloatField(default=0.0)
    pairs = models.IntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["player", "campaign"], name="pair_tally_once"),)

    def __str__(self) -> str:
        """Pairs that agree of all."""
        return f"{self.agreed}/{self.pairs}"
