"""Explainable layers of the families of networks, with random weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch.overrides import TorchFunctionMode

from layerlore.errors import LayerError, NotACNNError
from layerlore.network import load_network
from layerlore.network.layers import Layer, LayerTable, find_layers

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Family:
    """A network and the nine layers that a person who reads its code would take.

    ``default`` may use ``a.{0,1}`` for ``a.0 a.1``. ``pooled``: the last layer is what the head averages.
    """

    spec: str
    default: str
    candidates: int
    size: int = 64
    pooled: bool = True

    @property
    def names(self) -> list[str]:
        names = []
        for word in self.default.split():
            before, _, rest = word.partition("{")
            choices, _, after = rest.partition("}")
            names += [before + choice + after for choice in choices.split(",")] if rest else [word]
        return names


VGG11 = "features.{1,4,7,9,12,14,17,19}"
VGG16_BN = "features.{16,19,22,26,29,32,36,39,42}"
RESNET18 = "layer{1,2,3,4}.0 layer{1,2,3,4}.1"
RESNET50 = "layer3.{0,1,2,3,4,5} layer4.{0,1,2}"
INCEPTION = "Mixed_5d Mixed_6{a,b,c,d,e} Mixed_7{a,b,c}"
MNASNET = "layers.10.2.layers.5 layers.11.{0,1}.layers.5 layers.12.{0,1,2,3}.layers.5 layers.13.0.layers.5 layers.16"
DENSE = "features.denseblock"
FAMILIES = [
    Family("torchvision:vgg11", VGG11, 8, pooled=False),
    Family("torchvision:vgg16_bn", VGG16_BN, 13, pooled=False),
    Family("torchvision:vgg16", "features.{11,13,15,18,20,22,25,27,29}", 13, pooled=False),
    Family("torchvision:resnet18", "relu " + RESNET18, 9),
    Family("torchvision:resnet50", RESNET50, 17),
    Family(
        "torchvision:densenet121",
        f"features.relu0 {DENSE}2.denselayer1.relu2 {DENSE}2.denselayer9.relu1 {DENSE}3.denselayer{{3,11,19}}.relu1 "
        f"{DENSE}4.denselayer{{1,9}}.relu1 relu()",
        63,
    ),
    Family("torchvision:inception_v3", INCEPTION, 16, size=139),
    Family("torchvision:googlenet", "inception3{a,b} inception4{a,b,c,d,e} inception5{a,b}", 12),
    Family("torchvision:mobilenet_v2", "features.{10,11,12,13,14,15,16,17}.conv.1 features.18", 19),
    Family("torchvision:mobilenet_v3_small", "features.{4,5,6,7,8,9,10,11}.block.1 features.12", 13),
    Family(
        "torchvision:efficientnet_b0",
        "features.5.{0,1,2}.block.1 features.6.{0,1,2,3}.block.1 features.7.0.block.1 features.8",
        18,
    ),
    Family(
        "torchvision:convnext_tiny", "features.5.{3,4,5,6,7,8}.block.4 features.7.{0,1,2}.block.4", 18, pooled=False
    ),
    Family(
        "torchvision:regnet_y_400mf", "trunk_output.block3.block3-{3,4,5} trunk_output.block4.block4-{0,1,2,3,4,5}", 17
    ),
    Family("torchvision:shufflenet_v2_x0_5", "stage3.{4,5,6,7} stage4.{0,1,2,3} conv5.2", 18),
    Family("torchvision:squeezenet1_1", "features.{3,4,6,7,9,10,11,12} classifier.2", 10),
    Family("torchvision:mnasnet0_5", MNASNET, 19),
    Family("timm:tf_efficientnet_lite0", "blocks.4.{0,1,2}.bn2 blocks.5.{0,1,2,3}.bn2 blocks.6.0.bn2 bn2", 18),
    Family("timm:resnet18", "act1 " + RESNET18, 9),
    Family("timm:resnetv2_50", "stages.2.blocks.{1,2,3,4,5}.norm1 stages.3.blocks.{0,1,2}.norm1 norm", 17),
    Family(
        "timm:densenet121",
        f"features.norm0 {DENSE}2.denselayer1.norm2 {DENSE}2.denselayer9.norm1 {DENSE}3.denselayer{{3,11,19}}.norm1 "
        f"{DENSE}4.denselayer{{1,9}}.norm1 features.norm5",
        63,
    ),
    Family(
        "timm:convnext_atto",
        "stages.1.blocks.1.mlp.act stages.2.blocks.{0,1,2,3,4,5}.mlp.act stages.3.blocks.{0,1}.mlp.act",
        12,
        pooled=False,
    ),
    Family("timm:mobilenetv3_small_050", "blocks.2.{0,1,2}.bn2 blocks.3.{0,1}.bn2 blocks.4.{0,1,2}.bn2 blocks.5.0", 13),
    Family("timm:regnetx_002", "s3.b{3,4} s4.b{1,2,3,4,5,6,7}", 14),
    Family("timm:vgg11", VGG11, 8, size=224, pooled=False),
    Family("timm:inception_v3", INCEPTION, 16, size=139),
    Family("timm:nfnet_l0", "stages.2.{1,2,3,4,5}.act1 stages.3.{0,1,2}.act1 final_act", 16),
    Family("timm:repvgg_a0", "stages.2.{6,7,8,9,10,11,12,13} stages.3.0", 22),
    Family("timm:ghostnet_050", "blocks.6.{2,3,4}.ghost1 blocks.7.0.ghost1 blocks.8.{0,1,2,3}.ghost1 blocks.9.0", 18),
    Family("timm:botnet26t_256", "stem.conv3 stages.{0,1,2,3}.0 stages.{0,1,2,3}.1", 9, size=256),
]


def build(spec: str, **options: Any) -> torch.nn.Module:
    library, _, name = spec.partition(":")
    torch.manual_seed(0)
    if library == "timm":
        return timm.create_model(name, pretrained=False, **options)
    if name in {"inception_v3", "googlenet"} or name.startswith("vgg"):  # their own initialisation takes seconds
        options["init_weights"] = False
    return getattr(torchvision.models, name)(weights=None, **options)


@lru_cache(maxsize=1)  # the tests of one family follow each other
def prepared(family: Family) -> tuple[torch.nn.Module, LayerTable]:
    module = build(family.spec)
    return module, find_layers(module, (family.size, family.size), CPU)


class Pools(TorchFunctionMode):
    """Remembers what was averaged last: the input of the head's pooling."""

    last: torch.Tensor | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note the input of an average over maps."""
        pools = getattr(func, "__name__", "") in {"adaptive_avg_pool2d", "mean"}
        if pools and args[0].dim() == 4 and args[0].shape[2] > 1:
            self.last = args[0].detach().clone()
        return func(*args, **(kwargs or {}))


def real_outputs(
    module: torch.nn.Module, layers: tuple[Layer, ...], photo: torch.Tensor
) -> tuple[dict[Layer, torch.Tensor], torch.Tensor | None]:
    """Run the network with plain hooks, written apart from the project's own."""
    wanted = {(layer.path, layer.call): layer for layer in layers if not layer.functional}
    calls: Counter[str] = Counter()
    found: dict[Layer, torch.Tensor] = {}

    def keep(path: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
            layer = wanted.get((path, calls[path]))
            calls[path] += 1
            if layer:
                found[layer] = output.detach().clone()

        return hook

    handles = [module.get_submodule(path).register_forward_hook(keep(path)) for path in {path for path, _ in wanted}]
    with torch.no_grad(), Pools() as pools:
        module.eval()(photo)
    for handle in handles:
        handle.remove()
    return found, pools.last


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.spec)
def test_the_default_layers_of_a_family(family: Family) -> None:
    module, table = prepared(family)
    # "layer{1,2}.0 layer{1,2}.1" is easier to read than its order: shallow to deep is checked by index.
    assert sorted(layer.name for layer in table.default) == sorted(family.names)
    assert len(table.candidates) == family.candidates
    assert [layer.index for layer in table.default] == sorted({layer.index for layer in table.default})
    heights = [layer.height for layer in table.default]
    assert heights == sorted(heights, reverse=True)
    blocks = [layer.block for layer in table.candidates if layer.block]
    assert len(blocks) == len(set(blocks)), "one layer for each block"

    photo = torch.randn(2, 3, family.size, family.size, generator=torch.Generator().manual_seed(1))
    outputs, pooled = real_outputs(module, table.default, photo)
    for layer, output in outputs.items():
        maps = output.permute(0, 3, 1, 2) if layer.channels_last else output
        assert maps.shape == (2, layer.channels, layer.height, layer.width), layer.name
        assert layer.nonlinearity
        assert bool((maps >= 0).all()) == layer.rectified, layer.name
    missing = [layer.name for layer in table.default if layer not in outputs]
    assert missing == [name for name in family.names if name.endswith("()")]
    if family.pooled and table.default[-1] in outputs:
        torch.testing.assert_close(outputs[table.default[-1]], pooled)


@pytest.mark.parametrize("spec", ["torchvision:swin_t", "timm:vit_tiny_patch16_224", "timm:deit_tiny_patch16_224"])
def test_vision_transformers_are_refused_with_the_layer_and_its_shape(spec: str) -> None:
    layer, shape = {
        "torchvision:swin_t": ("features.1.0.attn", "(1, 56, 56, 96)"),
        "timm:vit_tiny_patch16_224": ("blocks.0.attn", "(1, 197, 192)"),
        "timm:deit_tiny_patch16_224": ("blocks.0.attn", "(1, 197, 192)"),
    }[spec]
    with pytest.raises(NotACNNError, match="is not a CNN") as caught:
        find_layers(build(spec), (224, 224), CPU)
    assert f"{layer!r}" in str(caught.value)
    assert shape in str(caught.value)
    assert "\n" not in str(caught.value)


def test_torchvision_vit_and_mixer_are_refused() -> None:
    vit = torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32
    )
    with pytest.raises(
        NotACNNError, match=r"'encoder.layers.encoder_layer_0.self_attention' on a tensor of shape \(1, 17, 16\)"
    ):
        find_layers(vit, (32, 32), CPU)
    mixer = timm.create_model("mixer_s32_224", pretrained=False, img_size=64)
    with pytest.raises(NotACNNError, match=r"shape \(1, 4, 512\)"):
        find_layers(mixer, (64, 64), CPU)


@pytest.mark.parametrize("spec", ["torchvision:convnext_tiny", "torchvision:mobilenet_v2"])
def test_a_photo_that_is_not_square(spec: str) -> None:
    table = find_layers(build(spec), (96, 160), CPU)
    assert {(layer.height, layer.width) for layer in table.default} == {(6, 10), (3, 5)}
    assert {layer.channels_last for layer in table.default} == {spec.endswith("convnext_tiny")}


def test_names_places_and_groups_of_a_resnet() -> None:
    _, table = prepared(next(family for family in FAMILIES if family.spec == "torchvision:resnet18"))
    by_name = {layer.name: layer for layer in table}
    # The block's output has several names: its own, its last ReLU's, and for the last block the stage's.
    for alias in ("layer4", "layer4.1", "layer4.1.relu#1"):
        assert table.select(alias) == (by_name["layer4.1"],)
    assert by_name["layer4.1.relu#0"].channels == 512
    assert table.select(-1) == table.select("-1") == table.select([8]) == (by_name["layer4.1"],)
    assert table.select(None) == table.select("default") == table.select("spread") == table.default
    assert table.select("all") == tuple(table) == table[:]
    assert (
        table.select(["layer3.0", "relu", "layer3.0"])
        == table.select("relu, layer3.0")
        == (by_name["relu"], by_name["layer3.0"])
    )
    linear = table.select("layer4.1.bn2")[0]
    assert (linear.nonlinearity, linear.rectified) == ("", False)
    assert by_name["layer4.1.relu#0"].index == linear.index
    assert len(table) == 18  # the stem, its pool and two for each block


def test_a_layer_is_asked_for_by_whole_numbers_only() -> None:
    table = load_network().layers
    assert table.select(np.int64(-1)) == table.select(len(table.candidates) - 1) == (table.candidates[-1],)
    for wrong in (True, 0.5, [None]):
        with pytest.raises(LayerError, match=r"a name or a whole number"):
            table.select(wrong)
