"""How much the map changes under noise that does not change the answer.

Source: Yeh et al., "On the (In)fidelity and Sensitivity of Explanations", NeurIPS 2019, maximum sensitivity; Bhatt et
al., IJCAI 2020, average sensitivity. Over copies x + d, each number of d uniform in [-r, r]:

    |M(x + d) - M(x)| / |M(x)|, Frobenius norm, its maximum and its mean

with r = 5 % of the input's range, maps scaled to [0, 1] as they are shown. Copies that the network answers otherwise
are left out: a map that follows the answer is not unstable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.evaluate.metrics.maps import FLAT
from layerlore.evaluate.records import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.evaluate.case import Case

NAMES = frozenset({"max_sensitivity", "average_sensitivity"})

COPIES = 10

RADIUS = 0.05
"""Largest change of a number as a share of the input's range."""


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """Both from the same copies."""
    if case.saliency.constant:
        return {name: Measurement(None, FLAT) for name in names}
    network, inputs, target = case.subject.network, case.subject.inputs, case.subject.target
    copies = noisy(inputs, case.generator("sensitivity"), COPIES)
    answers = case.answers(torch.cat([inputs, copies])).argmax(dim=1)
    kept = [copy for copy, answer in zip(copies, answers[1:], strict=True) if answer == answers[0]]
    calls = len(answers) + len(kept) * case.saliency.model_calls
    if not kept:
        reason = f"all {COPIES} copies with noise are answered with other classes"
        return {name: Measurement(None, reason, model_calls=calls) for name in names}
    changes = [change(case.saliency.map, case.explain(network, copy[None], target)) for copy in kept]
    lost = COPIES - len(kept)
    note = f"{lost} of {COPIES} copies with noise are answered with other classes and left out" if lost else ""
    values = {"max_sensitivity": max(changes), "average_sensitivity": float(np.mean(changes))}
    return {name: Measurement(values[name], note, model_calls=calls) for name in names}


def noisy(inputs: torch.Tensor, generator: np.random.Generator, copies: int) -> torch.Tensor:
    """Copies of an input of shape (1, 3, H, W), each number changed by at most 5 % of its range: (copies, 3, H, W)."""
    radius = RADIUS * float(inputs.max() - inputs.min())
    noise = generator.uniform(-radius, radius, (copies, *inputs.shape[1:]))
    return inputs + torch.from_numpy(noise).to(inputs)


def change(before: NDArray[np.floating], after: NDArray[np.floating]) -> float:
    """|after - before| / |before| of two maps of the same shape."""
    return float(
        np.linalg.norm(np.subtract(after, before, dtype=np.float64)) / np.linalg.norm(before.astype(np.float64))
    )
