"""What a player may see of a finished round: only now the class, the points, and what others saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from django.db.models import Count

from layerlore.game.domain.assignment import Stream
from layerlore.game.domain.scoring import EntryKind
from layerlore.game.domain.states import FINISHED, RoundState
from layerlore.game.server.models import Label, LedgerEntry, Round

if TYPE_CHECKING:
    from datetime import datetime

    from layerlore.game.server.services.campaigns import Rules

OTHERS = 8


@dataclass(frozen=True)
class Result:
    """A finished round.

    Attributes:
        outcome: won, lost or resigned.
        class_name: The photo's class.
        guessed: Names of the guessed classes, in order.
        points: Of the guesses, in thousandths.
        label_points: Of labels that somebody confirmed so far, in thousandths.
        paid: Labels that were confirmed so far, with their points in thousandths.
        counted: False where the day's cap is reached, so that nothing earns points.
        labels: What the player typed.
        others: What others typed on this map, with how many did; only what two or more typed.
        show_full: The whole photo may be shown now.
        training: It was one of the first rounds, which are easy and explained.
        real_map: It shows what a layer looks at; control maps show a random region.
    """

    outcome: str
    class_name: str
    guessed: tuple[str, ...]
    points: int
    label_points: int
    paid: tuple[tuple[str, int], ...]
    counted: bool
    labels: tuple[Label, ...]
    others: tuple[tuple[str, int], ...]
    show_full: bool
    training: bool
    real_map: bool


def result_of(row: Round, the_rules: Rules, language: str, now: datetime) -> Result:
    """The result of a round that is won, lost or resigned."""
    ledger = LedgerEntry.objects.filter(round=row)
    paid = tuple((entry.ref.partition(":")[2], entry.points) for entry in ledger if entry.kind == EntryKind.LABEL.value)
    names = the_rules.classes
    return Result(
        outcome=row.state,
        class_name=names[row.picture.class_index].name(language),
        guessed=tuple(names[answer].name(language) for answer, _ in row.guesses),
        points=sum(entry.points for entry in ledger if entry.kind == EntryKind.GUESS.value),
        label_points=sum(points for _, points in paid),
        paid=paid,
        counted=row.counted is not False,
        labels=tuple(row.labels.order_by("step", "pk")),
        others=_others(row, language),
        show_full=may_see_full(row, the_rules, now),
        training=row.stream == Stream.TRAINING.value,
        real_map=bool(row.map.layer),
    )


@dataclass(frozen=True)
class Today:
    """How a player's day goes.

    Attributes:
        rounds: Finished today.
        row: Won one after another up to now; a resigned round ends the row softly, as a lost one does.
    """

    rounds: int
    row: int


def today(row: Round, now: datetime) -> Today:
    """The day of the player of a round, up to now."""
    begin = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rounds = Round.objects.filter(player=row.player_id, campaign=row.campaign_id, void_reason="", ended__gte=begin)
    # A round that ended today began at most a day before: the index is by beginnings.
    rounds = rounds.filter(started__gte=begin - timedelta(days=1), state__in=[state.value for state in FINISHED])
    states = list(rounds.order_by("-ended").values_list("state", flat=True))
    won = takewhile(lambda state: state == RoundState.WON.value, states)
    return Today(len(states), sum(1 for _ in won))


def _others(row: Round, language: str) -> tuple[tuple[str, int], ...]:
    """Labels of others in the player's language, most frequent first; a label of one person stays theirs."""
    here = Label.objects.filter(map=row.map_id, language=language)
    typed = here.filter(hidden=False, flagged=False).exclude(text__in=here.filter(hidden=True).values("text"))
    typed = typed.filter(round__void_reason="", round__player__shadow=False).exclude(round__player=row.player_id)
    counts = typed.values_list("text").annotate(times=Count("round__player", distinct=True)).filter(times__gte=2)
    return tuple(counts.order_by("-times", "text")[:OTHERS])


def may_see_full(row: Round, the_rules: Rules, now: datetime) -> bool:
    """Whether the policy allows the whole photo now (I4: never before the end of the round)."""
    if RoundState(row.state) not in FINISHED:
        return False
    when = the_rules.config.play.full_image_after
    if when == "session":
        playing = Round.objects.filter(player=row.player_id, campaign=row.campaign_id)
        return not playing.filter(expires__gt=now).exists()
    return when == "result"
