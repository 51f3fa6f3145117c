"""What a study is made of: its photos, its settings, what was left out, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layerlore.local.explanation import Prediction


@dataclass(frozen=True)
class ImageRecord:
    """One photo of a study.

    Attributes:
        image_id: First 16 hex digits of the SHA-256 of the file.
        path: Where the photo is, relative to the study's root of images, with forward slashes.
        name: File name.
        label: Class as given (name of the sub-folder, or from the list), or None.
        class_index: The network's class that ``label`` names, or None where it names none, or several.
        width: Width in pixels, after the EXIF rotation.
        height: Height, likewise.
        predicted: Index of the class that the network answers; None until it was explained.
        predicted_name: Its readable name.
        top5: The five likeliest classes, likeliest first; empty until it was explained.
        problem: Why the photo could not be explained in the last run, or "".
    """

    image_id: str
    path: str
    name: str
    label: str | None
    class_index: int | None
    width: int
    height: int
    predicted: int | None = None
    predicted_name: str | None = None
    top5: tuple[Prediction, ...] = ()
    problem: str = ""

    @property
    def correct(self) -> bool | None:
        """Whether the answer is the photo's class; None where either is unknown."""
        if self.predicted is None or self.class_index is None:
            return None
        return self.predicted == self.class_index


@dataclass(frozen=True)
class Skipped:
    """A file that is no photo of the study.

    Attributes:
        path: As in `ImageRecord`.
        reason: ``unreadable`` or ``duplicate``.
        detail: One line: what is wrong with it, or which photo has the same content.
        image_id: As in `ImageRecord`, or "" where the file could not be read at all.
    """

    path: str
    reason: str
    detail: str
    image_id: str = ""


@dataclass(frozen=True)
class StudySettings:
    """How every photo of a set is explained; another value of any of these is another set.

    Attributes:
        method: ``stable`` or ``paper``.
        seed: Seed of everything random.
        layers: Names of the explained layers, shallow to deep.
        target: ``predicted``, ``label`` (the photo's own class), or the index of one class for all photos as text.
        ablation: Measure what removing each cluster does.
        flow: Trace which clusters feed which.
        batch: Photos that go through the network together.
        shard: Photos of one file.
    """

    method: str
    seed: int
    layers: tuple[str, ...]
    target: str = "predicted"
    ablation: bool = False
    flow: bool = False
    batch: int = 8
    shard: int = 16


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    Attributes:
        explained: Photos explained by this run.
        already: Photos that were explained before it.
        failed: Photos that could not be explained, with the reason: image_id to one line.
        seconds: Wall time.
        new_set: True if the settings differ from those before, so that a new set was begun.
    """

    explained: int
    already: int
    failed: dict[str, str]
    seconds: float
    new_set: bool


@dataclass(frozen=True)
class Status:
    """How far a study is.

    Attributes:
        images: Photos of the study.
        explained: Photos explained with the present settings.
        failed: image_id to the reason, for photos that could not be explained in the last run.
        skipped: Files that are no photos of the study.
        shards: Files of the present set that are whole.
        shards_wanted: Files that the present set has when it is complete.
        damaged: One line for each file that cannot be read.
        running: Process and machine of a run that is going on, or "".
        set_hash: The present set.
        sets: Number of sets.
        correct: Explained photos whose answer is their class.
        judged: Explained photos whose class the network knows.
        bytes: Size of the present set's files.
    """

    images: int
    explained: int
    failed: dict[str, str]
    skipped: tuple[Skipped, ...]
    shards: int
    shards_wanted: int
    damaged: tuple[str, ...]
    running: str
    set_hash: str
    sets: int
    correct: int
    judged: int
    bytes: int
    settings: StudySettings | None = field(default=None)

    @property
    def complete(self) -> bool:
        """Every photo is explained."""
        return not self.damaged and self.explained == self.images
