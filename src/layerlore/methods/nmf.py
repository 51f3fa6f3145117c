"""Channel NMF: one layer's maps as a sum of a few concepts, each a place and a mix of channels, weighted by effect.

A baseline after Fel et al., "CRAFT: Concept Recursive Activation FacTorization for Explainability", CVPR 2023, and
Collins et al., "Deep Feature Factorization", ECCV 2018. The maps (K, h, w), as a matrix of positions by channels, are
near U W with U, W >= 0: row j of W is concept j's channels, column j of U is where it is. Its importance is what the
class's logit loses when U_j W_j is taken out of the maps.

Not CRAFT in three ways: the concepts are those of one photo's positions, not of crops of many photos of a class; there
is no recursion into earlier layers; importance is the effect of removing a concept, or its gradient, not Sobol indices.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.errors import LayerError
from layerlore.local.capture import as_input, replaced_outputs
from layerlore.methods.onelayer import CALLS, see_layer
from layerlore.methods.subject import Raw, check_choice, check_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from layerlore.methods.onelayer import OneLayer
    from layerlore.methods.subject import Subject

IMPORTANCES = ("ablation", "gradient")


def explain(
    subject: Subject,
    seed: int,
    *,
    layer: str | int = -1,
    concepts: int = 8,
    importance: str = "ablation",
) -> Raw:
    """Sum over concepts of importance times share of the concept at each position; it adds up to the importances.

    Args:
        subject: Photo and class.
        seed: Of the factorisation's start.
        layer: Name of a layer, or its place; the default is the last one before pooling.
        concepts: How many; at most as many as the layer has positions, and maps that respond.
        importance: ``ablation``, the logit's loss without the concept, or ``gradient``, its first-order estimate.

    Raises:
        SettingError: An option is out of range.
        LayerError: There is no such layer, its maps show no place, or they have negative values.
    """
    concepts = check_count("concepts", concepts, 1)
    check_choice("importance", importance, IMPORTANCES)
    seen = see_layer(subject, layer)
    if seen.maps.min() < 0:
        raise LayerError(
            f"layer {seen.layer.name!r} of {subject.network.name} has negative values, which no sum of parts explains; "
            "choose a layer after ReLU"
        )
    where, mixes = factorise(seen.maps, concepts, seed)
    parts = where[:, None] * mixes[:, :, None, None]
    if importance == "gradient":
        effects, calls = np.einsum("rkhw,khw->r", parts, seen.slopes), CALLS
    else:
        effects, calls = _effects(subject, seen, parts), CALLS + 1 + len(parts)
    sums = where.sum(axis=(1, 2), keepdims=True)
    shares = np.divide(where, sums, out=np.zeros_like(where), where=sums > 0)
    settings = {
        **seen.settings,
        "concepts": len(where),
        "importance": importance,
        "importances": [round(float(effect), 4) for effect in effects],
    }
    return Raw(np.einsum("r,rhw->hw", effects, shares), signed=True, model_calls=calls, settings=settings)


def factorise(maps: NDArray[np.float64], concepts: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor maps of shape (K, h, w), none of them negative.

    Returns:
        Where each concept is, shape (r, h, w), and its channels, shape (r, K).
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    channels, rows, columns = maps.shape
    flat = maps.reshape(channels, -1).T
    rank = min(concepts, rows * columns, int((maps.max(axis=(1, 2)) > 0).sum()))
    if rank == 0:
        return np.zeros((0, rows, columns)), np.zeros((0, channels))
    factors = NMF(rank, init="nndsvda", max_iter=400, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few steps short of the tolerance changes no map
        where = factors.fit_transform(flat)
    return where.T.reshape(rank, rows, columns), np.asarray(factors.components_, np.float64)


def _effects(subject: Subject, seen: OneLayer, parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the class's logit loses without each part, shape (r, K, h, w), of the layer's maps; shape (r,)."""
    network, layer = subject.network, seen.layer
    kept = torch.from_numpy(np.concatenate([seen.maps[None], seen.maps - parts])).float()
    if layer.channels_last:
        kept = kept.permute(0, 2, 3, 1)
    with subject.asking():
        copies = as_input(network, subject.inputs.expand(len(kept), -1, -1, -1))
        changed = kept.to(copies.device, copies.dtype)
        with replaced_outputs(network.module, [layer], lambda _position, _output: changed):
            logits = network.module(copies).double().cpu()
    after = logits[:, subject.target].numpy()
    return np.asarray(after[0] - after[1:])
