"""Metrics that run the method again: on noisy photos, on random weights, for other classes."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from layerlore.errors import LayerError, SettingError
from layerlore.evaluate import METRICS
from layerlore.evaluate.case import Case
from layerlore.evaluate.measuring import _GROUPS, measure
from layerlore.evaluate.metrics import sanity, sensitivity
from layerlore.evaluate.metrics.maps import upsample
from layerlore.evaluate.randomised import randomised, randomised_after
from layerlore.local.capture import capture
from layerlore.methods.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.network.model import Network

SANITY = ("emprt", "smprt", "random_logit")
OF_A_MAP = tuple(name for name, info in METRICS.items() if "clusters" not in info.needs)


def test_sensitivity_is_that_of_captum_for_the_same_noise(weighted: Callable[..., Case]) -> None:
    captum = pytest.importorskip("captum.metrics")
    rng = np.random.default_rng(0)
    weights, photo = rng.uniform(0.5, 1, (6, 6)), rng.uniform(0.5, 1, (6, 6))
    case = weighted(weights, photo, weights * photo)
    copies = sensitivity.noisy(case.subject.inputs, case.generator("sensitivity"), sensitivity.COPIES)
    rows = iter(copies)

    def explain(inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        maps = [torch.from_numpy(case.explain(case.subject.network, one[None], 1)) for one in inputs[0]]
        return (torch.stack(maps),)

    def perturb(inputs: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.stack([next(rows) for _ in inputs]),)

    theirs = captum.sensitivity_max(
        explain,
        (case.subject.inputs,),
        perturb_func=perturb,
        n_perturb_samples=sensitivity.COPIES,
    )
    found = measure(case, ("max_sensitivity", "average_sensitivity"))
    assert found["max_sensitivity"].value == pytest.approx(float(theirs), rel=1e-5)
    assert 0 < found["average_sensitivity"].value < found["max_sensitivity"].value
    assert sensitivity.change(np.array([[3.0, 4.0]]), np.array([[3.0, 1.0]])) == pytest.approx(3 / 5)


def test_noise_is_bounded_and_copies_with_another_answer_are_left_out(
    weighted: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = weighted(np.ones((6, 6)), np.linspace(-1, 1.001, 36).reshape(6, 6), np.eye(6))
    noise = sensitivity.noisy(case.subject.inputs, case.generator("any"), 20) - case.subject.inputs
    assert 0.09 < float(noise.abs().max()) <= 0.05 * 2.001 + 1e-6
    found = measure(case, ("max_sensitivity",))["max_sensitivity"]
    assert found.value is not None
    assert "left out" in found.note
    monkeypatch.setattr(sensitivity, "noisy", lambda inputs, _generator, count: -inputs.expand(count, -1, -1, -1))
    found = measure(case, ("max_sensitivity",))["max_sensitivity"]
    assert found.value is None
    assert "all 10 copies" in found.note


class Backwards(torch.nn.Module):
    """Its layers stand in another order than that in which they are called."""

    def __init__(self) -> None:
        super().__init__()
        self.last = torch.nn.Linear(4, 3)
        self.unused = torch.nn.Linear(2, 2)
        self.first = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.norm(self.first(x))).mean(dim=(2, 3)))


def test_layers_are_randomised_from_the_last_one_called_and_only_in_a_copy(cat: Case) -> None:
    from layerlore.network.model import Network

    torch.manual_seed(0)
    network = Network(Backwards(), input_size=(8, 8))
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    inputs, mark = torch.ones(1, 3, 8, 8), network.fingerprint
    steps, marks = [], []
    for share, changed in randomised(network, inputs, np.random.default_rng(0), 3):
        state = changed.module.state_dict()
        steps.append((share, {name.split(".")[0] for name in before if not torch.equal(before[name], state[name])}))
        marks.append(changed.fingerprint)
    # The norm has ones and zeros, which have no spread, and nothing else to be drawn from.
    assert steps == [(1 / 3, {"last"}), (2 / 3, {"last"}), (1, {"last", "first"})]
    assert marks[0] == marks[1] != marks[2]
    assert mark not in marks
    assert all(torch.equal(before[name], tensor) for name, tensor in network.module.state_dict().items())
    del network.__dict__["fingerprint"]
    assert network.fingerprint == mark

    real = cat.subject.network
    ((share, changed),) = randomised(real, cat.subject.inputs, np.random.default_rng(0), 1)
    assert share == 1
    assert changed.fingerprint != real.fingerprint
    scales = [
        (float(own.detach().std()), float(new.detach().std()))
        for own, new in zip(real.module.parameters(), changed.module.parameters(), strict=True)
        if own.numel() > 5_000
    ]
    assert all(new == pytest.approx(own, rel=0.1) for own, new in scales)


class Bare(torch.nn.Module):
    """Has no weights, or one that cannot be copied: it is no leaf of a graph."""

    def __init__(self, weight: torch.Tensor | None = None) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 2) if weight is not None else torch.nn.Identity()
        self.kept = weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.mean(dim=(2, 3)))


def test_networks_whose_weights_cannot_be_randomised_are_told(cat: Case) -> None:
    from layerlore.network.model import Network

    inner = torch.ones(2, requires_grad=True) * 2
    for module, words in ((Bare(), "no weights"), (Bare(inner), "cannot be copied")):
        network = Network(module, input_size=(8, 8))
        subject = Subject(network, cat.subject.photo, torch.rand(1, 3, 8, 8), 1)
        found = measure(Case(subject, cat.saliency, cat.explain), ("emprt",))["emprt"]
        assert found.value is None
        assert words in found.note


def test_sanity_checks_are_those_on_paper(weighted: Callable[..., Case]) -> None:
    """Two values in halves have the entropy ln 2, four in quarters ln 4; the order of places is turned round."""
    halves, quarters = np.repeat([0.0, 1.0], 8).reshape(4, 4), np.repeat([1.0, 0.6, 0.3, 0.0], 4).reshape(4, 4)
    case = weighted(np.arange(16).reshape(4, 4), np.arange(16).reshape(4, 4), halves)

    def explain(network: Network, _inputs: torch.Tensor, target: int) -> np.ndarray:
        if target == 0:
            return halves.T.astype(np.float32)
        return (halves if network is case.subject.network else quarters).astype(np.float32)

    case.explain = explain
    found = measure(case, SANITY)
    assert found["emprt"].value == pytest.approx((math.log(4) - math.log(2)) / math.log(2))
    # Ranks of halves are 4.5 and 12.5, of quarters 14.5, 10.5, 6.5, 2.5: correlation -8 * 4 * 8 / sqrt(256 * 320).
    assert found["smprt"].value == pytest.approx(-2 / math.sqrt(5))
    assert found["random_logit"].value == pytest.approx(0)
    assert [share for share, _ in found["smprt"].curve] == [1.0]  # this network has one layer


def test_unrelated_coarse_maps_are_alike_by_ssim_and_not_by_rank_correlation() -> None:
    """Why likeness is not SSIM, as in the papers."""
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(0)
    pairs = [rng.random((2, 7, 7)) for _ in range(30)]
    large = [[upsample(one, (224, 224)).numpy() for one in pair] for pair in pairs]
    similar = [structural_similarity(*pair, data_range=1.0) for pair in large]
    assert np.mean(similar) == pytest.approx(0.38, abs=0.03)
    assert np.mean([sanity.likeness(*pair) for pair in pairs]) == pytest.approx(0, abs=0.05)


def test_a_map_that_looks_at_nothing_fails_every_sanity_check(weighted: Callable[..., Case]) -> None:
    heat = np.arange(16).reshape(4, 4)
    case = weighted(heat, heat, heat)
    case.explain = lambda *_: case.saliency.map
    found = measure(case, SANITY)
    assert [one.value for one in found.values()] == pytest.approx([0, 1, 1])


def test_a_map_of_one_bin_has_no_entropy_to_rise_from(weighted: Callable[..., Case]) -> None:
    case = weighted(np.eye(4), np.eye(4), np.linspace(0, 1, 16).reshape(4, 4))
    case.heat = torch.full((4, 4), 0.5, dtype=torch.float64)
    found = measure(case, ("emprt",))["emprt"]
    assert found.value is None
    assert "one value nearly everywhere" in found.note


def test_a_map_that_vanishes_says_so(weighted: Callable[..., Case]) -> None:
    heat = np.arange(16).reshape(4, 4)
    case = weighted(heat, heat, heat)
    case.explain = lambda network, *_: np.zeros((4, 4), np.float32)
    found = measure(case, SANITY)
    assert found["emprt"].value is None
    assert "same everywhere" in found["emprt"].note
    assert "same everywhere" in found["random_logit"].note
    assert found["smprt"].value == 0


def test_the_default_network_and_grad_cam_pass(cat: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanity, "COPIES", 2)
    before = cat.subject.network.fingerprint
    found = measure(cat, ("smprt", "random_logit"))
    assert found["smprt"].value < 0.5
    assert len(found["smprt"].curve) == 4
    assert found["random_logit"].value < 0.8
    del cat.subject.network.__dict__["fingerprint"]
    assert cat.subject.network.fingerprint == before


def test_a_method_that_fails_is_told_and_the_others_go_on(weighted: Callable[..., Case]) -> None:
    case = weighted(np.eye(4), np.eye(4), np.arange(16).reshape(4, 4))

    def refuse(*_: object) -> np.ndarray:
        raise LayerError("this network has no such layer; choose another")

    case.explain = refuse
    found = measure(case, OF_A_MAP)
    for name in OF_A_MAP:
        info = METRICS[name]
        if "explainer" in info.needs:
            assert found[name].value is None
            assert "no such layer" in found[name].note
        elif "truth" not in info.needs:
            assert found[name].value is not None


def test_a_map_that_is_the_same_everywhere_gives_notes_and_no_nan(weighted: Callable[..., Case]) -> None:
    truth = np.eye(4, dtype=bool)
    found = measure(weighted(np.eye(4), np.eye(4), np.ones((4, 4)), truth=truth), OF_A_MAP)
    for name, one in found.items():
        assert "same everywhere" in one.note, name
        assert one.value is None or math.isfinite(one.value), name
    assert [found[name].value for name in ("pointing", "energy_pointing")] == [0.25, 0.25]


def test_the_order_of_photos_changes_nothing(weighted: Callable[..., Case]) -> None:
    rng = np.random.default_rng(0)
    cases = [weighted(*rng.uniform(0.1, 1, (3, 6, 6)), truth=np.eye(6, dtype=bool)) for _ in range(3)]
    forwards = [measure(case, OF_A_MAP) for case in cases]
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the global one, which must not matter
    backwards = [measure(case, OF_A_MAP) for case in cases[::-1]]
    assert forwards == backwards[::-1]


def test_every_metric_is_measured_by_one_group_and_explained() -> None:
    assert sorted(name for members, _ in _GROUPS for name in members) == sorted(METRICS)
    for name, info in METRICS.items():
        assert info.name == name
        assert info.sentence.endswith(".")
        assert "\n" not in info.formula + info.sentence
    with pytest.raises(SettingError, match="did you mean insertion"):
        measure(None, ("insertions",))
    with pytest.raises(SettingError, match="no metric"):
        measure(None, ())


def test_maps_stay_and_weights_follow_when_only_later_layers_are_random(cat: Case) -> None:
    network, inputs = cat.subject.network, cat.subject.inputs
    layers = network.layers.select([-9, -4, -1])
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    usual = capture(network, inputs, [285], layers)
    seen = []
    for layer, changed in randomised_after(network, inputs, layers, np.random.default_rng(0)):
        number = layers.index(layer)
        other = capture(changed, inputs, [285], [layer])
        assert torch.equal(usual.activations[number], other.activations[0])
        assert not torch.equal(usual.gradients[number], other.gradients[0])
        state = changed.module.state_dict()
        seen.append({name for name in before if not torch.equal(before[name], state[name])})
    assert seen[0] < seen[1] < seen[2], "the deepest layer first"
    assert {name.split(".")[0] for name in seen[0]} == {"classifier"}
    assert all(torch.equal(before[name], tensor) for name, tensor in network.module.state_dict().items())

    ours = dataclasses.replace(cat.saliency, method="inv", settings={"layers": [layer.name for layer in layers]})
    found = measure(dataclasses.replace(cat, saliency=ours), ("later_layers",))["later_layers"]
    assert (found.note, found.model_calls) == ("", 8)
    assert 0 < found.value < 1
    assert "weighs no maps" in measure(cat, ("later_layers",))["later_layers"].note
    flat = dataclasses.replace(cat, saliency=dataclasses.replace(ours, settings={"layers": ["none"]}))
    assert measure(flat, ("later_layers",))["later_layers"].value is None
