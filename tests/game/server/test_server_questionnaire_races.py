"""Many tabs at once: a questionnaire begins once, and each photo is answered once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from serving import make_player, open_campaign
from small_bundle import write_bundle
from test_server_questionnaire import ASKED, ITEMS, METHODS
from test_server_races import at_once

from layerlore.game.server.models import Player, Rating, Respondent, Round, Sheet
from layerlore.game.server.models.questions import Expertise
from layerlore.game.server.services import accounts, erasure, questionnaire, rounds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from layerlore.game.server.models import Campaign

TABS = 20


@pytest.fixture
def asking(transactional_db: None, tmp_path: Path) -> Campaign:
    return open_campaign(write_bundle(tmp_path, images=9, honeypots=2, files=False, questionnaire=ASKED))


def answers(liked: str) -> questionnaire.Answers:
    ratings = {(method, item): 1 + (method == liked) for method in METHODS for item in ITEMS}
    return questionnaire.Answers(ratings, liked, "I am Sandra")


def test_it_begins_once_and_every_photo_counts_once(asking: Campaign) -> None:
    player, now = make_player(asking), timezone.now()
    begun = at_once(lambda _: questionnaire.begin(player, asking, Expertise.EXPERT, now).pk, TABS)
    assert set(begun) == set(Respondent.objects.values_list("pk", flat=True))
    assert Sheet.objects.count() == 3
    sheet = questionnaire.next_sheet(Respondent.objects.get())
    assert sheet is not None
    kept = at_once(
        lambda tab: questionnaire.answer(sheet, answers(METHODS[tab % 4]), language="en", now=timezone.now()), TABS
    )
    assert kept.count(True) == 1
    sheet.refresh_from_db()
    assert sheet.choice == METHODS[kept.index(True) % 4]
    assert {one.value for one in Rating.objects.filter(method=sheet.choice)} == {2}
    assert Rating.objects.count() == 16
    following = questionnaire.next_sheet(sheet.respondent)
    assert following is not None
    assert following.opened is not None


def first_sheet(campaign: Campaign) -> tuple[Player, Sheet]:
    player = make_player(campaign)
    sheet = questionnaire.next_sheet(questionnaire.begin(player, campaign, Expertise.NOVICE, timezone.now()))
    assert sheet is not None
    return player, sheet


def at_the_same_time(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Do the first, and let the second begin on another connection before the first is committed."""

    def other() -> None:
        try:
            second()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            waiting = pool.submit(other)
            wait([waiting], timeout=0.5)  # it cannot end before the first is committed
        waiting.result()


def test_an_answer_that_meets_an_erasure_is_whole_or_not_there(asking: Campaign) -> None:
    player, sheet = first_sheet(asking)

    def act(tab: int) -> Any:
        if tab == 0:
            return erasure.erase(player, keep_labels=True, now=timezone.now())
        return questionnaire.answer(sheet, answers("lime"), language="en", now=timezone.now())

    at_once(act, 6)
    left = Sheet.objects.get(pk=sheet.pk)
    assert left.respondent.player.kind == "erased"
    assert Rating.objects.count() == (16 if left.state == "answered" else 0)
    assert left.comment == ""


def test_an_erasure_waits_for_an_answer_and_keeps_it(asking: Campaign) -> None:
    (player, sheet), now = first_sheet(asking), timezone.now()
    at_the_same_time(
        lambda: questionnaire.answer(sheet, answers("lime"), language="en", now=now),
        lambda: erasure.erase(player, keep_labels=True, now=now),
    )
    left = Sheet.objects.get(pk=sheet.pk)
    assert (left.state, left.choice, left.comment, left.ratings.count()) == ("answered", "lime", "", 16)
    assert left.respondent.player.kind == "erased"
    assert left.answered is not None
    assert left.answered.hour == 0


def test_a_log_in_waits_for_an_answer_and_keeps_it(asking: Campaign) -> None:
    (member, _), (guest, sheet), now = first_sheet(asking), first_sheet(asking), timezone.now()
    at_the_same_time(
        lambda: questionnaire.answer(sheet, answers("lime"), language="en", now=now),
        lambda: accounts.merge(guest, member, now),
    )
    kept = Sheet.objects.get(respondent__player=member, state="answered")
    assert (kept.photo, kept.ratings.count()) == (sheet.photo, 16)


def test_an_erasure_waits_for_a_log_in_and_takes_all_with_it(asking: Campaign) -> None:
    (guest, sheet), member, now = first_sheet(asking), make_player(asking), timezone.now()
    rounds.start(asking, guest, language="en", device="", now=now)
    at_the_same_time(
        lambda: accounts.merge(guest, member, now),
        lambda: erasure.erase(member, keep_labels=True, now=now),
    )
    assert not Player.objects.filter(pk__in=(guest.pk, member.pk)).exists()
    assert Round.objects.get().player.kind == Sheet.objects.get(pk=sheet.pk).respondent.player.kind == "erased"
