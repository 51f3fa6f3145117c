"""Files of a bundle, read only where they are what the manifest says: plain files, of that size, with that content."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.png import picture_size

if TYPE_CHECKING:
    from pathlib import Path

FILES = "files"
MAX_FILE = 32 * 1024 * 1024
"""Bytes of the largest picture that is read."""

WAY_OUT = "build the campaign again, or restore the folder"
_NAME = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{30}\.png")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One picture.

    Attributes:
        file: Its place below the folder ``files``: two hex digits, a slash, 32 hex digits that begin with them.
        sha256: Of its content, in hex.
        bytes: Its size.
    """

    file: str
    sha256: str
    bytes: int


def place_of(key: str) -> str:
    """The place of a file with this random name of 32 hex digits."""
    return f"{key[:2]}/{key}.png"


def is_place(name: str) -> bool:
    """Whether it is the name of a file of a bundle, so that it leads nowhere else."""
    return _NAME.fullmatch(name) is not None


def check_folder(path: Path) -> None:
    """Refuse what is no folder of its own.

    Raises:
        BundleError: It is missing, a link, or a file.
    """
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}; {WAY_OUT}") from error
    if not stat.S_ISDIR(mode):
        raise BundleError(f"{path}: not a folder of its own (a link or a file); {WAY_OUT}")


def read_plain(path: Path, limit: int) -> bytes:
    """The content of a file that is no link, and not larger than it may be.

    Raises:
        BundleError: It is missing, something else than a plain file, or too large.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if stat.S_ISLNK(path.lstat().st_mode):  # for systems without O_NOFOLLOW
            raise BundleError(f"{path}: a link, not a file of its own; {WAY_OUT}")
        with os.fdopen(os.open(path, flags), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise BundleError(f"{path}: not a plain file; {WAY_OUT}")
            if state.st_size > limit:
                raise BundleError(f"{path}: has {state.st_size:,} bytes, at most {limit:,} are read; {WAY_OUT}")
            return file.read(limit + 1)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}; {WAY_OUT}") from error


def read_stored(bundle: Path, stored: StoredFile) -> bytes:
    """A picture's bytes, after they were checked.

    Args:
        bundle: Folder of the bundle.
        stored: What the manifest says of it.

    Raises:
        BundleError: The file is missing or changed.
    """
    path = bundle / FILES / stored.file
    if not is_place(stored.file):
        raise BundleError(f"{bundle}: {stored.file!r} is no name of a bundle's file; {WAY_OUT}")
    check_folder(path.parent)
    content = read_plain(path, stored.bytes)
    if len(content) != stored.bytes or hashlib.sha256(content).hexdigest() != stored.sha256:
        raise BundleError(f"{path}: changed since the bundle was built; {WAY_OUT}")
    return content


def check_stored(bundle: Path, stored: StoredFile) -> tuple[int, int]:
    """Width and height of a picture, after everything about it was checked.

    Raises:
        BundleError: The file is missing, changed, or no picture as a bundle has them.
    """
    content = read_stored(bundle, stored)
    try:
        return picture_size(content)
    except ValueError as error:
        raise BundleError(f"{bundle / FILES / stored.file}: {error}; {WAY_OUT}") from error
