"""Many photos: read in batches of bounded memory, explained, saved; a bad one does not stop the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from layerlore.cli.printing import print_results, progress, say, verdict
from layerlore.errors import OutputError, PhotoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from layerlore.local.explanation import Explanation
    from layerlore.network.model import Network
    from layerlore.network.photos import Photo

BATCH_PHOTOS = 8
BATCH_PIXELS = 64_000_000
"""A batch holds at most so many photos and, unless it is a single photo, so many pixels."""


def explain_all(
    network: Network,
    jobs: Sequence[tuple[str, Path]],
    target: int | None = None,
    options: dict[str, Any] | None = None,
    *,
    max_pixels: int | None = None,
    as_json: bool = False,
) -> None:
    """Explain, save and report photos; the results are printed even if a later photo stops the run.

    Args:
        network: The network.
        jobs: Photos and the file each one's explanation goes to.
        target: Class of all photos; None = the class predicted for each.
        options: Further arguments of ``explain_batch``.
        max_pixels: Limit for reading photos; None = that of ``read_photo``.
        as_json: Print JSON instead of paths.

    Raises:
        LayerLoreError: The only photo cannot be read, or something is wrong with all of them.
        typer.Exit: Some of several photos cannot be read.
    """
    from layerlore.local.explain import explain_batch

    done: list[tuple[Explanation, Path]] = []
    failed: list[dict[str, str]] = []

    try:
        with progress(len(jobs)) as step:

            def fail(source: str, error: PhotoError) -> None:
                if len(jobs) == 1:
                    raise error
                failed.append({"photo": source, "error": str(error)})
                step(f"error: {error}")

            for batch in _batches(jobs, max_pixels=max_pixels, fail=fail):
                photos = [photo for photo, _ in batch]
                explanations = explain_batch(network, photos, [target] * len(photos), **(options or {}))
                for explanation, (photo, output) in zip(explanations, batch, strict=True):
                    _save(explanation, output)
                    done.append((explanation, output))
                    step(f"{photo.name}: {verdict(explanation)}")
    finally:
        if done or failed:
            print_results(done, failed, as_json=as_json)
    if failed:
        say(f"{len(done)} of {len(jobs)} photos explained, {len(failed)} failed")
        raise typer.Exit(1)


def _batches(
    jobs: Sequence[tuple[str, Path]], *, max_pixels: int | None, fail: Callable[[str, PhotoError], None]
) -> Iterator[list[tuple[Photo, Path]]]:
    from layerlore.network.photos import read_photo

    limit = {} if max_pixels is None else {"max_pixels": max_pixels}
    batch: list[tuple[Photo, Path]] = []
    pixels = 0
    for source, output in jobs:
        try:
            photo = read_photo(source, **limit)
        except PhotoError as error:
            fail(source, error)
            continue
        size = photo.image.width * photo.image.height
        if batch and (len(batch) == BATCH_PHOTOS or pixels + size > BATCH_PIXELS):
            yield batch
            batch, pixels = [], 0
        batch.append((photo, output))
        pixels += size
    if batch:
        yield batch


def _save(explanation: Explanation, output: Path) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written, {error.strerror}; choose another --out") from error
    explanation.save(output)
