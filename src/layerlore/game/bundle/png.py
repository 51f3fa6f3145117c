"""PNG files of a bundle: nothing in them but the picture, and no length that tells which one it is."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = 4096
"""Bytes that the length of every file is a multiple of."""

MAX_SIDE = 2048
"""Longest side of a picture in pixels; a small file can claim any size (a decompression bomb)."""

PADDING = b"paDd"
"""Our chunk: a reader may skip it, no standard has it."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_OVERHEAD = 12  # length, type and checksum of a chunk
_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))


def pad(content: bytes) -> bytes:
    """Fill a PNG file up to the next `BUCKET` with a chunk of zeros before its end.

    Raises:
        ValueError: It is no PNG file.
    """
    if not content.startswith(_SIGNATURE) or not content.endswith(_END):
        raise ValueError("it is no PNG file")
    size = -(-(len(content) + _OVERHEAD) // BUCKET) * BUCKET
    zeros = bytes(size - len(content) - _OVERHEAD)
    chunk = struct.pack(">I4s", len(zeros), PADDING) + zeros + struct.pack(">I", zlib.crc32(PADDING + zeros))
    return content[: -len(_END)] + chunk + _END


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and data of each chunk of a PNG file.

    Raises:
        ValueError: It is no whole PNG file.
    """
    if not content.startswith(_SIGNATURE):
        raise ValueError("it is no PNG file")
    place = len(_SIGNATURE)
    while place < len(content):
        if len(content) - place < _OVERHEAD:
            raise ValueError("it is cut off")
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + 8 + length
        if end + 4 > len(content):
            raise ValueError("it is cut off")
        yield kind, content[place + 8 : end]
        place = end + 4


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height of a picture as `pad` leaves them: opaque colours, nothing beside them.

    Raises:
        ValueError: It is no such picture; the text says why.
    """
    found = list(chunks(content))
    kinds = [kind for kind, _ in found]
    pictures = len(kinds) - 3
    if pictures < 1 or kinds != [b"IHDR", *[b"IDAT"] * pictures, PADDING, b"IEND"]:
        raise ValueError("it holds more or less than a picture and its padding")
    header = found[0][1]
    if len(header) != 13:
        raise ValueError("its header is damaged")
    width, height, *kind = struct.unpack(">IIBBBBB", header)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ValueError(f"it claims {width} x {height} pixels, more than {MAX_SIDE} a side")
    if kind != [8, 2, 0, 0, 0]:
        raise ValueError("it is not made of opaque 8-bit colours")
    if len(content) % BUCKET or any(found[-2][1]):
        raise ValueError("it is not padded as it should be")
    return width, height
