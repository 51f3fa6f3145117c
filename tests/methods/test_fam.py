"""FAM: its parts add up to the likeness, and its map goes where the support's digit is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from layerlore.digits import Canvases, digit_labels, make_cluttered_digits, split_digits
from layerlore.errors import LayerError, SettingError
from layerlore.methods import fam, saliency
from layerlore.methods.run import make_subject
from layerlore.network.model import Network
from layerlore.samples import sample_path

if TYPE_CHECKING:
    from layerlore.methods.subject import Subject


@pytest.fixture(scope="module")
def subject(digits: Network, canvases: Canvases) -> Subject:
    return make_subject(digits, canvases.rgb(0), int(canvases.labels[0, 0]))


def embedding(network: Network, canvases: Canvases, number: int) -> np.ndarray:
    """The pooled features, by the module alone."""
    inputs = make_subject(network, canvases.rgb(number), 0).inputs
    with torch.no_grad():
        return network.module.features(inputs[:, :1]).mean(dim=(2, 3))[0].double().numpy()


def test_the_parts_add_up_to_the_likeness(digits: Network, canvases: Canvases, subject: Subject) -> None:
    query, other = embedding(digits, canvases, 0), embedding(digits, canvases, 1)
    wanted = {
        "cosine": query @ other / np.sqrt((query @ query) * (other @ other)),
        "dot": query @ other,
        "euclidean": -np.square(query - other).sum(),
    }
    for metric, value in wanted.items():
        found = fam.compare(subject, support=canvases.rgb(1), metric=metric)
        assert found.value == pytest.approx(value, rel=1e-5)
        assert found.parts.shape == (96,)
        assert found.model_calls == 2
    whole = fam.compare(subject, support=canvases.rgb(0), pooling="none")
    assert whole.value == pytest.approx(1, abs=1e-6)
    assert whole.parts.shape == (96 * 6 * 6,)


def test_a_photo_is_alike_to_itself_in_no_channel_less_than_nothing(subject: Subject, canvases: Canvases) -> None:
    found = fam.compare(subject, support=canvases.rgb(0))
    assert found.value == pytest.approx(1, abs=1e-6)
    assert (found.parts >= 0).all()


def test_without_a_support_the_parts_are_those_of_the_logit(subject: Subject) -> None:
    """A mean and a linear layer: the dot product with the class's own weights is its logit less the bias."""
    found = fam.compare(subject, metric="dot")
    head = subject.network.module.head
    with torch.no_grad():
        logit = subject.network.module(subject.inputs)[0, subject.target]
    assert found.value == pytest.approx(float(logit - head.bias[subject.target].detach()), abs=1e-4)
    assert found.model_calls == 2
    values = fam.explain(subject, 0, metric="dot", scaling="none").values
    weights = embedding_weights(subject) * head.weight[subject.target].detach().double().numpy()
    assert np.allclose(values, np.maximum(np.einsum("k,khw->hw", weights, found.maps), 0), atol=1e-4)


def embedding_weights(subject: Subject) -> np.ndarray:
    with torch.no_grad():
        return subject.network.module.features(subject.inputs[:, :1]).mean(dim=(2, 3))[0].double().numpy()


def test_neither_the_scale_of_the_support_nor_the_order_of_channels_matters(
    digits: Network, canvases: Canvases, subject: Subject
) -> None:
    import copy

    support = embedding(digits, canvases, 3)
    first = fam.explain(subject, 0, support=support).values
    assert np.allclose(fam.explain(subject, 0, support=7.5 * support).values, first, rtol=1e-9)
    order = np.random.default_rng(0).permutation(96)
    shuffled = copy.deepcopy(digits.module)
    with torch.no_grad():  # the last convolution and its scaling put out the same channels in another order
        shuffled.features[24].weight.copy_(digits.module.features[24].weight[order])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(shuffled.features[25], name).copy_(getattr(digits.module.features[25], name)[order])
    other = make_subject(Network(shuffled, preprocess=digits.preprocess), canvases.rgb(0), subject.target)
    assert np.allclose(fam.explain(other, 0, support=support[order]).values, first, rtol=1e-5)
    assert not np.allclose(fam.explain(subject, 0, support=support[order]).values, first, rtol=1e-2)


def test_another_support_moves_the_map_to_the_other_digit(digits: Network) -> None:
    """Canvases with two digits, the support five canvases of the one or of the other."""
    test, labels = split_digits()[1], digit_labels()
    random = np.random.default_rng(0)
    first = test[:12]
    second = np.array([random.choice(test[labels[test] != labels[index]]) for index in first])
    pairs = make_cluttered_digits(first, 3, second=second)
    examples = {digit: make_cluttered_digits(test[labels[test] == digit][-5:], digit) for digit in range(10)}
    right = 0
    for number in range(12):
        for which in (0, 1):
            shots = examples[int(pairs.labels[number, which])]
            inputs = torch.from_numpy(shots.images)[:, None].repeat(1, 3, 1, 1)
            found = saliency(digits, pairs.rgb(number), 0, method="fam", support=inputs)
            large = torch.nn.functional.interpolate(torch.from_numpy(found.map)[None, None], (48, 48), mode="bilinear")
            heat = large[0, 0].numpy()
            right += heat[pairs.mask(number, which)].max() > heat[pairs.mask(number, 1 - which)].max()
    assert found.model_calls == 6
    assert right >= 20  # of 24; half by chance


def test_scalings_are_what_their_names_say() -> None:
    parts = np.array([-1.0, 0.0, 3.0])
    assert fam.scale_parts(parts, "minmax").tolist() == [0, 0.25, 1]
    assert fam.scale_parts(parts, "sum").tolist() == [-0.25, 0, 0.75]
    assert np.linalg.norm(fam.scale_parts(parts, "l2")) == pytest.approx(1)
    assert fam.scale_parts(parts, "softmax").sum() == pytest.approx(1)
    assert fam.scale_parts(parts, "none").tolist() == parts.tolist()
    assert fam.scale_parts(np.full(3, 0.2), "minmax").tolist() == [1, 1, 1]
    assert fam.scale_parts(np.zeros(3), "minmax").tolist() == [0, 0, 0]
    assert fam.contributions(np.zeros(3), np.ones(3), "cosine").tolist() == [0, 0, 0]


def test_a_support_may_be_a_photo_photos_or_numbers(digits: Network, canvases: Canvases, subject: Subject) -> None:
    one = fam.explain(subject, 0, support=canvases.rgb(1))
    two = fam.explain(subject, 0, support=[canvases.rgb(1), canvases.rgb(2)])
    mean = (embedding(digits, canvases, 1) + embedding(digits, canvases, 2)) / 2
    assert np.allclose(two.values, fam.explain(subject, 0, support=mean).values, rtol=1e-4)
    assert not np.allclose(one.values, two.values)
    assert (one.model_calls, two.model_calls) == (2, 3)
    assert str(two.settings["support"]).startswith(str(one.settings["support"]))
    assert fam.explain(subject, 0, support=mean).settings["support"] == "an embedding"
    nothing = saliency(digits, canvases.rgb(0), 0, method="fam", support=np.zeros(96))
    assert nothing.constant


def test_what_does_not_fit_is_told_in_a_line(digits: Network, canvases: Canvases) -> None:
    for options, words in (
        ({"support": np.ones(5)}, "has 5 numbers, but layer 'features.26' with pooling mean gives 96"),
        ({"support": np.full(96, np.nan)}, "NaN"),
        ({"support": []}, "at least one photo"),
        ({"metric": "euclidean"}, "give support="),
        ({"metric": "l1"}, "cosine, dot, euclidean"),
        ({"pooling": "gem"}, "mean, max, none"),
        ({"scaling": "most"}, "minmax, sum"),
    ):
        with pytest.raises(SettingError, match=words) as caught:
            saliency(digits, canvases.rgb(0), method="fam", **options)
        assert "\n" not in str(caught.value)
    point = [torch.nn.Conv2d(3, 4, 32), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4, 2)]
    network = Network(torch.nn.Sequential(*point).eval(), input_size=(32, 32))
    with pytest.raises(LayerError, match="one position"):
        saliency(network, sample_path("chelsea"), method="fam")
