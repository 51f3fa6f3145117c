"""Many browsers' connections in one thread: HTTP/1.1 with keep-alive over plain sockets, so that it costs little.

A player is a generator: it yields a `Request`, a pause in seconds, or `TURN` at the end of a round, and is sent a
`Reply`, or thrown `GoneError` where the server closed the connection instead of answering.
"""

from __future__ import annotations

import heapq
import itertools
import select
import socket
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

TURN = object()
PIECE = 1 << 18


class GoneError(Exception):
    """The connection ended without an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser sends.

    Attributes:
        kind: Under which it is counted.
        path: Where to.
        fields: Of a form; None for GET.
    """

    kind: str
    path: str
    fields: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    location: str
    body: bytes


@dataclass
class Record:
    """What was measured.

    Attributes:
        times: Seconds of each request by kind.
        errors: Kind and status of what no player should see.
        rounds: Whole rounds.
        gone: Connections that ended without an answer.
    """

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    rounds: int = 0
    gone: int = 0


class Browser:
    """One player's connection and cookies."""

    def __init__(self, number: int, port: int, player: Generator[object, Reply | None, None]) -> None:
        """Not connected yet; each player comes from a network of their own."""
        self.address = f"127.1.{number // 250}.{number % 250 + 1}"
        self.host = f"localhost:{port}"
        self.port = port
        self.player = player
        self.cookies: dict[str, str] = {}
        self.socket: socket.socket | None = None
        self.received = bytearray()
        self.kind = ""
        self.begun = 0.0

    def connect(self) -> socket.socket:
        """A connection.

        Raises:
            GoneError: Nobody listens.
        """
        if self.socket is None:
            made = socket.socket()
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                made.bind((self.address, 0))
                made.connect(("127.0.0.1", self.port))
            except OSError as error:
                made.close()
                raise GoneError from error
            self.socket = made
        return self.socket

    def send(self, request: Request) -> None:
        """Send a request, small enough for the socket's buffer.

        Raises:
            GoneError: The connection is gone.
        """
        self.kind, self.begun = request.kind, time.perf_counter()
        self.received.clear()
        head = f"{'GET' if request.fields is None else 'POST'} {request.path} HTTP/1.1\r\nHost: {self.host}\r\n"
        if self.cookies:
            head += "Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()) + "\r\n"
        body = ""
        if request.fields is not None:
            body = "&".join(f"{name}={quote_plus(value)}" for name, value in request.fields.items())
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        try:
            self.connect().sendall((head + "\r\n" + body).encode())
        except OSError as error:
            self.close()
            raise GoneError from error

    def receive(self) -> Reply | None:
        """What has come, if it is whole.

        Raises:
            GoneError: The connection ended before.
        """
        assert self.socket
        try:
            piece = self.socket.recv(PIECE)
        except OSError as error:
            raise GoneError from error
        if not piece:
            raise GoneError
        self.received += piece
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.received[: end + 2].decode("latin-1")
        length = head.find("Content-Length: ")
        size = int(head[length + 16 : head.find("\r\n", length)])
        if len(self.received) < end + 4 + size:
            return None
        location = head.find("Location: ")
        place = head[location + 10 : head.find("\r\n", location)] if location >= 0 else ""
        if "Set-Cookie: " in head:
            for line in head.split("\r\n"):
                if line.startswith("Set-Cookie: "):
                    name, _, value = line[12:].partition(";")[0].partition("=")
                    self.cookies[name] = value
        if "Connection: close" in head:
            self.close()
        return Reply(int(head[9:12]), place, bytes(self.received[end + 4 :]))

    def close(self) -> None:
        """End the connection; the cookies stay."""
        if self.socket is not None:
            self.socket.close()
        self.socket = None


class Crowd:
    """Runs many browsers until a time is over."""

    def __init__(self, browsers: Iterable[Browser], record: Record, *, at_once: int | None = None) -> None:
        """With ``at_once`` only so many play at a time; the others wait for the end of a round."""
        self.waiting = deque(browsers)
        self.record = record
        self.at_once = at_once or len(self.waiting)
        self.epoll = select.epoll()
        self.by_number: dict[int, Browser] = {}
        self.timers: list[tuple[float, int, Browser]] = []
        self.numbers = itertools.count()

    def run(self, seconds: float) -> None:
        """Let them play; may be called again to go on."""
        end = time.perf_counter() + seconds
        for _ in range(self.at_once):
            if self.waiting:
                self._step(self.waiting.popleft(), None)
        self.at_once = 0
        while (now := time.perf_counter()) < end:
            while self.timers and self.timers[0][0] <= now:
                self._step(heapq.heappop(self.timers)[2], None)
            pause = min(end, self.timers[0][0] if self.timers else end) - time.perf_counter()
            for number, _ in self.epoll.poll(max(0.0, min(pause, 0.5))):
                self._read(number)

    def drain(self) -> None:
        """Take what has come already, and see which connections are gone, so that nothing acknowledged is missed."""
        end = time.perf_counter() + 1.0
        while any(browser.kind for browser in self.by_number.values()) and time.perf_counter() < end:
            for number, _ in self.epoll.poll(0.05):
                self._read(number)

    def finish(self, seconds: float = 5.0) -> None:
        """Wait for the answers to what has been sent; nobody sends anything more."""
        end = time.perf_counter() + seconds
        self.timers.clear()
        self.waiting.clear()
        for browser in self.by_number.values():
            browser.player = _last(browser.player)
            next(browser.player)
        while time.perf_counter() < end and any(browser.kind for browser in self.by_number.values()):
            for number, _ in self.epoll.poll(0.1):
                self._read(number)

    def close(self) -> None:
        """End all connections."""
        for browser in self.by_number.values():
            browser.close()
        self.epoll.close()

    def _read(self, number: int) -> None:
        browser = self.by_number[number]
        try:
            reply = browser.receive()
        except GoneError:
            self._forget(number)
            self.record.gone += 1
            if browser.kind:
                self._step(browser, GoneError())
            return
        if reply is None:
            return
        if browser.socket is None:
            self.by_number.pop(number, None)
        self.record.times[browser.kind].append(time.perf_counter() - browser.begun)
        browser.kind = ""
        self._step(browser, reply)

    def _forget(self, number: int) -> None:
        browser = self.by_number.pop(number)
        self.epoll.unregister(number)
        browser.close()

    def _step(self, browser: Browser, answer: Reply | GoneError | None) -> None:
        """Give the player what came, and do what the player wants next."""
        while True:
            try:
                wish = browser.player.throw(answer) if isinstance(answer, GoneError) else browser.player.send(answer)
            except StopIteration:
                return
            if isinstance(wish, Request):
                try:
                    browser.send(wish)
                except GoneError as gone:
                    browser.kind = ""
                    answer = gone
                    continue
                self._watch(browser)
                return
            if wish is not TURN:
                heapq.heappush(self.timers, (time.perf_counter() + float(wish), next(self.numbers), browser))
                return
            self.record.rounds += 1
            self.waiting.append(browser)
            browser, answer = self.waiting.popleft(), None

    def _watch(self, browser: Browser) -> None:
        assert browser.socket
        number = browser.socket.fileno()
        if self.by_number.get(number) is not browser:
            self.by_number[number] = browser
            self.epoll.register(number, select.EPOLLIN)


def _last(player: Generator[object, Reply | None, None]) -> Generator[object, Reply | None, None]:
    """Hear one more answer, and ask for nothing more."""
    try:
        answer = yield 0.0
        player.send(answer)
    except GoneError:
        return
