"""A tiny campaign's folder, written as the builder would: pictures of one colour, all kinds of maps."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from typing import TYPE_CHECKING, Any

from layerlore.game.bundle.manifest import manifest_bytes
from layerlore.game.bundle.png import pad
from layerlore.game.bundle.stored import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CLASSES = {
    "dog": ("en:dog", "it:cane"),
    "church": ("en:church", "it:chiesa"),
    "parachute": ("en:parachute", "it:paracadute"),
}
STEPS = (0.02, 0.045, 0.08, 0.13, 0.20, 0.30)
LAYERS = ("early", "middle", "late")


def picture(shade: int, side: int = 16) -> bytes:
    """A PNG file of one colour."""
    return png(bytes([shade % 256, shade // 256 % 256, 90]) * side * side, side)


def png(pixels: bytes, side: int, level: int = -1) -> bytes:
    """A square PNG file of RGB pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + pixels[start : start + 3 * side] for start in range(0, 3 * side * side, 3 * side))
    signature = b"\x89PNG\r\n\x1a\n"
    return pad(signature + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, level)) + chunk(b"IEND", b""))


def write_bundle(
    folder: Path,
    *,
    images: int = 30,
    honeypots: int = 6,
    seed: int = 0,
    files: bool = True,
    known: Mapping[str, tuple[str, ...]] = CLASSES,
    draw: Callable[[int, int], bytes] = lambda shade, _: picture(shade),
    side: int = 16,
    **changes: dict[str, Any],
) -> Path:
    """Write campaign/bundle; ``changes`` are sections of the configuration.

    Every image has a map in each of the three layers, and a control map. ``draw`` makes a file from its number and
    its class.
    """
    rng = random.Random(seed)  # noqa: S311
    place = folder / "bundle" / "files"
    place.mkdir(parents=True)
    shade = 0
    same: dict[bytes, Path] = {}

    def key() -> str:
        return f"{rng.getrandbits(128):032x}"

    def stored(class_index: int) -> dict[str, Any]:
        nonlocal shade
        shade += 1
        content = draw(shade, class_index) if files else b""
        name = place_of(key())
        if files:
            (place / name).parent.mkdir(exist_ok=True)
            if content in same:
                (place / name).hardlink_to(same[content])
            else:
                (place / name).write_bytes(content)
                same[content] = place / name
        return {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content) or 4096}

    def one_image(class_index: int) -> dict[str, Any]:
        shape = {"image_key": key(), "class_index": class_index, "width": side, "height": side}
        return {**shape, "full": stored(class_index)}

    def one_map(image: dict[str, Any], kind: str, layer: str = "", position: int = -1, **more: Any) -> dict[str, Any]:
        return {
            "map_key": key(),
            "image_key": image["image_key"],
            "kind": kind,
            "layer": layer,
            "layer_position": position,
            "layer_depth": max(position, 0) / 3,
            "cluster": 0 if layer else -1,
            "weight": 40.0 if layer else 0.0,
            "low_support": False,
            "steps": [
                {**stored(image["class_index"]), "fraction": share, "pixels": round(side * side * share)}
                for share in STEPS
            ],
            "accepted_labels": {},
            **more,
        }

    every, maps = [], []
    for number in range(images):
        image = one_image(number % len(known))
        every.append(image)
        maps += [one_map(image, "normal", name, place) for place, name in enumerate(LAYERS)]
        maps.append(one_map(image, "control"))
    for number in range(honeypots):
        image = one_image(number % len(known))
        every.append(image)
        accepted = {"en": ["ear", "fur"], "it": ["orecchio"]} if number % 2 else {}
        maps.append(one_map(image, "honeypot" if number % 2 else "blank", accepted_labels=accepted))
    config = {"campaign": {"name": "small", "languages": ["en", "it"]}, **changes}
    classes = [
        {
            "index": index,
            "names": {one[:2]: one[3:] for one in names},
            "taboo": {one[:2]: [one[3:]] for one in names},
            "near": [other for other in range(len(known)) if other != index],
        }
        for index, names in enumerate(known.values())
    ]
    content = {
        "campaign_id": key(),
        "created_from": {
            "study_hash": "0" * 16,
            "settings_hash": "0" * 8,
            "network_name": "small",
            "network_fingerprint": "0" * 64,
        },
        "config": config,
        "classes": classes,
        "images": sorted(every, key=lambda one: one["image_key"]),
        "maps": sorted(maps, key=lambda one: one["map_key"]),
    }
    asked = config.get("questionnaire", {})
    if asked.get("enabled"):
        methods = asked.get("methods", ["layerlore", "gradcam", "lime", "shap"])
        content["questions"] = [
            {
                "image_key": image["image_key"],
                "answer": image["class_index"],
                "answer_names": {"en": "dog", "it": "cane"},
                "probability": 0.75,
                "right": number % 2 == 0,
                "views": [
                    {
                        "method": method,
                        "layered": method == "layerlore",
                        "width": side,
                        "height": side,
                        "picture": stored(image["class_index"]),
                    }
                    for method in methods
                ],
            }
            for number, image in enumerate(every[: asked.get("pool", 6)])
        ]
    (folder / "bundle" / "manifest.json").write_bytes(manifest_bytes(content))
    return folder
