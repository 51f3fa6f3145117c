"""What an explanation says beside its layers: the answer, the photo, and what made it."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import torch

from layerlore.local.explanation import PhotoRecord, Prediction
from layerlore.network.view import view_jpeg
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.network.layers import Layer
    from layerlore.network.model import Network
    from layerlore.network.photos import Photo


def all_predictions(network: Network, logits: torch.Tensor) -> list[Prediction]:
    """Every class with its probability and logit, by index; ``logits`` has shape (classes,)."""
    probabilities = logits.softmax(0).tolist()
    return [
        Prediction(index, network.class_names[index], round(probability, 6), round(logit, 6))
        for index, (probability, logit) in enumerate(zip(probabilities, logits.tolist(), strict=True))
    ]


def photo_record(network: Network, photo: Photo) -> PhotoRecord:
    """The photo as the network saw it, with the view for display as a JPEG file."""
    view = network.view(photo)
    return PhotoRecord(
        name=photo.name,
        image_id=photo.image_id,
        width=photo.image.width,
        height=photo.image.height,
        box=network.seen_box(photo),
        view=view_jpeg(view),
        view_width=view.width,
        view_height=view.height,
    )


def provenance_of(network: Network, settings: dict[str, Any], layers: Sequence[Layer]) -> dict[str, Any]:
    """What made an explanation, in plain values."""
    return {
        "network": {
            "name": network.name,
            "spec": network.spec,
            "fingerprint": network.fingerprint,
            "input_size": list(network.input_size),
            "classes": len(network.class_names),
        },
        "versions": present_versions(),
        "machine": {
            "platform": platform.platform(terse=True),
            "processor": platform.machine(),
            "device": network.device.type,
            "threads": torch.get_num_threads(),
        },
        "settings": {**settings, "layers": [layer.name for layer in layers]},
    }
