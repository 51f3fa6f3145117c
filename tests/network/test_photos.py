"""Reading photos: every format against pixels known beforehand, and every kind of bad input."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from layerlore.errors import PhotoError, SettingError
from layerlore.network.photos import MIN_SIDE, Photo, read_photo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEIGHT, WIDTH = 20, 30
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]
ACROSS, DOWN = np.meshgrid(np.linspace(20, 230, WIDTH), np.linspace(200, 60, HEIGHT))
SMOOTH = np.stack([ACROSS, DOWN, np.full_like(ACROSS, 90)], axis=-1).astype(np.uint8)


def encode(pixels: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file written by hand, for what Pillow cannot write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pixels_of(source: Any) -> np.ndarray:
    photo = read_photo(source)
    assert photo.image.mode == "RGB"
    return np.asarray(photo.image)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
@pytest.mark.parametrize("pixels", [RGB, GREY], ids=["rgb", "grey"])
def test_lossless_formats_give_back_their_pixels(
    tmp_path: Path, kind: str, options: dict[str, Any], pixels: np.ndarray
) -> None:
    data = encode(pixels, kind, **options)
    path = tmp_path / f"a photo.{kind.lower()}"
    path.write_bytes(data)
    expected = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    for source in (path, str(path), data):
        np.testing.assert_array_equal(pixels_of(source), expected)
    assert read_photo(path).name == path.name
    assert read_photo(path).image_id == read_photo(data).image_id == hashlib.sha256(data).hexdigest()[:16]


def test_gif_and_jpeg_come_close_and_the_first_picture_counts() -> None:
    frames = [Image.fromarray(frame) for frame in (GREY, 255 - GREY)]
    animated = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(pixels_of(animated)[:, :, 0], GREY)
    pages = encode(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(pixels_of(pages)[:, :, 0], GREY)
    phone = encode(Image.fromarray(SMOOTH), "MPO", save_all=True, append_images=frames[:1], quality=95)
    for data in (encode(SMOOTH, "JPEG", quality=95), encode(SMOOTH, "JPEG", quality=95, progressive=True), phone):
        assert np.abs(pixels_of(data).astype(int) - SMOOTH).max() <= 8


# What each EXIF orientation asks for, in NumPy instead of Pillow.
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_rotation(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(RGB, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    np.testing.assert_array_equal(pixels_of(data), TURNS[orientation](RGB))


def test_a_pil_image_is_turned_and_left_as_it_was() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encode(RGB, "PNG", exif=exif)))
    np.testing.assert_array_equal(pixels_of(image), np.rot90(RGB, -1))
    assert image.size == (WIDTH, HEIGHT)
    assert image.getexif()[0x0112] == 6


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(kind: str) -> None:
    wide = GREY.astype(np.uint16) * 257
    np.testing.assert_array_equal(pixels_of(encode(wide, kind))[:, :, 0], GREY)


def test_other_16_bit_and_float_files() -> None:
    big_endian = GREY.astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in big_endian)
    np.testing.assert_array_equal(pixels_of(png(WIDTH, HEIGHT, 16, 0, rows))[:, :, 0], GREY)
    colour = RGB.astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in colour)
    np.testing.assert_array_equal(pixels_of(png(WIDTH, HEIGHT, 16, 2, rows)), RGB)
    np.testing.assert_array_equal(pixels_of(encode(GREY.astype(np.float32) / 255, "TIFF"))[:, :, 0], GREY)
    np.testing.assert_array_equal(pixels_of(Image.fromarray(GREY).convert("F"))[:, :, 0], GREY)
    np.testing.assert_array_equal(pixels_of(Image.fromarray(GREY).convert("I"))[:, :, 0], GREY)
    np.testing.assert_array_equal(pixels_of(Image.fromarray(GREY.astype(np.int32) * 257))[:, :, 0], GREY)


def over_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[:, :, 3:].astype(float) / 255
    return rgba[:, :, :3] * alpha + 255 * (1 - alpha)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(kind: str) -> None:
    rgba = np.dstack([RGB, np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert np.abs(pixels_of(encode(rgba, kind, **options)) - over_white(rgba)).max() <= 1
    assert np.abs(pixels_of(rgba) - over_white(rgba)).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_a_transparent_colour(kind: str) -> None:
    indices = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 4
    palette = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [0, 0, 200]], dtype=np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(palette.tobytes())
    expected = palette[indices]
    np.testing.assert_array_equal(pixels_of(encode(image, kind)), expected)
    expected[indices == 2] = 255
    np.testing.assert_array_equal(pixels_of(encode(image, kind, transparency=2)), expected)


def test_grey_with_alpha_and_with_a_transparent_level() -> None:
    both = Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (WIDTH, HEIGHT), 0)])
    assert (pixels_of(encode(both, "PNG")) == 255).all()
    level = int(GREY[0, 0])
    expected = np.where(level == GREY, 255, GREY)
    np.testing.assert_array_equal(pixels_of(encode(GREY, "PNG", transparency=level))[:, :, 1], expected)


def test_one_bit_pixels() -> None:
    bits = GREY > 127
    np.testing.assert_array_equal(pixels_of(encode(Image.fromarray(bits), "PNG"))[:, :, 2], bits * np.uint8(255))


def test_cmyk_jpeg_with_adobe_inversion() -> None:
    data = encode(Image.fromarray(SMOOTH).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data[:200]
    assert np.abs(pixels_of(data).astype(int) - SMOOTH).max() <= 10
    assert np.abs(pixels_of(encode(Image.fromarray(SMOOTH).convert("CMYK"), "TIFF")).astype(int) - SMOOTH).max() <= 1


@pytest.mark.parametrize(
    "source",
    [
        RGB,
        RGB.astype(np.uint16) * 257,
        RGB.astype(np.int64),
        RGB / 255,
        (RGB / 255).astype(np.float32),
        np.asfortranarray(RGB),
        torch.from_numpy(RGB).permute(2, 0, 1),
        torch.from_numpy(RGB).permute(2, 0, 1) / 255,
        torch.from_numpy(RGB.astype(np.float32)).permute(2, 0, 1).div(255).requires_grad_(),
        torch.from_numpy(RGB.astype(np.uint16) * 257).permute(2, 0, 1),
        Image.fromarray(RGB),
        torch.from_numpy(np.dstack([RGB, np.full((HEIGHT, WIDTH), 255, np.uint8)])).permute(2, 0, 1),
    ],
    ids=lambda source: f"{type(source).__name__}-{getattr(source, 'dtype', source)}"[:40],
)
def test_photos_from_memory_agree(source: Any) -> None:
    np.testing.assert_array_equal(pixels_of(source), RGB)
    assert read_photo(source).image_id == read_photo(RGB).image_id
    assert read_photo(source).name in {"array", "tensor", "image"}


def test_grey_from_memory_and_the_identity_of_pixels() -> None:
    expected = np.repeat(GREY[:, :, None], 3, axis=2)
    for source in (GREY, GREY[:, :, None], torch.from_numpy(GREY.copy()), torch.from_numpy(GREY[None].copy())):
        np.testing.assert_array_equal(pixels_of(source), expected)
    np.testing.assert_array_equal(pixels_of(GREY > 127), np.where(expected > 127, 255, 0))
    assert np.abs(pixels_of(torch.from_numpy(GREY / 255).to(torch.bfloat16)).astype(int) - expected).max() <= 1
    assert read_photo(RGB).image_id != read_photo(255 - RGB).image_id
    assert read_photo(RGB).image_id != read_photo(RGB.reshape(WIDTH, HEIGHT, 3)).image_id


def test_a_photo_is_returned_as_it_is() -> None:
    photo = read_photo(RGB)
    assert isinstance(photo, Photo)
    assert read_photo(photo) is photo


@given(st.integers(0, 65535))
def test_16_bits_become_the_nearest_8(value: int) -> None:
    pixels = np.full((MIN_SIDE, MIN_SIDE), value, np.uint16)
    assert abs(int(pixels_of(pixels)[0, 0, 0]) - value * 255 / 65535) <= 0.5


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.full((HEIGHT, WIDTH), np.nan), "NaN"),
        (np.full((HEIGHT, WIDTH), np.inf), "infinite"),
        (torch.randn(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)), "before normalisation"),
        (RGB.astype(np.float32), "divide by 255"),
        (RGB.astype(np.int16) - 300, "outside 0..255"),
        (RGB.astype(np.complex64), "complex64"),
        (RGB.transpose(2, 0, 1), "transpose"),
        (torch.from_numpy(RGB), "permute"),
        (RGB[None], "one photo at a time"),
        (torch.from_numpy(RGB)[None], "one photo at a time"),
        (RGB[:0], "too small"),
        (RGB[:1, :1], "too small"),
        (np.zeros((MIN_SIDE - 1, WIDTH), np.uint8), "at least 8"),
        (np.zeros((MIN_SIDE, 100 * MIN_SIDE + 1), np.uint8), "crop it"),
        (Image.fromarray(np.full((HEIGHT, WIDTH), 1e6, np.float32)), "8 or 16 bits"),
        (Image.fromarray(np.full((HEIGHT, WIDTH), np.nan, np.float32)), "NaN"),
        (17, "int"),
        (None, "NoneType"),
        (b"", "empty"),
        (b"not a photo", "readable are JPEG"),
        ("https://example.org/cat.jpg", "download"),
        ("no\0file", "cannot be read|no such file"),
    ],
)
def test_bad_photos_from_memory(source: Any, words: str) -> None:
    with pytest.raises(PhotoError, match=words) as caught:
        read_photo(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n", "not a photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a photo"),
        (encode(RGB[:1, :1], "PNG"), "1 x 1"),
        (encode(RGB, "PNG")[:200], "truncated"),
        (encode(RGB, "JPEG")[:500], "Truncated"),
        (encode(RGB, "JPEG")[:10], "not a photo|damaged"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=words) as caught:
        read_photo(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"nowhere\.jpg: no such file"):
        read_photo(tmp_path / "nowhere.jpg")
    with pytest.raises(PhotoError, match="folder"):
        read_photo(str(tmp_path))


def test_decompression_bomb_is_refused_by_its_header_and_the_limit_can_be_raised() -> None:
    bomb = png(50_000, 50_000, 8, 2, b"\0" * 1000)
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PhotoError, match=r"50000 x 50000 .*max_pixels= .*--max-pixels"):
            read_photo(bomb)
        with pytest.raises(PhotoError, match=r"max_pixels="):
            read_photo(RGB, max_pixels=HEIGHT * WIDTH - 1)
        read_photo(RGB, max_pixels=HEIGHT * WIDTH)
    assert before == Image.MAX_IMAGE_PIXELS
    with pytest.raises(SettingError, match="max_pixels"):
        read_photo(RGB, max_pixels=0)


def test_our_limit_replaces_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    np.testing.assert_array_equal(pixels_of(encode(RGB, "PNG")), RGB)
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "data",
    [
        encode(RGB, "PNG"),
        encode(GREY.astype(np.uint16) * 257, "PNG"),
        encode(RGB, "JPEG", progressive=True),
        encode(Image.fromarray(RGB).convert("CMYK"), "JPEG"),
        encode(RGB, "WEBP"),
        encode(Image.fromarray(RGB).convert("P"), "GIF"),
        encode(RGB, "TIFF"),
        encode(RGB, "BMP"),
    ],
    ids=["png", "png16", "jpeg", "cmyk", "webp", "gif", "tiff", "bmp"],
)
def test_damaged_files_give_a_photo_or_a_photo_error(data: bytes) -> None:
    draw = random.Random(0)  # noqa: S311 damage, not secrets
    for _ in range(60):
        damaged = bytearray(data[: draw.randrange(1, len(data) + 1)] if draw.random() < 0.3 else data)
        for _ in range(draw.choice((1, 3, 20))):
            damaged[draw.randrange(min(len(damaged), draw.choice((60, 10**6))))] = draw.randrange(256)
        try:
            photo = read_photo(bytes(damaged))
        except PhotoError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert photo.image.mode == "RGB"
