"""Photos from files, bytes, PIL images, arrays and tensors, read safely into upright RGB.

What is seen is what a browser shows, with three choices of ours: transparent parts are laid on white, 16-bit and float
photos are scaled by the range of their type (never by their own contrast), and of an animation or a file of
several pages the first picture counts. Embedded colour profiles are not applied, as in training pipelines.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import threading
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from layerlore.errors import PhotoError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


MAX_PIXELS = 100_000_000
"""Default limit on width x height; a small file can claim any size (a decompression bomb)."""

MIN_SIDE = 8
"""Shortest side in pixels; below it there is nothing to see, and every map would be one flat colour."""

MAX_ASPECT = 100
"""Longest side over shortest; beyond it, scaling the short side up to the network's input fills the memory."""

# Named one by one because Pillow's other readers (EPS, PDF, fonts, ...) start programs or are little tested.
# MPO is what many phones write under the suffix .jpg; AVIF depends on how Pillow was built.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
_READABLE = "JPEG, PNG, WebP, GIF, TIFF and BMP"

# What Pillow's readers raise on damaged files; most is OSError, the others are rare and depend on the format.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    RuntimeError,
    EOFError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
)

_PILLOW_LIMIT = threading.Lock()


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo, upright and in RGB.

    Attributes:
        image: The pixels, mode ``RGB``, after the EXIF rotation.
        name: File name, or "bytes", "image", "array" or "tensor" for a photo from memory.
        image_id: First 16 hex digits of the SHA-256 of the file's bytes, or of the RGB pixels and their
            shape where there is no file.
    """

    image: Image.Image
    name: str
    image_id: str


PhotoSource: TypeAlias = "str | Path | bytes | Image.Image | NDArray[np.generic] | torch.Tensor | Photo"
"""What :func:`read_photo` reads."""


def read_photo(source: PhotoSource, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a photo from whatever holds it.

    Args:
        source: A path, a file's bytes, a PIL image, an array of shape (H, W) or (H, W, 1 | 3 | 4), or a
            tensor of shape (H, W) or (1 | 3 | 4, H, W). Numbers are ``uint8``, ``uint16``, other integers in
            0..255, booleans, or floats in [0, 1]. A ``Photo`` is returned as it is.
        max_pixels: Refuse photos of more pixels (width x height) than this.

    Raises:
        PhotoError: The photo is missing, damaged, of an unreadable kind, too large or too small; the message
            names it.
        SettingError: ``max_pixels`` is not a positive number.
    """
    if max_pixels < 1:
        raise SettingError(f"max_pixels is {max_pixels}; it must be at least 1")
    match source:
        case Photo():
            return source
        case bytes():
            return _from_bytes(source, "bytes", max_pixels)
        case str() | os.PathLike():
            return _from_file(Path(source), max_pixels)
        case Image.Image():
            name = Path(str(getattr(source, "filename", ""))).name or "image"
            return _from_memory(_image_to_rgb(source, name, max_pixels), name)
        case np.ndarray():
            return _from_memory(_array_to_rgb(source, "array", max_pixels), "array")
        case torch.Tensor():
            array = _tensor_to_array(source)
            return _from_memory(_array_to_rgb(array, "tensor", max_pixels), "tensor")
    raise PhotoError(
        f"a photo cannot be read from {type(source).__name__}: "
        "give a path, a file's bytes, a PIL image, an array or a tensor"
    )


def _from_file(path: Path, max_pixels: int) -> Photo:
    """Read a photo file, refusing everything that is not a regular file."""
    if "://" in str(path) or str(path).startswith(("http:/", "https:/")):
        raise PhotoError(f"{path}: addresses are not fetched; download the photo and give its path")
    try:
        if path.is_dir():
            raise PhotoError(f"{path}: this is a folder; give the path of one photo in it")
        if not path.exists():
            raise PhotoError(f"{path}: no such file; check the path")
        if not path.is_file():
            raise PhotoError(f"{path}: not a regular file; give the path of a photo")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PhotoError(f"{path}: cannot be read ({reason}); check its permissions") from error
    photo = _from_bytes(data, str(path), max_pixels)
    return Photo(photo.image, path.name, photo.image_id)


def _from_bytes(data: bytes, label: str, max_pixels: int) -> Photo:
    """Decode the bytes of a photo file."""
    if not data:
        raise PhotoError(f"{label}: the file is empty; save the photo again")
    try:
        with _pillow_limit_off():
            image = Image.open(io.BytesIO(data), formats=_formats())
    except UnidentifiedImageError as error:
        raise PhotoError(f"{label}: not a photo that can be read; readable are {_READABLE}") from error
    except _DAMAGE as error:
        raise PhotoError(f"{label}: the photo is damaged ({_reason(error)}); save it again") from error
    rgb = _image_to_rgb(image, label, max_pixels)
    return Photo(rgb, label, hashlib.sha256(data).hexdigest()[:16])


def _from_memory(image: Image.Image, name: str) -> Photo:
    """Make a photo of pixels that have no file."""
    digest = hashlib.sha256(f"{image.width}x{image.height}:".encode() + image.tobytes()).hexdigest()
    return Photo(image, name, digest[:16])


def _formats() -> tuple[str, ...]:
    """The readable formats that this build of Pillow has."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


@contextmanager
def _pillow_limit_off() -> Iterator[None]:
    """Switch Pillow's own size limit off while a header is read.

    Pillow's is global, warns at one size and fails at another. Ours is checked on the size in the header, before a
    pixel is decoded. The lock keeps threads from restoring each other's None.
    """
    with _PILLOW_LIMIT:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _check_size(width: int, height: int, label: str, max_pixels: int) -> None:
    """Refuse photos too large, too small or too long and thin."""
    if width * height > max_pixels:
        raise PhotoError(
            f"{label}: {width} x {height} is more than {max_pixels:,} pixels; shrink the photo, "
            "or raise the limit with max_pixels= (on the command line --max-pixels) if you trust it"
        )
    if min(width, height) < MIN_SIDE:
        raise PhotoError(f"{label}: {width} x {height} pixels is too small; each side needs at least {MIN_SIDE}")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(
            f"{label}: {width} x {height} is too long and thin (more than {MAX_ASPECT} to 1); crop it first"
        )


def _image_to_rgb(image: Image.Image, label: str, max_pixels: int) -> Image.Image:
    """Decode, turn upright and bring to RGB; the given image stays as it was."""
    _check_size(image.width, image.height, label, max_pixels)
    try:
        image.load()
    except _DAMAGE as error:
        raise PhotoError(f"{label}: the photo is truncated or damaged ({_reason(error)}); save it again") from error
    try:
        upright = ImageOps.exif_transpose(image)
    except _DAMAGE:
        upright = image  # damaged EXIF data spoil the rotation, not the picture
    if upright.mode == "F" or upright.mode.startswith("I"):
        return _array_to_rgb(_wide_pixels(upright, label), label, max_pixels)
    try:
        if upright.has_transparency_data:
            return _on_white(upright.convert("RGBA"))
        return upright.convert("RGB")
    except _DAMAGE as error:
        raise PhotoError(
            f"{label}: colours of mode {image.mode} cannot be turned into RGB; save the photo as RGB"
        ) from error


def _wide_pixels(image: Image.Image, label: str) -> NDArray[np.generic]:
    """Pixels of a grey image of more than 8 bits, as an array whose type says its range."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return values.astype(np.uint16)
    # 32 bits do not say what white is. Three conventions are told apart by their values: [0, 1], 8 bits, 16 bits.
    if not np.isfinite(values).all():
        raise PhotoError(f"{label}: the photo holds NaN or infinite values; replace them first")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        raise PhotoError(
            f"{label}: 32-bit values from {low:g} to {high:g} have no known white; save the photo with 8 or 16 bits"
        )
    if image.mode == "F" and high <= 1:
        return values
    scaled: NDArray[np.generic] = np.rint(values).astype(np.uint8 if high <= 255 else np.uint16)
    return scaled


def _on_white(image: Image.Image) -> Image.Image:
    """Lay an RGBA image on white, as a page would show it."""
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def _tensor_to_array(tensor: torch.Tensor) -> NDArray[np.generic]:
    """A tensor of shape (H, W) or (C, H, W) as an array with the channels last."""
    if tensor.ndim not in (2, 3) or (tensor.ndim == 3 and tensor.shape[0] not in (1, 3, 4)):
        raise PhotoError(
            f"tensor: shape {tuple(tensor.shape)} is no photo; a tensor has shape (H, W) or (1 | 3 | 4, H, W): "
            + ("give one photo at a time, as in batch[0]" if tensor.ndim == 4 else "use tensor.permute(2, 0, 1)")
        )
    tensor = tensor.detach().cpu().resolve_neg().resolve_conj()
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    array: NDArray[np.generic] = tensor.numpy()
    return array if array.ndim == 2 else array.transpose(1, 2, 0)


def _array_to_rgb(array: NDArray[np.generic], label: str, max_pixels: int) -> Image.Image:
    """An array of shape (H, W) or (H, W, 1 | 3 | 4) as an RGB image."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PhotoError(
            f"{label}: shape {array.shape} is no photo; an array has shape (H, W) or (H, W, 1 | 3 | 4): "
            + ("give one photo at a time, as in batch[0]" if array.ndim == 4 else "use array.transpose(1, 2, 0)")
        )
    _check_size(array.shape[1], array.shape[0], label, max_pixels)
    pixels = np.ascontiguousarray(_to_uint8(array, label))
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return _on_white(Image.fromarray(pixels))
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = np.ascontiguousarray(pixels[:, :, 0])
    return Image.fromarray(pixels).convert("RGB")


def _to_uint8(array: NDArray[np.generic], label: str) -> NDArray[np.uint8]:
    """Scale numbers to 0..255 by the range of their type."""
    if array.dtype == np.uint8:
        return array.astype(np.uint8)
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(array.dtype, np.integer):
        if array.min() < 0 or array.max() > 255:
            raise PhotoError(
                f"{label}: {array.dtype} values from {array.min()} to {array.max()} are outside 0..255; "
                "convert to uint8 or uint16"
            )
        return array.astype(np.uint8)
    if not np.issubdtype(array.dtype, np.floating):
        raise PhotoError(
            f"{label}: numbers of type {array.dtype} are no colours; use uint8, uint16 or floats in [0, 1]"
        )
    return _float_to_uint8(array.astype(np.float64), label)


def _float_to_uint8(values: NDArray[np.float64], label: str) -> NDArray[np.uint8]:
    """Scale floats in [0, 1]; refuse what was preprocessed, or is on another scale."""
    if not np.isfinite(values).all():
        raise PhotoError(f"{label}: the photo holds NaN or infinite values; replace them first")
    low, high = float(values.min()), float(values.max())
    if low < -1e-3:
        raise PhotoError(
            f"{label}: negative values (down to {low:.3g}) look already preprocessed; "
            "give the photo before normalisation, floats in [0, 1] or uint8"
        )
    if high > 1 + 1e-3:
        raise PhotoError(
            f"{label}: float values up to {high:.4g} are outside [0, 1]; divide by 255, or convert to uint8"
        )
    scaled: NDArray[np.uint8] = np.rint(values.clip(0, 1) * 255).astype(np.uint8)
    return scaled


def _reason(error: BaseException) -> str:
    """What went wrong, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:120] or type(error).__name__
