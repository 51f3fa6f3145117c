"""Other methods' maps: against their published formulas, other libraries, and themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layerlore.errors import SettingError
from layerlore.methods import METHODS, saliency
from layerlore.network.loading import load_network
from layerlore.network.model import Network
from layerlore.network.photos import read_photo
from layerlore.samples import sample_path

ONE_SIZE = {"layers": [-1]}
FEW = {
    "sise": ONE_SIZE,
    "adasise": ONE_SIZE,
    "rise": {"samples": 40},
    "inv": {"rounds": 1},
    "lime": {"samples": 40, "segmentation": "slic"},
    "shap": {"evaluations": 40},
}


class Corner(torch.nn.Module):
    """Class 1 is how much the upper left quarter is striped, class 0 is its contrary."""

    def __init__(self) -> None:
        super().__init__()
        self.see = torch.nn.Sequential(torch.nn.Conv2d(3, 4, (1, 2), bias=False), torch.nn.ReLU())
        with torch.no_grad():
            self.see[0].weight.copy_(torch.tensor([10.0, -10.0]).expand(4, 3, 1, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.see(x)[:, :, :16, :16].mean(dim=(1, 2, 3))
        return torch.stack([-seen, seen], dim=1)


@pytest.fixture(scope="module")
def corner() -> Network:
    def plain(image: object) -> torch.Tensor:
        array = np.asarray(image, dtype=np.float32) / 255
        return torch.from_numpy(array).permute(2, 0, 1)

    class Plain:
        def __call__(self, image: object) -> torch.Tensor:
            return plain(image)

        def box(self, width: int, height: int) -> tuple[float, float, float, float]:
            return 0.0, 0.0, float(width), float(height)

    return Network(Corner().eval(), class_names=["dark", "bright"], input_size=(32, 32), preprocess=Plain())


@pytest.fixture(scope="module")
def tiles() -> np.ndarray:
    """Sixteen tiles of different colours with faint stripes, which are gone where a tile is averaged or blurred."""
    colours = np.random.default_rng(0).uniform(0.1, 0.9, (4, 4, 3))
    picture = np.repeat(np.repeat(colours, 8, 0), 8, 1)
    picture[:, ::2] += 0.03
    return np.rint(255 * picture).astype(np.uint8)


@pytest.mark.parametrize("method", ["lime", "shap"])
def test_the_evidence_is_found_where_it_is(corner: Network, tiles: np.ndarray, method: str) -> None:
    own = {"lime": {"samples": 300, "segmentation": "slic"}, "shap": {"evaluations": 300}}[method]
    found = saliency(corner, tiles, "bright", method=method, seed=1, output="logit", **own)
    assert found.map.shape == (32, 32)
    assert found.map[:16, :16].sum() > 0.7 * found.map.sum()  # a quarter by chance; hiding draws edges around
    assert found.model_calls >= 200
    assert found.signed


def test_shap_adds_up_to_the_difference_that_hiding_all_makes(corner: Network, tiles: np.ndarray) -> None:
    """Efficiency: the values of all parts sum to f(photo) - f(all hidden)."""
    from layerlore.methods import shap
    from layerlore.methods.subject import Subject

    photo = read_photo(tiles)
    subject = Subject(corner, photo, corner.prepare(photo)[None], 1)
    raw = shap.explain(subject, 0, evaluations=120, output="logit")
    with subject.asking():
        both = np.stack([subject.pixels(), shap._blurred(subject.pixels(), 0.5)])
        whole, hidden = subject.score(both, "logit")[:, 1]
    assert raw.values.sum() == pytest.approx(whole - hidden, abs=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_call_gives_the_same_map_and_leaves_the_network_alone(
    corner: Network, tiles: np.ndarray, method: str
) -> None:
    before = [parameter.requires_grad for parameter in corner.module.parameters()]
    corner.module.train()
    state = torch.random.get_rng_state()
    first, second = (saliency(corner, tiles, 1, method=method, seed=2**32 - 1, **FEW.get(method, {})) for _ in range(2))
    assert corner.module.training
    corner.module.eval()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [parameter.requires_grad for parameter in corner.module.parameters()] == before
    assert np.array_equal(first.map, second.map)
    assert first.map.dtype == np.float32
    assert (first.map.min(), first.map.max()) == (0, 1)
    assert (first.method, first.target, first.seed, first.constant) == (method, 1, 2**32 - 1, False)


def test_another_seed_gives_lime_another_map(corner: Network, tiles: np.ndarray) -> None:
    maps = [saliency(corner, tiles, 1, method="lime", seed=seed, **FEW["lime"]).map for seed in (0, 1)]
    assert not np.array_equal(*maps)


def test_gradcam_is_that_of_torchcam_and_captum() -> None:
    """On the real network's last layer; both libraries normalise in their own way, so maps are compared scaled."""
    torchcam = pytest.importorskip("torchcam.methods")
    captum = pytest.importorskip("captum.attr")
    network = load_network()
    photo = read_photo(sample_path("chelsea"))
    ours = saliency(network, photo)
    module = network.module.get_submodule(str(ours.settings["layer"]))
    inputs = network.prepare(photo)[None]
    with torchcam.GradCAM(network.module, target_layer=module) as extractor:
        theirs = extractor(ours.target, network.module(inputs))[0][0].numpy()
    assert np.allclose(ours.map, theirs, atol=1e-5)
    layer = captum.LayerGradCam(network.module, module)
    raw = layer.attribute(inputs, target=ours.target, relu_attributions=True)[0, 0].detach().numpy()
    assert np.allclose(ours.map, (raw - raw.min()) / (raw.max() - raw.min()), atol=1e-5)
    assert ours.highest == pytest.approx(float(raw.max()), rel=1e-4)


def test_what_says_nothing_is_told_and_not_a_number(corner: Network) -> None:
    black = np.zeros((32, 32, 3), np.uint8)
    found = saliency(corner, black, 1)
    assert found.constant
    assert not found.map.any()


def test_mistakes_are_told_in_a_line(corner: Network, tiles: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    for method, options, words in (
        ("grad-cam", {}, "did you mean gradcam"),
        ("gradcam", {"samples": 3}, "no option 'samples'"),
        ("lime", {"samples": 1}, "at least 2"),
        ("lime", {"segmentation": "round"}, "quickshift, slic"),
        ("shap", {"output": "loss"}, "probability, logit"),
        ("shap", {"blur": 0.0}, "above 0"),
        ("inv", {"rounds": -1}, "at least 0"),
        ("inv", {"hide": "noise"}, "both, blur, colour"),
        ("gradcam", {"seed": -1}, "out of range"),
    ):
        with pytest.raises(SettingError, match=words) as caught:
            saliency(corner, tiles, 1, method=method, **options)
        assert "\n" not in str(caught.value)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"pip install 'layerlore\[peers\]'"):
        saliency(corner, tiles, 1, method="lime")
