"""One at a time: who writes decisions about concepts, or concepts, keeps others waiting."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from layerlore.errors import ConceptError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = ".concepts.lock"
"""An empty file in the study's folder; whoever writes decisions or concepts has it locked."""


@contextlib.contextmanager
def deciding(folder: Path, patience: float = 60.0) -> Iterator[None]:
    """Keep others from writing decisions and concepts meanwhile; who comes second waits.

    Where the system or the file system has no locks, nobody waits, but no decision is written over.

    Args:
        folder: Of the study.
        patience: Seconds to wait at most.

    Raises:
        ConceptError: Somebody else has been at it for longer than that.
        OutputError: The folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = folder / LOCK
    try:
        file = path.open("a")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; check the folder's permissions") from error
    with file:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise ConceptError(
                        f"{folder}: another command has been changing its concepts for {patience:.0f} s; "
                        f"wait until it has ended"
                    ) from None
                time.sleep(0.05)
            except OSError:
                break  # a file system without locks
            else:
                break
        yield
