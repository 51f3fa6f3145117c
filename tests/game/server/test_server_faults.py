"""A request that breaks in the middle leaves everything as it was: a failure after every SQL statement (ASVS 2.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.utils import timezone
from serving import PASSWORD, Browser, begin, dump, make_player, sign_up, truth

from layerlore.game.domain.labels import Label as Chip
from layerlore.game.domain.states import Typed
from layerlore.game.server.models import Account, LedgerEntry, Map, Player, Round
from layerlore.game.server.services import accounts, consents, erasure, recounting, rounds, upkeep

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.game.server.models import Campaign

    Act = Callable[[], object]

WRITES = ("INSERT", "UPDATE", "DELETE")
CONTROL = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
TYPED = Typed((Chip("fur", "en", 0, "fur"), Chip("wheel", "en", 0, "wheel")))


class BrokenError(Exception):
    """The fault."""


class Fault:
    """Breaks after a number of statements, as a killed process or a lost connection does."""

    def __init__(self, after: int) -> None:
        self.left, self.writes = after, 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if sql.startswith(CONTROL):
            return found
        self.writes += sql.startswith(WRITES)
        self.left -= 1
        if self.left == 0:
            raise BrokenError
        return found


def two_on_one_map(campaign: Campaign) -> tuple[Player, Player, Round]:
    """A guest who has finished a map that another player has open, so that points and a merge have work to do."""
    one, other = make_player(campaign), make_player(campaign)
    first = rounds.start(campaign, one, language="en", device="a", now=timezone.now())
    second = rounds.start(campaign, other, language="en", device="b", now=timezone.now())
    assert first
    assert second
    shown = Map.objects.filter(kind="normal").exclude(pk__in=[first.round.map_id, second.round.map_id]).first()
    assert shown
    for done in (first, second):
        Map.objects.filter(pk=done.round.map_id).update(leased=0)
        Round.objects.filter(pk=done.round.pk).update(map=shown, picture=shown.picture_id)
    Map.objects.filter(pk=shown.pk).update(leased=2)
    rounds.guess(one, first.round.token, step=0, tries=0, answer="0", typed=TYPED, now=timezone.now())
    row = Round.objects.select_related("picture", "player").get(pk=second.round.pk)
    return one, other, row


def start_anew(campaign: Campaign) -> Act:
    player = make_player(campaign)
    return lambda: rounds.start(campaign, player, language="en", device="d", now=timezone.now())


def reveal(campaign: Campaign) -> Act:
    _, other, row = two_on_one_map(campaign)
    return lambda: rounds.reveal(other, row.token, step=0, drafts=[], now=timezone.now())


def guess(campaign: Campaign) -> Act:
    _, other, row = two_on_one_map(campaign)
    answer = truth(row)
    return lambda: rounds.guess(other, row.token, step=0, tries=0, answer=answer, typed=TYPED, now=timezone.now())


def resign(campaign: Campaign) -> Act:
    _, other, row = two_on_one_map(campaign)
    return lambda: rounds.resign(other, row.token, typed=TYPED, now=timezone.now())


def void(campaign: Campaign) -> Act:
    one, _, _ = two_on_one_map(campaign)
    row = Round.objects.select_related("player", "campaign").get(player=one)
    return lambda: rounds.void(row, reason="test", now=timezone.now())


def sign_up_a_guest(campaign: Campaign) -> Act:
    one, _, _ = two_on_one_map(campaign)
    more = {"text": consents.current_text(campaign, "it"), "invite": accounts.new_invite(), "language": "it"}
    return lambda: accounts.sign_up(name="sandra", password=PASSWORD, email="", guest=one, **more)


def merge(campaign: Campaign) -> Act:
    one, other, row = two_on_one_map(campaign)
    rounds.guess(other, row.token, step=0, tries=0, answer=truth(row), typed=TYPED, now=timezone.now())
    rounds.start(campaign, other, language="en", device="", now=timezone.now())
    return lambda: accounts.merge(other, one, timezone.now())


def erase(campaign: Campaign) -> Act:
    one, other, row = two_on_one_map(campaign)
    rounds.guess(other, row.token, step=0, tries=0, answer=truth(row), typed=TYPED, now=timezone.now())
    accounts.sign_up(name="sandra", password=PASSWORD, email="", guest=one, text=None, invite=None, language="en")
    return lambda: erasure.erase(Player.objects.get(pk=one.pk), keep_labels=True, now=timezone.now())


def new_password(campaign: Campaign) -> Act:
    client = Browser()
    sign_up(client)
    account = Account.objects.get()
    return lambda: accounts.set_password(Account.objects.get(pk=account.pk), "another password")


ACTS = (start_anew, reveal, guess, resign, void, sign_up_a_guest, merge, erase, new_password)


@pytest.mark.parametrize("prepare", ACTS, ids=lambda act: act.__name__)
def test_a_request_that_breaks_after_any_statement_has_not_happened(
    shared_campaign: Campaign, settings: Any, prepare: Callable[[Campaign], Act]
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    act = prepare(shared_campaign)
    before, statements, broken = dump(), 0, True
    while broken:
        statements += 1
        fault = Fault(statements)
        broken = False
        try:
            with connection.execute_wrapper(fault):
                act()
        except BrokenError:
            broken = True
        if broken:
            assert dump() == before, f"after statement {statements}"
    assert fault.writes > 0
    assert statements > 3
    assert dump() != before
    upkeep.recount_if_due(timezone.now())
    assert upkeep.wrong_counters(shared_campaign) == []
    assert recounting.recount(shared_campaign) == 0


def test_a_guest_keeps_the_round_when_the_answer_breaks(campaign: Campaign) -> None:
    """Over the wire: the page says 500, and the same request then succeeds."""
    client = Browser(raise_request_exception=False)
    row = begin(client)
    data = {"step": "0", "tries": "0", "answer": truth(row), "label_0": "fur"}
    with connection.execute_wrapper(Fault(12)):
        assert client.post(f"/round/{row.token}/guess/", data).status_code == 500
    assert client.get(f"/round/{row.token}/").status_code == 200
    assert client.post(f"/round/{row.token}/guess/", data)["Location"] == f"/round/{row.token}/result/"


def test_three_guests_of_one_person_have_each_map_once(campaign: Campaign) -> None:
    """Merging guests is no way to be paid for a map several times."""
    one, other, row = two_on_one_map(campaign)
    rounds.guess(other, row.token, step=0, tries=0, answer=truth(row), typed=TYPED, now=timezone.now())
    third = make_player(campaign)
    done = rounds.start(campaign, third, language="en", device="c", now=timezone.now())
    assert done
    Map.objects.filter(pk=done.round.map_id).update(leased=0)
    Map.objects.filter(pk=row.map_id).update(leased=1)
    Round.objects.filter(pk=done.round.pk).update(map=row.map_id, picture=row.picture_id)
    rounds.guess(third, done.round.token, step=0, tries=0, answer=truth(row), typed=TYPED, now=timezone.now())
    for guest in (other, third):
        accounts.merge(guest, one, timezone.now())
    upkeep.recount_if_due()
    assert recounting.recount(campaign) == 0
    assert upkeep.wrong_counters(campaign) == []
    assert Round.objects.filter(player=one, void_reason="").count() == 1
    assert Round.objects.filter(void_reason="merged").count() == 2
    assert not LedgerEntry.objects.filter(kind="label").exists()
    assert LedgerEntry.objects.count() == 1
    assert Map.objects.get(pk=row.map_id).done == 1
