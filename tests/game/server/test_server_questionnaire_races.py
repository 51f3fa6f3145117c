"""Many tabs at once: a questionnaire begins once, and each photo is answered once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from serving import make_player, open_campaign
from small_bundle import write_bundle
from test_server_questionnaire import ASKED, ITEMS, METHODS
from test_server_races import at_once

from layerlore.game.server.models import Rating, Respondent, Sheet
from layerlore.game.server.models.questions import Expertise
from layerlore.game.server.services import erasure, questionnaire

if TYPE_CHECKING:
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


def test_an_answer_that_meets_an_erasure_is_whole_or_not_there(asking: Campaign) -> None:
    player, now = make_player(asking), timezone.now()
    sheet = questionnaire.next_sheet(questionnaire.begin(player, asking, Expertise.NOVICE, now))
    assert sheet is not None

    def act(tab: int) -> Any:
        if tab == 0:
            return erasure.erase(player, keep_labels=True, now=now)
        return questionnaire.answer(sheet, answers("lime"), language="en", now=now)

    at_once(act, 6)
    left = Sheet.objects.get(pk=sheet.pk)
    assert left.respondent.player.kind == "erased"
    assert Rating.objects.count() == (16 if left.state == "answered" else 0)
    assert left.comment == ""
