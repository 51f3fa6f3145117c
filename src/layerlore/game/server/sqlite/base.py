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
from typing import Any

from django.conf import settings
from django.db import OperationalError
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


def _identity(path: str) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)  # noqa: PTH116 a string
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


class DatabaseWrapper(base.DatabaseWrapper):
    """Waits in the queue before a transaction begins, and leaves it when it ends."""

    _turn: Queue | None = None
    _file: tuple[int, int] | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:  # noqa: ANN401 SQLite's connection
        """Open the file; a running game's must be there, for an empty one would be made in its place.

        Raises:
            OperationalError: It is not.
        """
        if self.is_in_memory_db():
            return super().get_new_connection(conn_params)
        name = str(self.settings_dict["NAME"])
        if settings.CAMPAIGN_KEY and not os.path.exists(name):  # noqa: PTH110 a string
            raise OperationalError(f"{name} is not there; put it or its last copy back")
        made = super().get_new_connection(conn_params)
        self._file = _identity(name)
        return made

    def _check_file(self) -> None:
        """The open file must be the one that has the name: what is written to a removed one is lost.

        Raises:
            OperationalError: It was moved, removed or replaced; the next request opens what is there then.
        """
        name = str(self.settings_dict["NAME"])
        if _identity(name) != self._file:
            self.close()
            raise OperationalError(f"{name} was moved, removed or replaced while the server ran")

    def _start_transaction_under_autocommit(self) -> None:
        # One that only reads waits for nobody, and nobody for it.
        reads = self.transaction_mode == READS  # type: ignore[attr-defined]
        if not reads and not self.is_in_memory_db():
            self._check_file()
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
