"""Which files of a site's folder are ours: only these are ever replaced or removed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from layerlore.errors import OutputError
from layerlore.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

LIST = "report.json"
KIND = "layerlore report"
FOLDERS = ("assets", "classes", "concepts", "data", "maps", "photos", "thumbs")
_OURS = re.compile(rf"(?:index|card)\.html|(?:{'|'.join(FOLDERS)})/[A-Za-z0-9_-]+\.[a-z]+")


def read_ours(out: Path) -> dict[str, str]:
    """The files that we wrote into a folder, each with what it was made from.

    Args:
        out: Folder of a site; it need not exist.

    Raises:
        OutputError: There are files, and no list of ours says that they are ours; or the list is damaged.
    """
    if not out.exists():
        return {}
    if not out.is_dir():
        raise OutputError(f"cannot write the report to {out}: it is a file; give another --out")
    listed = out / LIST
    if not listed.is_file():
        if any(out.iterdir()):
            raise OutputError(f"cannot write the report to {out}: the folder holds other files; give another --out")
        return {}
    for name in FOLDERS:
        if (out / name).is_symlink():
            raise OutputError(f"cannot write the report to {out}: {name} is a link; give another --out")
    try:
        content = json.loads(listed.read_bytes())
        files = {str(name): str(digest) for name, digest in content["files"].items()}
        foreign = content["kind"] != KIND or not all(map(_OURS.fullmatch, files))
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        foreign = True
    if foreign:
        raise OutputError(f"cannot write the report to {out}: {LIST} is not a report's list; give another --out")
    return files


def write_ours(out: Path, files: Mapping[str, str]) -> None:
    """Write the list of our files: each path with what the file was made from, "" while it is being written.

    Raises:
        OutputError: It cannot be written.
    """
    content = {"kind": KIND, "files": dict(sorted(files.items()))}
    write_whole(out / LIST, json.dumps(content, indent=0).encode())


def check_free(out: Path, wanted: Iterable[str], ours: Mapping[str, str]) -> None:
    """Say before any work that a file of somebody else is in the way.

    Raises:
        OutputError: A wanted path exists and is not ours, or a name cannot be a file's.
    """
    present = {f"{name}/{path.name}" for name in FOLDERS if (out / name).is_dir() for path in (out / name).iterdir()}
    present |= {path.name for path in out.glob("*.html") if path.name != "index.html"}
    for path in wanted:
        if not _OURS.fullmatch(path):
            raise OutputError(f"cannot write {path} into a report: not a name of ours; is the study damaged?")
        if path in present and path not in ours:
            raise OutputError(
                f"cannot write {out / path}: a file that is not ours is there; move it or give another --out"
            )


def remove_stale(out: Path, ours: Iterable[str], wanted: Iterable[str]) -> int:
    """Remove our files that the site has no longer.

    Returns:
        How many pages of photos were removed.

    Raises:
        OutputError: The system refuses.
    """
    stale = set(ours) - set(wanted)
    for path in stale:
        try:
            (out / path).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot remove the old {out / path}: {error.strerror or error}; remove it yourself"
            ) from error
    return sum(path.startswith("photos/") and path.endswith(".html") for path in stale)
