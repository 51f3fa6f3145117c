"""Keeps the keeper alive, and tells whether it is: it touches a file of the campaign's folder each time round."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("layerlore.game.keeper")
HEARTBEAT_FILE = "keeper.heartbeat"
SILENCE = 300.0
"""Seconds without a heartbeat after which something is wrong; a chore may take a while."""
PAUSE = 5.0
"""Seconds between two starts, so that a keeper that cannot run does not take the machine's time."""


def beat(folder: Path | None) -> None:
    """Say that the keeper is alive; without a campaign there is nobody to tell."""
    if folder is not None:
        try:
            (folder / HEARTBEAT_FILE).touch()
        except OSError:
            log.exception("the heartbeat cannot be written")


def is_silent(folder: Path | None) -> bool:
    """Whether the keeper has not been heard of for too long, or never."""
    if folder is None:
        return False
    try:
        heard = (folder / HEARTBEAT_FILE).stat().st_mtime
    except OSError:
        return True
    return time.time() - heard > SILENCE


class Keeper:
    """The keeper's process, started again where it has ended."""

    def __init__(self, folder: Path) -> None:
        """Start it.

        Args:
            folder: The campaign's.
        """
        beat(folder)  # what a server before has left there is old
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "layerlore.game.server.keeper"])
        self._started = time.monotonic()

    def tend(self) -> None:
        """Start it again if it has ended, but not too soon after the last start; call this now and then."""
        if self._process.poll() is None or time.monotonic() - self._started < PAUSE:
            return
        log.error("the keeper has ended and is started again")
        self._start()

    def end(self, grace: float) -> None:
        """Tell it to end; one that hangs is killed after so many seconds, which its transactions survive."""
        self._process.terminate()
        try:
            self._process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
