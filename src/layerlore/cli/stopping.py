"""Work that may be stopped: Ctrl-C and SIGTERM end it with one line."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from layerlore.cli.printing import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def stoppable(told: Callable[[], str]) -> Iterator[None]:
    """Take Ctrl-C and SIGTERM as the wish to stop: one line, and exit code 130.

    Args:
        told: Says what becomes of the work, in words that follow "stopped; ".
    """

    def stop(_signal: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if main else None
    try:
        yield
    except KeyboardInterrupt as interrupt:
        say(f"stopped; {told()}")
        raise typer.Exit(130) from interrupt
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)
