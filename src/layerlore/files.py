"""Writing files so that they appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from layerlore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

PART = ".part"
"""Suffix of files that are being written; one that is left over was a killed program's."""


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary file in the same folder, then rename it into place.

    Raises:
        OutputError: The system refuses; nothing is left behind and an older file stays as it was.
    """
    with writing_whole(path) as file:
        file.write(content)


@contextlib.contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place when the block ends without an error.

    Raises:
        OutputError: As for :func:`write_whole`.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=PART, dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name without the content
        temporary.chmod(_mode())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _mode() -> int:
    """Permissions that a file opened the usual way would get (a temporary file is private)."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
