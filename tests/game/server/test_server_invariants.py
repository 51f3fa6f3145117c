"""The invariants I1 to I7 of game.md 2.1 (I8 stands with the accounts), held by the database or by the services."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from serving import Browser, begin, make_player, truth, wrong

from layerlore.game.domain.errors import TransitionError
from layerlore.game.domain.labels import Label as Typed
from layerlore.game.domain.states import Typed as Sent
from layerlore.game.server.models import Event, Label, LedgerEntry, Map, Player, Round
from layerlore.game.server.services import assignment, campaigns, recounting, rounds, upkeep

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.game.server.models import Campaign

WORDS = ("floppy ears", "fur", "stripes", "round", "wheel", "red")


def started(campaign: Campaign, player: Player) -> Round | None:
    done = rounds.start(campaign, player, language="en", device="", now=timezone.now())
    return done.round if done else None


def copy_of(row: Round, **changes: object) -> Round:
    columns = {
        field.name: getattr(row, field.name) for field in Round._meta.fields if field.name not in ("id", "token")
    }
    return Round(**{**columns, **changes})


def test_i1_the_database_refuses_a_second_open_round_and_a_map_twice(playing: tuple[Browser, Round]) -> None:
    _, row = playing
    other = Map.objects.exclude(pk=row.map_id).first()
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_of(row, map=other).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_of(row, state="lost", ended=timezone.now()).save()


def test_i1_a_player_never_gets_a_map_or_picture_twice(campaign: Campaign) -> None:
    player = make_player(campaign)
    for _ in range(40):
        row = started(campaign, player)
        if row is None:
            break
        rounds.resign(player, row.token, typed=Sent(), now=timezone.now())
    had = list(player.rounds.values_list("picture", flat=True))
    assert len(had) >= 30
    assert len(had) == len(set(had))


def test_i2_a_final_round_never_changes(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    client.post(f"/round/{row.token}/resign/", {"label_0": "fur"})
    before = Round.objects.filter(pk=row.pk).values().get()
    log = Event.objects.count()
    for path in ("reveal", "guess", "resign"):
        client.post(
            f"/round/{row.token}/{path}/", {"step": "0", "tries": "0", "answer": truth(row), "label_0": "wheel"}
        )
    rounds.expire_overdue(timezone.now() + timedelta(days=1))
    assert Round.objects.filter(pk=row.pk).values().get() == before
    assert Event.objects.count() == log


def test_i2_the_database_refuses_a_step_that_the_map_has_not(playing: tuple[Browser, Round]) -> None:
    _, row = playing
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.filter(pk=row.pk).update(step=row.steps)


def test_i3_bytes_follow_the_step_in_the_database(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    for step in range(row.steps):
        shown = [client.get(f"/round/{row.token}/image/{deeper}/").status_code for deeper in range(row.steps)]
        assert shown == [200] * (step + 1) + [404] * (row.steps - step - 1)
        client.post(f"/round/{row.token}/reveal/", {"step": str(step)})


def test_i4_no_answer_before_the_end_tells_the_class(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    seen = []
    for class_index in range(3):
        row.picture.class_index = class_index
        row.picture.save()
        answers = [
            client.get(f"/round/{row.token}/"),
            client.get(f"/round/{row.token}/image/0/"),
            client.get("/"),
            client.post(f"/round/{row.token}/guess/", {"step": "0", "tries": "0", "answer": "0", "label_0": "cane"}),
            client.post(f"/round/{row.token}/guess/", {"step": "0", "tries": "0"}),
        ]
        plain = ("X-Request-ID", "Set-Cookie")
        seen.append(
            [
                (one.status_code, {k: v for k, v in one.headers.items() if k not in plain}, _without_token(one.content))
                for one in answers
            ]
        )
    assert seen[0] == seen[1] == seen[2]


def _without_token(content: bytes) -> bytes:
    import re

    return re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", content)


def test_i4_right_and_wrong_take_the_same_way(
    campaign: Campaign, django_assert_num_queries: Callable[..., object]
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for answer in (truth, wrong):
        client = Browser()
        row = begin(client)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            done = client.post(f"/round/{row.token}/guess/", {"step": "0", "tries": "0", "answer": answer(row)})
        # Only the first points of a player make a line in the ladders.
        counts.append(
            (done.status_code, [query["sql"].split()[0] for query in queries if "standing" not in query["sql"]])
        )
    assert counts[0] == counts[1]


def test_i5_the_page_cannot_claim_an_earlier_step(playing: tuple[Browser, Round]) -> None:
    client, row = playing
    client.post(f"/round/{row.token}/reveal/", {"step": "0", "label_0": "fur"})
    data = {"step": "1", "tries": "0", "answer": truth(row), "label_0": "fur", "label_1": "wheel", "label_1_step": "0"}
    client.post(f"/round/{row.token}/guess/", data)
    assert sorted(Label.objects.values_list("text", "step")) == [("fur", 0), ("wheel", 1)]
    labelled = Event.objects.filter(kind="labelled").order_by("-pk").first()
    guessed = Event.objects.get(kind="guessed")
    assert labelled is not None
    assert labelled.pk < guessed.pk
    assert (labelled.at, labelled.step) == (guessed.at, 1)


@pytest.mark.parametrize(
    "sections", [{}, {"score": {"daily_round_cap": 25}, "play": {"max_guesses": 2}, "quality": {"training_rounds": 0}}]
)
def test_i6_points_as_they_arise_are_those_of_the_log(
    campaign: Campaign, change_config: Callable[..., None], sections: dict[str, dict[str, object]]
) -> None:
    change_config(campaign, **sections)
    play_at_random(campaign, players=8, actions=350)
    assert LedgerEntry.objects.filter(kind="label").exists()
    assert recounting.recount(campaign) == 0
    assert upkeep.wrong_counters(campaign) == []
    tallies = _tallies(campaign)
    recounting.recount(campaign, repair=True)
    assert _tallies(campaign) == tallies
    assert upkeep.daily_recount() == ""
    LedgerEntry.objects.filter(kind="guess").first().delete()  # type: ignore[union-attr]
    assert upkeep.daily_recount() != ""
    assert Browser().get("/healthz").status_code == 503
    recounting.recount(campaign, repair=True)
    assert upkeep.daily_recount() == ""
    assert Browser().get("/healthz").status_code == 200


def _tallies(campaign: Campaign) -> list[object]:
    return [
        sorted(campaign.class_tallies.values_list("class_index", "rounds")),
        sorted(campaign.label_tallies.values_list("class_index", "name", "rounds")),
        sorted(campaign.pair_tallies.values_list("player", "agreed", "expected", "pairs")),
        sorted(Round.objects.exclude(counted=None).values_list("pk", "counted", "counted_on")),
    ]


def play_at_random(campaign: Campaign, *, players: int, actions: int) -> None:
    """Players who start, reveal, guess, resign and let go, with few words so that labels meet."""
    rng = random.Random(1)  # noqa: S311
    everybody = [make_player(campaign) for _ in range(players)]
    Player.objects.filter(pk=everybody[0].pk).update(shadow=True)
    for _ in range(actions):
        player = Player.objects.get(pk=rng.choice(everybody).pk)
        now = timezone.now()
        row = rounds.open_round(player, campaign)
        if row is None:
            done = rounds.start(campaign, player, language="en", device=f"d{player.pk % 5}", now=now)
            row = done.round if done else None
        if row is None:
            continue
        action = rng.choice(["reveal", "guess", "guess", "guess", "resign", "leave"])
        texts = rng.sample(WORDS, rng.randint(0, 3))
        typed = Sent(tuple(Typed(text, "en", row.step, text) for text in texts))
        try:
            if action == "reveal":
                rounds.reveal(player, row.token, step=row.step, drafts=[], now=now)
            elif action == "guess":
                answer = str(rng.randrange(3))
                rounds.guess(player, row.token, step=row.step, tries=row.tries, answer=answer, typed=typed, now=now)
            elif action == "resign":
                rounds.resign(player, row.token, typed=typed, now=now)
            elif rng.random() < 0.3:
                rounds.leave(player, now)
        except TransitionError:
            continue


def test_i6_a_voided_round_is_as_if_it_had_never_been(campaign: Campaign) -> None:
    play_at_random(campaign, players=5, actions=150)
    row = Round.objects.filter(state="won").select_related("player", "campaign").first()
    assert row is not None
    rounds.void(row, reason="test", now=timezone.now())
    upkeep.recount_if_due()
    assert not LedgerEntry.objects.filter(round=row).exists()
    assert recounting.recount(campaign) == 0
    assert upkeep.wrong_counters(campaign) == []


def test_i7_the_database_refuses_one_more_than_the_cap(campaign: Campaign) -> None:
    game_map = Map.objects.filter(kind="normal").first()
    assert game_map is not None
    Map.objects.filter(pk=game_map.pk).update(done=7, leased=3)
    assert assignment.lease(campaign, game_map.key) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Map.objects.filter(pk=game_map.pk).update(leased=4)


def test_a_map_is_hard_after_three_resignations_and_the_layers_stay_balanced(
    campaign: Campaign, change_config: Callable[..., None]
) -> None:
    change_config(campaign, quality={"training_rounds": 0, "honeypot_rate": [[0, 0.0]]})
    for _ in range(30):
        player = make_player(campaign)
        for _ in range(8):
            row = started(campaign, player)
            assert row is not None
            rounds.resign(player, row.token, typed=Sent(), now=timezone.now())
    assert Map.objects.filter(state="hard").exists()
    assert not Map.objects.filter(kind__in=("control", "honeypot", "blank"), state="hard").exists()
    normal = Map.objects.filter(kind="normal")
    assert set(normal.values_list("load", flat=True)) <= {1, 2, 3}
    plays = [sum(normal.filter(layer=name).values_list("load", flat=True)) for name in ("early", "middle", "late")]
    assert max(plays) - min(plays) <= 0.25 * max(plays)
    assert campaigns.rules(campaign).config.quality.k_min == 3


def test_the_server_needs_no_network_and_no_numpy(playing: tuple[Browser, Round]) -> None:
    import subprocess
    import sys

    code = (
        "import os, sys, django; django.setup(); import layerlore.game.server.urls, layerlore.game.server.wsgi, "
        "layerlore.game.server.keeper as k; k.chores(); "
        "print([m for m in ('torch', 'numpy', 'PIL', 'pyarrow', 'scipy', 'layerlore.study') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
