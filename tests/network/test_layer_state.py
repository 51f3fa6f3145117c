"""The probe leaves a network as it was, and the contexts it shares with the capture."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from handmade_networks import SIZE, ConvReLU, Head, OneReLU, Residual, conv, find, names, residual_net
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom

from layerlore.errors import GradientError, LayerLoreError, ModelError
from layerlore.network.calls import ActivationCalls, CallTracker


class Noisy(OneReLU):
    """Draws random numbers in every mode, keeps statistics, and fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.fails = False

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = self.drop(self.norm(self.relu(self.convs[0](maps)))) + torch.rand(1)
        if self.fails:
            raise RuntimeError("broken\nby hand")
        return Head.forward(self, maps)


def state_of(module: nn.Module) -> dict[str, Any]:
    return {
        "training": {path: part.training for path, part in module.named_modules()},
        "hooks": [
            (len(part._forward_hooks), len(part._forward_pre_hooks), len(part._backward_hooks))
            for part in module.modules()
        ],
        "grad": {name: (one.grad, one.requires_grad) for name, one in module.named_parameters()},
        "tensors": {name: one.clone() for name, one in module.state_dict().items()},
        "random": torch.get_rng_state(),
        "modes": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")),
    }


def assert_same_state(before: dict[str, Any], after: dict[str, Any]) -> None:
    for key in ("training", "hooks", "modes"):
        assert before[key] == after[key], key
    for name, (grad, wanted) in before["grad"].items():
        assert after["grad"][name][0] is grad
        assert after["grad"][name][1] is wanted
    torch.testing.assert_close(after["tensors"], before["tensors"], rtol=0, atol=0)
    assert torch.equal(before["random"], after["random"])


@pytest.mark.parametrize("fails", [False, True], ids=["well", "after an error"])
@pytest.mark.parametrize("around", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_the_probe_leaves_the_network_as_it_was(around: Any, fails: bool) -> None:
    net = Noisy().train()
    net.norm.eval()
    net.convs[1].weight.requires_grad_(False)
    net.convs[0].weight.grad = torch.ones_like(net.convs[0].weight)
    seen: list[tuple[int, ...]] = []
    net.norm.register_forward_hook(lambda _module, _inputs, output: seen.append(tuple(output.shape)))
    net.fails = fails
    with around():
        before = state_of(net)
        if fails:
            with pytest.raises(ModelError, match=r"^Noisy fails on an input of shape \(1, 3, 16, 16\): broken; "):
                find(net)
        else:
            assert names(find(net)) == ["relu"]
        assert_same_state(before, state_of(net))
    assert seen == [(1, 4, 16, 16)], "the user's own hook stays and runs"


def test_an_error_of_the_networks_own_kind_passes_and_leaves_no_trace() -> None:
    class Own(Exception):  # noqa: N818
        pass

    class Raises(OneReLU):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            super().forward(maps)
            raise Own

    net = Raises().train()
    before = state_of(net)
    with pytest.raises(Own):
        find(net)
    assert_same_state(before, state_of(net))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_precision_and_frozen_parameters(dtype: torch.dtype) -> None:
    net = OneReLU().to(dtype).requires_grad_(False)
    assert names(find(net)) == ["relu#0", "relu#1", "relu#2"]
    assert all(one.dtype == dtype and not one.requires_grad for one in net.parameters())


def test_parameters_made_under_inference_mode_are_refused() -> None:
    with torch.inference_mode():
        net = OneReLU()
    with pytest.raises(GradientError, match=r"made under torch\.inference_mode.*outside inference_mode"):
        find(net)


def test_a_network_that_lets_no_gradient_through_is_refused() -> None:
    class Closed(OneReLU):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                return super().forward(maps)

    with pytest.raises(GradientError, match=r"remove torch\.no_grad or detach"):
        find(Closed())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torchscript_is_refused() -> None:
    scripted = torch.jit.trace(OneReLU().eval(), torch.zeros(1, 3, 16, 16))
    for module in (scripted, nn.Sequential(scripted, nn.Linear(3, 3))):
        with pytest.raises(ModelError, match=r"TorchScript .* give the Python module"):
            find(module)


def test_compiled_parts_run_eagerly() -> None:
    net = OneReLU()
    net.compile(backend="eager")
    assert names(find(net)) == ["relu#0", "relu#1", "relu#2"]
    wrapped = nn.Sequential(torch.compile(ConvReLU(3, 4), backend="eager"), Head())
    assert find(wrapped).select(-1)[0].channels == 4


def test_a_wrong_input_is_one_line_with_the_way_out() -> None:
    grey = nn.Sequential(conv(1, 4), nn.ReLU(), Head())
    with pytest.raises(LayerLoreError, match="input_size") as caught:
        find(grey)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("net", [OneReLU(), residual_net()], ids=["shared", "residual"])
def test_the_shared_contexts_count_as_the_probe_does(net: nn.Module) -> None:
    """What the tracker replaces under (path, call) is what the layer of that pair stands for."""
    table = find(net)
    photo = torch.randn(1, 3, *SIZE)
    for layer in table:

        def blank(path: str, call: int, output: Any, wanted: Any = layer) -> Any:
            return torch.zeros_like(output) if (path, call) == (wanted.path, wanted.call) else None

        with torch.no_grad(), CallTracker(net, on_output=blank, paths={layer.path}):
            changed = net(photo)
        with torch.no_grad():
            assert not torch.equal(changed, net(photo)), layer.name
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


def test_activation_calls_tell_the_owner_and_start_anew() -> None:
    net = nn.Sequential(conv(3, 4), nn.ReLU(), Residual(), Head())
    seen: list[tuple[str, int, str]] = []
    tracker = CallTracker(net)
    calls = ActivationCalls(tracker, on_activation=lambda owner, call, name, _: seen.append((owner, call, name)))
    for _ in range(2):
        with tracker, calls:
            net(torch.zeros(1, 3, *SIZE))
    assert Counter(seen) == {("1", 0, "relu"): 2, ("2.relu", 0, "relu"): 2, ("2.relu", 1, "relu"): 2}


def test_a_module_that_fails_and_is_caught_is_no_longer_the_owner() -> None:
    class Fails(nn.Module):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            raise ValueError

    class Catches(OneReLU):
        def __init__(self) -> None:
            super().__init__()
            self.fails = Fails()

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            try:
                self.fails(maps)
            except ValueError:
                maps = F.relu(self.convs[0](maps))
            return Head.forward(self, maps)

    assert names(find(Catches())) == ["relu()"]
