"""The command ``layerlore``: parse, call, print.

Exit codes: 0 = done, 1 = the input is at fault (one line on stderr), 2 = wrong usage, 130 = interrupted.
Results go to stdout, everything else to stderr. Heavy libraries are imported inside the commands, so that
``layerlore --help`` is quick.
"""

from __future__ import annotations

from layerlore.cli.commands import app, main

__all__ = ["app", "main"]
