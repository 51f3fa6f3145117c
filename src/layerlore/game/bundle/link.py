"""What leads from a bundle back to its study. The server never reads it; an export does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.manifest import BUNDLE, LINK_FILE, canonical_json, plain
from layerlore.game.bundle.parsing import read_json, record
from layerlore.game.bundle.stored import WAY_OUT

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LinkedImage:
    """A photo of the study.

    Attributes:
        image_id: As in the study.
        path: Likewise.
        label: Class as given, or "".
        target: Index of the class that was explained.
    """

    image_id: str
    path: str
    label: str
    target: int


@dataclass(frozen=True, slots=True)
class LinkedMap:
    """A cluster map of the study.

    Attributes:
        image_id: Its photo.
        target: Index of the class that was explained.
        layer: Its layer; "" where it is of none.
        layer_index: Place of the layer among all explainable layers of the network; -1 where it is of none.
        cluster: Its cluster; -1 where it is of none or of all.
    """

    image_id: str
    target: int
    layer: str
    layer_index: int
    cluster: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A map that is in the study but not in the bundle.

    Attributes:
        image_id: Its photo.
        layer: Its layer.
        cluster: Its cluster.
        kind: What it was to be.
        reason: A `Fault`.
    """

    image_id: str
    layer: str
    cluster: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Link:
    """The way back.

    Attributes:
        campaign_id: Of the bundle.
        seed: With which the same bundle is built again.
        images: image_key to photo.
        maps: map_key to map.
        left_out: What could not be revealed.
    """

    campaign_id: str
    seed: int
    images: Mapping[str, LinkedImage]
    maps: Mapping[str, LinkedMap]
    left_out: tuple[LeftOut, ...]


def link_bytes(link: Link) -> bytes:
    """The file of a link."""
    return canonical_json(plain(link))


def load_link(folder: str | Path, campaign_id: str) -> Link:
    """Read the way back to the study.

    Args:
        folder: The bundle's, or the campaign's.
        campaign_id: Of the bundle's manifest.

    Raises:
        BundleError: The file is missing, damaged, or of another bundle.
    """
    path = Path(folder)
    if path.name != BUNDLE:
        path = path / BUNDLE
    try:
        link = record(Link, read_json(path / LINK_FILE), "link")
    except ValueError as error:
        raise BundleError(f"{path / LINK_FILE}: {error}; {WAY_OUT}") from error
    if link.campaign_id != campaign_id:
        raise BundleError(f"{path / LINK_FILE}: of another bundle; {WAY_OUT}")
    return link
