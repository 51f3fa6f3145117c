"""Make the pictures of the worked example anew, which the game's pages show: how one map of the sample cat is revealed.

The photo is scikit-image's ``chelsea`` (Stéfan van der Walt, CC0); the map is one of the default network's late layers.

    python docs/images/make_example.py
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

import layerlore as ll
from layerlore.game.bundle.reveal import Look, render, seen_pixels
from layerlore.samples import sample_path

LAYER = "blocks.5.1.bn2"
CLUSTER = 1
STEPS = (0.02, 0.045, 0.08, 0.13, 0.20, 0.30)
SIDE = 320
TARGET = Path(__file__).parents[2] / "src/layerlore/game/server/static/game/example"


def main() -> None:
    """Explain the cat, reveal the map as a bundle would, and keep the steps and the photo."""
    network = ll.load_network()
    photo = sample_path("chelsea")
    explanation = ll.explain(network, photo, layers="spread")
    layer = next(layer for layer in explanation.layers if layer.name == LAYER)
    cluster = next(cluster for cluster in layer.clusters if cluster.index == CLUSTER)
    image = Image.open(photo).convert("RGB")
    size = (explanation.photo.view_height, explanation.photo.view_width)
    picture = seen_pixels(image, explanation.photo.box, size, (128, 128, 128), SIDE)
    TARGET.mkdir(exist_ok=True)
    keep("full", picture)
    for number, (_, content) in enumerate(render(picture, cluster.map, Look(STEPS), seed=0)):
        keep(f"step-{number}", np.asarray(Image.open(io.BytesIO(content))))
    print(f"{LAYER}: {cluster.weight:.0f} % of its weight, depth {layer.depth:.2f}")


def keep(name: str, picture: np.ndarray) -> None:
    """Save a picture for the web."""
    target = TARGET / f"{name}.webp"
    Image.fromarray(picture).save(target, quality=85, method=6)
    print(target.name, f"{target.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
