"""``layerlore play`` as people start it: a real server in processes of its own."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from small_bundle import write_bundle

from layerlore.game.server.tending import HEARTBEAT_FILE, SILENCE, Keeper

if TYPE_CHECKING:
    from collections.abc import Iterator


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("LAYERLORE_", "DJANGO_"))}


@contextmanager
def playing(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str], list[str]]]:
    """Address, process, and the lines it has said on stderr before."""
    command = [sys.executable, "-m", "layerlore", "play", str(folder), "--port", "0", *options]
    said = folder / "said.txt"
    with said.open("w") as errors:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment())
    try:
        assert server.stdout
        address = server.stdout.readline().strip()
        assert address.startswith("http://localhost:"), said.read_text()
        yield address, server, said.read_text().splitlines()
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0, said.read_text()


def test_a_round_over_the_wire_and_a_quiet_end(tmp_path: Path) -> None:
    write_bundle(tmp_path / "campaign", images=6, honeypots=4, seed=5)
    with playing(tmp_path, "--admin", "boss") as (address, server, said):
        assert re.search(rf"{address}accounts/password-reset/\S+", "\n".join(said))
        assert not any("consent" in line for line in said)  # nobody else can come
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        with browser.open(f"{address}healthz", timeout=30) as answer:
            assert json.load(answer) == {"ok": True, "problems": []}
        with browser.open(f"{address}consent/", timeout=30) as answer:
            token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', answer.read().decode())
        assert token
        fields = urllib.parse.urlencode({"agree": "1", "age": "1", "csrfmiddlewaretoken": token[1]}).encode()
        with browser.open(f"{address}start/", fields, timeout=30) as answer:
            assert re.fullmatch(rf"{address}round/[0-9a-f]{{32}}/", answer.url)
            image = re.search(r'src="/(round/\w+/image/0/)"', answer.read().decode())
        assert image
        with browser.open(address + image[1], timeout=30) as answer:
            assert answer.read(8) == b"\x89PNG\r\n\x1a\n"
        started = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert len(started) == 3
    for number in started:
        assert not Path(f"/proc/{number}").exists()
    assert oct((tmp_path / "campaign" / "secret.key").stat().st_mode)[-3:] == "600"


def test_a_keeper_that_dies_is_started_again(tmp_path: Path) -> None:
    """One that hangs is told by the health check; one that is killed has a successor, which is heard of."""
    folder = write_bundle(tmp_path / "campaign", images=1, honeypots=0, seed=5)
    with playing(tmp_path, "--workers", "1", "--host", "0.0.0.0") as (address, server, said):  # noqa: S104
        assert [line for line in said if str(folder / "consent.en.md") in line and "licence" in line] == said
        assert len(said) == 1
        first = keeper_of(server)
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        assert health(address) == (200, [])
        os.utime(folder / HEARTBEAT_FILE, (0, time.time() - SILENCE - 1))
        assert health(address) == (503, ["keeper"])
        os.kill(first, signal.SIGKILL)
        until = time.monotonic() + 60
        while health(address) != (200, []):
            assert time.monotonic() < until
            time.sleep(0.5)
        second = keeper_of(server)
        assert second not in (None, first)
    assert not Path(f"/proc/{second}").exists()


def test_a_keeper_that_hangs_does_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    number = keeper._process.pid
    os.kill(number, signal.SIGSTOP)
    os.waitid(os.P_PID, number, os.WSTOPPED)  # or else the end is heard first
    keeper.end(0.5)
    assert keeper._process.returncode == -signal.SIGKILL
    assert not Path(f"/proc/{number}").exists()


def keeper_of(server: subprocess.Popen[str]) -> int | None:
    """Its process, a child of the server."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    found = [int(one) for one in children if b"game.server.keeper" in Path(f"/proc/{one}/cmdline").read_bytes()]
    return found[0] if found else None


def health(address: str) -> tuple[int, list[str]]:
    try:
        with urllib.request.build_opener().open(f"{address}healthz", timeout=30) as answer:
            return answer.status, json.load(answer)["problems"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["problems"]


def say(folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "layerlore", "play", str(folder), "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_what_is_wrong_is_told_in_one_line(tmp_path: Path) -> None:
    assert "campaign build" in say(tmp_path)
    folder = write_bundle(tmp_path / "campaign", images=1, honeypots=0, seed=6)
    assert "postgres://" in say(tmp_path, "--database", "mysql://x/y")
    assert "smtp://" in say(tmp_path, "--mail", "pigeon")
    assert "database" in say(tmp_path, "--database", "postgres://nobody@127.0.0.1:1/x")
    (folder / "secret.key").chmod(0o644)
    assert "chmod 600" in say(tmp_path)
    (folder / "secret.key").chmod(0o600)
    picture = next((folder / "bundle" / "files").glob("*/*.png"))
    picture.write_bytes(picture.read_bytes()[:-1])
    assert picture.name in say(tmp_path)
