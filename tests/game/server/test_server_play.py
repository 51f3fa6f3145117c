"""A round in the browser: every request of game.md 2.2, and its repetition."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from serving import Browser, begin, truth, wrong

from layerlore.game.server.models import Event, Label, LedgerEntry, Map, Round


def test_a_guest_plays_a_whole_round_and_wins(playing: tuple[Browser, Round]) -> None:
    client, round_ = playing
    page = client.get(f"/round/{round_.token}/")
    assert page.status_code == 200
    assert client.get(f"/round/{round_.token}/image/0/")["Content-Type"] == "image/png"
    shown = client.post(f"/round/{round_.token}/reveal/", {"step": "0", "label_0": "floppy ears"})
    assert shown.status_code == 303
    client.post(
        f"/round/{round_.token}/guess/",
        {"step": "1", "tries": "0", "answer": truth(round_), "label_0": "floppy ears", "label_1": "Fur"},
    )
    round_.refresh_from_db()
    assert (round_.state, round_.step, round_.map.resigned) == ("won", 1, 0)
    assert sorted(round_.labels.values_list("text", "step")) == [("floppy ears", 0), ("fur", 1)]
    page = client.get(f"/round/{round_.token}/result/")
    assert page.status_code == 200
    assert client.get(f"/round/{round_.token}/full/").status_code == 200


@pytest.mark.parametrize("path", ["reveal", "guess", "resign"])
def test_a_repeated_request_is_answered_as_the_first(playing: tuple[Browser, Round], path: str) -> None:
    client, round_ = playing
    data = {"step": "0", "tries": "0", "answer": truth(round_), "label_0": "fur"}
    first = client.post(f"/round/{round_.token}/{path}/", data)
    rows = [Event.objects.count(), Label.objects.count(), LedgerEntry.objects.count()]
    again = client.post(f"/round/{round_.token}/{path}/", data)
    assert (first.status_code, first["Location"]) == (again.status_code, again["Location"])
    assert first.status_code == 303
    assert rows == [Event.objects.count(), Label.objects.count(), LedgerEntry.objects.count()]


def test_another_guess_after_the_first_is_a_conflict(playing: tuple[Browser, Round]) -> None:
    client, round_ = playing
    data = {"step": "0", "tries": "0", "answer": wrong(round_)}
    client.post(f"/round/{round_.token}/guess/", data)
    other = client.post(f"/round/{round_.token}/guess/", {**data, "answer": truth(round_)})
    assert other.status_code == 409
    round_.refresh_from_db()
    assert round_.state == "lost"


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("reveal", {"step": "2"}, 409),
        ("guess", {"step": "3", "tries": "0", "answer": "0"}, 409),
        ("guess", {"step": "0", "tries": "1", "answer": "0"}, 409),
        ("guess", {"step": "0", "tries": "0"}, 422),
        ("guess", {"step": "0", "tries": "0", "answer": "77"}, 400),
        ("guess", {"step": "0", "tries": "0", "answer": "0", "label_0": "a dog"}, 422),
        ("guess", {"step": "0", "tries": "0", "answer": "0", "label_0": "fur", "nothing": "1"}, 422),
        ("reveal", {"step": "0", "label_0": "chiesa"}, 422),
        ("reveal", {"step": "x"}, 400),
        ("resign", {"label_0": "dogs"}, 422),
    ],
)
def test_what_does_not_fit_changes_nothing(
    playing: tuple[Browser, Round], path: str, data: dict[str, str], status: int
) -> None:
    client, round_ = playing
    before = Round.objects.filter(pk=round_.pk).values().get()
    assert client.post(f"/round/{round_.token}/{path}/", data).status_code == status
    assert Round.objects.filter(pk=round_.pk).values().get() == before
    assert Event.objects.filter(round=round_).count() == 1
    assert not Label.objects.exists()


def test_the_last_step_has_no_next(playing: tuple[Browser, Round]) -> None:
    client, round_ = playing
    for step in range(round_.steps - 1):
        assert client.post(f"/round/{round_.token}/reveal/", {"step": str(step)}).status_code == 303
    assert client.post(f"/round/{round_.token}/reveal/", {"step": str(round_.steps - 1)}).status_code == 409


def test_play_goes_on_with_the_open_round(playing: tuple[Browser, Round]) -> None:
    client, round_ = playing
    assert client.post("/play/")["Location"] == f"/round/{round_.token}/"
    assert Round.objects.count() == 1


def test_a_round_whose_time_is_over_expires_and_gives_its_place_back(playing: tuple[Browser, Round]) -> None:
    client, round_ = playing
    Round.objects.update(expires=timezone.now() - timedelta(seconds=1))
    answer = client.post(f"/round/{round_.token}/guess/", {"step": "0", "tries": "0", "answer": truth(round_)})
    assert answer["Location"] == f"/round/{round_.token}/"
    round_.refresh_from_db()
    assert round_.state == "expired"
    assert Map.objects.get(pk=round_.map_id).leased == 0
    assert client.get(f"/round/{round_.token}/image/0/").status_code == 404
    assert begin(client).pk != round_.pk


def test_nobody_else_sees_the_round(playing: tuple[Browser, Round]) -> None:
    _, round_ = playing
    other = Browser()
    begin(other)
    for path in ("", "image/0/", "result/", "full/"):
        assert other.get(f"/round/{round_.token}/{path}").status_code == 404
    for path in ("reveal", "guess", "resign"):
        data = {"step": "0", "tries": "0", "answer": "0"}
        assert other.post(f"/round/{round_.token}/{path}/", data).status_code == 404


def test_deeper_steps_are_not_served(playing: tuple[Browser, Round]) -> None:
    client, round_ = playing
    assert [client.get(f"/round/{round_.token}/image/{step}/").status_code for step in range(8)] == [200] + [404] * 7
    assert client.get(f"/round/{round_.token}/full/").status_code == 404
    assert client.get(f"/round/{round_.token}/result/").status_code == 302
