"""Fifty threads at once, each with a connection of its own: whatever the order, nothing is booked twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from serving import PASSWORD, make_player

from layerlore.game.domain.errors import TransitionError
from layerlore.game.domain.states import Outcome
from layerlore.game.domain.states import Typed as Sent
from layerlore.game.server.models import Event, LedgerEntry, Map, Player, Round, Standing
from layerlore.game.server.services import accounts, assignment, recounting, rounds, upkeep

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.game.server.models import Campaign

THREADS = 50


def at_once(action: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Results or errors of the action done by many threads that begin together."""
    barrier = Barrier(threads)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return action(number)
        except TransitionError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def new_round(campaign: Campaign) -> tuple[Player, Round]:
    player = make_player(campaign)
    done = rounds.start(campaign, player, language="en", device="", now=timezone.now())
    assert done
    return player, Round.objects.select_related("picture").get(pk=done.round.pk)


def sound(campaign: Campaign) -> bool:
    return recounting.recount(campaign) == 0 and upkeep.wrong_counters(campaign) == []


def test_one_open_round_however_often_a_player_starts(shared_campaign: Campaign) -> None:
    player = make_player(shared_campaign)
    done = at_once(lambda _: rounds.start(shared_campaign, player, language="en", device="", now=timezone.now()))
    assert {one.round.pk for one in done} == set(Round.objects.values_list("pk", flat=True))
    assert Round.objects.count() == 1
    assert Counter(one.outcome for one in done)[Outcome.DONE] == 1
    assert sound(shared_campaign)


def test_caps_are_exact(shared_campaign: Campaign, change_config: Callable[..., None]) -> None:
    change_config(shared_campaign, quality={"training_rounds": 0, "honeypot_rate": [[0, 0.0]], "control_rate": 0.0})
    keep = list(Map.objects.filter(kind="normal").values_list("pk", flat=True)[:4])
    Map.objects.exclude(pk__in=keep).update(state="disabled")
    Map.objects.filter(pk__in=keep).update(cap=3)
    players = [make_player(shared_campaign) for _ in range(THREADS)]
    done = at_once(
        lambda number: rounds.start(shared_campaign, players[number], language="en", device="", now=timezone.now())
    )
    assert sum(one is not None for one in done) == 12
    assert set(Map.objects.filter(pk__in=keep).values_list("leased", flat=True)) == {3}
    assert sound(shared_campaign)


def test_one_guess_is_accepted(shared_campaign: Campaign) -> None:
    player, row = new_round(shared_campaign)
    done = at_once(
        lambda number: rounds.guess(
            player, row.token, step=0, tries=0, answer=str(number % 3), typed=Sent(), now=timezone.now()
        )
    )
    first = [one for one in done if not isinstance(one, str) and one.outcome is Outcome.DONE]
    assert len(first) == 1
    assert Event.objects.filter(kind="guessed").count() == LedgerEntry.objects.count() == 1
    assert Standing.objects.filter(ladder="all-time").count() == 1
    assert Map.objects.get(pk=row.map_id).done == 1
    assert sound(shared_campaign)


def test_a_guess_is_never_scored_below_the_step_that_was_shown(shared_campaign: Campaign) -> None:
    player, row = new_round(shared_campaign)

    def act(number: int) -> Any:
        if number % 2:
            return rounds.reveal(player, row.token, step=0, drafts=None, now=timezone.now())
        answer = str(row.picture.class_index)
        return rounds.guess(player, row.token, step=0, tries=0, answer=answer, typed=Sent(), now=timezone.now())

    at_once(act)
    row.refresh_from_db()
    guessed = list(Event.objects.filter(kind="guessed").values_list("step", flat=True))
    revealed = Event.objects.filter(kind="revealed").count()
    assert (row.state, row.step, revealed, guessed) in [("won", 0, 0, [0]), ("open", 1, 1, [])]
    assert sound(shared_campaign)


def test_points_add_up_when_many_finish_at_once(shared_campaign: Campaign) -> None:
    from layerlore.game.domain.labels import Label

    several = [new_round(shared_campaign) for _ in range(THREADS)]
    typed = Sent((Label("fur", "en", 0, "fur"), Label("wheel", "en", 0, "wheel")))

    def act(number: int) -> Any:
        player, row = several[number]
        answer = str(row.picture.class_index)
        return rounds.guess(player, row.token, step=0, tries=0, answer=answer, typed=typed, now=timezone.now())

    assert all(one.outcome is Outcome.DONE for one in at_once(act))
    assert LedgerEntry.objects.filter(kind="guess").count() == THREADS
    assert sound(shared_campaign)


def test_a_name_is_given_once(shared_campaign: Campaign) -> None:
    def act(_: int) -> bool:
        try:
            accounts.sign_up(name="sandra", password="", email="", guest=None, text=None, invite=None, language="en")
        except accounts.TakenError:
            return False
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("layerlore.game.server.models.Account.set_password", lambda self, raw: None)
        assert sum(at_once(act)) == 1
    assert Player.objects.filter(kind="registered").count() == 1


def test_a_reset_link_works_once(shared_campaign: Campaign) -> None:
    account = accounts.sign_up(
        name="sandra", password=PASSWORD, email="", guest=None, text=None, invite=None, language="en"
    )
    from layerlore.game.server.models import Account

    copies = [Account.objects.get(pk=account.pk) for _ in range(4)]
    done = at_once(lambda number: accounts.set_password(copies[number], f"another password {number}"), threads=4)
    assert sum(done) == 1


@pytest.mark.slow
def test_the_last_place_is_given_once_two_hundred_times(shared_campaign: Campaign) -> None:
    game_map = Map.objects.filter(kind="normal").first()
    assert game_map is not None

    def take(barrier: Barrier) -> bool:
        barrier.wait()
        try:
            with transaction.atomic():
                return assignment.lease(shared_campaign, game_map.key) is not None
        finally:
            connection.close()

    for _ in range(200):
        Map.objects.filter(pk=game_map.pk).update(cap=3, leased=2, done=0, state="active")
        barrier = Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(take, [barrier] * 4)) == 1
        assert Map.objects.get(pk=game_map.pk).leased == 3
