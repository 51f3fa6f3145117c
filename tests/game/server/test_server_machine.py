"""All requests in any order by several players, with the rules as a model; invariants after each (game.md 2.1)."""

from __future__ import annotations

import random
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.db.models import Count, F
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from serving import PASSWORD, Browser, dump, sign_up

from layerlore.game.domain import states
from layerlore.game.domain.errors import TransitionError
from layerlore.game.domain.labels import Label as Chip
from layerlore.game.domain.lifecycle import CampaignState
from layerlore.game.domain.states import FINISHED, Outcome, RoundState, Typed
from layerlore.game.server.models import Campaign, Event, Label, Map, Player, Round
from layerlore.game.server.services import campaigns, ledger, recounting, rounds, upkeep
from layerlore.game.server.services.records import to_record
from layerlore.game.server.views.play import FIXABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.game.domain.states import Transition

WORDS = ("fur", "wheel", "floppy ears", "red")
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
some_words = st.lists(st.sampled_from(WORDS), max_size=3, unique=True)


class Person:
    """A player with browsers, and what the model knows of their rounds.

    Attributes:
        pk: The player's number.
        browsers: Those that are this player.
        name: The account's, or "".
        rounds: Token to the record that the rules give, oldest first.
        drafts: Token to the words kept with the round, and their steps.
        last: Token to the fields of the last answer.
    """

    def __init__(self, pk: int, browser: Browser) -> None:
        self.pk, self.browsers, self.name = pk, [browser], ""
        self.rounds: dict[str, states.Round] = {}
        self.drafts: dict[str, dict[str, int]] = {}
        self.last: dict[str, dict[str, str]] = {}


class Machine(RuleBasedStateMachine):
    """Requests as a browser makes them; what the database must hold follows from `domain.states` alone."""

    campaign: Campaign

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        """All chance and the clock are ours, so that an example can be repeated."""
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        rng = random.Random(f"not the seed of the bundle {seed}")  # noqa: S311
        self.patch = pytest.MonkeyPatch()
        self.now = BEGIN
        self.patch.setattr(timezone, "now", lambda: self.now)
        self.patch.setattr(secrets, "token_hex", lambda size=16: f"{rng.getrandbits(8 * size):0{2 * size}x}")
        self.patch.setattr(secrets, "randbits", rng.getrandbits)
        self.people: list[Person] = []
        self.acted: Person | None = None
        self.gone: list[str] = []
        self.seen: dict[int, tuple[str, int]] = {}
        self.paused = False
        self.config = campaigns.rules(self.campaign).config
        self.new_guest()

    def teardown(self) -> None:
        """Everything is as before the example."""
        if hasattr(self, "atomic"):
            self.check_points(repair=True)
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            self.patch.undo()

    def pass_on(self, seconds: int = 3) -> None:
        self.now += timedelta(seconds=seconds)

    def someone(self, pick: int) -> Person:
        self.acted = self.people[pick % len(self.people)]
        return self.acted

    def a_round(self, person: Person, pick: int) -> str:
        """Mostly the latest."""
        tokens = [*person.rounds]
        return tokens[-1] if pick % 3 else tokens[pick // 3 % len(tokens)]

    @precondition(lambda self: len(self.people) < 5 and not self.paused)
    @rule()
    def new_guest(self) -> None:
        self.pass_on()
        browser = Browser()
        answer = browser.post("/start/", {"agree": "1", "age": "1"})
        row = Round.objects.get(token=answer["Location"].split("/")[2])
        person = Person(row.player_id, browser)
        self.people.append(person)
        self.started(person, answer)

    def started(self, person: Person, answer: Any) -> None:
        assert answer.status_code == 303
        token = answer["Location"].split("/")[2]
        row = Round.objects.get(token=token)
        record = to_record(row)
        assert token not in person.rounds
        assert row.player_id == person.pk
        assert (record.state, record.step, record.labels, record.guesses) == (RoundState.OPEN, 0, (), ())
        assert (record.started, record.expires) == (self.now, self.now + timedelta(minutes=30))
        person.rounds[token] = record

    @rule(who=st.integers(0, 99))
    def play(self, who: int) -> None:
        self.pass_on()
        person = self.someone(who)
        answer = person.browsers[-1].post("/play/")
        running = [token for token, one in person.rounds.items() if one.state is RoundState.OPEN]
        if running and not person.rounds[running[0]].lapsed(self.now):
            assert answer["Location"] == f"/round/{running[0]}/"
            return
        for token in running:
            person.rounds[token] = states.expire(person.rounds[token], now=self.now).round
        if self.paused:
            assert answer.status_code == 409
        else:
            self.started(person, answer)

    def ask(self, person: Person, token: str, path: str, data: dict[str, str], act: Callable[..., Transition]) -> None:
        """Send a request, and compare with what the rules say."""
        before, kept = person.rounds[token], person.drafts.get(token, {})
        words = [data[f"label_{number}"] for number in range(3) if f"label_{number}" in data]
        typed = Typed(tuple(Chip(word, "en", kept.get(word, before.step), word) for word in words))
        answer = person.browsers[-1].post(f"/round/{token}/{path}/", data)
        done, refusal = None, None
        try:
            done = act(before, typed)
        except TransitionError as error:
            refusal = error.code
        if done is None:
            running = before.state is RoundState.OPEN and not before.lapsed(self.now)
            assert answer.status_code == (422 if refusal in FIXABLE and running else 409)
            return
        over = done.round.state in FINISHED and done.outcome is not Outcome.LAPSED and path != "reveal"
        assert answer["Location"] == f"/round/{token}/{'result/' if over else ''}"
        person.rounds[token] = done.round
        if path == "reveal" and done.events:
            person.drafts[token] = {label.raw: label.step for label in typed.labels}

    @rule(
        who=st.integers(0, 99), which=st.integers(0, 99), ahead=st.sampled_from([0, 0, 0, -1, 1, 2]), words=some_words
    )
    def reveal(self, who: int, which: int, ahead: int, words: list[str]) -> None:
        self.pass_on()
        person = self.someone(who)
        token = self.a_round(person, which)
        step = max(0, person.rounds[token].step + ahead)
        data = {"step": str(step), **{f"label_{number}": word for number, word in enumerate(words)}}
        self.ask(person, token, "reveal", data, lambda record, _: states.reveal(record, step=step, now=self.now))

    @rule(
        who=st.integers(0, 99),
        which=st.integers(0, 99),
        answer=st.integers(0, 2),
        ahead=st.sampled_from([0, 0, 0, 0, -1, 1]),
        tries=st.sampled_from([0, 0, 0, 1]),
        words=some_words,
    )
    def guess(self, who: int, which: int, answer: int, ahead: int, tries: int, words: list[str]) -> None:
        self.pass_on()
        person = self.someone(who)
        token = self.a_round(person, which)
        record = person.rounds[token]
        data = {
            "step": str(max(0, record.step + ahead)),
            "tries": str(len(record.guesses) + tries),
            "answer": str(answer),
            **{f"label_{number}": word for number, word in enumerate(words)},
        }
        self.send_guess(person, token, data)

    def send_guess(self, person: Person, token: str, data: dict[str, str]) -> None:
        truth = str(Round.objects.get(token=token).picture.class_index)
        person.last[token] = data
        self.ask(
            person,
            token,
            "guess",
            data,
            lambda record, typed: states.guess(
                record,
                step=int(data["step"]),
                tries=int(data["tries"]),
                answer=data["answer"],
                truth=truth,
                typed=typed,
                config=self.config,
                now=self.now,
            ),
        )

    @rule(who=st.integers(0, 99), which=st.integers(0, 99), words=some_words)
    def resign(self, who: int, which: int, words: list[str]) -> None:
        self.pass_on()
        person = self.someone(who)
        token = self.a_round(person, which)
        data = {f"label_{number}": word for number, word in enumerate(words)}
        self.ask(
            person,
            token,
            "resign",
            data,
            lambda record, typed: states.resign(record, typed=typed, config=self.config, now=self.now),
        )

    @precondition(lambda self: self.acted in self.people and self.acted.last)
    @rule()
    def again(self) -> None:
        """The browser repeats what it sent last."""
        person = self.acted
        self.acted = None
        assert person
        token = [*person.last][-1]
        self.send_guess(person, token, person.last[token])

    @rule(who=st.integers(0, 99), which=st.integers(0, 99))
    def strangers_see_nothing(self, who: int, which: int) -> None:
        """I3: only the owner gets bytes, or can do anything."""
        person = self.someone(who)
        token = self.a_round(person, which)
        data = {"step": "0", "tries": "0", "answer": "0"}
        for browser in [Browser(), *(one.browsers[-1] for one in self.people if one is not person)]:
            for path in ("", "image/0/", "full/", "result/"):
                assert browser.get(f"/round/{token}/{path}").status_code == 404
            for path in ("reveal", "guess", "resign"):
                assert browser.post(f"/round/{token}/{path}/", data).status_code == 404

    @rule(minutes=st.sampled_from([1, 10, 31]))
    def wait(self, minutes: int) -> None:
        self.pass_on(60 * minutes)

    @rule(what=st.sampled_from(["sweep", "pause", "shadow", "recount"]), who=st.integers(0, 99))
    def staff_or_keeper(self, what: str, who: int) -> None:
        if what == "sweep":
            rounds.expire_overdue(self.now)
            for person in self.people:
                for token, record in person.rounds.items():
                    if record.lapsed(self.now):
                        person.rounds[token] = states.expire(record, now=self.now).round
        elif what == "pause":
            self.paused = not self.paused
            to = CampaignState.PAUSED if self.paused else CampaignState.OPEN
            assert campaigns.move(campaigns.current(), to)
        elif what == "shadow":
            player = Player.objects.get(pk=self.someone(who).pk)
            Player.objects.filter(pk=player.pk).update(shadow=not player.shadow)
            ledger.due(self.campaign.pk)
        else:
            upkeep.recount_if_due(self.now)

    @rule(who=st.integers(0, 99), which=st.integers(0, 99))
    def void(self, who: int, which: int) -> None:
        person = self.someone(who)
        token = self.a_round(person, which)
        row = Round.objects.select_related("player", "campaign").get(token=token)
        rounds.void(row, reason="test", now=self.now)
        person.rounds[token] = states.void(person.rounds[token], reason="test", now=self.now).round

    @precondition(lambda self: any(not person.name for person in self.people))
    @rule(who=st.integers(0, 99))
    def make_account(self, who: int) -> None:
        guests = [person for person in self.people if not person.name]
        person = guests[who % len(guests)]
        self.pass_on()
        person.name = f"player{len(self.seen)}x{person.pk}"
        sign_up(person.browsers[-1], person.name)
        assert Player.objects.get(account__username=person.name).pk == person.pk

    @precondition(lambda self: len({bool(person.name) for person in self.people}) == 2)
    @rule(who=st.integers(0, 99), other=st.integers(0, 99))
    def merge(self, who: int, other: int) -> None:
        """A guest turns out to be somebody with an account."""
        guests, owners = ([one for one in self.people if bool(one.name) is named] for named in (False, True))
        guest, owner = guests[who % len(guests)], owners[other % len(owners)]
        self.pass_on()
        login = {"username": owner.name, "password": PASSWORD}
        assert guest.browsers[-1].post("/accounts/login/", login).status_code == 303
        for token, record in guest.rounds.items():
            guest.rounds[token] = states.expire(record, now=self.now, left=True).round
        maps = {record.map_id: token for token, record in owner.rounds.items()}
        both = {**owner.rounds, **guest.rounds}
        for token, record in guest.rounds.items():
            if record.map_id in maps:
                later = max(token, maps[record.map_id], key=lambda one: both[one].started)
                del both[later]
                self.gone.append(later)
        owner.rounds = {token: states.replace(one, player=str(owner.pk)) for token, one in both.items()}
        owner.drafts |= guest.drafts
        owner.last = {token: last for token, last in {**owner.last, **guest.last}.items() if token in both}
        owner.browsers += guest.browsers
        self.people.remove(guest)

    @precondition(lambda self: len(self.people) > 1)
    @rule(who=st.integers(0, 99))
    def erase(self, who: int) -> None:
        """I8: nothing leads back."""
        person = self.someone(who)
        self.pass_on()
        row = Player.objects.get(pk=person.pk)
        secret = [row.key, row.nickname, str(row.cookie), *person.rounds]
        data = {"current": PASSWORD} if person.name else {"sure": "1"}
        assert person.browsers[-1].post("/accounts/erase/", data).status_code == 200
        left = str(dump())
        assert [one for one in secret if one and one != "None" and one in left] == []
        for browser in person.browsers:
            assert browser.get(f"/round/{next(iter(person.rounds))}/").status_code == 404
        self.people.remove(person)

    @invariant()
    def rows_are_what_the_rules_give(self) -> None:
        for person in getattr(self, "people", []):
            rows = Round.objects.filter(player=person.pk)
            assert {row.token: to_record(row) for row in rows} == person.rounds
        for token in getattr(self, "gone", []):
            assert all(token not in person.rounds for person in self.people)

    @invariant()
    def i1_one_open_round(self) -> None:
        open_ones = Round.objects.filter(state="open").values("player").annotate(times=Count("pk"))
        assert not open_ones.filter(times__gt=1).exists()
        assert not Round.objects.values("player", "map").annotate(times=Count("pk")).filter(times__gt=1).exists()

    @invariant()
    def i2_steps_grow_by_one_and_the_end_is_final(self) -> None:
        seen = getattr(self, "seen", {})
        for pk, state, step in Round.objects.values_list("pk", "state", "step"):
            before, shown = seen.get(pk, (state, 0))
            assert before in ("open", state), (before, state)
            assert step in (shown, shown + 1)
            seen[pk] = (state, step)

    @invariant()
    def i3_bytes_follow_the_step(self) -> None:
        person = getattr(self, "acted", None)
        for token in [*person.rounds][-2:] if person in getattr(self, "people", []) else []:
            record = person.rounds[token]
            gone = record.state in (RoundState.EXPIRED, RoundState.VOIDED) or record.lapsed(self.now)
            finished = record.state in FINISHED
            wanted = {
                f"image/{record.step}/": 404 if gone else 200,
                f"image/{record.step + 1}/": 404,
                "full/": 200 if finished else 404,
                "result/": 200 if finished else 302,
            }
            browser = person.browsers[-1]
            assert {path: browser.get(f"/round/{token}/{path}").status_code for path in wanted} == wanted

    @invariant()
    def i5_labels_were_typed_before_the_end_at_a_step_that_was_shown(self) -> None:
        assert not Label.objects.filter(step__gt=F("round__step")).exists()
        ends = {}
        for round_id, kind in Event.objects.order_by("-pk").values_list("round", "kind"):
            if kind in ("won", "lost", "resigned", "expired"):
                ends[round_id] = kind
            elif kind in ("labelled", "guessed", "revealed"):
                assert round_id in ends or Round.objects.get(pk=round_id).state in ("open", "voided")

    @invariant()
    def i6_i7_counts_are_those_of_a_recount(self) -> None:
        if hasattr(self, "people"):
            assert upkeep.wrong_counters(self.campaign) == []
            assert not Map.objects.filter(cap__lt=F("done") + F("leased")).exists()
            self.check_points(repair=False)

    def check_points(self, *, repair: bool) -> None:
        due = Campaign.objects.get(pk=self.campaign.pk).recount_due
        if repair and due:
            recounting.recount(self.campaign, repair=True)
        if repair or not due:
            assert recounting.recount(self.campaign) == 0


@pytest.mark.parametrize("guesses", [1, 2])
def test_any_order_of_requests_keeps_the_invariants(
    campaign: Campaign, change_config: Callable[..., None], settings: Any, guesses: int
) -> None:
    # Costly hashes are tried elsewhere.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    change_config(campaign, play={"max_guesses": guesses})
    Machine.campaign = campaign
    run_state_machine_as_test(Machine, settings=PROFILE)


PROFILE = settings(
    max_examples=10,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # a failure is shown as it was found: to shrink it takes minutes
    suppress_health_check=[*HealthCheck],
)
