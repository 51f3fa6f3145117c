"""What a Network makes of a module: unwrapping, checks, the view, the fingerprint."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from layerlore.errors import ModelError
from layerlore.network import Network, Preprocess, read_photo


def tiny(classes: int = 4, *, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes)
    )


class Odd(nn.Module):
    """A classifier whose output goes through a function."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.inner = tiny()
        self.change = change

    def forward(self, x: torch.Tensor) -> Any:
        return self.change(self.inner(x))


def test_a_network_goes_to_another_process_with_what_was_found_out() -> None:
    network = Network(tiny(), input_size=(16, 16), class_names=["a", "b", "c", "d"])
    layers, fingerprint = network.layers, network.fingerprint
    copy = pickle.loads(pickle.dumps(network))  # noqa: S301 our own bytes
    assert vars(copy)["fingerprint"] == fingerprint  # not computed again
    assert [layer.name for layer in vars(copy)["layers"]] == [layer.name for layer in layers]
    with copy.lock:
        inputs = torch.rand(2, 3, 16, 16)
        assert torch.equal(copy.module(inputs), network.module(inputs))


def test_wrappers_are_taken_off() -> None:
    module = tiny()
    wrapped = nn.DataParallel(torch.compile(module))
    assert Network(wrapped).module is module
    assert Network(module).name == "Sequential"


def test_the_module_stays_as_it_was() -> None:
    module = tiny().train()
    module[1].eval()
    flags = [part.training for part in module.modules()]
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    random = torch.get_rng_state()
    Network(module)
    assert [part.training for part in module.modules()] == flags
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())


def test_classes_are_counted_and_numbered() -> None:
    assert Network(tiny(7)).class_names == tuple(f"class {index}" for index in range(7))
    assert Network(tiny(1000)).wnids is None  # as many classes as ImageNet, but nothing says they are its classes
    assert Network(tiny(1000), class_names="imagenet").class_names[281] == "tabby"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: (x, x), "returned tuple"),
        (lambda x: {"logits": x}, "returned dict"),
        (lambda x: x[0], r"returned shape \(4,\) for 1 photo"),
        (lambda x: x[:, :, None], r"returned shape \(1, 4, 1\)"),
        (lambda x: x.argmax(dim=1, keepdim=True), "before argmax"),
        (lambda x: x[:, :1], "at least two classes"),
        (lambda x: x @ x, "fails on an input of shape"),
    ],
)
def test_outputs_that_are_no_logits(change: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        Network(Odd(change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Conv2d(1, 4, 3), "expected input"),
        (nn.Linear(10, 4), "check input_size="),
        ("resnet18", "not str"),
    ],
)
def test_modules_that_cannot_be_used(module: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Network(module)


@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_refused() -> None:
    with pytest.raises(ModelError, match="TorchScript"):
        Network(torch.jit.trace(tiny(), torch.zeros(1, 3, 32, 32)))


def test_fingerprint_is_of_the_weights() -> None:
    module = tiny()
    first = Network(module).fingerprint
    assert first == Network(tiny()).fingerprint == Network(module, name="other").fingerprint
    assert len(first) == 64
    assert first != Network(tiny(seed=1)).fingerprint
    module[1].running_mean[0] += 1
    assert first != Network(module).fingerprint
    assert first != Network(tiny().to(torch.bfloat16)).fingerprint


def test_input_size_comes_from_the_preprocessing() -> None:
    assert Network(tiny()).input_size == (224, 224)
    assert Network(tiny(), input_size=(32, 48)).input_size == (32, 48)
    assert Network(tiny(), preprocess=lambda image: torch.ones(3, 40, 50)).input_size == (40, 50)


def test_timm_modules_bring_their_configuration() -> None:
    import timm

    module = timm.create_model("test_resnet.r160_in1k", pretrained=False)
    network = Network(module)
    assert network.input_size == (160, 160)
    assert network.class_names[0] == "tench"
    assert Network(module, input_size=(128, 96)).input_size == (128, 96)
    own = timm.create_model("test_resnet.r160_in1k", pretrained=False, num_classes=5)
    assert Network(own).class_names[0] == "class 0"


def test_preprocessing_is_checked_on_every_photo() -> None:
    photo = read_photo(np.zeros((40, 60, 3), np.uint8))
    network = Network(tiny(), preprocess=lambda image: torch.zeros(3, image.height, image.width))
    assert network.input_size == (256, 256)
    with pytest.raises(ModelError, match=r"\(3, 40, 60\) instead of \(3, 256, 256\)"):
        network.prepare(photo)
    with pytest.raises(ModelError, match="NaN"):
        Network(tiny(), preprocess=lambda image: torch.full((3, 9, 9), torch.nan)).prepare(photo)
    small = Network(tiny(), input_size=(32, 32))
    with torch.inference_mode():
        assert not small.prepare(photo).is_inference()


def gradient(width: int, height: int) -> Image.Image:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([across, down, np.full_like(across, 60)], axis=-1).astype(np.uint8))


@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(),
        Preprocess(size=(96, 160)),
        Preprocess(size=(64, 64), resize=64, fit="pad", mean=(0.5, 0.5, 0.5)),
        Preprocess(size=(224, 224), resize=180),
    ],
    ids=["crop", "wide", "pad", "black border"],
)
@pytest.mark.parametrize("size", [(640, 480), (90, 200)])
def test_view_shows_what_the_network_sees(preprocess: Preprocess, size: tuple[int, int]) -> None:
    """The network's input, put back into colours, is the view made small."""
    network = Network(tiny(), preprocess=preprocess)
    photo = read_photo(gradient(*size))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (preprocess.mean, preprocess.std))
    seen = network.prepare(photo).mul(std).add(mean).mul(255).permute(1, 2, 0).numpy()
    view = network.view(photo)
    assert view.mode == "RGB"
    rows, columns = network.input_size
    small = np.asarray(view.resize((columns, rows), Image.Resampling.BILINEAR)).astype(float)
    assert np.median(np.abs(small - seen)) <= 1.5
    assert np.quantile(np.abs(small - seen), 0.9) <= 6


def test_view_is_never_larger_than_its_detail() -> None:
    network = Network(tiny(), preprocess=Preprocess(size=(100, 100), resize=100))
    assert network.view(read_photo(gradient(2000, 1500))).size == (448, 448)
    assert network.view(read_photo(gradient(300, 200))).size == (200, 200)
    assert network.view(read_photo(gradient(30, 20))).size == (100, 100)
    assert network.view(read_photo(gradient(2000, 1500)), side=64).size == (64, 64)
    squash = Network(tiny(), preprocess=Preprocess(size=(100, 100), resize=(100, 100)))
    assert squash.view(read_photo(gradient(800, 400)), side=200).size == (200, 100)


class Scores(nn.Module):
    """Returns the given scores for each photo."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.tensor([scores]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of shape (N, classes)."""
        return self.scores.expand(len(x), -1)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.2, float("nan"), 1.0], "NaN or infinite values"),
        ([0.2, float("inf"), 1.0], "NaN or infinite values"),
        ([0.2, 0.3, 0.5], "returned probabilities; remove the softmax"),
    ],
)
def test_scores_that_are_no_logits_are_refused(scores: list[float], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Network(Scores(scores), input_size=(8, 8))
    Network(Scores([0.2, 0.3, 0.6]), input_size=(8, 8))
    Network(Scores([0.0, 0.0, 1.0]), input_size=(8, 8))
