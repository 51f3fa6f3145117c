"""Those who are no people, against the services: scripts, farms of accounts, sock puppets (ASVS 2.4.1, game.md 4.2)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.utils import timezone
from serving import Browser, begin, make_player, make_staff, open_campaign
from small_bundle import write_bundle

from layerlore.game.domain.labels import Label as Chip
from layerlore.game.domain.simulation import Kind, Skill, honest, words
from layerlore.game.domain.states import Typed
from layerlore.game.server.models import Audit, LedgerEntry, Limit, Map, Player, Round, Standing
from layerlore.game.server.services import recounting, rounds, suspicion, upkeep
from layerlore.game.server.services.limits import RATES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from layerlore.game.server.models import Campaign

pytestmark = pytest.mark.django_db
EVERY = words(60)
BEGIN = datetime(2026, 3, 4, 9, tzinfo=UTC)


def there(row: Round) -> list[str]:
    """What is really on a map, in the simulated world: two words of its class, two of its own."""
    rng = random.Random(row.map_id)  # noqa: S311
    return [EVERY[2 * row.picture.class_index], EVERY[2 * row.picture.class_index + 1], *rng.sample(EVERY[10:], 2)]


def chips(texts: list[str], step: int) -> Typed:
    return Typed(tuple(Chip(text, "en", step, text) for text in dict.fromkeys(texts)))


def play(campaign: Campaign, player: Player, skill: Skill, rng: random.Random, now: datetime) -> Round | None:
    """A whole round as the simulator's players play it."""
    done = rounds.start(campaign, player, language="en", device=f"d{player.pk}", now=now)
    if done is None:
        return None
    row = Round.objects.select_related("picture").get(pk=done.round.pk)
    step, known = 0, skill.kind is not Kind.HONEST
    while skill.kind is Kind.HONEST and step < row.steps - 1:
        known = rng.random() < skill.recognises
        if known:
            break
        rounds.reveal(player, row.token, step=step, drafts=None, now=now)
        step += 1
    guessed = str(row.picture.class_index if skill.kind is Kind.HONEST else rng.randrange(3))
    typed = {
        Kind.HONEST: [word for word in there(row) if rng.random() < skill.sees],
        Kind.PARROT_BOT: [EVERY[2 * int(guessed)], EVERY[2 * int(guessed) + 1]],
        Kind.RANDOM: rng.sample(EVERY, 8),
        Kind.REPLAY: list(EVERY[:8]),
        Kind.INSTANT: [],
    }[skill.kind]
    end = now + timedelta(seconds=1 if known and skill.kind is not Kind.HONEST else 8 * (step + 1))
    sent = {"step": step, "tries": 0, "answer": guessed, "typed": chips(typed, step), "now": end}
    for _ in range(3 if skill.kind is Kind.REPLAY else 1):
        if known:
            rounds.guess(player, row.token, **sent)
        else:
            rounds.resign(player, row.token, typed=chips(typed, step), now=end)
    return row


@pytest.mark.slow
def test_a_thousand_scripted_rounds_are_flagged_and_earn_nothing(tmp_path: Path, db: None) -> None:
    """50 honest players of 6 rounds; four kinds of bots that play 250 rounds each, as fast as they may."""
    campaign = open_campaign(write_bundle(tmp_path, images=300, honeypots=6, seed=21, files=False))
    rng = random.Random(7)  # noqa: S311
    people = [(make_player(campaign), honest(rng)) for _ in range(50)]
    bots = [(make_player(campaign), Skill(kind)) for kind in (Kind.RANDOM, Kind.INSTANT, Kind.PARROT_BOT, Kind.REPLAY)]
    turns = [one for one in people for _ in range(6)] + [one for one in bots for _ in range(250)]
    rng.shuffle(turns)
    clock = dict.fromkeys((player.pk for player, _ in turns), BEGIN)
    with transaction.atomic():
        for player, skill in turns:
            clock[player.pk] += timedelta(seconds=3 if skill.kind is not Kind.HONEST else 120)
            play(campaign, player, skill, rng, clock[player.pk])
    robots = {player.pk for player, _ in bots}
    assert Round.objects.filter(player__in=robots).count() >= 900
    # Beyond the day's cap nothing counts.
    assert Round.objects.filter(player__in=robots, counted=True).count() <= 150 * len(bots)
    each = {True: [], False: []}
    for player, points in Standing.objects.filter(ladder="all-time").values_list("player", "value"):
        counted = Round.objects.filter(player=player, counted=True).count()
        each[player in robots].append(points / counted / 1000)
    assert sum(each[True]) / len(bots) < 10
    assert sum(each[False]) / len(people) > 25
    assert suspicion.look(BEGIN + timedelta(hours=2)) == len(bots)
    flagged = set(Player.objects.filter(suspicion="speed").values_list("pk", flat=True))
    assert flagged == robots
    assert not Player.objects.filter(held=True).exists()
    assert recounting.recount(campaign) == 0
    assert upkeep.wrong_counters(campaign) == []


def test_thirty_rounds_a_minute_are_the_most(campaign: Campaign) -> None:
    client = Browser()
    row = begin(client)
    codes = []
    for _ in range(RATES["round"].count + 2):
        client.post(f"/round/{row.token}/resign/", {})
        answer = client.post("/play/")
        codes.append(answer.status_code)
        if answer.status_code == 303 and "/round/" in answer["Location"]:
            row.token = answer["Location"].split("/")[2]
    assert codes[-1] == 429
    assert codes.count(303) == RATES["round"].count - 1


def confirmed(player: Player) -> int:
    return LedgerEntry.objects.filter(player=player, kind="label").count()


def test_points_of_a_burst_are_held_until_somebody_has_looked(
    campaign: Campaign, change_config: Callable[..., None]
) -> None:
    """20 guests of one network type the same rare word on the same maps within minutes."""
    change_config(campaign, quality={"k_max": 100})
    maps = list(Map.objects.filter(kind="normal").filter(layer="early").order_by("pk")[:3])
    Map.objects.exclude(pk__in=[one.pk for one in maps]).update(state="disabled")
    Map.objects.filter(pk__in=[one.pk for one in maps]).update(cap=100)
    now = timezone.now()
    puppets = [make_player(campaign) for _ in range(20)]
    Player.objects.filter(pk__in=[one.pk for one in puppets]).update(network="one network")
    for number, player in enumerate(puppets):
        for _ in maps:
            at = now + timedelta(seconds=5 * number)
            done = rounds.start(campaign, player, language="en", device=f"d{number}", now=at)
            assert done
            end = at + timedelta(seconds=4)
            typed = chips(["zorb"], 0)
            rounds.guess(player, done.round.token, step=0, tries=0, answer="0", typed=typed, now=end)
    assert all(confirmed(player) == 3 for player in puppets)
    later = now + timedelta(minutes=5)
    assert suspicion.look(later) == 20
    assert suspicion.look(later) == 0
    upkeep.recount_if_due(later)
    assert not LedgerEntry.objects.filter(kind="label").exists()
    assert not Standing.objects.filter(ladder="confirmed", value__gt=0).exists()
    assert Audit.objects.filter(action="flag-burst").count() == 20
    # One who types it later earns nothing by them, and confirms nothing.
    victim = make_player(campaign)
    done = rounds.start(campaign, victim, language="en", device="", now=later)
    assert done
    rounds.resign(victim, done.round.token, typed=chips(["zorb"], 0), now=later)
    assert confirmed(victim) == 0
    assert recounting.recount(campaign) == 0
    staff = Browser()
    make_staff(staff)
    page = staff.get("/staff/players/").content.decode()
    assert page.count('value="release"') == 20
    for player in puppets[:2]:
        staff.post("/staff/players/shadow/", {"player": player.key, "action": "release"})
    upkeep.recount_if_due(later)
    assert confirmed(puppets[0]) == confirmed(puppets[1]) == 3
    assert confirmed(puppets[2]) == 0
    assert suspicion.look(later) == 0
    assert Limit.objects.filter(scope="guest").count() == 0


def test_a_network_may_make_sixty_guests_an_hour(campaign: Campaign) -> None:
    codes = [
        Browser(REMOTE_ADDR="203.0.113.9").post("/start/", {"agree": "1", "age": "1"}).status_code for _ in range(62)
    ]
    assert codes == [303] * 60 + [429] * 2


@pytest.mark.parametrize("flag", ["shadow", "held"])
def test_logging_in_is_no_way_out_of_a_flag(campaign: Campaign, flag: str) -> None:
    from serving import PASSWORD, sign_up

    sign_up(Browser())
    guest = Browser()
    row = begin(guest)
    Player.objects.filter(pk=row.player_id).update(**{flag: True})
    guest.post("/accounts/login/", {"username": "sandra", "password": PASSWORD})
    assert getattr(Player.objects.get(account__username="sandra"), flag)


def test_what_staff_did_to_a_player_does_not_name_them_once_they_are_erased(campaign: Campaign) -> None:
    staff, client = Browser(), Browser()
    make_staff(staff)
    row = begin(client)
    key = row.player.key
    staff.post("/staff/players/shadow/", {"player": key, "on": "1"})
    assert Audit.objects.filter(subject=key).count() == 1
    client.post("/accounts/erase/", {"sure": "1"})
    assert not Audit.objects.filter(subject=key).exists()
    assert Audit.objects.filter(action="shadow-on").count() == 1
