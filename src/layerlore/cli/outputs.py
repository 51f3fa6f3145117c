"""Where results go: names, folders, and what must not be overwritten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from layerlore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIXES = (".html", ".json", ".png", ".pdf", ".svg")
OURS = ".layerlore"
"""Files named ``*.layerlore.html`` are ours to replace; any other existing file is not."""


def plan_outputs(photos: Sequence[str], out: str | None, *, overwrite: bool) -> list[Path]:
    """Decide which file each photo's explanation goes to, before anything slow is done.

    A photo ``cat.jpg`` gets ``cat.layerlore.html``; a second one of that name ``cat-2.layerlore.html``.

    Args:
        photos: The photos as typed.
        out: A file (one photo only), a folder, or None for the current folder.
        overwrite: Existing files may be replaced although they are not named as ours.

    Raises:
        OutputError: A file is in the way, the suffix is unknown, or the folder cannot be written.
        typer.BadParameter: Several photos cannot go into one file.
    """
    if out is None or _is_folder(out):
        folder = Path(out or ".")
        outputs = [folder / name for name in _names(photos)]
    elif len(photos) > 1:
        raise typer.BadParameter(f"{out} is one file; give a folder for {len(photos)} photos", param_hint="--out")
    elif Path(out).suffix.lower() not in SUFFIXES:
        raise OutputError(f"{out}: unknown suffix; use {', '.join(SUFFIXES)}, or a folder with / at its end")
    else:
        outputs = [Path(out)]
    for output in outputs:
        check_output(output, photos, overwrite=overwrite)
    return outputs


def _is_folder(out: str) -> bool:
    return out.endswith(("/", os.sep)) or Path(out).suffix == "" or Path(out).is_dir()


def _names(photos: Sequence[str]) -> list[str]:
    names: list[str] = []
    for photo in photos:
        stem = Path(photo).stem or "photo"
        name, copy = f"{stem}{OURS}.html", 2
        while name in names:
            name, copy = f"{stem}-{copy}{OURS}.html", copy + 1
        names.append(name)
    return names


def check_output(output: Path, inputs: Sequence[str], *, overwrite: bool, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Raise unless ``output`` can be written without destroying anything.

    Args:
        output: The file.
        inputs: Files that are read and must never be written.
        overwrite: An existing file may be replaced although it is not named as ours.
        suffixes: The formats there are.

    Raises:
        OutputError: The suffix is unknown, a file is in the way, or the folder cannot be written.
    """
    if output.is_dir():
        raise OutputError(f"{output}: is a folder; choose another --out")
    if output.suffix.lower() not in suffixes:
        raise OutputError(f"{output}: unknown suffix; use {', '.join(suffixes)}")
    if output.exists():
        if any(Path(path).exists() and output.samefile(path) for path in inputs):
            raise OutputError(f"{output}: is the photo itself or another file that is read; choose another --out")
        if not overwrite and not output.stem.endswith(OURS):
            raise OutputError(f"{output}: exists already; choose another --out, or replace it with --overwrite")
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise OutputError(f"{output}: {folder.name} is a file, not a folder; choose another --out")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{output}: the folder {folder} cannot be written; choose another --out")
