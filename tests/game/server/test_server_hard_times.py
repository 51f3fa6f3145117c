"""A real server in hard times (game.md 4.3): a backup under load, a full disk, a lost database file, a moving clock."""

from __future__ import annotations

import random
import shutil
import stat
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.utils import timezone
from serving import make_player

sys.path.append(str(Path(__file__).parents[3] / "bench"))

from gameload import campaign as big
from gameload import serving as servers
from gameload.checks import check, wrong
from gameload.players import Diary, player
from gameload.wire import Browser, Crowd, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerlore.game.server.models import Campaign

only_sqlite = pytest.mark.skipif("postgres" in settings.DATABASES["default"]["ENGINE"], reason="about SQLite's file")


@contextmanager
def playing(folder: Path, **options: Any) -> Iterator[tuple[Crowd, Diary, servers.Running]]:
    """Twelve people who play on a server of their own, which ends in peace."""
    server = servers.start(folder, **options)
    diary = Diary()
    browsers = [Browser(number, server.port, player(number, diary, think=0.2, patient=True)) for number in range(12)]
    crowd = Crowd(browsers, Record())
    try:
        yield crowd, diary, server
        # Told to end while requests are under way: these are answered first.
        assert servers.stop(server) < 15
        crowd.drain()
    finally:
        servers.kill(servers.tree(server.process.pid))
        crowd.close()


def play_until(crowd: Crowd, diary: Diary, answers: int) -> None:
    for _ in range(300):
        if sum(one.acknowledged for one in diary.answers) >= answers:
            return
        crowd.run(0.1)
    pytest.fail(f"fewer than {answers} answers in half a minute: {diary.errors[:3]}")


@only_sqlite
@pytest.mark.slow
def test_a_backup_taken_while_people_play_is_whole_and_can_be_put_back(tmp_path: Path) -> None:
    folder = big.write(tmp_path / "campaign", images=15, honeypots=6)
    copy = tmp_path / "copy.sqlite3"
    command = [sys.executable, "-m", "layerlore", "campaign", "backup", str(folder), str(copy)]
    with playing(folder) as (crowd, diary, _):
        play_until(crowd, diary, 12)
        kept = [one for one in diary.answers if one.acknowledged]
        backup = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while backup.poll() is None:
            crowd.run(0.1)
        assert backup.returncode == 0, backup.communicate()[1]
        play_until(crowd, diary, len(kept) + 12)
    assert not diary.errors
    for file in (copy, folder / "game.sqlite3"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600  # accounts are nobody else's on the machine
    found = check(folder, "", diary.answers)
    assert not wrong(found)
    for end in ("", "-wal", "-shm"):
        (folder / f"game.sqlite3{end}").unlink(missing_ok=True)
    shutil.copyfile(copy, folder / "game.sqlite3")
    back = check(folder, "", kept)
    assert not wrong(back)
    assert len(kept) <= back["finished"] < found["finished"]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "already" in again.stderr


@only_sqlite
@pytest.mark.slow
def test_a_full_disk_stops_answers_and_spoils_none(tmp_path: Path) -> None:
    folder = big.write(tmp_path / "campaign", images=15, honeypots=6)
    servers.stop(servers.start(folder))
    # The bundle's files are smaller than this; the database can grow no more than a little.
    room = (folder / "game.sqlite3").stat().st_size + 60_000
    with playing(folder, largest=room) as (crowd, diary, _):
        for _ in range(300):
            crowd.run(0.1)
            if any("503" in error for error in diary.errors):
                break
        crowd.run(0.5)
    assert any("503" in error for error in diary.errors), diary.errors[:3]
    assert "cannot be used" in (folder / "said.txt").read_text()
    assert not wrong(check(folder, "", diary.answers))
    with playing(folder) as (crowd, more, _):
        play_until(crowd, more, 12)
    assert not wrong(check(folder, "", [*diary.answers, *more.answers]))


@only_sqlite
def test_a_database_that_was_removed_is_not_written_to(tmp_path: Path) -> None:
    folder = big.write(tmp_path / "campaign", images=10, honeypots=6)
    with playing(folder) as (crowd, diary, _):
        play_until(crowd, diary, 3)
        (folder / "game.sqlite3").rename(folder / "kept.sqlite3")
        before = len(diary.answers)
        for _ in range(100):
            crowd.run(0.1)
            if diary.errors:
                break
        assert "503" in diary.errors[0]
        assert not (folder / "game.sqlite3").exists()
        assert not any(one.acknowledged for one in diary.answers[before + 12 :])
    assert "was moved" in (folder / "said.txt").read_text()


def test_a_clock_that_jumps_spoils_neither_points_nor_counters(campaign: Campaign) -> None:
    from layerlore.game.domain.errors import TransitionError
    from layerlore.game.domain.labels import Label
    from layerlore.game.domain.states import Typed
    from layerlore.game.server.services import recounting, rounds, upkeep

    rng = random.Random(3)  # noqa: S311
    everybody = [make_player(campaign) for _ in range(5)]
    for _ in range(120):
        someone = rng.choice(everybody)
        now = timezone.now() + timedelta(hours=rng.choice((-1, 0, 1)))
        done = rounds.start(campaign, someone, language="en", device="", now=now)
        if done is None:
            continue
        typed = Typed((Label(rng.choice(("fur", "ears", "red")), "en", done.round.step),))
        token, step = done.round.token, done.round.step
        try:
            if rng.random() < 0.4:
                rounds.reveal(someone, token, step=step, drafts=[], now=now)
            else:
                rounds.guess(someone, token, step=step, tries=0, answer=str(rng.randrange(3)), typed=typed, now=now)
        except TransitionError:
            continue
    assert recounting.recount(campaign) == 0
    assert upkeep.wrong_counters(campaign) == []
