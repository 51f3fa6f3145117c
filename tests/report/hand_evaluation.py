"""An evaluation whose numbers are made up, with every kind of line: told, not told, controls, failures, gaps."""

from __future__ import annotations

import numpy as np
import skimage.data
from PIL import Image

from layerlore.evaluate.records import Measurement
from layerlore.evaluate.registry import METRICS
from layerlore.evaluate.results import Evaluation, MethodRun, PhotoFacts, PhotoResult
from layerlore.methods.registry import METHODS
from layerlore.network.view import view_jpeg

EVIL = "</title><script>alert(1)</script>"
LEAD = {"gradcam": 0.10, "layercam": 0.102, "random": -0.15}
"""Method to what it adds to a metric; others add nothing."""


def spot(x: int) -> np.ndarray:
    """A map of 7 x 7 with one spot."""
    rows, columns = np.mgrid[:7, :7]
    return np.exp(-((rows - 3) ** 2 + (columns - x % 7) ** 2) / 4).astype(np.float32)


def measured(metric: str, method: str, photo: int, rng: np.random.Generator) -> Measurement:
    """One value: photos differ much, methods by ``LEAD``, in the metric's better direction."""
    sign = {"higher": 1, "lower": -1, "neither": 0}[METRICS[metric].better]
    level = 0.25 + 0.5 * ((7 * photo) % 10) / 10
    value = level + sign * LEAD.get(method, 0.0) + 0.02 * rng.standard_normal()
    if "truth" in METRICS[metric].needs and photo == 0:
        return Measurement(None, "no mask of the object")
    curve = tuple((step / 20, float(value * (0.3 + step / 15 * (1 - step / 40)))) for step in range(21))
    curved = "insertion" in metric or "deletion" in metric or metric == "road"
    return Measurement(
        float(value), curve=curve if curved else (), chance=0.2 if "truth" in METRICS[metric].needs else None
    )


def evaluation(photos: int = 24) -> Evaluation:
    """All methods by all metrics; LIME gives no map for any photo, and one photo's name is no name."""
    rng = np.random.default_rng(0)
    view = view_jpeg(Image.fromarray(skimage.data.chelsea()).resize((224, 224)))
    results = []
    for photo in range(photos):
        name = EVIL if photo == 3 else f"photo {photo}.jpg"
        facts = PhotoFacts(f"{photo:016x}", name, name, "cat" if photo % 2 else None, 285, "Egyptian cat", 0.5)
        runs = {
            method: MethodRun(
                method,
                "{}",
                map=spot(photo + place),
                constant=method == "gaussian" and photo == 1,
                seconds=0.1 * (place + 1),
                memory=None if method == "random" else 3_000_000 * place,
                model_calls=2 + place,
                measured={metric: measured(metric, method, photo, rng) for metric in METRICS},
            )
            for place, method in enumerate(METHODS)
        }
        runs["lime"] = MethodRun("lime", "{}", "Net has no LIME; take another method")
        results.append(PhotoResult(facts, runs))
    return Evaluation(
        photos=tuple(results),
        methods=tuple(METHODS),
        metrics=tuple(METRICS),
        against="gradcam",
        seed=0,
        facts={
            "network": "TinyNet",
            "fingerprint": "ab" * 32,
            "input_size": [224, 224],
            "photos": "photos",
            "target": "predicted",
            "truth": "boxes.csv",
            "options": {"lime": '{"samples": 300}'},
            "versions": {"layerlore": "0.1.0", "torch": "2.9"},
        },
        failed={"broken.jpg": "not a photo that can be read"},
        views={result.photo.image_id: view for result in results},
    )
