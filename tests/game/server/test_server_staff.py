"""Staff's pages: what they show is what happened, decisions are in the log, merges can be undone, roles hold."""

from __future__ import annotations

import re
from base64 import b32decode
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from serving import PASSWORD, Browser, begin, make_staff, played, sign_up, win

from layerlore.game.server.models import (
    Account,
    Audit,
    Campaign,
    Estimate,
    Label,
    LabelMerge,
    LedgerEntry,
    Limit,
    Map,
    Player,
    Round,
    Session,
)
from layerlore.game.server.services import dashboard, estimates, merging, moderation, results, staff
from layerlore.game.server.services.campaigns import rules

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(campaign: Campaign) -> Browser:
    client = Browser()
    make_staff(client)
    return client


def page(client: Browser, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.content.decode())


def actions() -> list[str]:
    return list(Audit.objects.order_by("pk").values_list("action", flat=True))


def test_coverage_counts_what_was_played(campaign: Campaign, boss: Browser) -> None:
    from django.core.cache import cache

    one = played("fur")
    Map.objects.filter(pk=one.map_id).update(state="hard", reason="resigned")
    other = played("fur")
    cache.clear()
    found = dashboard.coverage(campaign, rules(campaign), "en")
    normal = Map.objects.filter(kind="normal")
    k_min = found["k_min"]
    assert found["total"].maps == normal.count() == 90
    assert (found["total"].ready, found["total"].done) == (1, 2)
    assert found["wanted"] == (90 - 1) * k_min - 1
    assert sum(cell.wanted for layer in found["layers"] for cell in layer["cells"]) == found["wanted"]
    assert [layer["name"] for layer in found["layers"]] == ["early", "middle", "late"]
    assert dict(found["reasons"]) == {"resigned": 1, "wanted": 89}
    text = page(boss, "/staff/")
    assert f"<dd>{found['wanted']}<small>" in text
    assert 'class="heat heat-1"' in text  # 1 of 10 maps
    assert "1 hard map</a>" in text
    assert other.map.state == "active"


def test_the_shade_is_full_only_for_what_is_complete() -> None:
    shades = [dashboard.Cell(200, ready, 0, 0).shade for ready in (0, 19, 20, 199, 200)]
    assert shades == [0, 0, 1, 9, 10]
    assert dashboard.Cell(0, 0, 0, 0).shade == 0


def test_the_forecast_is_what_is_wanted_by_the_pace() -> None:
    now = timezone.now().replace(hour=12)
    assert dashboard.forecast(now, 30, 10.0) == now.date() + timedelta(days=3)
    assert dashboard.forecast(now, 0, 10.0) is None
    assert dashboard.forecast(now, 30, 0.0) is None
    assert dashboard.forecast(now, 10**9, 0.001) is None


def test_the_pace_leaves_out_rounds_on_maps_that_only_check(campaign: Campaign) -> None:
    played("fur")
    played("fur", kind="control")
    played("fur", kind="blank")
    found = dashboard.activity(campaign, timezone.now(), 100)
    assert (found["rounds"], found["week"], found["players"], found["pace"]) == (3, 3, 3, 1.0)
    assert found["done_on"] == (timezone.now() + timedelta(days=100)).date()


def test_rounds_of_each_day(campaign: Campaign, boss: Browser) -> None:
    now = timezone.now()
    for back in (0, 0, 3, 40):
        row = played("fur")
        Round.objects.filter(pk=row.pk).update(ended=now - timedelta(days=back))
    days = dashboard.rounds_by_day(campaign, now)
    assert [times for _, times in days if times] == [1, 2]
    assert (len(days), days[-1]) == (28, (now.date(), 2))
    text = page(boss, "/staff/")
    heights = [float(value) for value in re.findall(r'<rect class="chart-bar"[^>]* height="([\d.]+)"', text)]
    assert [height for height in heights if height] == [48, 96]
    assert "style=" not in text


def test_maps_with_a_known_answer(campaign: Campaign) -> None:
    played("fur", kind="honeypot")
    blank = played(kind="blank")
    Round.objects.filter(pk=blank.pk).update(state="resigned")
    Map.objects.filter(pk=blank.map_id).update(won=0, resigned=1)
    found = {row["kind"]: row for row in dashboard.known_answers(campaign)}
    assert (found["honeypot"]["rounds"], found["honeypot"]["won"], found["honeypot"]["labelled"]) == (1, 1, 1)
    assert (found["blank"]["rounds"], found["blank"]["resigned"], found["blank"]["labelled"]) == (1, 1, 0)


def test_limits_that_were_hit_tell_how_often_and_from_how_many(campaign: Campaign, boss: Browser) -> None:
    for who in ("a", "b"):
        Limit.objects.create(scope="guest", who=who, window=1, count=60, refused=2)
    assert [(row["scope"], row["times"], row["sources"]) for row in dashboard.limits_hit()] == [("guest", 4, 2)]
    assert "new guests from one network" in page(boss, "/staff/")


def test_what_cannot_be_taken_back_is_asked_for_twice(campaign: Campaign, boss: Browser) -> None:
    answer = boss.post("/staff/state/", {"to": "closed"})
    assert answer.status_code == 200
    assert 'name="sure" value="1"' in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.state == "open"
    assert boss.post("/staff/state/", {"to": "closed", "sure": "1"}).status_code == 303
    campaign.refresh_from_db()
    assert campaign.state == "closed"
    assert "cannot go to that state" in boss.post("/staff/state/", {"to": "open"}, follow=True).content.decode()


def test_maps_can_be_found_and_switched(campaign: Campaign, boss: Browser) -> None:
    hard = Map.objects.filter(kind="normal").order_by("pk")[3]
    Map.objects.filter(pk=hard.pk).update(state="hard", reason="resigned", resigned=3)
    assert f"/staff/maps/{hard.key}/image/" in page(boss, "/staff/maps/")
    boss.post("/staff/maps/switch/", {"map": hard.key, "on": "0"})
    assert f"/staff/maps/{hard.key}/image/" not in page(boss, "/staff/maps/")
    assert "Staff switched it off." in page(boss, f"/staff/maps/?state=disabled&layer={hard.layer}")
    assert boss.post("/staff/maps/switch/", {"map": hard.key, "on": "0"}).status_code == 404
    boss.post("/staff/maps/switch/", {"map": hard.key, "on": "1"})
    hard.refresh_from_db()
    assert (hard.state, hard.reason) == ("active", "wanted")
    assert actions()[-2:] == ["map-off", "map-on"]


def test_labels_are_filtered_and_ordered(campaign: Campaign, boss: Browser) -> None:
    rows = [played("floppy ears", "fur"), played("fur", "wheels")]
    estimates.refit()
    text = page(boss, "/staff/labels/?text=Fl")
    assert "floppy ears" in text
    assert "wheels" not in text
    game_map = rows[1].map
    text = page(boss, f"/staff/labels/?layer={game_map.layer}&class={rows[1].picture.class_index}&language=en")
    assert "wheels" in text
    assert "floppy" not in page(boss, "/staff/labels/?language=it")
    assert page(boss, "/staff/labels/?order=text").index("floppy ears") < page(boss, "/staff/labels/?order=text").index(
        "wheels"
    )
    for odd in ("class=abc", "class=99999999999", "order=password", "page=-1", "page=x"):
        assert boss.get(f"/staff/labels/?{odd}").status_code == 200


def test_a_hidden_label_is_not_shown_to_players_and_goes_on_to_count(campaign: Campaign, boss: Browser) -> None:
    mine = played("fur")
    for _ in range(3):
        other = played("floppy ears")
        Label.objects.filter(round=other).update(map=mine.map)
        Round.objects.filter(pk=other.pk).update(map=mine.map, picture=mine.picture)
    estimates.refit()
    row = Estimate.objects.get(text="floppy ears")

    def others() -> tuple[tuple[str, int], ...]:
        return results.result_of(mine, rules(campaign), "en", timezone.now()).others

    assert others() == (("floppy ears", 3),)
    assert boss.post("/staff/labels/hide/", {"label": str(row.pk), "hide": "1"}).status_code == 303
    assert others() == ()
    Label.objects.filter(pk=Label.objects.filter(text="floppy ears").values("pk")[:1]).update(hidden=False)
    assert others() == ()  # typed again by others, it stays hidden on this map
    estimates.refit()
    assert Estimate.objects.get(text="floppy ears").typed == 3
    number = Estimate.objects.get(text="floppy ears").pk
    assert "hidden" in page(boss, "/staff/labels/?text=floppy")
    boss.post("/staff/labels/hide/", {"label": str(number), "hide": "0", "next": "//evil"})
    assert others() == (("floppy ears", 3),)
    assert actions()[-2:] == ["label-hidden", "label-shown"]
    assert "floppy" not in " ".join(map(str, Audit.objects.values_list("subject", "detail")))


def fitted() -> dict[str, int]:
    estimates.refit()
    return {row.text: row.typed for row in Estimate.objects.order_by("text")}


def test_merged_labels_are_one_in_the_estimates_until_it_is_undone(campaign: Campaign, boss: Browser) -> None:
    first = played("fluffy fur", "hair")
    second = played("fur")
    Label.objects.filter(round=second).update(map=first.map)
    Round.objects.filter(pk=second.pk).update(map=first.map, picture=first.picture)
    points = sorted(LedgerEntry.objects.values_list("round", "kind", "ref", "points"))
    apart = fitted()
    assert apart == {"fluffy fur": 1, "fur": 1, "hair": 1}
    merge = {"text": " Fluffy FUR ", "into": "fur", "language": "en"}
    assert boss.post("/staff/merges/", merge).status_code == 303
    assert fitted() == {"fur": 2, "hair": 1}
    boss.post("/staff/merges/", {"text": "hair", "into": "fluffy fur", "language": "en"})
    assert fitted() == {"fur": 2}  # one player typed two of them: still one
    assert sum(Estimate.objects.get().steps) == 3
    assert sorted(LedgerEntry.objects.values_list("round", "kind", "ref", "points")) == points
    assert set(Label.objects.values_list("text", flat=True)) == {"fluffy fur", "fur", "hair"}
    for row in LabelMerge.objects.order_by("pk"):
        assert boss.post("/staff/merges/undo/", {"merge": str(row.pk)}).status_code == 303
        assert boss.post("/staff/merges/undo/", {"merge": str(row.pk)}).status_code == 404
    assert fitted() == apart
    assert actions()[-4:] == ["merge", "merge", "merge-undone", "merge-undone"]
    assert "undone" in page(boss, "/staff/merges/")


@pytest.mark.parametrize(
    ("text", "into", "said"),
    [
        ("fur", "fur", "same label twice"),
        ("never typed", "fur", "Nobody has typed"),
        ("hair", "wool", "merged already"),
        ("fur", "hair", "itself merged into the first"),
        ("fur", "123", "There is no letter in it"),
        ("", "hair", "required"),
    ],
)
def test_what_cannot_be_merged(campaign: Campaign, boss: Browser, text: str, into: str, said: str) -> None:
    played("fur", "hair")
    boss.post("/staff/merges/", {"text": "hair", "into": "fur", "language": "en"})
    answer = boss.post("/staff/merges/", {"text": text, "into": into, "language": "en"})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert LabelMerge.objects.count() == 1


def test_merges_are_followed_and_never_turn_in_a_circle() -> None:
    merges = merging.Merges({("en", "a"): "b", ("en", "b"): "c", ("it", "a"): "z", ("en", "x"): "y", ("en", "y"): "x"})
    assert [merges.canonical("en", text) for text in "abcd"] == ["c", "c", "c", "d"]
    assert merges.canonical("it", "a") == "z"
    assert merges.canonical("en", "x") in "xy"
    assert merges.members("en", "c") == {"a", "b", "c"}
    assert merges.apply("en", ["a", "c", "d"]) == {"c", "d"}


def test_the_database_itself_refuses_two_targets(campaign: Campaign, boss: Browser) -> None:
    played("fur")
    row = {"campaign": campaign, "language": "en", "text": "fur"}
    LabelMerge.objects.create(**row, into="hair")
    with pytest.raises(IntegrityError), transaction.atomic():
        LabelMerge.objects.create(**row, into="wool")
    with pytest.raises(IntegrityError), transaction.atomic():
        LabelMerge.objects.create(**{**row, "text": "a"}, into="a")
    LabelMerge.objects.update(undone=timezone.now())
    LabelMerge.objects.create(**row, into="wool")


def test_a_merge_during_a_fit_is_not_forgotten(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    played("fluffy fur", "fur")
    boss = Account.objects.create(username="boss", skeleton="boss", is_staff=True)
    known = estimates._known

    def merged_meanwhile(*args: Any) -> Any:
        monkeypatch.undo()
        merging.merge(campaign, "en", "fluffy fur", "fur", actor=boss)
        return known(*args)

    monkeypatch.setattr(estimates, "_known", merged_meanwhile)
    assert fitted() == {"fluffy fur": 1, "fur": 1}
    assert fitted() == {"fur": 1}
    assert estimates.refit() is False


def test_players_left_out_are_not_in_the_estimates(campaign: Campaign, boss: Browser) -> None:
    one, other = played("fur"), played("hair")
    assert fitted() == {"fur": 1, "hair": 1}
    boss.post("/staff/players/shadow/", {"player": one.player.key, "on": "1"})
    assert fitted() == {"hair": 1}
    text = page(boss, "/staff/players/?left_out=1&order=weight")
    assert one.player.key[:8] in text
    assert other.player.key[:8] not in text
    assert "must never be used for decisions about persons" in text
    boss.post("/staff/players/shadow/", {"player": one.player.key, "on": "0"})
    assert fitted() == {"fur": 1, "hair": 1}


def test_flagged_players_are_told_and_found(campaign: Campaign, boss: Browser) -> None:
    one, other = played("fur"), played("hair")
    assert "flagged player" not in page(boss, "/staff/")
    Player.objects.filter(pk=one.player_id).update(suspicion="burst", held=True)
    assert "1 flagged player</a>" in page(boss, "/staff/")
    text = page(boss, "/staff/players/?flagged=1")
    assert one.player.key[:8] in text
    assert other.player.key[:8] not in text
    boss.post("/staff/players/shadow/", {"player": one.player.key, "action": "release"})
    assert one.player.key[:8] not in page(boss, "/staff/players/?flagged=1")
    assert actions()[-1] == "released"


def test_an_admin_erases_who_asked_for_it(campaign: Campaign, boss: Browser) -> None:
    client = Browser()
    sign_up(client)
    win(client, begin(client), "fur")
    player = Player.objects.get(account__username="sandra")
    data = {"player": player.key}
    assert boss.post("/staff/players/erase/", data).status_code == 200
    assert Player.objects.filter(pk=player.pk).exists()
    assert boss.post("/staff/players/erase/", {**data, "sure": "1"}).status_code == 303
    assert not Account.objects.filter(username="sandra").exists()
    assert Label.objects.get().text == "fur"
    log = Audit.objects.get(action="erased")
    assert (log.subject, log.detail) == ("", {})


def test_researchers_decide_nothing_about_persons(campaign: Campaign) -> None:
    rita = Browser()
    make_staff(rita, "rita", role="researcher")
    client = Browser()
    sign_up(client)
    win(client, begin(client), "fur")
    estimates.refit()
    player = Player.objects.get(account__username="sandra")
    for path, data in (
        ("players/shadow/", {"player": player.key, "on": "1"}),
        ("players/shadow/", {"player": player.key, "action": "logout"}),
        ("players/erase/", {"player": player.key, "sure": "1"}),
        ("people/", {"name": "mallory", "role": "admin"}),
        ("people/out/", {"name": "rita"}),
        ("invite/", {}),
    ):
        assert rita.post(f"/staff/{path}", data).status_code == 404, path
    player.refresh_from_db()
    assert (player.shadow, player.account is None) == (False, False)
    assert client.get("/accounts/settings/").status_code == 200
    assert rita.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    assert rita.get("/admin/login/")["Location"] == "/staff/"
    text = page(rita, "/staff/players/")
    assert "/staff/players/shadow/" not in text
    assert "/staff/people/" not in text
    assert "/admin/" not in page(rita, "/staff/")
    number = str(Estimate.objects.get(text="fur").pk)
    assert rita.post("/staff/labels/hide/", {"label": number, "hide": "1"}).status_code == 303
    assert rita.post("/staff/state/", {"to": "paused"}).status_code == 303


def test_staff_accounts_are_made_and_shut_out(campaign: Campaign, boss: Browser) -> None:
    answer = boss.post("/staff/people/", {"name": "rita", "role": "researcher"})
    link = re.search(r"http://localhost:8000(/accounts/password-reset/[^<]+)<", answer.content.decode())
    assert link, answer.content.decode()
    rita = Account.objects.get(username="rita")
    assert (rita.is_staff, rita.is_superuser, rita.has_usable_password()) == (True, False, False)
    client = Browser()
    assert client.post(client.get(link[1])["Location"], {"password": PASSWORD}).status_code == 303
    assert client.post("/accounts/login/", {"username": "rita", "password": PASSWORD}).status_code == 303
    sign_up(Browser(), "sandra")
    for name in ("sandra", "s\u0430ndra", "bo ss", "b0ss"):
        assert boss.post("/staff/people/", {"name": name, "role": "admin"}).status_code == 422, name
    assert not Account.objects.filter(username="sandra", is_staff=True).exists()
    assert boss.post("/staff/people/out/", {"name": "boss"}).status_code == 404
    assert boss.post("/staff/people/out/", {"name": "sandra"}).status_code == 404
    assert boss.post("/staff/people/out/", {"name": "rita"}).status_code == 303
    assert not Session.objects.filter(account=rita).exists()
    assert client.get("/staff/verify/").status_code == 404
    assert client.post("/accounts/login/", {"username": "rita", "password": PASSWORD}).status_code == 422
    again = staff.one_time_link("rita", staff.Role.ADMIN)
    assert client.get(again).status_code == 302
    rita.refresh_from_db()
    assert (rita.is_active, rita.is_superuser) == (True, False)
    assert actions()[-3:] == ["staff-link", "staff-out", "staff-link"]


def test_the_log_is_only_added_to(campaign: Campaign, boss: Browser) -> None:
    boss.post("/staff/state/", {"to": "paused"})
    boss.post("/staff/invite/")
    for change in (lambda: Audit.objects.all().delete(), lambda: Audit.objects.update(action="x")):
        with pytest.raises(TypeError, match="only added to"):
            change()
    text = page(boss, "/staff/audit/?action=campaign&actor=boss")
    rows = text[text.index("<tbody>") : text.index("</tbody>")]
    assert "Campaign: other state: paused" in rows
    assert "Invitation code" not in rows
    Audit.objects.bulk_create(Audit(action="invite") for _ in range(60))
    assert 'href="?action=invite&amp;page=2"' in page(boss, "/staff/audit/?action=invite")
    boss_account = Account.objects.get(username="boss")
    boss_account.delete()
    assert Audit.objects.filter(action="campaign", actor=None).exists()


def test_the_second_factor_is_shown_as_picture_letters_and_address(campaign: Campaign) -> None:
    from django_otp.oath import totp
    from django_otp.plugins.otp_totp.models import TOTPDevice

    client = Browser()
    client.post(client.get(staff.one_time_link("boss"))["Location"], {"password": PASSWORD})
    client.post("/accounts/login/", {"username": "boss", "password": PASSWORD})
    assert "<svg" not in page(client, "/staff/verify/")
    client.post("/staff/verify/")
    text = page(client, "/staff/verify/")
    assert text.count('<svg viewBox="0 0 ') == 1
    assert "style=" not in text
    secret = re.search(r'<code class="code">([A-Z2-7 ]+)</code>', text)
    address = re.search(r'href="otpauth://totp/[^"]*secret=([A-Z2-7]+)', text)
    assert secret
    assert address
    assert secret[1].replace(" ", "") == address[1]
    device = TOTPDevice.objects.get()
    assert b32decode(address[1]) == device.bin_key
    for digits in ("12345", "abcdef", "", "000000"):
        assert client.post("/staff/verify/", {"token": digits}).status_code == 422
    assert client.post("/staff/verify/", {"token": f" {totp(device.bin_key):06d} "}).status_code in (303, 422)
    TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None, confirmed=True)
    assert "<svg" not in page(client, "/staff/verify/")  # shown only until it was used


def test_the_admin_has_only_our_tables_and_changes_nothing(campaign: Campaign, boss: Browser) -> None:
    from django.contrib import admin

    assert {model._meta.app_label for model in admin.site._registry} == {"game"}
    text = page(boss, "/admin/")
    assert "otp_totp" not in text
    assert "/add/" not in text
    assert "style=" not in text
    row = Map.objects.order_by("pk").first()
    assert row is not None
    assert boss.get(f"/admin/game/map/{row.pk}/change/").status_code == 200
    assert boss.post(f"/admin/game/map/{row.pk}/change/", {"state": "hard"}).status_code == 403
    assert boss.post(f"/admin/game/map/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert boss.get("/admin/password_change/")["Location"] == "/accounts/settings/"
    account = Account.objects.get()
    shown = page(boss, f"/admin/game/account/{account.pk}/change/")
    assert account.password not in shown


def test_moderation_tells_where_a_label_is_from(campaign: Campaign, boss: Browser) -> None:
    row = played("shit")
    text = page(boss, "/staff/moderation/")
    assert row.map.layer in text
    label = Label.objects.get()
    assert moderation.decide(label.pk, hide=True, actor=Account.objects.get())
    assert not moderation.decide(label.pk, hide=False, actor=Account.objects.get())
    assert "Nothing waits for you." in page(boss, "/staff/moderation/")


@pytest.fixture
def forms_with_faults(campaign: Campaign) -> Callable[[], dict[str, str]]:
    def send() -> dict[str, str]:
        client = Browser()
        sign_up(client, "olivia")
        found = {
            "/accounts/signup/": Browser().post("/accounts/signup/", {"name": "a", "password": "short"}),
            "/accounts/login/": Browser().post("/accounts/login/", {"username": "a", "password": "b"}),
            "/accounts/recover/": Browser().post("/accounts/recover/", {"name": "a"}),
            "/accounts/password-reset/": Browser().post("/accounts/password-reset/", {"email": "nothing"}),
            "/accounts/settings/email/": client.post("/accounts/settings/email/", {"email": "x", "current": "wrong"}),
            "/accounts/settings/password/": client.post("/accounts/settings/password/", {"password": "short"}),
        }
        assert {answer.status_code for answer in found.values()} == {422}
        return {path: answer.content.decode() for path, answer in found.items()}

    return send


def test_a_form_says_what_is_wrong_over_it_and_beside_the_field(
    forms_with_faults: Callable[[], dict[str, str]],
) -> None:
    for path, text in forms_with_faults().items():
        assert text.count('role="alert"') == 1, path
        assert re.search(r"<title>\s*Error", text) or "settings" in path, path
        ids = re.findall(r'\bid="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path
        for target in re.findall(r'<li><a href="#([^"]+)">', text):
            assert target in ids, (path, target)
        for field in re.findall(r"<input[^>]*aria-invalid[^>]*>", text):
            described = re.search(r'aria-describedby="([^"]+)"', field)
            assert described, (path, field)
            assert set(described[1].split()) <= set(ids), (path, field)


def test_password_fields_tell_managers_what_they_are(campaign: Campaign) -> None:
    client = Browser()
    sign_up(client)
    for text, wanted in (
        (page(Browser(), "/accounts/signup/"), {"username", "new-password", "email"}),
        (page(Browser(), "/accounts/login/"), {"username", "current-password"}),
        (page(Browser(), "/accounts/recover/"), {"username", "new-password", "off"}),
        (page(Browser(), "/accounts/password-reset/"), {"email"}),
        (page(client, "/accounts/settings/"), {"email", "current-password", "new-password"}),
    ):
        main = text[text.index("<main") :]
        assert set(re.findall(r'autocomplete="([^"]+)"', main)) == wanted
        assert "onpaste" not in main
