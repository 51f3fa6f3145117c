"""Django's SQLite back end with a queue of writers.

SQLite lets one writer in at a time, and the others try again after pauses of up to 100 ms, in no order: under load some
wait for seconds while the file is free. Here each waits in a queue of its process, and the first of each process in a
queue of the machine, which wakes it at once. The queue is two locked files beside the database; the system frees them
when a process ends, however it ends. SQLite's own lock still guards the file.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from django.db.backends.sqlite3 import base

try:
    import fcntl
except ImportError:  # not on Windows, where SQLite's own pauses must do
    LOCKS = False
else:
    LOCKS = True

QUEUE = ("-next", "-writer")
"""Ends of the lock files' names: who comes next, and who writes. Who comes next cannot be overtaken."""

READS = "DEFERRED"
"""Mode of a transaction that only reads; `services.snapshots` sets it."""


class Queue:
    """The queue of one database in this process."""

    def __init__(self, path: str) -> None:
        """Open the lock files, if the folder is writable; if not, nothing can be written anyway."""
        self._here = threading.Lock()
        self._files: list[int] = []
        self.process = os.getpid()
        if LOCKS:
            with suppress(OSError):
                self._files = [os.open(path + end, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for end in QUEUE]

    def enter(self) -> None:
        """Wait until it is one's turn."""
        self._here.acquire()
        if self._files:
            following, writer = self._files
            fcntl.flock(following, fcntl.LOCK_EX)
            fcntl.flock(writer, fcntl.LOCK_EX)
            fcntl.flock(following, fcntl.LOCK_UN)

    def leave(self) -> None:
        """Let the next one in."""
        if self._files:
            fcntl.flock(self._files[1], fcntl.LOCK_UN)
        self._here.release()


_queues: dict[str, Queue] = {}
_making = threading.Lock()


def _queue(path: str) -> Queue:
    with _making:
        found = _queues.get(path)
        if found is None or found.process != os.getpid():  # a fork shares its parent's locks
            found = _queues[path] = Queue(path)
        return found


class DatabaseWrapper(base.DatabaseWrapper):
    """Waits in the queue before a transaction begins, and leaves it when it ends."""

    _turn: Queue | None = None

    def _start_transaction_under_autocommit(self) -> None:
        # One that only reads waits for nobody, and nobody for it.
        reads = self.transaction_mode == READS  # type: ignore[attr-defined]
        if not reads and not self.is_in_memory_db():
            queue = _queue(str(self.settings_dict["NAME"]))
            queue.enter()
            self._turn = queue
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._leave()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._leave()

    def _leave(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.leave()
