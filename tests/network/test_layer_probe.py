"""Explainable layers of small hand-made networks, and the promise to leave a network as it was."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom

from layerlore.errors import GradientError, LayerError, LayerLoreError, ModelError, NotACNNError
from layerlore.network.calls import ActivationCalls, CallTracker
from layerlore.network.layers import LayerTable, find_layers

SIZE = (16, 16)


def find(module: nn.Module, size: tuple[int, int] = SIZE) -> LayerTable:
    return find_layers(module, size, torch.device("cpu"))


def names(table: LayerTable) -> list[str]:
    return [layer.name for layer in table]


def conv(inputs: int, outputs: int, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


class Head(nn.Module):
    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, 3)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.fc(maps.mean((2, 3)))


class OneReLU(Head):
    """One ReLU module, called after each convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([conv(3, 4), conv(4, 4), conv(4, 4)])
        self.relu = nn.ReLU(inplace=True)
        self.alias = self.relu

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        for one in self.convs:
            maps = self.relu(one(maps))
        return super().forward(maps)


class Residual(nn.Module):
    """In-place ReLU and in-place addition, as in torchvision's residual blocks."""

    def __init__(self, channels: int = 4, *, last: bool = True) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        self.shortcut = nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.last = last

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        identity = self.shortcut(maps)
        out = self.conv2(self.relu(self.conv1(maps)))
        out += identity
        return self.relu(out) if self.last else out


def residual_net(**options: Any) -> nn.Sequential:
    return nn.Sequential(conv(3, 4), *(Residual(**options) for _ in range(4)), Head())


def test_a_relu_called_several_times_is_told_apart() -> None:
    table = find(OneReLU())
    assert names(table) == ["relu#0", "relu#1", "relu#2"]
    assert [(layer.path, layer.call) for layer in table.default] == [("relu", 0), ("relu", 1), ("relu", 2)]
    assert table.select("alias#1") == table.select("relu#1") == (table[1],)
    with pytest.raises(LayerError, match="'relu' is called 3 times; choose 'relu#0', 'relu#1' or 'relu#2'"):
        table.select("relu")
    with pytest.raises(LayerError, match="choose 'alias#0'"):
        table.select("alias")
    assert table.select("convs.1")[0].nonlinearity == ""


def test_in_place_relu_and_addition() -> None:
    table = find(residual_net())
    assert names(table) == ["1.relu#0", "1", "2.relu#0", "2", "3.relu#0", "3", "4.relu#0", "4"]
    assert [layer.name for layer in table.candidates] == ["1", "2", "3", "4"]
    assert all(layer.rectified and layer.block for layer in table)
    # The shortcut hands on its input, so it is another name of what came before.
    assert table.select("2.shortcut") == table.select("1.relu#1") == table.select("1")
    # Without a ReLU at the end the sum may be negative: the block's inner maps are taken.
    table = find(residual_net(last=False))
    assert [layer.name for layer in table.candidates] == ["1.relu", "2.relu", "3.relu", "4.relu"]
    assert (table.select("2")[0].nonlinearity, table.select("2")[0].rectified) == ("", False)


def test_functional_activations_are_named_by_their_owner() -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = conv(3, 4), conv(4, 4)

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            maps = torch.relu(self.a(maps))
            maps = F.silu(self.b(maps))
            return F.leaky_relu(self.b(maps), 0.1) + 1

    class Net(Head):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.last = Inner(), conv(4, 4)

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            maps = self.last(self.inner(maps)).relu_()
            return super().forward(F.dropout(F.max_pool2d(maps, 2), 0.5, self.training))

    table = find(Net())
    found = [(layer.name, layer.path, layer.call, layer.nonlinearity, layer.rectified) for layer in table]
    assert found == [
        ("inner.relu()", "inner", 0, "ReLU", True),
        ("inner.silu()", "inner", 1, "SiLU", False),
        ("inner.leaky_relu()", "inner", 2, "LeakyReLU", False),
        ("relu()", "", 0, "ReLU", True),
    ]
    assert all(layer.functional for layer in table)
    assert table.select("relu()#0") == (table[3],)


def test_a_module_called_in_a_loop() -> None:
    class Loop(Head):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(conv(3, 4), nn.ReLU())
            self.step = nn.Sequential(conv(4, 4), nn.ReLU())

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            maps = self.stem(maps)
            for _ in range(12):
                maps = self.step(maps)
            return super().forward(maps)

    table = find(Loop())
    assert names(table) == ["stem.1", *(f"step.1#{call}" for call in range(12))]
    assert names(table) == [layer.name for layer in table.select("all")]
    assert [layer.call for layer in table.default] == list(range(3, 12))
    assert table.select("step#7") == table.select("step.1#7")
    with pytest.raises(LayerError, match=r"called 12 times; choose 'step#0', .* \.\.\. or 'step#11'$"):
        table.select("step")


def test_identity_and_dropout_are_other_names() -> None:
    net = nn.Sequential(conv(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Identity(), Head())
    table = find(net)
    assert names(table) == ["1"]
    assert table.select("2") == table.select("3") == table.select("1")


def test_maps_of_one_position() -> None:
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3))
    assert [(layer.name, layer.height, layer.width) for layer in find(net).select("2")] == [("2", 1, 1)]
    gated = nn.Sequential(conv(3, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.ReLU(), Head())
    table = find(gated)
    assert names(table) == ["1"]
    assert table.select("4")[0].height == 1  # still there for who asks by name


def test_networks_without_maps_are_refused() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 8), nn.ReLU(), nn.Linear(8, 3))
    with pytest.raises(NotACNNError, match=r"Sequential is not a CNN: layer '0' gives a tensor of shape \(1, 768\)"):
        find(linear)


def test_other_non_linearities_can_be_asked_for_by_name_only() -> None:
    table = find(nn.Sequential(conv(3, 4), nn.Tanh(), conv(4, 4), nn.Sigmoid(), Head()))
    assert len(table) == 0
    assert table.select("1")[0].nonlinearity == ""
    with pytest.raises(LayerError, match=r"no layer of this network comes after a non-linearity like ReLU; .* such as"):
        table.select(None)


class ConvReLU(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(conv(inputs, outputs), nn.ReLU(inplace=True))


class Double(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(ConvReLU(inputs, outputs), ConvReLU(outputs, outputs), nn.MaxPool2d(2))


class Stage(nn.Sequential):
    pass


def test_a_subclass_of_sequential_is_a_block() -> None:
    net = nn.Sequential(Double(3, 4), Stage(Double(4, 6), Double(6, 6)), Stage(Double(6, 8)), Head(8))
    table = find(net, (32, 32))
    # The maps before the pool, under the name of the module that stands for them; stages name nothing.
    assert [layer.name for layer in table.candidates] == ["0.1", "1.0.1", "1.1.1", "2.0.1"]
    assert [layer.block for layer in table.candidates] == ["0", "1.0", "1.1", "2.0"]
    assert table.select("2") == table.select("2.0") != table.select("2.0.1")
    features = nn.Sequential(Stage(ConvReLU(3, 4), ConvReLU(4, 4), ConvReLU(4, 4)), Head())
    assert names(find(features)) == ["0.0", "0.1", "0.2"]
    assert find(features).select("0") == find(features).select("0.2.1")


def test_gates_and_squeezes_are_no_layers() -> None:
    class HSwish(nn.Module):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return maps * F.relu6(maps + 3) / 6

    class Gated(Head):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c, self.d = conv(3, 4), conv(4, 4), conv(4, 4), conv(4, 4)
            self.act, self.gate = HSwish(), nn.Hardsigmoid()

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            maps = self.act(self.a(maps))
            maps = self.b(maps)
            maps = self.c(maps * torch.sigmoid(maps))
            maps = maps * self.gate(self.d(maps))
            return super().forward(maps * F.relu6(self.b(maps) + 3) / 6)

    table = find(Gated())
    assert [(layer.name, layer.nonlinearity, layer.rectified) for layer in table] == [("act", "Hardswish", False)]


@pytest.mark.parametrize(
    ("module", "nonlinearity", "rectified"),
    [
        (nn.ReLU(), "ReLU", True),
        (nn.ReLU6(), "ReLU6", True),
        (nn.Threshold(0, 0), "ReLU", True),
        (nn.Softplus(), "Softplus", True),
        (nn.SiLU(), "SiLU", False),
        (nn.GELU(), "GELU", False),
        (nn.Hardswish(), "Hardswish", False),
        (nn.Mish(), "Mish", False),
        (nn.ELU(), "ELU", False),
        (nn.CELU(), "CELU", False),
        (nn.PReLU(), "PReLU", False),
        (nn.RReLU(), "RReLU", False),
        (nn.LeakyReLU(), "LeakyReLU", False),
        (nn.Hardtanh(), "", False),
        (nn.Sigmoid(), "", False),
        (nn.Softmax(1), "", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_non_linearities(module: nn.Module, nonlinearity: str, rectified: bool) -> None:
    layer = find(nn.Sequential(conv(3, 4), module, Head())).select("1")[0]
    assert (layer.nonlinearity, layer.rectified) == (nonlinearity, rectified)


def test_unknown_and_unusable_names() -> None:
    table = find(OneReLU())
    with pytest.raises(
        LayerError, match=r"there is no layer 'convs\.9'; did you mean .*'convs\.[012]'.*`layerlore layers`"
    ):
        table.select("convs.9")
    with pytest.raises(LayerError, match="there is no layer 'zzzz'; `layerlore layers` shows all"):
        table.select("zzzz")
    with pytest.raises(LayerError, match=r"layer 'fc' gives a tensor of shape \(1, 3\)"):
        table.select("fc")
    with pytest.raises(LayerError, match="layer 'convs' is not run in evaluation mode"):
        table.select("convs")
    with pytest.raises(LayerError, match="from -3 to 2"):
        table.select(3)
    with pytest.raises(LayerError, match="name at least one"):
        table.select([])


def test_a_layer_off_the_way_to_the_answer_is_offered_by_name_only() -> None:
    class Aside(OneReLU):
        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            answer = super().forward(maps)
            self.side(maps)
            return answer

    net = Aside()
    net.side = nn.Sequential(conv(3, 9), nn.ReLU())
    table = find(net)
    assert names(table) == ["relu#0", "relu#1", "relu#2"]
    assert table.select("side.1")[0].channels == 9


# --- leaving no trace ---


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


# --- the contexts that capture shares ---


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
