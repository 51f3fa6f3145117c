"""Channel NMF: it adds up, it is deterministic, and it says no where it does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from layerlore.errors import LayerError, SettingError
from layerlore.methods import nmf, saliency
from layerlore.methods.run import make_subject
from layerlore.network.model import Network
from layerlore.samples import sample_path

if TYPE_CHECKING:
    from layerlore.digits import Canvases
    from layerlore.methods.subject import Subject


@pytest.fixture(scope="module")
def subject(digits: Network, canvases: Canvases) -> Subject:
    return make_subject(digits, canvases.rgb(0), int(canvases.labels[0, 0]))


def test_two_parts_that_were_put_together_are_found_again() -> None:
    random = np.random.default_rng(0)
    where = np.zeros((2, 6, 6))
    where[0, :3, :3] = random.uniform(0.5, 1, (3, 3))
    where[1, 3:, 2:] = random.uniform(0.5, 1, (3, 4))
    mixes = np.zeros((2, 10))
    mixes[0, :6], mixes[1, 5:] = random.uniform(0.1, 1, 6), random.uniform(0.1, 1, 5)
    maps = np.einsum("rhw,rk->khw", where, mixes)
    found, channels = nmf.factorise(maps, 2, 0)
    assert np.allclose(np.einsum("rhw,rk->khw", found, channels), maps, atol=1e-2)
    alike = np.corrcoef(np.concatenate([found, where]).reshape(4, -1))[:2, 2:]
    assert alike.max(axis=1).min() > 0.99


def test_before_a_mean_and_a_linear_layer_effects_are_gradients_and_add_up(subject: Subject) -> None:
    """There the logit is a sum over positions and channels, so what the concepts leave out is all that is missing."""
    by_removal = nmf.explain(subject, 0, concepts=12)
    by_gradient = nmf.explain(subject, 0, concepts=12, importance="gradient")
    assert np.allclose(by_removal.values, by_gradient.values, atol=1e-3)
    assert by_removal.values.sum() == pytest.approx(sum(by_removal.settings["importances"]), abs=0.01)  # type: ignore[call-overload]
    head = subject.network.module.head
    with torch.no_grad():
        logit = float(subject.network.module(subject.inputs)[0, subject.target] - head.bias[subject.target])
    assert by_removal.values.sum() == pytest.approx(logit, rel=0.15)
    assert (by_removal.model_calls, by_gradient.model_calls) == (15, 2)


def test_deeper_effects_are_those_of_running_the_rest_of_the_network(subject: Subject) -> None:
    raw = nmf.explain(subject, 0, layer="features.12", concepts=4)
    module = subject.network.module

    def rest(maps: torch.Tensor) -> float:
        return float(module.head(module.features[13:](maps).mean(dim=(2, 3)))[0, subject.target])

    with torch.no_grad():
        maps = module.features[:13](subject.inputs[:, :1])
        where, mixes = nmf.factorise(maps[0].double().numpy(), 4, 0)
        parts = [torch.from_numpy(np.einsum("hw,k->khw", u, w)).float() for u, w in zip(where, mixes, strict=True)]
        wanted = [rest(maps) - rest(maps - part) for part in parts]
    assert raw.settings["importances"] == pytest.approx(wanted, abs=2e-3)


class Turned(torch.nn.Module):
    """The same network twice: with channels first, or last around its non-linearity."""

    def __init__(self, *, last: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.last = last
        self.see, self.act = torch.nn.Conv2d(3, 6, 5, stride=4), torch.nn.ReLU()
        self.more, self.head = torch.nn.Conv2d(6, 4, 3), torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.see(x)
        x = self.act(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) if self.last else self.act(x)
        return self.head(self.more(x).square().mean(dim=(2, 3)))


@pytest.mark.parametrize("method", ["nmf", "fam", "scorecam", "sise"])
def test_channels_last_give_the_same_map(method: str) -> None:
    options = {"sise": {"layers": ["act"]}}.get(method, {"layer": "act"})
    maps = []
    for last in (False, True):
        network = Network(Turned(last=last).eval(), input_size=(48, 32))
        assert network.layers[0].channels_last == last
        maps.append(saliency(network, sample_path("coffee"), 1, method=method, **options).map)
    assert np.allclose(maps[0], maps[1], atol=1e-5)
    assert maps[0].max() == 1


def test_few_positions_or_maps_give_few_concepts(subject: Subject) -> None:
    assert nmf.explain(subject, 0, concepts=500, importance="gradient").settings["concepts"] == 36
    assert nmf.factorise(np.zeros((5, 3, 3)), 4, 0)[0].shape == (0, 3, 3)


def test_what_does_not_fit_is_told_in_a_line(digits: Network, canvases: Canvases) -> None:
    steps = [torch.nn.Conv2d(3, 4, 3), torch.nn.SiLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    signed = Network(torch.nn.Sequential(*steps, torch.nn.Linear(4, 2)).eval(), input_size=(32, 32))
    with pytest.raises(LayerError, match="has negative values") as caught:
        saliency(signed, sample_path("chelsea"), method="nmf")
    assert "\n" not in str(caught.value)
    for options, words in (({"concepts": 0}, "at least 1"), ({"importance": "sobol"}, "ablation, gradient")):
        with pytest.raises(SettingError, match=words):
            saliency(digits, canvases.rgb(0), method="nmf", **options)
