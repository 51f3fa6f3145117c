"""How much memory a piece of work takes at its peak, as the operating system counts it.

Python's own accounting does not see what torch allocates; Linux keeps the peak of a process, and can set it back. What
was freed before is given back to the system first, else work that lives on it would seem to take nothing.
"""

from __future__ import annotations

import ctypes
import re
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What Linux wants to be told so that the peak begins anew (man proc_pid_clear_refs)."""


def reset_peak() -> int | None:
    """Begin to measure.

    Returns:
        Bytes that the process holds now; None where the system does not tell.
    """
    with suppress(OSError, AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return None
    return _read("VmRSS")


def peak_since(before: int | None) -> int | None:
    """Bytes that the process held at its peak since :func:`reset_peak`, beyond what it held then; None: not known."""
    peak = None if before is None else _read("VmHWM")
    return None if before is None or peak is None else max(0, peak - before)


def _read(key: str) -> int | None:
    try:
        found = re.search(rf"^{key}:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else 1024 * int(found[1])
