"""A campaign with pictures as large as real ones, and a class that players can read from the pixels."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from small_bundle import png, write_bundle

from gameload import players

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 116
"""Pixels a side; uncompressed, a file has 40,960 bytes, about what a real one of 384 pixels a side has."""

NAMES = {
    "tench": ("en:tench", "it:tinca"),
    "springer": ("en:English springer", "it:springer inglese"),
    "cassette": ("en:cassette player", "it:mangianastri"),
    "saw": ("en:chain saw", "it:motosega"),
    "church": ("en:church", "it:chiesa"),
    "horn": ("en:French horn", "it:corno francese"),
    "truck": ("en:garbage truck", "it:camion dei rifiuti"),
    "pump": ("en:gas pump", "it:pompa di benzina"),
    "ball": ("en:golf ball", "it:pallina da golf"),
    "parachute": ("en:parachute", "it:paracadute"),
}


def write(folder: Path, *, images: int = 300, honeypots: int = 40, files: bool = True) -> Path:
    """Write the campaign's folder; 300 images take 300 MB."""
    noise = random.Random(0).randbytes(3 * SIDE * SIDE)

    def draw(number: int, class_index: int) -> bytes:
        pixels = bytes([class_index]) + number.to_bytes(5, "big") + noise[6:]
        content = png(pixels, SIDE, level=0)
        assert content[players.CLASS_BYTE] == class_index
        return content

    return write_bundle(folder, images=images, honeypots=honeypots, files=files, known=NAMES, draw=draw, side=SIDE)
