"""Rounds: start, reveal, guess, resign, expire, void. Each is one compare-and-set in one transaction (game.md 2.2).

The rules are the domain's: a row becomes a record, the domain says what follows, and the row is changed only if it is
still as it was read. If it is not, everything is read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, connection, transaction

from layerlore.game.domain import states
from layerlore.game.domain.errors import Refusal, TransitionError
from layerlore.game.domain.lifecycle import CampaignState, MapCounts, MapState, judge_map
from layerlore.game.domain.states import EventKind, Outcome, RoundState
from layerlore.game.server.busy import BusyError
from layerlore.game.server.models import Campaign, Estimate, Map, Player, Round
from layerlore.game.server.models.fields import random_name
from layerlore.game.server.services import ledger
from layerlore.game.server.services.assignment import lease, pick, so_far
from layerlore.game.server.services.campaigns import Rules, rules
from layerlore.game.server.services.limits import RATES
from layerlore.game.server.services.prepared import Prepared
from layerlore.game.server.services.records import columns, event_rows, label_rows, to_record
from layerlore.game.server.services.statements import compare_and_set, count, insert

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.game.domain.states import Transition, Typed

ATTEMPTS = 20
"""How often a request is tried again after another one was quicker; each time one of them has succeeded."""


LONG = ("campaign__config", "campaign__classes")
"""Columns that a request never needs: `campaigns.rules` has read them once."""


_FIND = Prepared(
    lambda token, player: (
        Round.objects.select_related("map", "picture", "campaign").defer(*LONG).filter(token=token, player=player)[:1]
    ),
    token=str,
    player=int,
)
_OPEN = Prepared(
    lambda player, campaign: Round.objects.filter(player=player, campaign=campaign, state=RoundState.OPEN.value)[:1],
    player=int,
    campaign=int,
)
_LATELY = Prepared(
    lambda player, since: (
        Round.objects.filter(player=player, started__gt=since).order_by().values_list("state", flat=True)
    ),
    player=int,
    since=datetime,
)
_POSTERIORS = Prepared(
    lambda game_map: Estimate.objects.filter(map=game_map).order_by().values_list("posterior", flat=True),
    game_map=int,
)


class NoRoundError(Exception):
    """There is no such round, or it is somebody else's: the two are told alike."""


@dataclass(frozen=True)
class Done:
    """What became of a request.

    Attributes:
        round: The row as it is now.
        outcome: Carried out, repeated, or too late.
    """

    round: Round
    outcome: Outcome


def find(player: Player | None, token: str) -> Round:
    """A player's round, with map and picture.

    Raises:
        NoRoundError: There is none.
    """
    if player is None:
        raise NoRoundError
    row = _FIND.first(token=token, player=player.pk)
    if row is None:
        raise NoRoundError
    row.player = player
    return row


def open_round(player: Player, campaign: Campaign) -> Round | None:
    """The player's open round, also if its time is over."""
    row = _OPEN.first(player=player.pk, campaign=campaign.pk)
    if row is not None:
        row.player, row.campaign = player, campaign
    return row


def too_many_lately(player: Player, now: datetime) -> bool:
    """Whether the player has begun as many rounds as nobody can play in that time; an open one may be gone on with."""
    rate = RATES["round"]
    lately = _LATELY.all(player=player.pk, since=now - timedelta(seconds=rate.seconds))
    return len(lately) >= rate.count and RoundState.OPEN.value not in lately


def start(campaign: Campaign, player: Player, *, language: str, device: str, now: datetime) -> Done | None:
    """Open a round, or go on with the one that is open (I1); None if there is no map for this player.

    Raises:
        BusyError: Others were quicker every time.
        TransitionError: CAMPAIGN: it is not open, so no round begins.
    """
    for _ in range(ATTEMPTS):
        running = open_round(player, campaign)
        if running is not None and not to_record(running).lapsed(now):
            return Done(running, Outcome.REPEATED)
        if running is not None:
            _retry(running.token, player, lambda record, _: states.expire(record, now=now))
        try:
            return _start(campaign, player, language=language, device=device, now=now)
        except (IntegrityError, _QuickerError):
            continue
    raise BusyError


def _start(campaign: Campaign, player: Player, *, language: str, device: str, now: datetime) -> Done | None:
    if campaign.state != CampaignState.OPEN.value:
        raise TransitionError(Refusal.CAMPAIGN)
    config = rules(campaign).config
    # The map is chosen before the transaction, so that others need not wait; it is taken only if nothing has changed.
    played = so_far(campaign, player)
    choice = pick(campaign, player, config, language=language, now=now, played=played)
    if choice is None:
        return None
    with transaction.atomic():
        game_map = lease(campaign, choice.map_id)
        if game_map is None or so_far(campaign, player).begun != played.begun:
            raise _QuickerError
        new = states.new_round(
            round_id=random_name(),
            player=str(player.pk),
            map_id=str(game_map.pk),
            steps=len(game_map.steps),
            config=config,
            now=now,
            device=device,
        )
        row = Round(
            token=new.round_id,
            campaign=campaign,
            map=game_map,
            picture=game_map.picture,
            player=player,
            stream=choice.stream.value,
            why=choice.why.value,
            device=device,
            language=language,
            steps=new.steps,
            started=new.started,
            expires=new.expires,
        )
        insert([row])
        insert(event_rows(row, states.start(None, new=new, now=now).events))
        if player.seen.date() != now.date():
            Player.objects.filter(pk=player.pk).update(seen=now, warned=None)
    return Done(row, Outcome.DONE)


def reveal(
    player: Player,
    token: str,
    *,
    step: int,
    drafts: list[dict[str, object]] | None,
    now: datetime,
    row: Round | None = None,
) -> Done:
    """Show one step more, and keep what was typed so far with the step at which it was.

    ``row`` is the round as it was just read; here and below it need not be read again unless it has changed.

    Raises:
        NoRoundError: There is no such round.
        TransitionError: It does not fit the round's state.
    """
    return _retry(token, player, lambda record, _: states.reveal(record, step=step, now=now), drafts, row)


def guess(
    player: Player,
    token: str,
    *,
    step: int,
    tries: int,
    answer: str,
    typed: Typed,
    now: datetime,
    row: Round | None = None,
) -> Done:
    """Commit a guess with the labels.

    Raises:
        NoRoundError: There is no such round.
        TransitionError: It does not fit the round's state.
    """

    def act(record: states.Round, row: Round) -> Transition:
        return states.guess(
            record,
            step=step,
            tries=tries,
            answer=answer,
            truth=str(row.picture.class_index),
            typed=typed,
            config=rules(row.campaign).config,
            now=now,
        )

    return _retry(token, player, act, row=row)


def resign(
    player: Player,
    token: str,
    *,
    typed: Typed,
    now: datetime,
    row: Round | None = None,
) -> Done:
    """Give up; the labels are kept.

    Raises:
        NoRoundError: There is no such round.
        TransitionError: It does not fit the round's state.
    """

    def act(record: states.Round, row: Round) -> Transition:
        return states.resign(record, typed=typed, config=rules(row.campaign).config, now=now)

    return _retry(token, player, act, row=row)


def expire_overdue(now: datetime, *, limit: int = 200) -> int:
    """Expire open rounds whose time is over; their leases are free again. Returns how many there were."""
    overdue = Round.objects.filter(state=RoundState.OPEN.value, expires__lte=now).select_related("player")[:limit]
    for row in overdue:
        _retry(row.token, row.player, lambda record, _: states.expire(record, now=now))
    return len(overdue)


def leave(player: Player, now: datetime) -> None:
    """End the open rounds of a player who leaves or is merged."""
    for row in Round.objects.filter(player=player, state=RoundState.OPEN.value):
        _retry(row.token, player, lambda record, _: states.expire(record, now=now, left=True))


def void(row: Round, *, reason: str, now: datetime) -> Done:
    """Take a round out of points and aggregates; the ledger is recounted later."""
    with transaction.atomic():
        done = _retry(row.token, row.player, lambda record, _: states.void(record, reason=reason, now=now))
        if done.outcome is Outcome.DONE:
            ledger.due(row.campaign_id)
    return done


class _QuickerError(Exception):
    """Somebody else changed the row in between."""


def _retry(
    token: str,
    player: Player,
    act: Callable[[states.Round, Round], Transition],
    drafts: list[dict[str, object]] | None = None,
    row: Round | None = None,
) -> Done:
    """Read, let the domain say what follows, and write it if nothing has changed meanwhile; else again."""
    for _ in range(ATTEMPTS):
        row = row or find(player, token)
        record = to_record(row)
        transition = act(record, row)
        if not transition.events:
            return Done(row, transition.outcome)
        try:
            with transaction.atomic():
                _write(row, record, transition, drafts)
        except _QuickerError:
            row = None
            continue
        return Done(row, transition.outcome)
    raise BusyError


def _write(
    row: Round, record: states.Round, transition: Transition, drafts: list[dict[str, object]] | None = None
) -> None:
    """Write what follows, if the row is still as it was read."""
    after = columns(transition.round)
    answered = any(event.kind is not EventKind.REVEALED for event in transition.events)
    if answered and connection.features.has_select_for_update:
        # One after another, as points depend on what was typed before; on SQLite writers wait for each other anyway.
        Campaign.objects.select_for_update(no_key=True).only("pk").get(pk=row.campaign_id)
    if drafts is not None:
        after["drafts"] = drafts
    the_rules = rules(row.campaign)
    after |= ledger.place_in_the_day(row, transition.events, the_rules)
    before = {"state": record.state.value, "step": record.step, "tries": row.tries, "void_reason": record.void_reason}
    if not compare_and_set(Round, row.pk, before, after):
        raise _QuickerError
    for name, value in after.items():
        setattr(row, name, value)
    known = {(label.language, label.text) for label in record.labels}
    fresh = [label for label in transition.round.labels if (label.language, label.text) not in known]
    insert(label_rows(row, fresh))
    ledger.book(row, transition.events, the_rules)
    insert(event_rows(row, transition.events))
    _count(row, record, transition.round, the_rules)


def _count(row: Round, before: states.Round, after: states.Round, the_rules: Rules) -> None:
    """Counters of the map: a lease ends, a finished round counts, a voided one no longer does."""
    change = {
        "leased": int(after.holds_lease) - int(before.holds_lease),
        "done": int(after.counts) - int(before.counts),
        "won": _counts(after, RoundState.WON) - _counts(before, RoundState.WON),
        "resigned": _counts(after, RoundState.RESIGNED) - _counts(before, RoundState.RESIGNED),
    }
    if not any(change.values()):
        return
    now = count(Map, row.map_id, {name: number for name, number in change.items() if number}, JUDGED)
    if change["done"]:
        judge(Map(pk=row.map_id, **dict(zip(JUDGED, now, strict=True))), the_rules)


def _counts(record: states.Round, state: RoundState) -> int:
    return int(record.counts and record.state is state)


JUDGED = ("cap", "done", "won", "resigned", "state", "reason")


def judge(game_map: Map, the_rules: Rules) -> None:
    """Write the map's state as its counts and estimates demand; maps without a cap are always given out."""
    if game_map.cap is None:
        return
    known = _POSTERIORS.all(game_map=game_map.pk) or None
    counts = MapCounts(game_map.done, game_map.won, game_map.resigned)
    disabled = game_map.state == MapState.DISABLED.value
    verdict = judge_map(counts, known, the_rules.config, disabled=disabled)
    if (verdict.state.value, verdict.reason.value) != (game_map.state, game_map.reason):
        Map.objects.filter(pk=game_map.pk).update(state=verdict.state.value, reason=verdict.reason.value)
