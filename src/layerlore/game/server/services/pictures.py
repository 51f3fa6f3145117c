"""Bytes of the bundle's pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from layerlore.game.bundle.manifest import BUNDLE
from layerlore.game.bundle.stored import StoredFile, read_stored

if TYPE_CHECKING:
    from collections.abc import Mapping


def picture_bytes(stored: Mapping[str, object]) -> bytes:
    """A picture, checked against its SHA-256.

    Raises:
        BundleError: It is missing or was changed.
    """
    file = StoredFile(str(stored["file"]), str(stored["sha256"]), int(str(stored["bytes"])))
    return read_stored(Path(settings.CAMPAIGN_FOLDER or "") / BUNDLE, file)
