"""What a bundle is, without its maps: a manifest of 50,000 maps takes half a gigabyte when it is read whole."""

from __future__ import annotations

import hashlib
import json
import mmap
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.manifest import BUNDLE, MANIFEST_FILE, SCHEMA, Source
from layerlore.game.bundle.parsing import record
from layerlore.game.bundle.stored import WAY_OUT, check_folder

if TYPE_CHECKING:
    from pathlib import Path

# Keys of a manifest are sorted, so these are its two ends. A quote within a text has a backslash before it, so that
# no text in the manifest looks like a key.
_BEGIN = re.compile(rb'\{"campaign_id":"([0-9a-f]{32})",')
_END = re.compile(rb',"schema":([0-9]{1,9}),"sha256":"([0-9a-f]{64})"\}\Z')
_SOURCE = b',"created_from":'
_LONGEST = 100_000
_BLOCK = 1 << 20


@dataclass(frozen=True)
class BundleHead:
    """What a bundle is.

    Attributes:
        campaign_id: Its random name.
        created_from: The study that it was built from.
        sha256: Of everything else in the manifest.
    """

    campaign_id: str
    created_from: Source
    sha256: str


def load_head(folder: Path) -> BundleHead:
    """Read what a bundle is, after the hash of its whole manifest was checked.

    Args:
        folder: The campaign's.

    Raises:
        BundleError: There is no bundle, it is from a newer LayerLore, or it was changed.
    """
    check_folder(folder / BUNDLE)
    path = folder / BUNDLE / MANIFEST_FILE
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return _head(text, path)
    except (OSError, ValueError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise BundleError(f"{path}: {reason}; {WAY_OUT}") from error


def _head(text: mmap.mmap, path: Path) -> BundleHead:
    """The head from the manifest's bytes.

    Raises:
        ValueError: They are no manifest, or were changed.
    """
    begin, end = _BEGIN.match(text), _END.search(text, max(0, len(text) - 200))
    if begin is None or end is None:
        raise ValueError("not as a bundle's manifest is written")
    schema = int(end[1])
    if schema > SCHEMA:
        raise BundleError(f"{path}: in format version {schema}, this LayerLore reads up to {SCHEMA}; update LayerLore")
    hashed = hashlib.sha256()
    last = end.start() + len(b',"schema":') + len(end[1])
    for start in range(0, last, _BLOCK):
        hashed.update(text[start : min(start + _BLOCK, last)])
    hashed.update(b"}")
    if hashed.hexdigest().encode() != end[2]:
        raise ValueError("changed since the bundle was built")
    place = text.find(_SOURCE)
    if place < 0:
        raise ValueError("it does not say what it was built from")
    part = text[place + len(_SOURCE) : place + len(_SOURCE) + _LONGEST].decode(errors="replace")
    source, _ = json.JSONDecoder().raw_decode(part)
    return BundleHead(begin[1].decode(), record(Source, source, "created_from"), end[2].decode())
