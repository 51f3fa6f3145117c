"""Other ways of making one map of all layers, without a correction: what was tried beside ``folded``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.local.capture import capture
from layerlore.local.explain import Settings, explain_layers
from layerlore.local.folding import smooth, upsample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from layerlore.local.capture import Capture
    from layerlore.methods.subject import Subject

    Heat = NDArray[np.float64]
    Fold = Callable[[Subject], tuple[Heat, int]]

SHARES = (0.05, 0.15, 0.3)


def seen(subject: Subject, layers: str | list[int] | None = None) -> Capture:
    chosen = subject.network.layers.select(layers)
    return capture(subject.network, subject.inputs, [subject.target], chosen)


def layer_maps(subject: Subject, *, signed: bool = False) -> list[Heat]:
    """Of each layer gradient times activation, summed over the maps, at the input's size and with a size of 1."""
    captured = seen(subject)
    found = []
    for activations, gradients in zip(captured.activations, captured.gradients, strict=True):
        slopes = gradients[0] if signed else gradients[0].clamp(min=0)
        summed = (slopes * activations[0]).sum(dim=0).double().numpy()
        heat = upsample(summed, subject.inputs.shape[2:])
        found.append(heat / max(np.abs(heat).sum(), 1e-12))
    return found


def summed(subject: Subject) -> tuple[Heat, int]:
    return np.sum(layer_maps(subject), axis=0), 2


def summed_smoothed(subject: Subject) -> tuple[Heat, int]:
    return smooth(summed(subject)[0], 12 / 224), 2


def signed_sum(subject: Subject) -> tuple[Heat, int]:
    return np.sum(layer_maps(subject, signed=True), axis=0), 2


def product(subject: Subject) -> tuple[Heat, int]:
    """Geometric mean of the layers: a place counts where all layers agree."""
    scaled = [heat / heat.max() for heat in layer_maps(subject) if heat.max() > 0]
    return np.exp(np.mean([np.log(heat + 0.02) for heat in scaled], axis=0)), 2


def scored_clusters(subject: Subject) -> tuple[Heat, int]:
    """Each cluster map weighted by the class's probability where only its brightest places are shown on a blur."""
    explained = explain_layers(seen(subject), len(subject.network.layers), Settings(), processes=False)[0]
    size = subject.inputs.shape[2:]
    maps = [upsample(one.map.astype(float), size) for layer in explained for one in layer.clusters if not one.constant]
    photo = subject.pixels()
    hidden = smooth(photo.transpose(2, 0, 1), 10 / 224).transpose(1, 2, 0)
    with subject.asking():
        weights = [
            subject.score(
                np.stack([np.where((heat > np.quantile(heat, 1 - s))[..., None], photo, hidden) for s in SHARES])
            )[:, subject.target].mean()
            for heat in maps
        ]
    return np.einsum("n,nhw->hw", weights, maps), 2 + len(SHARES) * len(maps)


FOLDS: dict[str, Fold] = {
    "layers summed": summed,
    "layers summed, smoothed": summed_smoothed,
    "layers multiplied": product,
    "layers summed with signs": signed_sum,
    "clusters weighted by what they keep": scored_clusters,
}
