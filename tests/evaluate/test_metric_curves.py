"""Insertion and deletion: against values on paper, another library, and what must not matter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from layerlore.evaluate.case import Case
from layerlore.evaluate.measuring import measure
from layerlore.evaluate.metrics import curves
from layerlore.methods.subject import Subject
from layerlore.network.model import Network

if TYPE_CHECKING:
    from collections.abc import Callable

BOTH = ("insertion", "deletion")
ALL = (*BOTH, "insertion_mean", "deletion_mean")


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_areas_are_those_on_paper(weighted: Callable[..., Case]) -> None:
    """Only the first pixel counts; the photo's mean is 1, so f goes from sigmoid(1) to sigmoid(4) when it is shown."""
    low, high = sigmoid(1), sigmoid(4)
    case = weighted([[1, 0], [0, 0]], [[4, 0], [0, 0]], [[4, 3], [2, 1]])
    found = measure(case, ["insertion_mean", "deletion_mean"])
    assert found["insertion_mean"].value == pytest.approx(((low + high) / 2 + 3 * high) / 4, abs=1e-6)
    assert found["deletion_mean"].value == pytest.approx(((low + high) / 2 + 3 * low) / 4, abs=1e-6)
    assert [share for share, _ in found["insertion_mean"].curve] == [0, 0.25, 0.5, 0.75, 1]
    last = weighted([[1, 0], [0, 0]], [[4, 0], [0, 0]], [[0, 1], [2, 3]])
    value = measure(last, ["insertion_mean"])["insertion_mean"].value
    assert value == pytest.approx(((low + high) / 2 + 3 * low) / 4, abs=1e-6)


@pytest.mark.parametrize(("ending", "baseline"), [("", curves.blurred), ("_mean", curves.mean_colour)])
def test_the_true_evidence_beats_any_other_order(
    weighted: Callable[..., Case], ending: str, baseline: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    """What a pixel of a linear network is worth is its weight times its difference from the baseline."""
    rng = np.random.default_rng(0)
    weights, photo = rng.normal(size=(12, 12)) / 3, rng.uniform(0, 1, (12, 12))
    worth = weights * (photo - baseline(torch.tensor(photo).expand(1, 3, 12, 12))[0, 0].numpy())
    names = [f"insertion{ending}", f"deletion{ending}"]
    best = measure(weighted(weights, photo, worth - worth.min()), names)
    for _ in range(20):
        other = measure(weighted(weights, photo, rng.random((12, 12))), names)
        assert best[names[0]].value > other[names[0]].value
        assert best[names[1]].value < other[names[1]].value


def test_what_is_equal_everywhere_is_told_and_ranked_in_reading_order(weighted: Callable[..., Case]) -> None:
    weights, photo = np.eye(4), np.arange(16).reshape(4, 4) / 16
    flat = measure(weighted(weights, photo, np.ones((4, 4))), ALL)
    ordered = measure(weighted(weights, photo, 16 - np.arange(16).reshape(4, 4)), ALL)
    for name in ALL:
        assert flat[name].value == ordered[name].value
        assert "reading order" in flat[name].note
        assert not ordered[name].note


def test_blur_is_the_gaussian_of_torchvision(cat: Case) -> None:
    from torchvision.transforms.v2.functional import gaussian_blur

    inputs = cat.subject.inputs
    assert torch.allclose(curves.blurred(inputs), gaussian_blur(inputs, [61, 61], [10.0, 10.0]), atol=1e-4)


def test_areas_are_those_of_torchcam_with_the_same_baseline(
    cat: Case, torchcam_cat: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """224 x 224 pixels can be cut into seven equal steps, so that both change the very same pixels."""
    metrics = pytest.importorskip("torchcam.metrics")
    monkeypatch.setattr(curves, "STEPS", 7)
    theirs = metrics.DeletionInsertionMetric(
        torchcam_cat, lambda logits: logits.softmax(dim=1), steps=7, baseline=curves.blurred
    )
    theirs.update(cat.subject.inputs, 285)
    summary, ours = theirs.summary(), measure(cat, BOTH)
    assert ours["insertion"].value == pytest.approx(summary["insertion_auc"], abs=1e-4)
    assert ours["deletion"].value == pytest.approx(summary["deletion_auc"], abs=1e-4)


def test_batch_size_and_company_change_nothing(cat: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "STEPS", 7)
    together = measure(cat, ALL)
    assert measure(cat, ["deletion"]) == {"deletion": together["deletion"]}
    monkeypatch.setattr(cat, "batch", 4)
    again = measure(cat, BOTH)
    for name in BOTH:
        assert again[name].value == pytest.approx(together[name].value, abs=1e-5)


class Viewing(torch.nn.Module):
    """Reshapes with ``view``, which refuses tensors whose channels are last in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.see = torch.nn.Conv2d(3, 4, 3)
        self.say = torch.nn.Linear(4 * 36, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.see(x)
        return self.say(seen.view(len(seen), -1))


def test_a_network_that_refuses_the_fast_layout_is_asked_without(cat: Case) -> None:
    torch.manual_seed(0)
    network = Network(Viewing(), input_size=(8, 8))
    pictures = torch.rand(7, 3, 8, 8)
    with pytest.raises(RuntimeError), torch.no_grad():
        network.module(pictures.contiguous(memory_format=torch.channels_last))
    case = Case(Subject(network, cat.subject.photo, pictures[:1], 2), cat.saliency, cat.explain, batch=3)
    with torch.no_grad():
        expected = network.module(pictures).double().softmax(dim=1)
    assert torch.allclose(case.answers(pictures), expected, atol=1e-6)
    assert torch.equal(case.ask(pictures), case.answers(pictures)[:, 2])
