"""Explainable layers of small hand-made networks."""

from __future__ import annotations

import pytest
import torch
from handmade_networks import ConvReLU, Head, OneReLU, conv, find, names, residual_net
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own custom

from layerlore.errors import LayerError, NotACNNError


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


class Narrowing(nn.Module):
    """A block whose last maps are not its widest."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow, self.out = ConvReLU(4, 8), ConvReLU(8, 6), conv(6, 4)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps + self.out(self.narrow(self.wide(maps)))


def test_the_last_maps_stand_for_their_block_even_where_they_are_not_the_widest() -> None:
    table = find(nn.Sequential(conv(3, 4), Narrowing(), Narrowing(), Narrowing(), Head()))
    assert [layer.name for layer in table.candidates] == ["1.wide", "2.wide", "3.narrow"]


def test_an_answer_of_several_tensors_still_tells_what_it_depends_on() -> None:
    class Several(OneReLU):
        def forward(self, maps: torch.Tensor) -> dict[str, object]:
            return {"logits": [super().forward(maps)], "side": (None, 1)}

    assert names(find(Several())) == ["relu#0", "relu#1", "relu#2"]
