"""Methods with one layer, and the controls: against loops over the published formulas, and against other libraries."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from layerlore.errors import LayerError, SettingError
from layerlore.methods import METHODS, gradcampp, layercam, saliency, scorecam
from layerlore.methods.subject import Subject
from layerlore.network.loading import load_network
from layerlore.network.model import Network
from layerlore.network.photos import read_photo
from layerlore.samples import sample_path

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Small(torch.nn.Module):
    """Two convolutions and a head that looks at each position on its own, so that gradients differ over the map."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.see = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(4))
        self.again = torch.nn.Sequential(torch.nn.Conv2d(5, 6, 3, padding=1), torch.nn.ReLU())
        self.head = torch.nn.Linear(6 * 8 * 8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.again(self.see(x)).square().flatten(1))


@pytest.fixture(scope="module")
def subject() -> Subject:
    network = Network(Small().eval(), input_size=(32, 32))
    photo = read_photo(sample_path("chelsea"))
    return Subject(network, photo, network.prepare(photo)[None], 2)


@pytest.fixture(scope="module")
def taken(subject: Subject) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Maps of the last layer and the gradient of the class's logit, by plain autograd."""
    module = subject.network.module
    maps = module.again(module.see(subject.inputs)).detach().requires_grad_()
    logit = module.head(maps.square().flatten(1))[0, subject.target]
    (slopes,) = torch.autograd.grad(logit, maps)
    return maps[0].detach().double().numpy(), slopes[0].double().numpy()


def test_gradcampp_is_the_published_sum(subject: Subject, taken: tuple[NDArray[np.float64], ...]) -> None:
    """With the alphas as they are printed, second and third powers and all."""
    maps, slopes = taken
    wanted = np.zeros(maps.shape[1:])
    for feature, slope in zip(maps, slopes, strict=True):
        weight = 0.0
        for i, j in np.ndindex(*feature.shape):
            if slope[i, j] > 0:
                alpha = slope[i, j] ** 2 / (2 * slope[i, j] ** 2 + feature.sum() * slope[i, j] ** 3)
                weight += alpha * slope[i, j]
        wanted += weight * feature
    raw = gradcampp.explain(subject, 0)
    assert np.allclose(raw.values, np.maximum(wanted, 0), rtol=1e-5, atol=1e-9)
    assert raw.values.max() > 0
    assert raw.model_calls == 2


def test_layercam_is_the_published_sum(subject: Subject, taken: tuple[NDArray[np.float64], ...]) -> None:
    maps, slopes = taken
    wanted = sum(np.where(slope > 0, slope, 0) * feature for feature, slope in zip(maps, slopes, strict=True))
    raw = layercam.explain(subject, 0)
    assert np.allclose(raw.values, wanted, rtol=1e-5, atol=1e-9)
    assert raw.values.max() > 0
    assert raw.model_calls == 2


@pytest.mark.parametrize("place", [-1, -8])
def test_layercam_is_that_of_torchcam(place: int) -> None:
    """Real weights. Torchcam's Grad-CAM++ is no oracle: its division works on a copy, so it is lost."""
    torchcam = pytest.importorskip("torchcam.methods")
    network = load_network()
    photo = read_photo(sample_path("coffee"))
    ours = saliency(network, photo, method="layercam", layer=place)
    module = network.module.get_submodule(str(ours.settings["layer"]))
    with torchcam.LayerCAM(network.module, target_layer=module) as extractor:
        theirs = extractor(ours.target, network.module(network.prepare(photo)[None]))[0][0].numpy()
    assert np.allclose(ours.map, theirs, atol=1e-5)


def test_random_is_chance_and_the_same_again(subject: Subject) -> None:
    network = subject.network
    maps = [saliency(network, sample_path("chelsea"), 1, method="random", seed=seed).map for seed in (0, 0, 1)]
    other_photo = saliency(network, sample_path("coffee"), 1, method="random").map
    assert maps[0].shape == (8, 8)
    assert np.array_equal(maps[0], maps[1])
    assert abs(np.corrcoef(maps[0].ravel(), maps[2].ravel())[0, 1]) < 0.5
    assert abs(np.corrcoef(maps[0].ravel(), other_photo.ravel())[0, 1]) < 0.5
    fine = saliency(network, sample_path("chelsea"), 1, method="random", side=200).map
    assert np.histogram(fine, bins=10)[0] == pytest.approx(4000, rel=0.06)


def test_the_gaussian_has_its_width_and_its_middle(subject: Subject) -> None:
    found = saliency(subject.network, sample_path("chelsea"), 1, method="gaussian", sigma=0.1)
    assert found.map.shape == (32, 32)
    assert np.array_equal(found.map, found.map[::-1, ::-1])
    assert np.allclose(found.map, found.map.T)
    across = np.arange(32) + 0.5 - 16
    share = found.map.sum(axis=0, dtype=np.float64)
    assert (share @ across**2 / share.sum()) ** 0.5 == pytest.approx(3.2, rel=0.01)
    assert found.model_calls == 0


@pytest.mark.parametrize("method", [name for name in METHODS if name not in {"lime", "shap"}])
def test_a_method_explains_the_inputs_it_is_given(subject: Subject, method: str) -> None:
    """A perturbed copy is explained as such; only the controls look away."""
    import importlib

    explain = importlib.import_module(f"layerlore.methods.{method}").explain
    other = dataclasses.replace(subject, inputs=subject.inputs.flip(3), asked=0)
    first, second = (explain(one, 0).values for one in (subject, other))
    assert np.array_equal(first, second) == (METHODS[method].source == "control")


def test_maps_of_one_position_are_refused() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 32), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4, 2))
    network = Network(module.eval(), input_size=(32, 32))
    for method in ("gradcam", "gradcampp", "layercam", "scorecam"):
        with pytest.raises(LayerError, match="one position") as caught:
            saliency(network, sample_path("chelsea"), method=method)
        assert "\n" not in str(caught.value)
    assert saliency(network, sample_path("chelsea"), method="random").map.shape == (2, 2)


def test_wrong_options_of_the_controls_are_told(subject: Subject) -> None:
    for method, options, words in (
        ("random", {"side": 1}, "at least 2"),
        ("gaussian", {"sigma": 0.0}, "above 0"),
        ("gaussian", {"sigma": float("nan")}, "above 0"),
    ):
        with pytest.raises(SettingError, match=words):
            saliency(subject.network, sample_path("chelsea"), 1, method=method, **options)


def test_scorecam_is_the_published_sum(subject: Subject) -> None:
    """Each map enlarged, then scaled, then shown alone, in a loop."""
    module = subject.network.module
    with torch.no_grad():
        maps = module.again(module.see(subject.inputs))[0]
        scores = []
        for feature in maps:
            large = torch.nn.functional.interpolate(feature[None, None], (32, 32), mode="bilinear")
            mask = (large - large.min()) / (large.max() - large.min())
            scores.append(float(module(subject.inputs * mask)[0, subject.target]))
    weights = np.exp(scores) / np.exp(scores).sum()
    raw = scorecam.explain(dataclasses.replace(subject, asked=0), 0, batch=4)
    assert np.allclose(raw.values, np.einsum("k,khw->hw", weights, maps.double().numpy()), rtol=1e-5)
    assert raw.model_calls == 1 + len(maps)
    few = scorecam.explain(dataclasses.replace(subject, asked=0), 0, maps=2)
    kept = np.sort(np.argsort(-maps.std(dim=(1, 2)).numpy())[:2])
    weights = np.exp(np.array(scores)[kept]) / np.exp(np.array(scores)[kept]).sum()
    assert np.allclose(few.values, np.einsum("k,khw->hw", weights, maps[kept].double().numpy()), rtol=1e-5)
    assert few.model_calls == 3


def test_scorecam_is_that_of_torchcam(subject: Subject) -> None:
    """On a layer with the input's size, as the library scales its maps before they are enlarged."""
    torchcam = pytest.importorskip("torchcam.methods")
    layer = subject.network.module.see[1]
    ours = saliency(subject.network, subject.photo, subject.target, method="scorecam", layer="see.1")
    with torchcam.ScoreCAM(subject.network.module, target_layer=layer, input_shape=(3, 32, 32)) as extractor:
        with torch.no_grad():
            subject.network.module(subject.inputs)
        theirs = extractor(subject.target)[0][0].numpy()
    assert np.allclose(ours.map, theirs, atol=1e-5)
