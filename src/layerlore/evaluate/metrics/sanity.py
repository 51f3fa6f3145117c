"""Whether the map depends on what the network has learnt, and on the class.

Sources: Hedström et al., "Sanity Checks Revisited: An Exploration to Repair the Model Parameter Randomisation Test",
2023 (efficient and smooth MPRT), after Adebayo et al., NeurIPS 2018; random logit, Sixt et al., "When Explanations
Lie", ICML 2020.

    eMPRT = (H(M of the network with random weights) - H(M)) / H(M), H the entropy of a histogram of 100 bins
    sMPRT = mean over steps of the likeness of M and of M with the last layers random, more at each step; both averaged
            over noisy copies of the photo
    random logit = likeness of M for the class and for another one drawn at random

Likeness is Spearman's rank correlation at the map's own resolution, 0 where one map is the same everywhere. The
papers use SSIM, which calls unrelated smooth maps alike: see the documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.evaluate.metrics.maps import FLAT, upsample
from layerlore.evaluate.metrics.sensitivity import noisy
from layerlore.evaluate.randomised import randomised
from layerlore.evaluate.records import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from layerlore.evaluate.case import Case
    from layerlore.network.model import Network

NAMES = frozenset({"emprt", "smprt"})
NAMES_CLASS = frozenset({"random_logit"})

BINS = 100
STEPS = 4
"""Networks with more and more random layers: from the last layer alone to all."""
COPIES = 8
"""Noisy copies whose maps are averaged."""


def measure(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """The metrics asked for; both go down the same networks with random weights."""
    subject, smooth = case.subject, "smprt" in names
    if case.saliency.constant:
        return {name: Measurement(None, FLAT) for name in names}
    copies = noisy(subject.inputs, case.generator("sanity"), COPIES)
    first = _smooth(case, subject.network, copies) if smooth else None
    networks = randomised(subject.network, subject.inputs, case.generator("weights"), STEPS if smooth else 1)
    curve, found = [], {}
    for share, network in networks:
        if first is not None:
            curve.append((share, likeness(first, _smooth(case, network, copies))))
        if "emprt" in names and share == 1:
            found["emprt"] = _emprt(case, network)
    if smooth:
        calls = 1 + (len(curve) + 1) * COPIES * case.saliency.model_calls
        value = float(np.mean([value for _, value in curve]))
        found["smprt"] = Measurement(value, curve=tuple(curve), model_calls=calls)
    return found


def measure_class(case: Case, names: Sequence[str]) -> dict[str, Measurement]:
    """Random logit."""
    if case.saliency.constant:
        return {name: Measurement(None, FLAT) for name in names}
    subject, classes = case.subject, case.subject.network.class_names
    drawn = int(case.generator("class").integers(len(classes) - 1))
    other = drawn + (drawn >= subject.target)
    changed = case.explain(subject.network, subject.inputs, other)
    note = f"the map for the other class, {classes[other]}, is the same everywhere" if np.ptp(changed) == 0 else ""
    value = likeness(case.saliency.map, changed)
    return {"random_logit": Measurement(value, note, model_calls=case.saliency.model_calls)}


def _emprt(case: Case, network: Network) -> Measurement:
    """Efficient MPRT, given the network all of whose weights are random."""
    before = histogram_entropy(case.heat)
    if before == 0:
        return Measurement(None, "the map has one value nearly everywhere, so its entropy cannot rise by a share")
    changed = case.explain(network, case.subject.inputs, case.subject.target)
    calls = 1 + case.saliency.model_calls
    if np.ptp(changed) == 0:  # it has changed wholly, but an entropy of 0 would count as if it had got more orderly
        return Measurement(None, "with random weights the map is the same everywhere", model_calls=calls)
    after = histogram_entropy(upsample(changed, case.heat.shape))
    return Measurement((after - before) / before, model_calls=calls)


def _smooth(case: Case, network: Network, copies: torch.Tensor) -> NDArray[np.float64]:
    """The mean of the method's maps of noisy copies."""
    maps = [case.explain(network, copy[None], case.subject.target) for copy in copies]
    return np.asarray(np.mean(maps, axis=0, dtype=np.float64))


def likeness(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Spearman's rank correlation of two maps of the same shape; 0 where one is the same everywhere."""
    from scipy.stats import spearmanr

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def histogram_entropy(heat: torch.Tensor) -> float:
    """Shannon entropy in nats of the values of a map in [0, 1], in 100 bins of equal width."""
    counts = np.histogram(heat.numpy(), bins=BINS, range=(0, 1))[0]
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum()) + 0.0  # not -0.0
