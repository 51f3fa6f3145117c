"""A worker of gunicorn that gives a thread only to a request that has arrived whole.

Gunicorn's own threads wait for the bytes of a request, so a few clients that send slowly, or nothing, keep everybody
else from playing. Here the loop that waits for all connections looks at what has arrived without taking it; the kernel
wakes it again when there is more.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections import deque
from enum import Enum
from functools import partial
from selectors import EVENT_READ
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import TConn, ThreadWorker

if TYPE_CHECKING:
    from concurrent.futures import Future

HEAD_LIMIT = 32 * 1024
"""Bytes of a request's line and headers."""

BODY_LIMIT = 64 * 1024
"""Bytes of a body that is waited for; a larger one is refused by its length, unread."""

PATIENCE = 15.0
"""Seconds that a request may take to arrive."""

LINGER = 2.0
"""Seconds in which a client may still read the answer before the connection is closed."""

SEND_BUFFER = 400 * 1024
"""A whole answer fits into it, so that a thread does not wait for a client that reads slowly."""

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


class Arrival(Enum):
    """How much of a request is there."""

    WHOLE = "whole"
    PART = "part"
    NONE_TO_COME = "none to come"


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection that knows how much of its next request has arrived.

    Attributes:
        seen: Bytes that had arrived at the last look.
        closes: The body will not be read, so the connection ends with the answer.
        drained: Bytes thrown away since the answer.
    """

    seen = 0
    closes = False
    drained = 0

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 gunicorn's own
        """With room for an answer."""
        super().__init__(*args)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        # What must not happen takes ten seconds at most.
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            self.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", 10, 0))

    def look(self) -> Arrival:
        """See what has arrived, and leave it where it is."""
        try:
            found = self.sock.recv(HEAD_LIMIT + BODY_LIMIT, socket.MSG_PEEK)
        except BlockingIOError:
            return Arrival.PART
        except OSError:
            return Arrival.NONE_TO_COME
        if len(found) <= self.seen:
            return Arrival.NONE_TO_COME
        wanted, self.closes = needed(found)
        if wanted > HEAD_LIMIT + BODY_LIMIT:
            return Arrival.NONE_TO_COME
        whole = wanted <= len(found)
        self.seen = 0 if whole else len(found)
        # The kernel tells us only when so many bytes are there.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 if whole else wanted)
        return Arrival.WHOLE if whole else Arrival.PART


def needed(found: bytes) -> tuple[int, bool]:
    """Bytes that must be there before a request can be answered, and whether more than those are to come.

    More than may ever be there where the head is too long.
    """
    end = found.find(b"\r\n\r\n")
    if end < 0:
        return (len(found) + 1 if len(found) < HEAD_LIMIT else HEAD_LIMIT + BODY_LIMIT + 1), False
    head = found[: end + 4]
    length = _LENGTH.search(head)
    body = int(length[1]) if length else 0
    if _CHUNKED.search(head) or body > BODY_LIMIT:
        return len(head), True
    return len(head) + body, False


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's worker with threads, whose threads wait for nobody."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 gunicorn's own
        """With nobody waiting."""
        super().__init__(*args, **kwargs)
        self.lingering: deque[Connection] = deque()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection and wait for its first request."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        self._admit(Connection(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """Something has arrived on a connection that was used before."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._admit(conn)

    def on_pending_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """More has arrived on a connection whose request was not whole."""
        arrival = conn.look()
        if arrival is Arrival.PART:
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        self._go_on(conn, arrival)

    def _admit(self, conn: Connection) -> None:
        arrival = conn.look()
        if arrival is not Arrival.PART:
            self._go_on(conn, arrival)
            return
        conn.timeout = time.monotonic() + PATIENCE
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _go_on(self, conn: Connection, arrival: Arrival) -> None:
        if arrival is Arrival.WHOLE:
            conn.data_ready = True
            self.enqueue_req(conn)
        else:
            self._drop(conn)

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Whether another request may come. One that was sent before the answer is not waited for."""
        if conn.closes or not super()._keepalive_after(conn, keepalive):
            return False
        return not conn.parser.unreader.buf.getvalue()

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        """After the answer: wait for the next request, or close without making the others wait."""
        if not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError):
            self._drop(conn)
            return
        conn.timeout = time.monotonic() + LINGER
        self.lingering.append(conn)

    def _drain(self, conn: Connection, client: socket.socket) -> None:
        """Throw away what a client still sends, so that it gets to read the answer."""
        try:
            found = client.recv(BODY_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            found = b""
        conn.drained += len(found)
        if not found or conn.drained > 4 * BODY_LIMIT:
            self.poller.unregister(client)
            self.lingering.remove(conn)
            self._drop(conn)

    def murder_pending(self) -> None:
        """Close what has taken too long."""
        super().murder_pending()
        now = time.monotonic()
        while self.lingering and self.lingering[0].timeout <= now:
            conn = self.lingering.popleft()
            self.poller.unregister(conn.sock)
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """The worker is to stop: nobody is waited for any longer than that."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline if conn.seen else 0.0)
