"""What both ways of folding this project's explanation into one map share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.local.capture import capture
from layerlore.local.explain import Settings, explain_layers
from layerlore.local.folding import fold
from layerlore.methods.onelayer import CALLS
from layerlore.methods.subject import Raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.local.clustering import Method
    from layerlore.methods.subject import Subject


def fold_layers(subject: Subject, seed: int, method: Method, layers: str | int | Sequence[str | int] | None) -> Raw:
    """The shown clusters of the layers in one map over the input, in one pass forwards and backwards.

    Raises:
        LayerError: There is no such layer.
    """
    network = subject.network
    chosen = network.layers.select(layers)
    with network.lock:
        captured = capture(network, subject.inputs, [subject.target], chosen)
    settings = Settings(method=method, seed=seed)
    explained = explain_layers(captured, len(network.layers), settings, processes=False)[0]
    rows, columns = subject.inputs.shape[2:]
    kept = {"layers": [layer.name for layer in chosen]}
    return Raw(fold(explained, (rows, columns), method=method), signed=False, model_calls=CALLS, settings=kept)
