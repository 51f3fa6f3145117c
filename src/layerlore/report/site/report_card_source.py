"""Which evaluation a report card is made from, and whether it is one of the study's network and photos."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from layerlore.errors import SettingError
from layerlore.evaluate.storage import DEFAULT, Folder, find_folder, load_evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from layerlore.evaluate.results import Evaluation
    from layerlore.study.study import Study


@dataclass(frozen=True)
class Source:
    """An evaluation beside the study that it is held against.

    Attributes:
        folder: Where it is kept, or would be.
        told: That folder as a page names it: from where the study lies, without other folders of the machine.
        elsewhere: It was named, and is not that in the study's folder.
        stored: What was measured, by all runs; None where there is nothing.
        evaluation: Of that, the study's photos; None where there is nothing, or it is of another network.
        another: Why it is of another network, or "".
        strangers: Photos that were measured and are not in the study.
        waiting: Photos of the study that the last run did not come to.
    """

    folder: Path
    told: str
    elsewhere: bool
    stored: Evaluation | None = None
    evaluation: Evaluation | None = None
    another: str = ""
    strangers: int = 0
    waiting: int = 0

    @property
    def stamp(self) -> str:
        """Changes with what is kept there."""
        if self.stored is None:
            return self.told
        files = sorted((self.folder / "photos").glob("*.parquet"))
        stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        seen = (self.told, self.elsewhere, stats, Folder(self.folder).settings())
        return hashlib.sha256(repr(seen).encode()).hexdigest()


def find_source(study: Study, named: Path | None = None) -> Source:
    """Find the evaluation of a study.

    Args:
        study: The study.
        named: Its folder; None: ``evaluation`` in the study's, where there need not be any.

    Raises:
        FileFormatError: The named folder holds none, or it is damaged.
        SettingError: The named one is of another network, or of other photos.
    """
    own = study.folder / DEFAULT
    folder = own if named is None else find_folder(named)
    elsewhere = folder.resolve() != own.resolve()
    source = Source(folder, _told(study, folder) if elsewhere else f"{name_of(study)}/{DEFAULT}", elsewhere)
    if named is None and not Folder(folder).exists:
        return source
    stored = load_evaluation(folder, every_run=True)
    identity = Folder(folder).settings()["identity"]
    another = _another(study, str(stored.facts.get("network")), identity)
    if another and named is not None:
        raise SettingError(f"{folder}: holds an evaluation of another network: {another}; give one of the study's own")
    if another:
        return replace(source, stored=stored, another=another)
    ids = {image.image_id for image in study.images}
    photos = tuple(one for one in stored.photos if one.photo.image_id in ids)
    asked = ids & set(Folder(folder).settings()["photos"])
    if named is not None and not photos and not asked:
        raise SettingError(
            f"{folder}: holds an evaluation of other photos, none of them is in the study; "
            f"make one with layerlore evaluate {study.folder}"
        )
    left = asked - {one.photo.image_id for one in photos}
    return replace(
        source,
        stored=stored,
        evaluation=replace(stored, photos=photos),
        strangers=len(stored.photos) - len(photos),
        waiting=sum(image.image_id in left and not _among(image.path, stored.failed) for image in study.images),
    )


def name_of(study: Study) -> str:
    """The study as pages and commands name it."""
    return study.folder.resolve().name or "study"


def _among(path: str, failed: Mapping[str, str]) -> bool:
    """Whether a photo failed. Paths begin where the photos of the study, or those that were measured, begin."""
    parts = PurePosixPath(path).parts
    others = (PurePosixPath(one).parts for one in failed)
    return any(one[-len(parts) :] == parts[-len(one) :] for one in others)


def _told(study: Study, folder: Path) -> str:
    path, beside = folder.resolve(), study.folder.resolve().parent
    return path.relative_to(beside).as_posix() if path.is_relative_to(beside) else path.name


def _another(study: Study, name: str, identity: dict[str, str]) -> str:
    """How the network that was measured differs from the study's, or ""."""
    ours = study.manifest.network
    theirs = str(identity.get("fingerprint", ""))
    if theirs != ours["fingerprint"]:
        return f"{name}, weights {theirs[:12]}, while the study's has {ours['fingerprint'][:12]}"
    if identity.get("preprocess") != ours["preprocess"]:
        return f"{name} with the study's weights, but photos are prepared for it in another way"
    return ""
