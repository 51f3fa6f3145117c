"""The questionnaire in the browser: who is invited, answers that count once, and what becomes of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone
from serving import Browser, begin, make_player, make_staff, open_campaign, sign_up
from small_bundle import write_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from layerlore.game.server.models import Campaign, Player, Sheet

pytestmark = pytest.mark.django_db
METHODS = ("layerlore", "gradcam", "lime", "shap")
ITEMS = ("informative", "understandable", "trustworthy", "error")
ASKED = {"enabled": True, "after_rounds": 0, "photos": 3, "pool": 5, "comment": True}


@pytest.fixture
def asking(db: None, tmp_path: Path, settings: Any) -> Campaign:
    """A campaign that invites at once."""
    folder = write_bundle(tmp_path, images=9, honeypots=2, questionnaire=ASKED)
    settings.CAMPAIGN_FOLDER = folder
    return open_campaign(folder)


def start(client: Browser, expertise: str = "novice") -> str:
    """Begin; the path of the first sheet."""
    answer = client.post("/questionnaire/begin/", {"expertise": expertise})
    assert answer.status_code == 303, answer.content.decode()
    return str(answer["Location"])


def fill(sheet: Sheet, liked: str, **more: str) -> dict[str, str]:
    """Full agreement with one method, none with the others."""
    data = {
        f"r{place}_{item}": "5" if method == liked else "1"
        for place, method in enumerate(sheet.order, start=1)
        for item in ITEMS
    }
    return {**data, "choice": str(sheet.order.index(liked) + 1), **more}


def sheet_of(path: str) -> Sheet:
    from layerlore.game.server.models import Sheet as Model

    return Model.objects.get(token=path.strip("/").split("/")[-1])


def test_a_person_answers_all_photos(asking: Campaign) -> None:
    from layerlore.game.server.models import Rating, Respondent

    client = Browser()
    assert client.get("/questionnaire/")["Location"] == "/consent/"
    begin(client)
    assert b"Which explanation is best?" in client.get("/").content
    assert b'name="expertise"' in client.get("/questionnaire/").content
    path = start(client, "expert")
    for number in range(1, 4):
        row = sheet_of(path)
        page = client.get(path).content.decode()
        assert f"Photo {number} of 3" in page
        assert page.count('<fieldset class="likert">') == 16
        assert not any(method in page.casefold() for method in METHODS if method != "layerlore")
        assert "LayerLore" not in page
        for place in range(5):
            image = client.get(f"{path}image/{place}/")
            assert (image.status_code, image["Content-Type"]) == (200, "image/png")
            assert image["Cache-Control"] == "no-store"
        assert client.get(f"{path}image/5/").status_code == 404
        answer = client.post(f"{path}answer/", fill(row, "lime", comment=" colours helped "))
        assert answer.status_code == 303
        path = answer["Location"]
    assert path == "/questionnaire/thanks/"
    page = client.get(path).content.decode()
    assert page.count("your choice") == 3
    assert page.count("Grad-CAM") == 3
    respondent = Respondent.objects.get()
    assert (respondent.expertise, respondent.sheets.filter(choice="lime", comment="colours helped").count()) == (
        "expert",
        3,
    )
    assert Rating.objects.filter(method="lime", value=5).count() == 12
    assert Rating.objects.exclude(method="lime").filter(value=1).count() == 36
    assert len({row.photo_id for row in respondent.sheets.all()}) == 3
    assert b"question-invitation" not in client.get("/").content
    assert client.get("/questionnaire/")["Location"] == path
    assert client.post("/questionnaire/begin/")["Location"] == path


def test_answers_count_once_and_can_be_gone_on_with(asking: Campaign) -> None:
    from layerlore.game.server.models import Rating, Respondent

    client = Browser()
    begin(client)
    path = start(client)
    row = sheet_of(path)
    second = client.post(f"{path}answer/", fill(row, "shap"))["Location"]
    again = client.post(f"{path}answer/", fill(row, "lime"))
    assert (again.status_code, again["Location"]) == (303, second)
    row.refresh_from_db()
    assert row.choice == "shap"
    assert Rating.objects.count() == 16
    assert client.get(path)["Location"] == "/questionnaire/"
    page = client.get("/questionnaire/").content.decode()
    assert "You have answered 1 of 3." in page
    assert start(client, "expert") == second
    assert Respondent.objects.get().expertise == "novice"  # the first word stays
    assert b"2 photos are left" in client.get("/").content


def test_whatever_is_left_out_is_kept_as_skipped(asking: Campaign) -> None:
    from layerlore.game.server.models import Rating

    client = Browser()
    begin(client)
    path = start(client, "")
    data = {"r1_informative": "2", "r2_error": ""}
    assert client.post(f"{path}answer/", data).status_code == 303
    row = sheet_of(path)
    assert (row.state, row.choice, row.comment, row.respondent.expertise) == ("answered", "", "", "untold")
    assert Rating.objects.filter(value=None).count() == 15
    assert Rating.objects.get(value=2).method == row.order[0]


@pytest.mark.parametrize(
    "data", [{"r1_informative": "6"}, {"r1_informative": "0"}, {"r1_error": "x"}, {"choice": "5"}, {"choice": "lime"}]
)
def test_what_no_page_sends_is_refused(asking: Campaign, data: dict[str, str]) -> None:
    client = Browser()
    begin(client)
    path = start(client)
    assert client.post(f"{path}answer/", data).status_code == 400
    assert sheet_of(path).state == "open"


def test_who_may(asking: Campaign) -> None:
    """The matrix of the questionnaire's routes; nobody sees another one's sheet."""
    owner, stranger, nobody, staff = Browser(), Browser(), Browser(), Browser()
    begin(owner)
    begin(stranger)
    make_staff(staff)
    path = start(owner)
    for client, status in ((owner, 200), (stranger, 404), (nobody, 404), (staff, 404)):
        assert client.get(path).status_code == status
        assert client.get(f"{path}image/1/").status_code == status
        assert client.post(f"{path}answer/", {"choice": "9"}).status_code == (400 if status == 200 else 404)
        assert client.get(f"{path}answer/").status_code == 405
    assert nobody.get("/questionnaire/thanks/")["Location"] == "/questionnaire/"
    for client, status in ((owner, 404), (nobody, 404), (staff, 200)):
        assert client.get("/staff/questionnaire/").status_code == status
    assert nobody.post("/questionnaire/begin/")["Location"] == "/consent/"


def test_nobody_is_asked_before_time_or_where_nothing_is_asked(
    asking: Campaign, change_config: Callable[..., None]
) -> None:
    from layerlore.game.server.models import Respondent

    change_config(asking, questionnaire={"after_rounds": 2})
    client = Browser()
    row = begin(client)
    assert b"question-invitation" not in client.get("/").content
    assert b"Play 2 more rounds first" in client.get("/questionnaire/").content
    assert client.post("/questionnaire/begin/")["Location"] == "/questionnaire/"
    assert not Respondent.objects.exists()
    client.post(f"/round/{row.token}/resign/", {})
    assert b"Play one more round first" in client.get("/questionnaire/").content
    type(asking).objects.update(state="closed")  # nobody can play any more: who has played is asked
    assert b'name="expertise"' in client.get("/questionnaire/").content
    change_config(asking, questionnaire={"enabled": False})
    for path in ("/questionnaire/", "/questionnaire/thanks/"):
        assert client.get(path).status_code == 404


def test_orders_and_photos_are_balanced(asking: Campaign) -> None:
    from layerlore.game.server.models import Sheet as Model
    from layerlore.game.server.models.questions import Expertise
    from layerlore.game.server.services import questionnaire

    now = timezone.now()
    for _ in range(20):
        questionnaire.begin(make_player(asking), asking, Expertise.NOVICE, now)
    sheets = list(Model.objects.all())
    places = Counter((method, place) for row in sheets for place, method in enumerate(row.order))
    assert set(places.values()) == {15}  # 60 sheets, 4 places
    firsts = Counter((row.place, row.order[0]) for row in sheets)
    assert set(firsts.values()) == {5}
    assert set(Counter(row.photo_id for row in sheets).values()) == {12}


def test_a_photo_that_was_shown_whole_is_no_longer_played(asking: Campaign, change_config: Callable[..., None]) -> None:
    from layerlore.game.server.models import Round
    from layerlore.game.server.models.questions import Expertise
    from layerlore.game.server.services import campaigns, questionnaire, rounds

    change_config(asking, questionnaire={"photos": 5}, play={"max_maps_per_image": 9})
    player, now = make_player(asking), timezone.now()
    first = rounds.start(asking, player, language="en", device="", now=now)
    assert first is not None
    questionnaire.begin(player, campaigns.current(), Expertise.NOVICE, now)
    shown = set(questionnaire.seen_pictures(player).values_list("photo__picture", flat=True))
    assert len(shown) >= 4
    assert first.round.picture_id not in shown  # nor is the open round spoiled
    for _ in range(20):
        done = rounds.start(asking, player, language="en", device="", now=now)
        if done is None:
            break
        assert done.round.picture_id not in shown
        rounds.leave(player, now)
    assert Round.objects.filter(player=player).count() > 3


def answered(player: Player, campaign: Campaign, count: int, liked: str = "lime", **more: Any) -> list[Sheet]:
    """Let a player answer so many photos."""
    from layerlore.game.server.models.questions import Expertise
    from layerlore.game.server.services import questionnaire

    now = more.pop("now", timezone.now())
    respondent = questionnaire.begin(player, campaign, more.pop("expertise", Expertise.NOVICE), now)
    done = []
    for number in range(count):
        sheet = questionnaire.next_sheet(respondent)
        assert sheet is not None
        ratings = {(method, item): 5 if method == liked else 2 for method in METHODS for item in ITEMS}
        found = questionnaire.Answers(ratings, liked, "I am Sandra")
        assert questionnaire.answer(sheet, found, language="en", now=now + timedelta(seconds=30 * (number + 1)))
        done.append(sheet)
    return done


def test_own_answers_are_in_the_export_and_gone_with_the_person(asking: Campaign) -> None:
    from layerlore.game.server.models import Player as Model
    from layerlore.game.server.models import Rating, Respondent
    from layerlore.game.server.models import Sheet as Sheets
    from layerlore.game.server.services import erasure

    player = make_player(asking)
    tokens = {sheet.token for sheet in answered(player, asking, 2)}
    found = erasure.export(player)["questionnaire"]
    assert [(one["chosen"], one["comment"], len(one["ratings"]), one["seconds"]) for one in found] == [
        ("lime", "I am Sandra", 16, 30),
        ("lime", "I am Sandra", 16, 30),
        ("", "", 0, None),
    ]
    json.dumps(found)
    erasure.erase(player, keep_labels=True, now=timezone.now())
    assert not Model.objects.filter(pk=player.pk).exists()
    assert Rating.objects.count() == 32
    assert not Sheets.objects.filter(token__in=tokens).exists()
    assert not Sheets.objects.exclude(comment="").exists()
    ghost = Respondent.objects.get().player
    assert ghost.kind == "erased"
    times = Sheets.objects.exclude(answered=None).values_list("answered", flat=True)
    assert {at.time().isoformat() for at in times} == {"00:00:00"}
    other = make_player(asking)
    answered(other, asking, 1)
    erasure.erase(other, keep_labels=False, now=timezone.now())
    assert Respondent.objects.count() == 1


def test_logging_in_brings_answers_along_and_each_photo_counts_once(asking: Campaign) -> None:
    from layerlore.game.server.models import Account, Respondent
    from layerlore.game.server.services import accounts

    sign_up(Browser())
    account = Account.objects.get(username="sandra").player
    guest, later = make_player(asking), timezone.now() + timedelta(hours=1)
    answered(guest, asking, 2)
    first = {row.photo_id for row in Respondent.objects.get().sheets.filter(state="answered")}
    accounts.merge(guest, account, later)
    assert Respondent.objects.get().player_id == account.pk
    second = make_player(asking)
    answered(second, asking, 3, "shap", now=later)
    accounts.merge(second, account, later)
    kept = Respondent.objects.get()
    rows = list(kept.sheets.filter(state="answered"))
    assert {row.photo_id for row in rows if row.choice == "lime"} == first
    assert len({row.photo_id for row in rows}) == len(rows) >= 3


def test_staff_see_means_and_choices_without_shadows(asking: Campaign) -> None:
    from layerlore.game.server.models import Player as Model
    from layerlore.game.server.models import Sheet
    from layerlore.game.server.services import opinions

    staff = Browser()
    make_staff(staff)
    assert b"Nobody has answered yet." in staff.get("/staff/questionnaire/").content
    for liked in ("lime", "lime", "shap"):
        answered(make_player(asking), asking, 1, liked)
    odd = make_player(asking)
    answered(odd, asking, 3, "gradcam")
    Model.objects.filter(pk=odd.pk).update(shadow=True)
    idle, brief = Browser(), Browser()
    for client, data in ((idle, {"comment": "no"}), (brief, {"choice": "1"})):
        begin(client)
        path = start(client, "expert")
        assert client.post(f"{path}answer/", data).status_code == 303
    found = opinions.overview(asking)
    assert (found["begun"], found["people"], found["experts"], found["sheets"]) == (5, 4, 1, 4)
    Sheet.objects.filter(respondent__expertise="expert").delete()
    found = opinions.overview(asking)
    assert (found["people"], found["novices"], found["sheets"]) == (3, 3, 3)
    lime = next(one for one in found["methods"] if one["name"] == "lime")
    assert lime["percent"] == pytest.approx(100 * 2 / 3)
    assert lime["cells"][0]["mean"] == pytest.approx((5 + 5 + 2) / 3)
    page = re.sub(r"<[^>]+>|\s+", " ", staff.get("/staff/questionnaire/").content.decode())
    assert "67 %" in page
    assert "4.00" in page


def test_statements_of_ones_own_come_in_the_language_of_the_page(
    asking: Campaign, change_config: Callable[..., None]
) -> None:
    own = {"en": ["I like it <b>."], "it": ["Mi piace."]}
    change_config(asking, questionnaire={"items": ["error"], "own_items": own, "points": 7})
    client = Browser()
    begin(client)
    path = start(client)
    page = client.get(path).content.decode()
    assert "I like it &lt;b&gt;." in page
    assert page.count('value="7"') == 8
    client.post("/language/", {"language": "it"})
    assert "Mi piace." in client.get(path).content.decode()
    assert client.post(f"{path}answer/", {"r1_own_1": "7"}).status_code == 303
    assert sheet_of(path).ratings.filter(item="own_1", value=7).count() == 1


def test_reading_pages_changes_nothing(asking: Campaign) -> None:
    from layerlore.game.server.models import Respondent
    from layerlore.game.server.models import Sheet as Sheets

    client = Browser()
    begin(client)
    path = start(client)
    before = list(Sheets.objects.values()), list(Respondent.objects.values())
    for name, args in (("questionnaire", ()), ("questionnaire_sheet", (sheet_of(path).token,))):
        client.get(reverse(name, args=args))
    assert (list(Sheets.objects.values()), list(Respondent.objects.values())) == before
