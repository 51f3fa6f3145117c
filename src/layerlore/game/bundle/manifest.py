"""What a bundle holds: classes, images, maps and the files of their steps; loaded only where nothing was changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.parsing import read_json, record, records
from layerlore.game.bundle.stored import (
    FILES,
    MAX_FILE,
    WAY_OUT,
    StoredFile,
    check_folder,
    check_stored,
    is_place,
    read_stored,
)
from layerlore.game.domain.config import CampaignConfig, parse_config
from layerlore.game.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCHEMA = 2
PLAIN = 1
"""Version of a bundle without a questionnaire, so that an older LayerLore plays it too."""
BUNDLE = "bundle"
MANIFEST_FILE = "manifest.json"
LINK_FILE = "link.json"


class MapKind(StrEnum):
    """What a map is there for; nothing that a player sees differs."""

    NORMAL = "normal"
    CONTROL = "control"
    HONEYPOT = "honeypot"
    BLANK = "blank"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Source:
    """The study that a bundle was built from.

    Attributes:
        study_hash: Of its photos and its network, 16 hex digits.
        settings_hash: Its set of explanations.
        network_name: The network in readable words.
        network_fingerprint: Of its weights.
    """

    study_hash: str
    settings_hash: str
    network_name: str
    network_fingerprint: str


@dataclass(frozen=True, slots=True)
class GameClass:
    """A class that players choose from.

    Attributes:
        index: The network's index; from the network's number of classes on for a class that it does not know.
        names: Language to the name that is shown, one for each of the campaign's languages.
        taboo: Language to all names of the class, the shown one among them; plurals are left to `domain.taboo`.
        near: The other classes, those first that the network confuses it with most.
    """

    index: int
    names: Mapping[str, str]
    taboo: Mapping[str, tuple[str, ...]]
    near: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GameImage:
    """A photo.

    Attributes:
        image_key: Its random name.
        class_index: Its class.
        width: Of all its pictures, in pixels.
        height: Likewise.
        full: The whole photo as the network saw it.
    """

    image_key: str
    class_index: int
    width: int
    height: int
    full: StoredFile


@dataclass(frozen=True, slots=True)
class Step(StoredFile):
    """What a player sees at one step.

    Attributes:
        fraction: Share of the picture that it stands for.
        pixels: Pixels that are shown; 0 for a blank map.
    """

    fraction: float
    pixels: int


@dataclass(frozen=True, slots=True)
class GameMap:
    """A map that is revealed step by step.

    Attributes:
        map_key: Its random name.
        image_key: Its photo.
        kind: What it is there for.
        layer: The layer's name; "" where it is of none (control and blank).
        layer_position: Place among the explained layers, 0 = shallowest; -1 where it is of none.
        layer_depth: Place among all layers of the network, in [0, 1]; 0 where it is of none.
        cluster: Rank of the cluster in its layer, 0 = heaviest; -1 where it is of none or of all.
        weight: Percent of the layer's weight; 0 where it is of none.
        low_support: It is positive on less of the picture than its only step stands for.
        steps: Growing; fewer than the campaign's where the map has no more pixels.
        accepted_labels: For a honeypot: language to the words of which one shows that a player looks.
    """

    map_key: str
    image_key: str
    kind: MapKind
    layer: str
    layer_position: int
    layer_depth: float
    cluster: int
    weight: float
    low_support: bool
    steps: tuple[Step, ...]
    accepted_labels: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One method's explanation of a photo.

    Attributes:
        method: Which; nothing else tells it, and players never get it.
        layered: It shows several layers, the first to the last.
        width: Of its picture, in pixels.
        height: Likewise.
        picture: The picture.
    """

    method: str
    layered: bool
    width: int
    height: int
    picture: StoredFile


@dataclass(frozen=True, slots=True)
class QuestionPhoto:
    """A photo of the questionnaire.

    Attributes:
        image_key: The photo, one of the manifest's.
        answer: Index of the network's answer, which is what the methods explain.
        answer_names: Language to its name.
        probability: How sure the network is of it.
        right: The photo is of that class.
        views: One for each method of the configuration, in its order.
    """

    image_key: str
    answer: int
    answer_names: Mapping[str, str]
    probability: float
    right: bool
    views: tuple[QuestionView, ...]


@dataclass(frozen=True)
class Manifest:
    """A bundle.

    Attributes:
        folder: Where it lies.
        campaign_id: Its random name.
        created_from: The study.
        config: The campaign's configuration, frozen.
        classes: By index.
        images: By key, so that their order tells nothing.
        maps: Likewise.
        questions: Photos of the questionnaire, likewise; none where there is none.
        sha256: Of everything else in the manifest; the hash that a campaign is opened with.
    """

    folder: Path = field(compare=False)
    campaign_id: str
    created_from: Source
    config: CampaignConfig
    classes: tuple[GameClass, ...]
    images: tuple[GameImage, ...]
    maps: tuple[GameMap, ...]
    questions: tuple[QuestionPhoto, ...]
    sha256: str

    @cached_property
    def image_by_key(self) -> Mapping[str, GameImage]:
        """image_key to image."""
        return {image.image_key: image for image in self.images}

    @cached_property
    def map_by_key(self) -> Mapping[str, GameMap]:
        """map_key to map."""
        return {one.map_key: one for one in self.maps}

    def files(self) -> Iterator[StoredFile]:
        """All pictures."""
        yield from (image.full for image in self.images)
        yield from (step for one in self.maps for step in one.steps)
        yield from (view.picture for one in self.questions for view in one.views)

    def read(self, stored: StoredFile) -> bytes:
        """The bytes of a picture, checked each time, so that a file changed since the start is not served.

        Raises:
            BundleError: The file is missing or changed.
        """
        return read_stored(self.folder, stored)


def canonical_json(value: object) -> bytes:
    """JSON in one form only: keys sorted, no blanks."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def manifest_bytes(content: Mapping[str, Any]) -> bytes:
    """The file of a manifest, with its hash.

    Args:
        content: Everything but ``schema`` and ``sha256``, as plain values; ``questions`` only where there are some.
    """
    whole = {"schema": SCHEMA if "questions" in content else PLAIN, **content}
    return canonical_json({**whole, "sha256": hashlib.sha256(canonical_json(whole)).hexdigest()})


def plain(value: Any) -> Any:  # noqa: ANN401 any record
    """A record as plain values for `manifest_bytes`."""
    if dataclasses.is_dataclass(value):
        return {entry.name: plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def load_manifest(folder: str | Path, *, verify: bool = True) -> Manifest:
    """Load a bundle.

    Args:
        folder: The bundle's, or the campaign's with ``bundle`` in it.
        verify: Read every picture, and check it and that there are no other files; some hundred megabytes a second.
            False: only the manifest is checked, and :meth:`Manifest.read` checks a picture when it is asked for.

    Raises:
        BundleError: There is no bundle, or it is not as it was built; the message names the file.
    """
    path = Path(folder)
    if path.name != BUNDLE and (path / BUNDLE).is_dir():
        path = path / BUNDLE
    check_folder(path)
    content = read_json(path / MANIFEST_FILE)
    manifest = _parse(path, content)
    check_folder(path / FILES)
    if verify:
        _verify(manifest)
    return manifest


def _parse(path: Path, content: dict[str, Any]) -> Manifest:
    """The manifest, after everything in it was checked."""
    file = path / MANIFEST_FILE
    schema = content.get("schema")
    if type(schema) is int and schema > SCHEMA:
        raise BundleError(f"{file}: in format version {schema}, this LayerLore reads up to {SCHEMA}; update LayerLore")
    wanted = content.pop("sha256", None)
    if hashlib.sha256(canonical_json(content)).hexdigest() != wanted:
        raise BundleError(f"{file}: changed since the bundle was built; {WAY_OUT}")
    try:
        config = parse_config(content["config"])
        names = {"schema", "campaign_id", "created_from", "config", "classes", "images", "maps"}
        if schema == SCHEMA:
            names.add("questions")
        if set(content) != names or schema not in (PLAIN, SCHEMA) or not isinstance(content["campaign_id"], str):
            raise ValueError("its keys are not those of a manifest")  # noqa: TRY301 told as all faults are
        manifest = Manifest(
            folder=path,
            campaign_id=content["campaign_id"],
            created_from=record(Source, content["created_from"], "created_from"),
            config=config,
            classes=records(GameClass, content["classes"], "classes"),
            images=records(GameImage, content["images"], "images"),
            maps=records(GameMap, content["maps"], "maps"),
            questions=records(QuestionPhoto, content.get("questions", []), "questions"),
            sha256=wanted,
        )
        _check(manifest)
    except (ConfigError, LookupError, ValueError) as error:
        raise BundleError(f"{file}: {error}; {WAY_OUT}") from error
    return manifest


def _check(manifest: Manifest) -> None:
    """What single values cannot tell.

    Raises:
        ValueError: Something is there twice, missing, or leads elsewhere; the text names it.
    """
    _once("campaign_id", [manifest.campaign_id], key=True)
    indices = {one.index for one in manifest.classes}
    _once("class", [str(one.index) for one in manifest.classes])
    _once("image_key", [image.image_key for image in manifest.images], key=True)
    _once("map_key", [one.map_key for one in manifest.maps], key=True)
    _once("file", [stored.file for stored in manifest.files()])
    languages = set(manifest.config.campaign.languages)
    for kind in manifest.classes:
        if set(kind.names) != languages or not set(kind.taboo) <= languages or not set(kind.near) <= indices:
            raise ValueError(f"class {kind.index} has other languages or neighbours than the campaign")
    images = {image.image_key for image in manifest.images}
    for image in manifest.images:
        if image.class_index not in indices:
            raise ValueError(f"image {image.image_key} is of class {image.class_index}, which is not there")
    for one in manifest.maps:
        if one.image_key not in images:
            raise ValueError(f"map {one.map_key} is of image {one.image_key}, which is not there")
        _check_steps(one)
    _check_questions(manifest, images)
    for stored in manifest.files():
        if not is_place(stored.file):
            raise ValueError(f"{stored.file!r} is no name of a bundle's file")
        if not 0 < stored.bytes <= MAX_FILE:
            raise ValueError(f"{stored.file} has {stored.bytes:,} bytes, more than any picture")


def _check_questions(manifest: Manifest, images: set[str]) -> None:
    asked = manifest.config.questionnaire
    if asked.enabled != bool(manifest.questions) or (asked.enabled and len(manifest.questions) < asked.photos):
        raise ValueError(f"it has {len(manifest.questions)} photos for the questionnaire, not what its settings say")
    _once("question", [one.image_key for one in manifest.questions])
    for one in manifest.questions:
        if one.image_key not in images:
            raise ValueError(f"question {one.image_key} is of an image that is not there")
        if tuple(view.method for view in one.views) != asked.methods or not 0 <= one.probability <= 1:
            raise ValueError(f"question {one.image_key} has other methods than the settings")
        if set(one.answer_names) != set(manifest.config.campaign.languages):
            raise ValueError(f"question {one.image_key} has other languages than the campaign")


def _check_steps(one: GameMap) -> None:
    fractions = [step.fraction for step in one.steps]
    pixels = [step.pixels for step in one.steps]
    if not fractions or fractions != sorted(set(fractions)) or pixels != sorted(pixels):
        raise ValueError(f"the steps of map {one.map_key} do not grow")


def _once(what: str, names: Iterable[str], *, key: bool = False) -> None:
    seen: set[str] = set()
    for name in names:
        if key and not (len(name) == 32 and set(name) <= set("0123456789abcdef")):
            raise ValueError(f"{what} {name!r} has not 32 hex digits")
        if name in seen:
            raise ValueError(f"{what} {name} is there twice")
        seen.add(name)


def _verify(manifest: Manifest) -> None:
    """Check every picture, and that there is nothing else.

    Raises:
        BundleError: A file is missing, changed, a link, or in no list.
    """
    folder = manifest.folder / FILES
    listed = {stored.file for stored in manifest.files()}
    for place in sorted(folder.iterdir()):
        check_folder(place)
        for path in place.iterdir():
            if f"{place.name}/{path.name}" not in listed:
                raise BundleError(f"{path}: not in the manifest; remove it, or {WAY_OUT}")
    for path in manifest.folder.iterdir():
        if path.name not in (FILES, MANIFEST_FILE, LINK_FILE):
            raise BundleError(f"{path}: not part of a bundle; remove it, or {WAY_OUT}")
    for size, stored in _with_sizes(manifest):
        if check_stored(manifest.folder, stored) != size:
            raise BundleError(f"{folder / stored.file}: not of the size of its image; {WAY_OUT}")


def _with_sizes(manifest: Manifest) -> Iterator[tuple[tuple[int, int], StoredFile]]:
    """All pictures, with the width and height that they must have."""
    sizes = {image.image_key: (image.width, image.height) for image in manifest.images}
    yield from ((sizes[image.image_key], image.full) for image in manifest.images)
    yield from ((sizes[one.image_key], step) for one in manifest.maps for step in one.steps)
    yield from (((view.width, view.height), view.picture) for one in manifest.questions for view in one.views)
