"""Whether a bundle is as it was when all of it was last checked, by what the file system says of each file.

To read and hash every picture takes minutes for a large campaign. A file that is written to has another time of change,
which only the system sets; so a bundle whose files all have the name, size, number and times that they had after a full
check has not been changed since. A picture is hashed again in any case when it is served.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

from layerlore.files import write_whole
from layerlore.game.bundle.manifest import BUNDLE

if TYPE_CHECKING:
    from pathlib import Path

CHECKED = "checked.json"


def state_of(folder: Path) -> str:
    """Digest of everything below a campaign's bundle: names, sizes, numbers and times."""
    digest = hashlib.sha256(version("layerlore").encode())
    waiting = [str(folder / BUNDLE)]
    while waiting:
        place = waiting.pop()
        digest.update(f"\0{place}".encode("utf-8", "surrogateescape"))
        with os.scandir(place) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            facts = entry.stat(follow_symlinks=False)
            times = f"{facts.st_mtime_ns}/{facts.st_ctime_ns}"
            line = f"{entry.name}/{facts.st_mode}/{facts.st_size}/{facts.st_ino}/{times}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
    return digest.hexdigest()


def remember(folder: Path, state: str, sha256: str) -> None:
    """Write down that the bundle was checked in that state; where the folder is read-only it is checked each time.

    Args:
        folder: The campaign's.
        state: Of before the check, so that a change while it ran is noticed.
        sha256: The manifest's.
    """
    with suppress(OSError):
        write_whole(folder / CHECKED, json.dumps({"state": state, "sha256": sha256}).encode())


def known(folder: Path, state: str) -> str:
    """The manifest's hash, if the bundle was checked in this state; else ""."""
    try:
        checked = json.loads((folder / CHECKED).read_text("utf-8"))
        return str(checked["sha256"]) if checked["state"] == state else ""
    except (OSError, ValueError, LookupError, TypeError):
        return ""
