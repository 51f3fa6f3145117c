"""What ``layerlore study`` prints: progress with rate and time left, what a study holds, what a run did."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from layerlore.cli.printing import printable, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from layerlore.study.records import RunResult, Status
    from layerlore.study.study import Study

FEW = 5
"""Files of one kind that are listed by name; ``--json`` lists all."""

LINE_SECONDS = 5.0
"""Time between two lines of progress where there is no terminal."""


SHORTEST = 0.5
"""Seconds after which a rate can be told."""


class Rate:
    """Photos, or other units, per second since the first call, and what is left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, unit: str = "photos") -> None:
        """Measure by ``clock``, in seconds."""
        self._clock = clock
        self._unit = unit
        self._first: tuple[float, int] | None = None

    def text(self, done: int, total: int) -> str:
        """Such as ``3.1 photos/s, 2 min left``; "" before there is anything to tell."""
        now = self._clock()
        if self._first is None:
            self._first = (now, done)
        seconds, photos = now - self._first[0], done - self._first[1]
        if photos <= 0 or seconds < SHORTEST:
            return ""
        rate = photos / seconds
        left = f", {_duration((total - done) / rate)} left" if done < total else ""
        return f"{rate:.1f} {self._unit}/s{left}"


def _duration(seconds: float) -> str:
    """Such as ``40 s``, ``12 min`` or ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def progress_by_turns(*verbs: str, units: Sequence[str]) -> Iterator[list[Callable[[int, int], None]]]:
    """Yield one function as `study_progress` does for each of several parts of the work, one after the other.

    Args:
        verbs: What the parts are called.
        units: What is counted in each.
    """
    with ExitStack() as bars:
        shown: dict[str, Callable[[int, int], None]] = {}

        def part(verb: str, unit: str) -> Callable[[int, int], None]:
            def show(done: int, total: int) -> None:
                if verb not in shown:
                    bars.close()  # the bar of the part before
                    shown[verb] = bars.enter_context(study_progress(verb, unit))
                shown[verb](done, total)

            return show

        yield [part(verb, unit) for verb, unit in zip(verbs, units, strict=True)]


@contextmanager
def study_progress(verb: str, unit: str = "photos") -> Iterator[Callable[[int, int], None]]:
    """Yield a function that is told how many of how many photos, or other units, are done.

    A bar on a terminal; elsewhere a line every few seconds, and one at the end.
    """
    if not sys.stderr.isatty():
        yield _lines(verb, unit)
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    rate = Rate(unit=unit)
    columns = (TextColumn(verb), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    # Standard output is left alone: it may be a pipe that waits for the results.
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=None, rate="starting")

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, rate=rate.text(done, total) or "starting")

        yield show


def _lines(verb: str, unit: str) -> Callable[[int, int], None]:
    """Progress as plain lines."""
    rate = Rate(unit=unit)
    last = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal last
        text = rate.text(done, total)
        now = time.monotonic()
        if done == total or (text and now - last >= LINE_SECONDS):
            last = now
            say(f"{verb}: {done}/{total} {unit}" + (f", {text}" if text else ""))

    return line


def command(action: str, study: Study) -> str:
    """What to type next."""
    return f"layerlore {action} {shlex.quote(str(study.folder))}"


def created_json(study: Study) -> dict[str, Any]:
    """What a new study holds."""
    return {
        "study": str(study.folder),
        "network": dict(study.network_info),
        "images": len(study.images),
        "classes": dict(sorted(Counter(image.label or "" for image in study.images).items())),
        "unknown_classes": list(study.unknown_labels),
        "skipped": [asdict(one) for one in study.skipped],
        "settings": asdict(study.settings),
        "next": command("study run", study),
    }


def print_created(study: Study, *, following: bool = True) -> None:
    """Tell what a new study holds, what was left out, and what to type next."""
    _out(f"{study.folder}: {_count(len(study.images), 'photo')}, {_count(len(study.labels), 'class')}")
    _list_skipped(study)
    unknown = list(study.unknown_labels)
    if unknown:
        names = ", ".join(unknown[:FEW]) + (", ..." if len(unknown) > FEW else "")
        _out(f"the network does not know {_count(len(unknown), 'class')}, so no accuracy there: {names}")
    if following:
        _out(f"next: {command('study run', study)}")


def _list_skipped(study: Study) -> None:
    """List the first files of each kind that are no photos of the study."""
    for reason in sorted({one.reason for one in study.skipped}):
        found = [one for one in study.skipped if one.reason == reason]
        _out(f"{reason}: {_count(len(found), 'file')} left out")
        for one in found[:FEW]:
            _out(f"  {one.path}: {one.detail}")
        if len(found) > FEW:
            _out(f"  and {len(found) - FEW} more")


def run_json(study: Study, result: RunResult) -> dict[str, Any]:
    """What a run did."""
    return {"study": str(study.folder), **asdict(result), "images": len(study.images)}


def print_run(study: Study, result: RunResult) -> None:
    """Tell what a run did."""
    if not result.explained and not result.failed:
        _out(f"nothing to do: all {result.already} photos are explained already")
    else:
        rate = f", {result.explained / result.seconds:.1f} photos/s" if result.explained and result.seconds else ""
        before = f", {result.already} were before" if result.already else ""
        _out(f"{_count(result.explained, 'photo')} explained in {_duration(result.seconds)}{rate}{before}")
    _list_failed(study, result.failed)
    _out(f"next: {command('report', study)}")


def _list_failed(study: Study, failed: dict[str, str]) -> None:
    """List the first photos that could not be explained."""
    if not failed:
        return
    paths = {image.image_id: image.path for image in study.images}
    _out(f"{_count(len(failed), 'photo')} could not be explained; the next run tries again")
    for image_id, reason in list(failed.items())[:FEW]:
        _out(f"  {paths.get(image_id, image_id)}: {reason}")
    if len(failed) > FEW:
        _out(f"  and {len(failed) - FEW} more")


def print_status(study: Study, status: Status) -> None:
    """Tell how far a study is, as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, text in _status_rows(study, status):
        table.add_row(name, printable(text))
    # A pipe has no width, and paths must come whole.
    Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(table)
    _list_skipped(study)
    _list_failed(study, status.failed)
    for line in status.damaged[:FEW]:
        _out(f"damaged: {line}")


def _status_rows(study: Study, status: Status) -> list[tuple[str, str]]:
    """The table's rows: name and text."""
    network = study.network_info
    rows = [
        ("study", str(study.folder)),
        ("network", f"{network['name']}, {network['fingerprint'][:12]}"),
        ("explained", f"{status.explained} of {_count(status.images, 'photo')}"),
        ("files", f"{status.shards} of {status.shards_wanted}, {status.bytes / 1e6:.1f} MB"),
        ("set", f"{status.set_hash}, {_count(status.sets, 'set')} in all"),
    ]
    if status.settings is not None:
        one = status.settings
        extras = [name for name in ("ablation", "flow") if getattr(one, name)]
        layers = _count(len(one.layers), "layer")
        rows.append(("settings", ", ".join([one.method, f"seed {one.seed}", layers, f"target {one.target}", *extras])))
    if status.judged:
        share = 100 * status.correct / status.judged
        rows.append(("accuracy", f"{share:.1f} % of {_count(status.judged, 'photo')} whose class the network knows"))
    return [*rows, ("state", _state(study, status))]


def _state(study: Study, status: Status) -> str:
    """In one line: is it whole, is it complete, is it at work."""
    if status.running:
        return f"running, {status.running}"
    if status.damaged:
        return f"{_count(len(status.damaged), 'file')} damaged, see below"
    if status.complete:
        return "consistent and complete"
    left = status.images - status.explained - len(status.failed)
    if left <= 0:
        return f"consistent; {_count(len(status.failed), 'photo')} cannot be explained"
    return f"consistent; {_count(left, 'photo')} to go: {command('study run', study)}"


def _count(number: int, noun: str) -> str:
    """A number with its noun in the right form."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _out(text: str) -> None:
    typer.echo(printable(text))
