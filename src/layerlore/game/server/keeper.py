"""What must be done now and then, in a process of its own beside the web server: expiry, mail, recounts, estimates.

``python -m layerlore.game.server.keeper`` runs until it is told to end or the server that started it is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import TYPE_CHECKING

from layerlore.game.server.tending import beat

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

log = logging.getLogger("layerlore.game.keeper")
PAUSE = 5.0
"""Seconds between two looks at what is due."""


def chores() -> dict[str, tuple[int, Callable[[datetime], object]]]:
    """Name of each chore, the seconds between two times, and what it does."""
    from layerlore.game.server.services.estimates import refit
    from layerlore.game.server.services.limits import forget
    from layerlore.game.server.services.outbox import deliver
    from layerlore.game.server.services.retention import forget_the_idle
    from layerlore.game.server.services.rounds import expire_overdue
    from layerlore.game.server.services.suspicion import look
    from layerlore.game.server.services.upkeep import daily_recount, recount_if_due

    return {
        "mail": (5, deliver),
        "expiry": (15, expire_overdue),
        "recount-due": (30, recount_if_due),
        "estimates": (300, refit),
        "suspicion": (120, look),
        "limits": (3600, forget),
        "retention": (86_400, forget_the_idle),
        "recount": (86_400, daily_recount),
    }


def run(stop: threading.Event) -> None:
    """Do what is due until told to stop. A chore that fails is logged and does not keep the others from being done."""
    from django.conf import settings
    from django.db import connection
    from django.utils import timezone

    parent = os.getppid()
    last: dict[str, datetime] = {}
    while not stop.wait(PAUSE) and os.getppid() == parent:
        for name, (seconds, chore) in chores().items():
            beat(settings.CAMPAIGN_FOLDER)  # also between two chores that take long
            now = timezone.now()
            if name in last and (now - last[name]).total_seconds() < seconds:
                continue
            last[name] = now
            try:
                chore(now)
            except Exception:
                log.exception("chore %s failed", name)
                connection.close()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "layerlore.game.server.settings")
    import django

    django.setup()
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    run(stop)


if __name__ == "__main__":
    main()
