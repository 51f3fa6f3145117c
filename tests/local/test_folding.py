"""All layers in one map: against sums on paper, finite differences, and the network's own answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from layerlore.errors import GradientError, LayerError, SettingError
from layerlore.local import folding
from layerlore.local.explain import explain
from layerlore.local.explanation import ClusterMap, LayerExplanation
from layerlore.network.loading import load_network
from layerlore.network.model import Network
from layerlore.samples import sample_path
from local.tiny import TinyVGG
from local.tiny import network as tiny_network


def cluster(values: object, *, peak: float = 1.0, weight: float = 50.0, constant: bool = False) -> ClusterMap:
    return ClusterMap(0, weight, np.array(values, np.float32), peak, (0,), (50.0,), constant)


def layer(*clusters: ClusterMap) -> LayerExplanation:
    return LayerExplanation("x", 0, 0.0, "ReLU", True, 2, 2, 2, clusters, 0.0, 2, 0.0, 0, 0.0)


def test_layers_add_up_with_the_same_say_each() -> None:
    """Shares of the first layer 4/6, 1/6, 0, 1/6, of the second 0, 0, 1, 0: their sum, scaled to its highest."""
    first = layer(cluster([[1, 0], [0, 0]], peak=1.0), cluster([[0, 1], [0, 1]], peak=0.25))
    second = layer(cluster([[0, 0], [1, 0]], peak=0.3))
    folded = folding.fold([first, second], (2, 2))
    assert folded == pytest.approx(np.array([[4 / 6, 1 / 6], [1, 1 / 6]]) * 6 / 5 - 0.2)
    nothing = layer(cluster([[0, 0], [0, 0]], constant=True))
    assert np.array_equal(folding.fold([first, nothing], (2, 2)), folding.fold([first], (2, 2)))
    assert not folding.fold([nothing], (2, 2)).any()
    with pytest.raises(LayerError, match="at least one"):
        folding.fold([], (2, 2))


def test_clusters_of_the_paper_count_by_their_weight() -> None:
    """3/4 and 1/4 of the layer whatever the peaks; a layer of clusters without weight adds nothing."""
    maps = cluster([[1, 0], [0, 0]], peak=0.5, weight=60), cluster([[0, 1], [0, 0]], peak=1.0, weight=20)
    folded = folding.fold([layer(*maps)], (2, 2), method="paper")
    assert folded == pytest.approx(np.array([[1, 1 / 3], [0, 0]]))
    assert folding.fold([layer(*maps)], (2, 2)) == pytest.approx(np.array([[0.5, 1], [0, 0]]))
    nothing = layer(cluster([[0, 1], [0, 0]], weight=0))
    assert np.array_equal(folding.fold([layer(*maps), nothing], (2, 2), method="paper"), folded)


def test_the_slope_is_that_of_finite_differences() -> None:
    network = tiny_network(TinyVGG(), size=12)
    generator = np.random.default_rng(0)
    photo, hidden = (torch.from_numpy(generator.normal(size=(1, 3, 12, 12))) for _ in range(2))
    shown = generator.random((6, 12, 12))

    def answer(masks: np.ndarray) -> float:
        mixed = hidden + torch.from_numpy(masks[:, None]) * (photo - hidden)
        with torch.no_grad():
            return float(network.module(mixed).softmax(dim=1)[:, 2].sum())

    slope = folding._slope(network, photo, hidden, shown, 2)
    for _ in range(3):
        way = generator.normal(size=(12, 12))
        step = 1e-7 * way  # so small that hardly a ReLU turns between
        assert (answer(shown + step) - answer(shown - step)) / 2e-7 == pytest.approx((slope * way).sum(), rel=1e-4)


def test_what_is_shown_are_the_brightest_places_and_what_is_hidden_too() -> None:
    heat = np.linspace(0, 1, 60 * 60).reshape(60, 60)
    shown = folding._shown(heat, [0.25, 0.5])
    assert shown.shape == (4, 60, 60)
    assert shown[:, :, 0].mean(axis=1) == pytest.approx([0.25, 0.5, 0.75, 0.5], abs=0.02)
    assert shown[0, -1, 0] > 0.95
    assert shown[0, 0, 0] < 0.05
    assert shown[2] == pytest.approx(1 - shown[0])


def test_what_speaks_against_the_class_is_dark_and_keeps_its_order() -> None:
    heat = np.array([[-9.0, -0.5], [0.0, 2.0], [1.0, 4.0]])
    above = folding._above(heat)
    assert above == pytest.approx(np.array([[0, 0.05 * 8.5 / 9], [0.05, 0.525], [0.05 + 0.95 / 4, 1]]))
    assert np.array_equal(np.argsort(above, axis=None), np.argsort(heat, axis=None))
    assert np.array_equal(folding._above(heat + 9), (heat + 9) / 13)


class Corner(torch.nn.Module):
    """Class 1 is how much the upper left quarter is striped."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = (x[:, :, :, 1:] - x[:, :, :, :-1])[:, :, :16, :16].abs().mean(dim=(1, 2, 3))
        return torch.stack([torch.full_like(seen, 0.5), 5 * seen], dim=1)


def test_a_wrong_map_is_put_right() -> None:
    network = Network(Corner(), class_names=["plain", "striped"], input_size=(32, 32))
    photo = torch.zeros(1, 3, 32, 32)
    photo[..., ::2] = 1
    wrong = np.zeros((32, 32))
    wrong[16:, 16:] = 1
    for hide in folding.HIDE:
        right, asked = folding.correct(network, photo, 1, wrong, hide=hide)
        assert asked == 2 * 8 * folding.ROUNDS
        assert right[4:12, 4:12].min() > right[4:12, 20:].max()
        assert (right.min(), right.max()) == (0, 1)
    once = {hide: folding.correct(network, photo, 1, wrong, rounds=1, hide=hide)[0] for hide in folding.HIDE}
    for ground in ("blur", "colour"):
        same = np.array_equal(once["both"], once[ground])
        assert same == (folding.grounds(1) == (ground,)), "what is said to hide is not what hides"
    assert folding.grounds(3) == ("blur", "colour", "blur")
    same, asked = folding.correct(network, photo, 1, wrong, rounds=0)
    assert np.array_equal(same, wrong)
    assert asked == 0
    with pytest.raises(SettingError, match="both, blur, colour"):
        folding.correct(network, photo, 1, wrong, hide="noise")


def test_a_network_without_gradient_is_told_in_a_line() -> None:
    class Cut(Corner):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.detach())

    network = Network(Cut(), class_names=["plain", "striped"], input_size=(32, 32))
    with pytest.raises(GradientError, match="no gradient at the photo") as caught:
        folding.correct(network, torch.rand(1, 3, 32, 32), 1, np.eye(32))
    assert "\n" not in str(caught.value)


def test_a_photo_is_kept_sooner_and_lost_sooner_in_the_corrected_order() -> None:
    """On real weights, and with a way of hiding that the correction does not know: black."""
    network = load_network()
    explanation = explain(network, sample_path("chelsea"), ablation=False, flow=False)
    folded = folding.fold_explanation(explanation)
    assert folded.shape == network.input_size
    from layerlore.network.photos import read_photo

    photo = network.prepare(read_photo(sample_path("chelsea")))[None]
    before = [parameter.requires_grad for parameter in network.module.parameters()]
    target = explanation.target.index
    corrected, _ = folding.correct(network, photo, target, folded.astype(np.float64), rounds=3)
    assert [parameter.requires_grad for parameter in network.module.parameters()] == before

    def kept_and_lost(heat: np.ndarray) -> np.ndarray:
        shown = torch.from_numpy(folding._shown(heat, [0.1, 0.2, 0.3]))[:, None].float()
        with torch.no_grad():
            answers = network.module.eval()(photo * shown).softmax(dim=1)[:, target]
        return answers.reshape(2, 3).mean(dim=1).numpy()

    (kept, lost), (kept_folded, lost_folded) = kept_and_lost(corrected), kept_and_lost(folded.astype(np.float64))
    assert kept - lost > kept_folded - lost_folded + 0.1


def test_a_saved_explanation_can_be_folded(tmp_path: object) -> None:
    from layerlore.local.storage import load_explanation

    network = tiny_network(TinyVGG(), size=12)
    generator = np.random.default_rng(1)
    explanation = explain(network, torch.from_numpy(generator.random((3, 12, 12))), layers="all")
    loaded = load_explanation(explanation.save(f"{tmp_path}/x.json"))
    folded = folding.fold_explanation(explanation)
    assert folded.shape == (12, 12)
    assert folded.max() == 1
    assert np.array_equal(folding.fold_explanation(loaded), folded)
    halved = replace(explanation, layers=explanation.layers[:1])
    assert not np.array_equal(folding.fold_explanation(halved), folded)
