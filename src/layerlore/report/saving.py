"""Writing a result: the suffix says how, and the file appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from layerlore.errors import OutputError
from layerlore.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from layerlore.local.explanation import Explanation

FIGURES = (".png", ".pdf", ".svg")
SUFFIXES = (".html", ".json", *FIGURES)


def save_explanation(explanation: Explanation, path: str | Path) -> Path:
    """Write an explanation; the suffix of the path says how.

    Args:
        explanation: What to write.
        path: ``.html`` page, ``.json`` data, or a ``.png``, ``.pdf`` or ``.svg`` figure.

    Returns:
        The path written.

    Raises:
        OutputError: The suffix is unknown, the folder is missing, or the place cannot be written.
    """
    path = check_place(path)
    write_whole(path, _content(explanation, path.suffix.lower()))
    return path


def check_place(path: str | Path, suffixes: Sequence[str] = SUFFIXES) -> Path:
    """Say early, before any work, that a result cannot be written to this path.

    Args:
        path: Where the result is to go.
        suffixes: The formats there are for this kind of result.

    Raises:
        OutputError: As for `save_explanation`.
    """
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        said = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise OutputError(f"cannot write {path}: {said} names no format; use one of {', '.join(suffixes)}")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        why = "is a file" if path.parent.exists() else "does not exist"
        raise OutputError(f"cannot write {path}: {path.parent} {why}; give a folder that exists or make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: you may not write to {path.parent}; choose another folder")
    return path


def save_text(path: str | Path, ways: Mapping[str, Callable[[], str]]) -> Path:
    """Write a result as text; the suffix of the path says how.

    Args:
        path: Where to.
        ways: Suffix to what makes the text.

    Returns:
        The path written.

    Raises:
        OutputError: The suffix is unknown, the folder is missing, or the place cannot be written.
    """
    path = check_place(path, tuple(ways))
    write_whole(path, ways[path.suffix.lower()]().encode())
    return path


def _content(explanation: Explanation, suffix: str) -> bytes:
    if suffix == ".html":
        from layerlore.report.html import render_html

        return render_html(explanation).encode()
    if suffix == ".json":
        from layerlore.local.storage import explanation_to_json

        return explanation_to_json(explanation).encode()
    from layerlore.report.figure import render_figure

    return render_figure(explanation, suffix[1:])
