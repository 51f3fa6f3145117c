"""A study: many photos, one network, and a folder that holds the explanations."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.errors import FileFormatError, LayerError, StudyError
from layerlore.study import folder as files
from layerlore.study.images import read_images, read_skipped
from layerlore.study.reading import Reader, shard_states
from layerlore.study.records import ImageRecord, RunResult, Skipped, Status, StudySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa
    from torch import nn

    from layerlore.classes.records import ClassExplanation
    from layerlore.concepts.records import ConceptSet
    from layerlore.local.explanation import Explanation
    from layerlore.network.model import Network
    from layerlore.network.photos import Photo
    from layerlore.study.images import Progress

SHORTEST_PREFIX = 4
"""Hex digits of an image_id that may stand for all sixteen, where only one photo begins so."""


class Study:
    """Many photos, one network, and a folder that holds the explanations.

    Make one with :meth:`create`, or open one that is there with :meth:`open`.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, folder: Path, network: Network | None = None) -> None:
        """Use :meth:`create` or :meth:`open`."""
        self.folder = folder
        self._network = network

    def __repr__(self) -> str:
        """Name the folder, the photos and the network."""
        return f"Study({str(self.folder)!r}, {len(self.images)} photos, {self.network_info['name']!r})"

    @classmethod
    def create(  # noqa: PLR0913 all but the first three by name
        cls,
        folder: str | Path,
        images: Any,  # noqa: ANN401 datasets have no common type
        network: str | nn.Module | Network | None = None,
        *,
        pretrained: bool = True,
        weights: str | Path | None = None,
        class_names: Sequence[str] | str | Path | None = None,
        copies: bool = False,
        method: str = "stable",
        seed: int = 0,
        layers: str | int | Sequence[str | int] | None = None,
        target: int | str = "predicted",
        ablation: bool = False,
        flow: bool = False,
        progress: Progress | None = None,
    ) -> Study:
        """Make a study of many photos; nothing is explained before :meth:`run`.

        Every photo is read once. What cannot be read, and what is there twice, is listed in :attr:`skipped`.

        Args:
            folder: Where; it must not exist, or be empty.
            images: A folder whose sub-folders are the classes; a CSV or Parquet file with the columns ``path`` and
                ``class`` or ``label``; a torchvision dataset; or a sequence of paths, or of pairs of path and class.
            network: As for :func:`layerlore.load_network`. One that cannot be loaded by its name must be given
                again to :meth:`run`.
            pretrained: As for :func:`layerlore.load_network`.
            weights: Likewise.
            class_names: Likewise.
            copies: Copy the photos into the study instead of referring to them. Photos of a dataset that have no
                files are always copied, as PNG.
            method: As for :func:`layerlore.explain`, and so ``seed`` and ``layers``.
            seed: See ``method``.
            layers: See ``method``.
            target: What to explain: ``predicted``, ``label`` (the photo's own class), or one class for all photos.
            ablation: Measure what removing each cluster map does; takes several times as long.
            flow: Trace which cluster maps feed which.
            progress: Told how many of how many photos were read.

        Raises:
            StudyError: The folder is not empty, or there are no photos that can be read.
            LayerLoreError: The network or a setting is at fault. Nothing is left behind.
        """
        from layerlore.study.making import NetworkChoice, create_study

        settings = {
            "method": method,
            "seed": seed,
            "layers": layers,
            "target": target,
            "ablation": ablation,
            "flow": flow,
        }
        choice = NetworkChoice(network, pretrained, weights, class_names)
        made = create_study(Path(folder), images, choice, copies=copies, settings=settings, progress=progress)
        return cls(Path(folder), made)

    @classmethod
    def open(cls, folder: str | Path) -> Study:
        """Open a study.

        Raises:
            StudyError: There is no such folder.
            FileFormatError: It is no study, or its files are damaged or from a newer LayerLore.
        """
        study = cls(Path(folder))
        count = study.manifest.images["count"]
        if len(study.images) != count:
            raise FileFormatError(
                f"{study.folder / files.IMAGES_FILE}: holds {len(study.images)} photos instead of "
                f"{count}; restore the file, or create a new study"
            )
        return study

    def reload(self) -> None:
        """Forget what was read, after the files have changed."""
        for name in ("manifest", "images", "skipped", "_reader"):
            self.__dict__.pop(name, None)

    @cached_property
    def manifest(self) -> files.Manifest:
        """What ``study.toml`` holds."""
        return files.read_manifest(self.folder)

    @cached_property
    def images(self) -> tuple[ImageRecord, ...]:
        """The photos, by class and path."""
        return read_images(self.folder)

    @cached_property
    def skipped(self) -> tuple[Skipped, ...]:
        """Files that are no photos of the study, and why."""
        return read_skipped(self.folder)

    @property
    def settings(self) -> StudySettings:
        """Settings of the current set."""
        return self.manifest.settings

    @property
    def sets(self) -> Mapping[str, StudySettings]:
        """Hash to settings of every set, in the order in which they were begun."""
        return self.manifest.sets

    @property
    def network_info(self) -> Mapping[str, Any]:
        """The network's name, fingerprint and so on, as in ``study.toml``."""
        return self.manifest.network

    @property
    def labels(self) -> tuple[str, ...]:
        """The photos' classes as given, in order."""
        return tuple(sorted({image.label for image in self.images if image.label is not None}))

    @property
    def unknown_labels(self) -> tuple[str, ...]:
        """Those that name no class of the network, or several: for their photos no accuracy can be told."""
        return tuple(
            sorted({image.label for image in self.images if image.label is not None and image.class_index is None})
        )

    @property
    def shards(self) -> list[Path]:
        """The Parquet files of the current set that are there."""
        return self._reader.paths()

    def image(self, name: str | Path) -> ImageRecord:
        """Find a photo by its image_id, by the beginning of it, by its path, or by its file name.

        Raises:
            StudyError: No photo is meant, or several.
        """
        text = name.as_posix() if isinstance(name, Path) else name
        file = os.path.abspath(name)  # noqa: PTH100 resolve() would follow links
        root = files.image_root(self.folder.absolute(), self.manifest.images)
        ways: tuple[Callable[[ImageRecord], bool], ...] = (
            lambda image: image.image_id == text,
            lambda image: image.path == text or str(root / image.path) == file,
            lambda image: len(text) >= SHORTEST_PREFIX and image.image_id.startswith(text.lower()),
            lambda image: image.name == text,
        )
        for way in ways:
            found = [image for image in self.images if way(image)]
            if len(found) == 1:
                return found[0]
            if found:
                some = ", ".join(f"{image.image_id} ({image.path})" for image in found[:4])
                raise StudyError(f"{text!r} may mean {len(found)} photos of {self.folder}: {some}; give one of these")
        raise StudyError(
            f"{self.folder}: no photo {text!r}; give its path as in {files.IMAGES_FILE}, or its image_id, such as "
            f"{self.images[0].image_id}"
        )

    def load_network(self) -> Network:
        """Load the study's network, and check that it is still the same.

        Raises:
            StudyError: It cannot be loaded by its name, or has other weights by now.
        """
        if self._network is None:
            from layerlore.study.making import load_study_network

            self._network = load_study_network(self.network_info, self.folder)
        return self._network

    def use_network(self, network: Network | nn.Module) -> Network:
        """Use a ready network that cannot be loaded by its name.

        Raises:
            StudyError: It is not the study's.
        """
        from layerlore.study.making import fit_network

        self._network = fit_network(network, self.network_info, self.folder)
        return self._network

    def run(
        self,
        *,
        backend: str = "loky",
        workers: int | None = None,
        address: str | None = None,
        network: Network | None = None,
        progress: Progress | None = None,
        notice: Callable[[str], None] | None = None,
        **settings: Any,  # noqa: ANN401 checked by the runner
    ) -> RunResult:
        """Explain the photos that are not explained yet; may be interrupted at any moment and run again.

        Args:
            backend: ``loky`` (processes of this machine), ``dask`` or ``ray``.
            workers: How many; None: one for each GPU, or else for each processor core.
            address: Of a Dask or Ray cluster that runs already; None: one of this machine.
            network: The network, where it cannot be loaded by its name.
            progress: Told how many of how many photos are done.
            notice: Told, in one line each, what a person should know before the work begins.
            **settings: Settings to change, such as ``method="paper"``; that begins a new set.

        Raises:
            StudyError: Another run is going on, or the network is another one.
            LayerLoreError: A setting or a file is at fault.
        """
        from layerlore.study.runner import run_study

        try:
            return run_study(
                self,
                backend=backend,
                workers=workers,
                address=address,
                network=network,
                progress=progress,
                notice=notice,
                overrides=settings,
            )
        finally:
            self.reload()

    def status(self) -> Status:
        """How far the study is; every file of the current set is checked.

        Raises:
            FileFormatError: ``study.toml`` or the lists of photos cannot be used. Other damaged files are listed.
        """
        self.reload()
        states = list(shard_states(self.folder, self.manifest, self.images))
        predicted = {image_id: index for state in states for image_id, index in state.predicted.items()}
        judged = [image for image in self.images if image.image_id in predicted and image.class_index is not None]
        return Status(
            images=len(self.images),
            explained=len(predicted),
            failed={image_id: reason for state in states for image_id, reason in state.failed.items()},
            skipped=self.skipped,
            shards=sum(state.exists and not state.damaged for state in states),
            shards_wanted=len(states),
            damaged=tuple(state.damaged for state in states if state.damaged),
            running=files.running(self.folder),
            set_hash=self.manifest.current,
            sets=len(self.sets),
            correct=sum(predicted[image.image_id] == image.class_index for image in judged),
            judged=len(judged),
            bytes=sum(state.bytes for state in states),
            settings=self.settings,
        )

    def explanations(
        self,
        image: str | Path | None = None,
        label: str | None = None,
        layer: str | None = None,
        *,
        views: bool = True,
        labels: bool = False,
    ) -> Iterator[Explanation]:
        """Read explanations, one file at a time.

        Args:
            image: Only this photo, as for :meth:`image`.
            label: Only photos of this class, as given with the photos.
            layer: Only this layer; links between layers are left out then.
            views: Make each photo's view from its file. False: it stays empty, and photos that are gone do not matter.
            labels: Put the three best concepts of each cluster map in its ``labels``; see :meth:`concepts`.

        Returns:
            Those that there are so far, in the order of :attr:`images`.

        Raises:
            StudyError: There is no such photo or class.
            LayerError: The layer is not explained.
            FileFormatError: A file is damaged.
            PhotoError: A view is asked for, and the photo is gone or changed.
        """
        chosen = None if image is None else {self.image(image).image_id}
        if label is not None:
            if label not in self.labels:
                raise StudyError(
                    f"{self.folder}: no photos of class {label!r}; there are {', '.join(self.labels[:20])}"
                )
            of_class = {record.image_id for record in self.images if record.label == label}
            chosen = of_class if chosen is None else chosen & of_class
        if layer is not None and layer not in self.settings.layers:
            raise LayerError(f"layer {layer!r} was not explained; explained are {', '.join(self.settings.layers)}")
        found = self._reader.explanations(chosen, layer, views=views)
        if not labels:
            return found
        from layerlore.concepts.merging import with_labels

        concepts = self.concepts()
        return (with_labels(explanation, concepts) for explanation in found)

    def explanation(self, image: str | Path, *, views: bool = True, labels: bool = False) -> Explanation:
        """Read one photo's explanation: what :func:`layerlore.explain_batch` gave.

        Args:
            image: As for :meth:`image`.
            views: As for :meth:`explanations`.
            labels: Likewise.

        Raises:
            StudyError: There is no such photo, or it is not explained.
            FileFormatError: The file is damaged.
            PhotoError: The photo is gone or changed.
        """
        record = self.image(image)
        for explanation in self.explanations(record.image_id, views=views, labels=labels):
            return explanation
        reason = f"could not be explained ({record.problem})" if record.problem else "is not explained yet"
        raise StudyError(f"{record.path} {reason}; run `layerlore study run {self.folder}`")

    def concepts(self) -> ConceptSet:
        """Read the concepts that ``layerlore concepts`` made of what people typed.

        Raises:
            FileFormatError: There are none, or a file is damaged or from a newer LayerLore.
        """
        from layerlore.concepts.storage import load_concepts

        return load_concepts(self.folder)

    def classes(self) -> tuple[ClassExplanation, ...]:
        """Read what ``layerlore classes`` found of each class.

        Raises:
            FileFormatError: There is nothing, or the file is damaged or from a newer LayerLore.
        """
        from layerlore.classes.storage import load_classes

        return load_classes(self.folder)

    def report(self, out: str | Path | None = None, *, evaluation: str | Path | None = None) -> Path:
        """Write the study's site, or bring it up to date; see :func:`layerlore.report.site.write_site`.

        Args:
            out: Folder to write to; None: ``report`` in the study's folder.
            evaluation: Folder of the evaluation for the report card; None: ``evaluation`` in the study's.

        Returns:
            The page to open.

        Raises:
            OutputError: The folder is not empty and not ours, or cannot be written.
            FileFormatError: Explanations of the study cannot be read, or the named folder holds no evaluation.
            SettingError: The named evaluation is of another network, or of other photos.
        """
        from layerlore.report.site import write_site

        named = None if evaluation is None else Path(evaluation)
        return write_site(self, None if out is None else Path(out), evaluation=named).index

    def photo_path(self, image_id: str) -> Path:
        """Where a photo's file is."""
        return files.image_root(self.folder, self.manifest.images) / self.image(image_id).path

    def photo(self, image_id: str) -> Photo:
        """Read a photo from its file.

        Raises:
            PhotoError: It is gone, unreadable, or not the photo that it was.
        """
        return self._reader.photo(self.image(image_id))

    def photo_view(self, image_id: str) -> bytes:
        """The part of a photo that the network sees, as a JPEG file.

        Raises:
            PhotoError: The photo is gone or changed.
        """
        record = self.image(image_id)
        box = self._reader.box(record)
        if box is None:
            box = self.load_network().seen_box(self._reader.photo(record))
        return self._reader.view(record, box)

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of the current set, one for each cluster map.

        Args:
            columns: Only these; without ``map`` a table is small.

        Raises:
            StudyError: There is no such column.
            FileFormatError: A file is damaged.
        """
        return self._reader.table(columns)

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """All rows of the current set as a data frame; as :meth:`to_arrow`."""
        frame: pd.DataFrame = self.to_arrow(columns).to_pandas()
        return frame

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.folder, self.manifest, self.images)
