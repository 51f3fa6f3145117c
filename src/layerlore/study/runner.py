"""Filling a study: what is missing is explained by workers and written shard by shard, so that it can stop anywhere.

Only this process, the driver, reads the photos' files and writes into the study's folder. A shard appears whole or not
at all, and its bytes do not depend on who made it or when; so a run that was killed leaves a study that the next run
goes on with, and the result is that of a run which nobody disturbed.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from layerlore.errors import FileFormatError, LayerLoreError, StudyError
from layerlore.files import write_whole
from layerlore.local.explanation import Prediction
from layerlore.study.backends import check_backend, default_workers, open_pool, results
from layerlore.study.folder import STUDY_FILE, image_root, remove_orphans, run_lock, shard_path, write_manifest
from layerlore.study.images import read_images, write_images
from layerlore.study.making import check_targets, choose_settings
from layerlore.study.reading import read_shard, shard_images, shard_states
from layerlore.study.records import RunResult
from layerlore.study.worker import Plan, Task, other_versions, prepare
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from layerlore.network.model import Network
    from layerlore.study.folder import Manifest
    from layerlore.study.reading import ShardState
    from layerlore.study.records import ImageRecord
    from layerlore.study.study import Study


@dataclass
class Tally:
    """How far a run is.

    Attributes:
        done: Those that are explained, or cannot be, by now.
        explained: Those explained by this run.
        already: Those explained before.
        failed: image_id to the reason, for those that cannot be explained.
    """

    done: int = 0
    explained: int = 0
    already: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def run_study(
    study: Study,
    *,
    backend: str = "loky",
    workers: int | None = None,
    address: str | None = None,
    network: Network | None = None,
    progress: Callable[[int, int], None] | None = None,
    notice: Callable[[str], None] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> RunResult:
    """Explain the photos of a study that are not explained yet.

    Args:
        study: The study.
        backend: ``loky`` (processes of this machine), ``dask`` or ``ray``.
        workers: Number of workers; None: one for each GPU, or else for each core.
        address: Of a Dask or Ray cluster that runs already; None: one of this machine.
        network: The network, where it cannot be loaded by its name.
        progress: Told how many of how many photos are done, at the start and after each shard.
        notice: Told, in one line each, what a person should know before the work begins.
        overrides: Settings to change; values other than those of the current set begin a new set.

    Raises:
        SettingError: A setting or the backend is unknown.
        StudyError: Another run is going on, the network is another one, or the workers cannot be had or died.
        FileFormatError: A file is damaged; nothing is done then.
        OutputError: The folder cannot be written, or is full.
        KeyboardInterrupt: As it came. What was done until an error or an interrupt is kept.
    """
    started = time.monotonic()
    check_backend(backend, workers, address)
    with run_lock(study.folder):
        study.reload()
        remove_orphans(study.folder)
        ready = study.load_network() if network is None else study.use_network(network)
        settings = choose_settings(ready, study.settings, overrides or {})
        check_targets(study.images, settings)
        run = _Run(study.folder, study.manifest.with_set(settings), study.images, ready, progress)
        run.check_root()
        todo = run.take_stock()
        for line in run.notices(study, todo):
            if notice is not None:
                notice(line)
        new_set = run.manifest.current not in study.sets
        if run.manifest.current != study.manifest.current:
            write_manifest(study.folder, run.manifest)
        run.fill(todo, backend, workers, address)
    tally = run.tally
    return RunResult(tally.explained, tally.already, tally.failed, time.monotonic() - started, new_set)


class _Run:
    """One run: what it is about, and how far it is."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        images: Sequence[ImageRecord],
        network: Network,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.images = images
        self.network = network
        self.progress = progress
        self.root = image_root(folder, manifest.images)
        self.tally = Tally()
        self.versions: list[Mapping[str, str]] = []

    def take_stock(self) -> list[ShardState]:
        """The shards to make: missing ones, and those with a failed photo that can be read now.

        Raises:
            FileFormatError: A file is damaged.
        """
        todo, tally = [], self.tally
        for state in shard_states(self.folder, self.manifest, self.images):
            if state.damaged:
                raise FileFormatError(state.damaged)
            tally.already += len(state.predicted)
            if state.exists:
                self.versions.append(state.versions)
            if state.exists and not self._worth_remaking(state):
                tally.done += len(state.images)
                tally.failed |= state.failed
            else:
                tally.explained -= len(state.predicted)  # they come once more, and count once
                todo.append(state)
        return todo

    def _worth_remaking(self, state: ShardState) -> bool:
        """Whether a photo of the shard that failed can be read now, and none that it explains would be lost."""
        if not state.failed:
            return False
        settings = self.manifest.settings
        ready = {
            image.image_id
            for image in state.images
            if not isinstance(prepare(self.network, settings, image, self._file(image)), str)
        }
        return not ready.isdisjoint(state.failed) and ready >= state.predicted.keys()

    def check_root(self) -> None:
        """Check that the photos are there at all: else every one of them would be told as failed.

        Raises:
            StudyError: Their folder is not.
        """
        if not self.root.is_dir():
            raise StudyError(
                f"{self.folder}: the folder of its photos, {self.root}, is not there; put it back, or set `root` in "
                f"{STUDY_FILE} to where it is now"
            )

    def notices(self, study: Study, todo: Sequence[ShardState]) -> Iterator[str]:
        """What a person should know before the work begins."""
        current = self.manifest.current
        if current not in study.sets:
            yield f"other settings than before: set {current} begins, the explanations made before are kept"
        elif current != study.manifest.current:
            yield f"going back to set {current}, which has these settings"
        others = {other_versions(versions, present_versions()) for versions in self.versions} - {""}
        if todo and others:
            yield (
                f"a part of this set was made with {'; '.join(sorted(others))}: its numbers may differ in the last "
                "digits; for one set of one making, create a new study"
            )

    def fill(self, todo: Sequence[ShardState], backend: str, workers: int | None, address: str | None) -> None:
        """Make shards, and write down what they answer; the latter also after an error or an interrupt."""
        self._tell()
        try:
            if todo:
                self._make({state.number: state for state in todo}, backend, workers, address)
        except BaseException:
            with suppress(LayerLoreError):  # what stopped the run is to be told, not what came of it
                self._write_answers()
            raise
        self._write_answers()

    def _make(self, todo: Mapping[int, ShardState], backend: str, workers: int | None, address: str | None) -> None:
        """Make shards, and write each as it comes."""
        plan = Plan(self.manifest.settings, self.manifest.current, "", present_versions())
        count = min(workers or default_workers(), len(todo))
        with open_pool(backend, self.network, plan, self.folder, workers=count, address=address) as pool:
            for result in results(pool, self._tasks(todo.values())):
                state = todo[result.shard]
                write_whole(state.path, result.content)
                self.tally.done += len(state.images)
                self.tally.explained += len(state.images) - len(result.failed)
                self.tally.failed |= result.failed
                self._tell()

    def _tasks(self, todo: Iterable[ShardState]) -> Iterator[Task]:
        """The tasks, each with its photos' files read when a worker is about to be free."""
        for state in todo:
            yield Task(state.number, state.images, tuple(self._file(image) for image in state.images))

    def _file(self, image: ImageRecord) -> bytes | str:
        """The content of a photo's file, or why it cannot be had."""
        path = self.root / image.path
        try:
            if path.exists() and not path.is_file():
                return "it is no file any more"
            return path.read_bytes()
        except OSError as error:
            return f"the file cannot be read ({error.strerror or error})"

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(self.tally.done, len(self.images))

    def _write_answers(self) -> None:
        """Write what the shards say of each photo into ``images.parquet``, unless it says so already."""
        records: list[ImageRecord] = []
        for number, images in enumerate(shard_images(self.images, self.manifest.settings.shard)):
            path = shard_path(self.folder, self.manifest.current, number)
            answers, failed = _answers(path, self.manifest.current, number) if path.exists() else ({}, {})
            records += [_answered(image, answers.get(image.image_id, ()), failed) for image in images]
        if tuple(records) != read_images(self.folder):
            write_images(self.folder, records)


def _answers(path: Path, set_hash: str, number: int) -> tuple[dict[str, tuple[Prediction, ...]], Mapping[str, str]]:
    """image_id to the likeliest classes, and to the reason for photos that failed, as one shard has them."""
    table, info = read_shard(path, set_hash=set_hash, number=number, columns=["image_id", "top5"])
    rows = {image_id: row for row, image_id in enumerate(table["image_id"].to_pylist())}  # all of a photo say the same
    answers = {image_id: table["top5"][row].as_py() for image_id, row in rows.items()}
    return {image_id: tuple(Prediction(**one) for one in top5) for image_id, top5 in answers.items()}, info.failed


def _answered(image: ImageRecord, answers: tuple[Prediction, ...], failed: Mapping[str, str]) -> ImageRecord:
    """What is known of a photo, with what its shard says of it."""
    return replace(
        image,
        predicted=answers[0].index if answers else None,
        predicted_name=answers[0].name if answers else None,
        top5=answers,
        problem=failed.get(image.image_id, ""),
    )
