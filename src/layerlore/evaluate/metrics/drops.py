"""What is left of the class's probability when only the places of the map are shown, the others dimmed to 0.

Sources: average drop and increase in confidence, Chattopadhay et al., "Grad-CAM++", WACV 2018; average gain, Zhang et
al., "Opti-CAM", CVIU 2024; ADCC, Poppi et al., "Revisiting the Evaluation of Class Activation Mapping for
Explainability", CVPR workshops 2021. The papers average over photos and write percent; here each photo has its value in
[0, 1]. With f(x) the probability for the photo and f(m x) that for the photo times the map:

    drop = max(0, f(x) - f(m x)) / f(x)    gain = max(0, f(m x) - f(x)) / (1 - f(x))    increase = 1 if f(m x) > f(x)

A map of ones has no drop, so drops mean nothing without the map's size; ADCC puts both in one number, the harmonic mean
of 1 - drop, of 1 - mean(m), and of the agreement (1 + r) / 2 with the method's map of the dimmed photo, r their Pearson
correlation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.evaluate.metrics.maps import FLAT, upsample
from layerlore.evaluate.records import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layerlore.evaluate.case import Case

NAMES = frozenset({"average_drop", "average_gain", "increase_in_confidence"})
NAMES_AGAIN = frozenset({"adcc"})


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """The metrics asked for, all from one picture."""
    before, after = case.photo_probability, float(case.ask(_dimmed(case))[0])
    values = {
        "average_drop": drop(before, after),
        "average_gain": gain(before, after),
        "increase_in_confidence": float(after > before),
    }
    return {name: Measurement(values[name], _note(case), model_calls=2) for name in names}


def measure_again(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """ADCC, for which the method explains the dimmed photo too."""
    del names
    dimmed = _dimmed(case)
    dropped = drop(case.photo_probability, float(case.ask(dimmed)[0]))
    again = upsample(case.explain(case.subject.network, dimmed, case.subject.target), case.heat.shape)
    value = adcc(dropped, float(case.heat.mean()), correlation(case.heat, again))
    return {"adcc": Measurement(value, _note(case), model_calls=2 + case.saliency.model_calls)}


def _dimmed(case: Case) -> torch.Tensor:
    """The input times the map."""
    return case.subject.inputs * case.heat.to(case.subject.inputs)


def _note(case: Case) -> str:
    return f"{FLAT}, so nothing of the photo is shown" if case.saliency.constant else ""


def drop(before: float, after: float) -> float:
    """The share of the probability that is lost, 0 where it rises."""
    return max(0.0, before - after) / before if before > 0 else 0.0


def gain(before: float, after: float) -> float:
    """The share of what is missing to certainty that is won, 0 where the probability falls."""
    return max(0.0, after - before) / (1 - before) if before < 1 else 0.0


def adcc(dropped: float, size: float, alike: float) -> float:
    """Harmonic mean of 1 - drop, 1 - size and (1 + correlation) / 2; 0 where one of them is 0."""
    parts = (1 - dropped, 1 - size, (1 + alike) / 2)
    return 0.0 if min(parts) <= 0 else 3 / sum(1 / part for part in parts)


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    """Pearson's correlation; 0 where one of both is the same everywhere."""
    pair = torch.stack([one.flatten(), other.flatten()]).double().numpy()
    if not all(np.ptp(values) > 0 for values in pair):
        return 0.0
    return float(np.corrcoef(pair)[0, 1])
