"""A bundle is loaded only as it was built: attacks on its files and its manifest (game.md 4.1 and 4.2)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from bundles import sign
from PIL import Image

from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.link import load_link
from layerlore.game.bundle.manifest import MANIFEST_FILE, load_manifest
from layerlore.game.bundle.png import BUCKET, pad

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOADER = """
import sys
from layerlore.game.bundle import link, manifest
found = manifest.load_manifest(sys.argv[1])
assert found.maps and link.load_link(sys.argv[1], found.campaign_id).maps
heavy = {"torch", "numpy", "PIL", "pyarrow", "scipy", "layerlore.study", "layerlore.local"} & set(sys.modules)
assert not heavy, heavy
"""


def first_file(bundle: Path) -> Path:
    """One picture of the bundle."""
    manifest = load_manifest(bundle, verify=False)
    return bundle / "files" / manifest.maps[0].steps[0].file


def put(bundle: Path, content: bytes) -> Path:
    """Put a file in the place of a picture, and its size and hash into the manifest."""
    path = first_file(bundle)
    path.write_bytes(content)

    def change(manifest: dict[str, Any]) -> None:
        step = manifest["maps"][0]["steps"][0]
        step["sha256"], step["bytes"] = hashlib.sha256(content).hexdigest(), len(content)

    sign(bundle, change)
    return path


def png(mode: str = "RGB", size: tuple[int, int] = (96, 96)) -> bytes:
    """A picture of one colour."""
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_bundle_is_what_was_built(built: Path) -> None:
    manifest = load_manifest(built / "campaign")
    assert manifest == load_manifest(built / "campaign" / "bundle", verify=False)
    stored = manifest.maps[0].steps[0]
    assert hashlib.sha256(manifest.read(stored)).hexdigest() == stored.sha256
    assert manifest.image_by_key[manifest.maps[0].image_key].full.bytes % BUCKET == 0


def test_loading_needs_the_standard_library_only(built: Path) -> None:
    subprocess.run([sys.executable, "-c", LOADER, str(built / "campaign")], check=True)


@pytest.mark.parametrize("place", [0, 100, -1])
def test_one_changed_byte_is_told_with_the_file(bundle: Path, place: int) -> None:
    path = first_file(bundle)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=f"{path.name}: changed since"):
        load_manifest(bundle)
    manifest = load_manifest(bundle, verify=False)
    with pytest.raises(BundleError, match=f"{path.name}: changed since"):
        manifest.read(manifest.maps[0].steps[0])


def _longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _link_to_itself(path: Path) -> None:
    path.rename(path.parents[3] / "elsewhere.png")
    path.symlink_to(path.parents[3] / "elsewhere.png")


def _link_folder(path: Path) -> None:
    shutil.move(path.parent, path.parents[3] / "elsewhere")
    path.parent.symlink_to(path.parents[3] / "elsewhere", target_is_directory=True)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(10 << 30)  # a hole: it takes no room on the disk


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (_longer, "bytes, at most"),
        (_shorter, "changed since"),
        (lambda path: path.unlink(), "No such file"),
        (_link_to_itself, "a link"),
        (_link_folder, "not a folder of its own"),
        (_pipe, "not a plain file"),
        (_huge, "10,737,418,240 bytes"),
        (lambda path: (path.parent / "more.png").touch(), "not in the manifest"),
        (lambda path: (path.parents[1] / "more").touch(), "not a folder of its own"),
        (lambda path: (path.parents[2] / "notes.txt").touch(), "not part of a bundle"),
    ],
)
def test_changed_folders_are_refused(bundle: Path, attack: Callable[[Path], object], reason: str) -> None:
    attack(first_file(bundle))
    with pytest.raises(BundleError, match=reason) as raised:
        load_manifest(bundle)
    assert str(bundle) in str(raised.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"GIF89a" + bytes(BUCKET - 6), "no PNG"),
        (png(), "more or less"),
        (pad(png("RGBA")), "opaque"),
        (pad(png("P")), "more or less"),
        (pad(png(size=(95, 96))), "not of the size"),
        (pad(png())[:-8], "cut off"),
        (pad(png()) + bytes(BUCKET), "cut off|more or less"),
        (pad(png()).replace(b"IDAT", b"tEXt", 1), "more or less"),
    ],
)
def test_other_files_are_refused_even_with_the_right_hash(bundle: Path, content: bytes, reason: str) -> None:
    path = put(bundle, content)
    with pytest.raises(BundleError, match=f"{path.name}: .*({reason})"):
        load_manifest(bundle)


def test_a_picture_that_claims_too_many_pixels_is_refused(bundle: Path) -> None:
    header = struct.pack(">4sIIBBBBB", b"IHDR", 50_000, 50_000, 8, 2, 0, 0, 0)
    content = pad(png())
    path = put(bundle, content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:])
    with pytest.raises(BundleError, match=f"{path.name}: it claims 50000 x 50000 pixels"):
        load_manifest(bundle)


def _file(name: object) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        manifest["maps"][0]["steps"][0]["file"] = name

    return change


def _repeat(table: str) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest[table].append(manifest[table][0])


def _same_key(manifest: dict[str, Any]) -> None:
    manifest["maps"][1]["map_key"] = manifest["maps"][0]["map_key"]


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        *way, key, value = path
        place: Any = manifest
        for name in way:
            place = place[name]
        place[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_file("../../../../etc/passwd"), "no name of a bundle's file"),
        (_file("/etc/passwd"), "no name of a bundle's file"),
        (_file("aa/../../manifest.json"), "no name of a bundle's file"),
        (_file("ab/" + "cd" * 16 + ".png"), "no name of a bundle's file"),
        (_file("ab/" + "ab" * 16 + ".png\n"), "no name of a bundle's file"),
        (_file("AB/" + "AB" * 16 + ".png"), "no name of a bundle's file"),
        (_file("ab\\" + "ab" * 16 + ".png"), "no name of a bundle's file"),
        (_file(7), r"steps\[0\].file is 7"),
        (_repeat("images"), "image_key .* is there twice"),
        (_repeat("maps"), "map_key .* is there twice"),
        (_repeat("classes"), "class .* is there twice"),
        (_same_key, "map_key .* is there twice"),
        (
            lambda found: found["maps"][1].update(steps=found["maps"][0]["steps"]),
            "file .* is there twice",
        ),
        (_set("maps", 0, "image_key", "f" * 32), "is of image f+, which is not there"),
        (_set("images", 0, "class_index", 999), "is of class 999, which is not there"),
        (_set("maps", 0, "map_key", "../x"), "has not 32 hex digits"),
        (_set("maps", 0, "kind", "trap"), "trap"),
        (_set("maps", 0, "weight", True), "weight is True"),
        (_set("maps", 0, "steps", []), "do not grow"),
        (lambda found: found["maps"][0]["steps"].reverse(), "do not grow"),
        (_set("maps", 0, "extra", 1), "has other fields"),
        (lambda found: found["maps"][0].pop("layer"), "has other fields"),
        (_set("maps", {}), "maps is no list"),
        (_set("maps", 0, "steps", 0, "bytes", 10 << 30), "more than any picture"),
        (_set("config", "play", "max_guesses", 99), "play.max_guesses"),
        (_set("config", "surprise", {}), "surprise"),
        (lambda found: found.pop("classes"), "keys are not those"),
        (_set("classes", 0, "near", [999]), "other languages or neighbours"),
    ],
)
def test_manifests_that_cannot_be_are_refused_even_with_the_right_hash(
    bundle: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    sign(bundle, change)
    with pytest.raises(BundleError, match=reason) as raised:
        load_manifest(bundle, verify=False)
    assert MANIFEST_FILE in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_edited_manifest_is_refused(bundle: Path) -> None:
    path = bundle / MANIFEST_FILE
    path.write_bytes(path.read_bytes().replace(b'"normal"', b'"merged"', 1))
    with pytest.raises(BundleError, match=r"manifest\.json: changed since"):
        load_manifest(bundle)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "damaged"),
        (b"[]", "not a file of a bundle"),
        (b'{"schema": 1, "schema": 1}', "a key is there twice"),
        (b'{"weight": NaN}', "NaN is no number"),
        (b'{"a":' * 200_000, "damaged"),
        (b"\xff\xfe{", "damaged"),
        (json.dumps({"schema": 99}).encode(), "format version 99"),
    ],
)
def test_damaged_manifests_are_refused(bundle: Path, content: bytes, reason: str) -> None:
    (bundle / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(BundleError, match=f"manifest.json: .*{reason}"):
        load_manifest(bundle)


def test_missing_and_linked_bundles_are_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere"):
        load_manifest(tmp_path / "nowhere")
    (tmp_path / "other").symlink_to(bundle, target_is_directory=True)
    with pytest.raises(BundleError, match="other: not a folder of its own"):
        load_manifest(tmp_path / "other")
    manifest = bundle / MANIFEST_FILE
    manifest.rename(tmp_path / "manifest.json")
    manifest.symlink_to(tmp_path / "manifest.json")
    with pytest.raises(BundleError, match="a link"):
        load_manifest(bundle)


def test_a_link_of_another_bundle_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleError, match="of another bundle"):
        load_link(bundle, "0" * 32)
    (bundle / "link.json").write_text("{}")
    with pytest.raises(BundleError, match=r"link.json: link has other fields"):
        load_link(bundle, "0" * 32)
