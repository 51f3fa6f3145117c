"""One pass for all layers: right values, and the user's network left as it was."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tiny import TinyVGG, TwiceUsed, network, photos
from torch import nn

from layerlore.errors import GradientError, LayerError, ModelError, SettingError
from layerlore.local.capture import capture
from layerlore.local.explain import explain, explain_batch
from layerlore.local.storage import explanation_to_json


def by_hand(module, batch, targets):
    """Every ReLU output of TwiceUsed without in-place steps, with gradients by retain_grad."""
    module.eval()
    x = torch.relu(module.conv1(batch))
    y = torch.relu(module.norm(module.conv2(x)))
    z = torch.relu(module.conv3(y) + x)
    for tensor in (x, y, z):
        tensor.retain_grad()
    logits = module.head(z.mean(dim=(2, 3)))
    logits.gather(1, torch.tensor(targets)[:, None]).sum().backward()
    return [x, y, z], logits


def test_in_place_steps_and_a_module_used_three_times_do_not_corrupt_a_capture():
    net = network(TwiceUsed())
    batch = photos(3)
    layers = net.layers.select("all")
    assert [layer.name for layer in layers] == ["relu#0", "relu#1", "relu#2"]
    captured = capture(net, batch, [2, 0, None], layers)
    tensors, logits = by_hand(net.module, batch, captured.targets)
    torch.testing.assert_close(captured.logits, logits.detach())
    assert captured.targets[2] == int(logits[2].argmax())
    for maps, slopes, tensor in zip(captured.activations, captured.gradients, tensors, strict=True):
        torch.testing.assert_close(maps, tensor.detach())
        torch.testing.assert_close(slopes, tensor.grad)


def test_a_batch_gives_what_single_photos_give():
    net = network(TinyVGG())
    batch = photos(3)
    layers = net.layers.select("all")
    together = capture(net, batch, None, layers)
    for number in range(3):
        alone = capture(net, batch[number : number + 1], None, layers)
        for position in range(len(layers)):
            torch.testing.assert_close(alone.gradients[position][0], together.gradients[position][number])
            torch.testing.assert_close(alone.activations[position][0], together.activations[position][number])


def state_of(module):
    """Everything about a module that a visitor must leave alone."""
    return (
        [child.training for child in module.modules()],
        [len(child._forward_hooks) + len(child._forward_pre_hooks) for child in module.modules()],
        [parameter.requires_grad for parameter in module.parameters()],
        [None if p.grad is None else p.grad.clone() for p in module.parameters()],
        {name: value.clone() for name, value in module.state_dict().items()},
        torch.random.get_rng_state(),
    )


def same(a, b):
    """Deep equality that knows tensors."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_left_as_it_was_also_after_an_error(fails):
    net = network(TwiceUsed())
    layers = net.layers.select("all")
    module = net.module
    module.train()
    module.norm.eval()
    module.conv1.weight.requires_grad_(False)
    module.conv2.weight.grad = torch.ones_like(module.conv2.weight)
    handle = module.relu.register_forward_hook(lambda *_: None)
    wrong = nn.Linear(99, 3).double()
    before = state_of(module)
    if fails:
        head, module.head = module.head, wrong
        with pytest.raises(ModelError, match="fails on an input of shape"):
            capture(net, photos(1), None, layers)
        module.head = head
    else:
        explain(net, photos(1)[0].abs().clamp(max=1).float(), layers="all")
    assert same(before, state_of(module))
    handle.remove()


def test_it_works_frozen_and_inside_no_grad_and_inference_mode():
    net = network(TwiceUsed())
    layers = net.layers.select("all")
    wanted = capture(net, photos(2), None, layers)
    for parameter in net.module.parameters():
        parameter.requires_grad_(False)
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            got = capture(net, photos(2), None, layers)
        assert not got.gradients[0].is_inference()
        for a, b in zip(got.gradients, wanted.gradients, strict=True):
            torch.testing.assert_close(a, b)


def test_parameters_made_in_inference_mode_are_refused_with_the_way_out():
    net = network(TinyVGG())
    layers = net.layers.select("all")
    with torch.inference_mode():
        net.module.head.weight = nn.Parameter(torch.randn(4, 24, dtype=torch.float64))
    with pytest.raises(GradientError, match=r"'head.weight'.*outside inference_mode"):
        capture(net, photos(1), None, layers)


class Forked(nn.Module):
    """A branch that the class does not depend on, and a depth that depends on the photo."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())
        self.aside = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU())
        self.deeper = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        y = self.stem(x)
        self.seen = self.aside(y).detach()
        if x.abs().max() < 100:
            y = self.deeper(y)
        return self.head(y.mean(dim=(2, 3)))


def test_a_layer_off_the_path_has_no_weight_and_says_so():
    net = network(Forked())
    layers = net.layers.select(["stem.1", "aside.1"])
    captured = capture(net, photos(1), None, layers)
    assert captured.gradients[0].any()
    assert not captured.gradients[1].any()
    explanation = explain(net, torch.rand(3, 12, 12), layers=["stem.1", "aside.1"])
    aside = explanation.layers[1]
    assert aside.clusters == ()
    assert aside.note == "No feature map of this layer has a positive weight for this class."
    assert explanation.flow[0].shares.shape == (len(explanation.layers[0].clusters) + 1, 0)


def test_a_layer_that_is_not_reached_is_named():
    net = network(Forked())
    layers = net.layers.select(["deeper.1"])
    with pytest.raises(LayerError, match=r"'deeper.1' was not reached"):
        capture(net, photos(1) * 1e6, None, layers)


class Detached(TinyVGG):
    """A forward pass that cuts the graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        return self.head(self.features(x).mean(dim=(2, 3)).detach())


def test_a_score_without_a_gradient_is_an_error_not_an_empty_explanation():
    net = network(TinyVGG())
    layers = net.layers.default
    net.module.forward = lambda x: Detached.forward(net.module, x)
    with pytest.raises(GradientError, match="no gradient at any of the layers"):
        capture(net, photos(1), None, layers)


def test_threads_take_turns_on_one_network():
    net = network(TwiceUsed())
    sources = [torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(n)) for n in range(8)]
    wanted = [explanation_to_json(explain(net, source)) for source in sources]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda source: explanation_to_json(explain(net, source)), sources))
    assert got == wanted


def test_what_is_no_network_or_no_list_is_told():
    net = network(TinyVGG())
    with pytest.raises(SettingError, match=r"bare module; wrap it once"):
        explain(net.module, torch.rand(3, 12, 12))
    with pytest.raises(SettingError, match=r"for one photo use explain"):
        explain_batch(net, "cat.png")
    for seed in (-1, 1.5, "1", 2**32):
        with pytest.raises(SettingError, match="whole number from 0"):
            explain(net, torch.rand(3, 12, 12), seed=seed)
    assert explain(net, torch.rand(3, 12, 12), seed=np.int64(3)).seed == 3
    with pytest.raises(SettingError, match="choose one of stable, paper"):
        explain(net, torch.rand(3, 12, 12), method="tsne")


def test_memory_does_not_grow_with_the_number_of_photos():
    net = network(TwiceUsed())
    photo = torch.rand(3, 12, 12)

    def live() -> int:
        gc.collect()
        # The type, not isinstance(): that would wake other tests' lazy objects (Django's read a database).
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    def work(times: int) -> None:
        for _ in range(times):
            explanation_to_json(explain(net, photo))
        explain_batch(net, [photo] * 5)

    work(1)
    before = live()
    work(50)
    assert live() <= before
