"""Whether the map lies on the object, where somebody says where that is.

Sources: pointing game, Zhang et al., "Top-down Neural Attention by Excitation Backprop", IJCV 2018; energy-based
pointing game, Wang et al., "Score-CAM", CVPR workshops 2020; relevance rank accuracy, Arras et al., "CLEVR-XAI",
Information Fusion 2022. With G the object's pixels and m the map:

    pointing = the highest pixel is in G
    energy = sum of m in G / sum of m
    rank = share of the |G| highest pixels that is in G

A map that knows nothing gets the object's share of the photo in each, which stands beside as the chance level. A
network may rightly look beside the object: these metrics measure agreement with people, not truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from layerlore.errors import SettingError
from layerlore.evaluate.metrics.maps import FLAT, ranks
from layerlore.evaluate.records import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.evaluate.case import Case

NAMES = frozenset({"pointing", "energy_pointing", "rank_accuracy"})


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """The metrics asked for; none where the object is unknown, absent, or all over the photo."""
    if case.truth is None:
        return _nothing(names, "nobody says where the object is")
    truth = torch.as_tensor(case.truth, dtype=torch.bool)
    if truth.shape != case.heat.shape:
        given, wanted = (" x ".join(str(side) for side in shape) for shape in (truth.shape, case.heat.shape))
        raise SettingError(f"the mask of the object is {given}, the network's input {wanted}; bring it to that size")
    area = float(truth.double().mean())
    if area in {0.0, 1.0}:
        return _nothing(names, "the object's mask is empty" if area == 0 else "the object covers the whole photo")
    heat = torch.ones_like(case.heat) if case.saliency.constant else case.heat
    note = FLAT if case.saliency.constant else ""
    metrics = {"pointing": pointing, "energy_pointing": energy_pointing, "rank_accuracy": rank_accuracy}
    return {name: Measurement(metrics[name](heat, truth), note, chance=area) for name in names}


def pointing(heat: torch.Tensor, truth: torch.Tensor) -> float:
    """1 where the highest pixel is on the object; of several that are equally high the share that is.

    There is no tolerance around the object; the original has 15 pixels.
    """
    return float(truth[heat == heat.max()].double().mean())


def energy_pointing(heat: torch.Tensor, truth: torch.Tensor) -> float:
    """The share of the map's sum that lies on the object."""
    return float(heat[truth].sum() / heat.sum())


def rank_accuracy(heat: torch.Tensor, truth: torch.Tensor) -> float:
    """The share of the highest pixels, as many as the object has, that lie on it."""
    size = int(truth.sum())
    return float(truth[ranks(heat) < size].double().mean())


def _nothing(names: Sequence[str], reason: str) -> dict[str, Measurement]:
    return {name: Measurement(None, reason) for name in names}
