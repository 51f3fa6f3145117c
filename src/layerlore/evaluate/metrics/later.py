"""Whether the weights of a layer's maps follow what comes after the layer, while the maps themselves do not.

    later_layers = mean over the layers of the likeness of the maps' weights with and without what the layers after it
                   have learnt

Likeness is Spearman's rank correlation over the maps of the layer, 0 where all weights are the same. Maps of a layer
are made before what comes after it, so they have to stay the same to the last bit; else they are not the layer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.evaluate.metrics.clusters import METHOD_OF, folded_layers
from layerlore.evaluate.metrics.sanity import likeness
from layerlore.evaluate.randomised import randomised_after
from layerlore.evaluate.records import Measurement
from layerlore.local.capture import capture
from layerlore.local.weights import guided_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.evaluate.case import Case

NAMES = frozenset({"later_layers"})


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """Measure the layers that the map was folded from."""
    if case.saliency.method not in METHOD_OF:
        note = f"{case.saliency.method} weighs no maps layer by layer; for {' and '.join(METHOD_OF)} only"
        return {name: Measurement(None, note) for name in names}
    network, inputs, target = case.subject.network, case.subject.inputs, [case.subject.target]
    layers = folded_layers(case)
    usual = capture(network, inputs, target, layers)
    place = {layer.name: number for number, layer in enumerate(layers)}
    found, calls = [], 2
    for layer, changed in randomised_after(network, inputs, layers, case.generator("later")):
        other = capture(changed, inputs, target, [layer])
        calls += 2
        maps, gradients = usual.activations[place[layer.name]], usual.gradients[place[layer.name]]
        if not torch.equal(maps, other.activations[0]):
            note = f"the maps of {layer.name} change with the layers after it, so they are not that layer's alone"
            return {name: Measurement(None, note, model_calls=calls) for name in names}
        ours, theirs = guided_weights(maps, gradients), guided_weights(other.activations[0], other.gradients[0])
        found.append(likeness(ours.cpu().numpy(), theirs.cpu().numpy()))
    if not found:
        return {name: Measurement(None, "no weights come after any of the layers") for name in names}
    return {name: Measurement(float(np.mean(found)), model_calls=calls) for name in names}
