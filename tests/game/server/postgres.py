"""A PostgreSQL server for a while: its own folder, a socket and no port, run by somebody who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: on the path, or where Debian puts them, the newest first."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


def somebody() -> dict[str, Any]:
    """Arguments of subprocess to run as postgres or nobody, where we are root: initdb refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {}


@contextmanager
def server(place: Path, *, durable: bool = False) -> Iterator[str]:
    """URL of a server that runs until the block ends; without ``durable`` it does not wait for the disk."""
    folder = Path(tempfile.mkdtemp(prefix="layerlore-pg-", dir="/tmp"))
    who = somebody()
    if who:
        os.chown(folder, who["user"], who["group"])
    data = folder / "data"
    run: dict[str, Any] = {"cwd": folder, **who}
    try:
        make = [place / "initdb", "-D", data, "-A", "trust", "-U", "game", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, **run)
        options = f"{'' if durable else '-F '}-c listen_addresses='' -c max_connections=120 -k {folder}"
        # Nothing is captured: the server keeps open what it inherits.
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        start = [place / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"]
        subprocess.run(start, check=True, **run, **quiet)
        try:
            yield f"postgres://game@/game?host={folder}"
        finally:
            stop = [place / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, **run, **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
