"""Attacks on the sockets of a real server: slow clients, endless bodies, many log-ins (game.md 4.1 and 4.2)."""

from __future__ import annotations

import http.cookiejar
import re
import socket
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_bundle import write_bundle
from test_server_running import playing

from layerlore.game.server.patient import BODY_LIMIT, HEAD_LIMIT, PATIENCE, needed

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"Host: localhost\r\n"
FORM = b"POST /start/ HTTP/1.1\r\n" + HEAD + b"Content-Type: application/x-www-form-urlencoded\r\n"
SLOW = {
    "silent": b"",
    "head": b"GET / HTTP/1.1\r\n" + HEAD + b"X-More: ",
    "body": FORM + b"Content-Length: 5000\r\n\r\nagree=1",
    "large body": FORM + b"Content-Length: 500000\r\n\r\nagree=1",
    "chunks": FORM + b"Transfer-Encoding: chunked\r\n\r\n5\r\nagr",
    "second request": b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\nGET /how/ HT",
}
ATTACKERS = 200
# The bars are for an idle machine; a busy one may take some times as long.
SLACK = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Address and process of a server behind a proxy that it trusts."""
    folder = tmp_path_factory.mktemp("wire")
    write_bundle(folder / "campaign", images=6, honeypots=4, seed=8)
    with playing(folder, "--proxies", "1") as (address, process, _):
        yield address, process.pid


@pytest.fixture(scope="module")
def late(server: tuple[str, int]) -> Iterator[socket.socket]:
    """A client that never ends its request; made first, so that the others' time passes meanwhile."""
    with connect(server[0], SLOW["head"]) as client:
        yield client


def connect(address: str, content: bytes = b"") -> socket.socket:
    port = urllib.parse.urlsplit(address).port
    assert port
    found = socket.create_connection(("127.0.0.1", port), timeout=30)
    found.sendall(content)
    return found


def answer(address: str, content: bytes) -> bytes:
    """What comes back until the server closes."""
    with connect(address, content) as client:
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def seconds(address: str, path: str, headers: dict[str, str], times: int) -> list[float]:
    """How long requests take, in order of length."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        request = urllib.request.Request(address + path, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as found:  # noqa: S310
            found.read()
        taken.append(time.perf_counter() - begun)
    return sorted(taken)


def memory(pid: int) -> int:
    """KiB of the server and its children."""
    every = [str(pid), *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    sizes = [re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text()) for one in every]
    return sum(int(size[1]) for size in sizes if size)


@pytest.mark.parametrize("kind", SLOW)
def test_two_hundred_slow_clients_stop_nobody(server: tuple[str, int], late: socket.socket, kind: str) -> None:
    address, _ = server
    with ExitStack() as stack:
        for _ in range(ATTACKERS):
            stack.enter_context(connect(address, SLOW[kind]))
        assert seconds(address, "healthz", {}, 3)[-1] < SLACK


def test_who_does_not_read_the_answer_stops_nobody(server: tuple[str, int]) -> None:
    address, _ = server
    with ExitStack() as stack:
        for _ in range(ATTACKERS // 4):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            stack.enter_context(client)
            client.connect(("127.0.0.1", urllib.parse.urlsplit(address).port))
            client.sendall(b"GET /how/ HTTP/1.1\r\n" + HEAD + b"\r\n")
        assert seconds(address, "healthz", {}, 3)[-1] < SLACK


def test_a_slow_request_is_answered_when_it_is_whole(server: tuple[str, int]) -> None:
    address, _ = server
    with connect(address) as client:
        for part in (b"GET /healthz HT", b"TP/1.1\r\nHost: local", b"host\r\nConnection: close\r\n", b"\r\n"):
            client.sendall(part)
            time.sleep(0.05)
        assert b" 200 OK" in b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("head", "part", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n", b"411"),
        (b"Content-Length: 1073741824\r\n\r\n", b"x" * 65536, b"413"),
    ],
)
def test_a_body_of_a_gigabyte_is_cut_off_and_takes_no_memory(
    server: tuple[str, int], head: bytes, part: bytes, status: bytes
) -> None:
    address, pid = server
    seconds(address, "consent/", {}, 8)
    before, sent, found = memory(pid), 0, b""
    with connect(address, FORM + head) as client:
        with suppress(OSError):
            while sent < 1 << 30:
                client.sendall(part)
                sent += len(part)
        with suppress(OSError):
            found = client.recv(65536)
    assert sent < 64 << 20
    assert memory(pid) - before < 5 * 1024
    assert answer(address, FORM + head + b"x").split()[1] == status
    assert found == b"" or found.split()[1] == status


def test_heads_have_limits(server: tuple[str, int]) -> None:
    address, _ = server
    get = b"GET / HTTP/1.1\r\n" + HEAD
    assert answer(address, b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n").split()[1] in (b"400", b"414")
    assert answer(address, get + b"".join(b"X-%d: a\r\n" % one for one in range(80)) + b"\r\n").split()[1] != b"200"
    with suppress(OSError):
        assert answer(address, get + b"X: " + b"a" * 2 * HEAD_LIMIT) == b""


@pytest.mark.parametrize(
    "content",
    [
        FORM + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
        FORM + b"Content-Length: 5\r\nContent-Length: 30\r\n\r\nabcde",
        FORM + b"Content-Length: +5\r\n\r\nabcde",
        FORM + b"Content-Length: -5\r\n\r\nabcde",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n Folded: 1\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_requests_that_two_servers_would_read_differently_are_refused(server: tuple[str, int], content: bytes) -> None:
    address, _ = server
    found = answer(address, content)
    assert found.startswith(b"HTTP/1.1 4")
    assert found.count(b"HTTP/1.1 ") == 1


def test_many_log_ins_leave_room_for_those_who_play(server: tuple[str, int]) -> None:
    """ASVS 15.2.2: hashing passwords for 200 log-ins would take eight seconds of both cores."""
    address, _ = server
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with browser.open(f"{address}accounts/login/", timeout=30) as found:
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', found.read().decode())
    assert token
    fields = {"csrfmiddlewaretoken": token[1], "agree": "1", "age": "1"}
    with browser.open(f"{address}start/", urllib.parse.urlencode(fields).encode(), timeout=30) as found:
        path = urllib.parse.urlsplit(found.url).path[1:]
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    names = {"username": "nobody", "password": "wrong password", "csrfmiddlewaretoken": token[1]}
    body = urllib.parse.urlencode(names).encode()
    with ExitStack() as stack:
        attackers = []
        for number in range(ATTACKERS):
            # Each from another network, or the limit of log-ins would be what holds.
            head = f"Cookie: {cookies}\r\nX-Forwarded-For: 203.0.{number}.7\r\nContent-Length: {len(body)}\r\n\r\n"
            content = FORM.replace(b"/start/", b"/accounts/login/") + head.encode() + body
            attackers.append(stack.enter_context(connect(address, content)))
        taken = seconds(address, path, {"Cookie": cookies}, 20)
        statuses = {client.recv(65536).split()[1] for client in attackers}
    assert taken[18] < 0.5 * SLACK, taken
    assert statuses <= {b"422", b"503"}
    assert b"503" in statuses


def test_a_request_that_takes_too_long_to_arrive_is_forgotten(server: tuple[str, int], late: socket.socket) -> None:
    late.settimeout(PATIENCE + 10)
    with suppress(ConnectionResetError):
        assert late.recv(1) == b""


def test_what_must_arrive_before_a_thread_is_given() -> None:
    get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert needed(get) == (len(get), False)
    assert needed(get[:-1]) == (len(get), False)
    post = b"POST / HTTP/1.1\r\nCONTENT-length:  7 \r\n\r\n"
    assert needed(post) == (len(post) + 7, False)
    assert needed(post.replace(b"7", b"70000")) == (len(post) + 4, True)
    assert needed(b"a" * HEAD_LIMIT)[0] > HEAD_LIMIT + BODY_LIMIT
