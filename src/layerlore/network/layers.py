"""Finding the layers of a network whose feature maps can be explained."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from layerlore.errors import ModelError, NotACNNError
from layerlore.network.blocks import Blocks
from layerlore.network.groups import group_outputs
from layerlore.network.probe import run_probe
from layerlore.network.table import Layer, LayerTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from layerlore.network.groups import Group
    from layerlore.network.nodes import Key
    from layerlore.network.probe import Output, Probe

__all__ = ["Layer", "LayerTable", "find_layers"]

_WAY_OUT = "choose a convolutional network such as torchvision:resnet50"


def find_layers(module: nn.Module, input_size: tuple[int, int], device: torch.device) -> LayerTable:
    """Find the layers of a network that come after a non-linearity, by one forward pass over noise.

    The module is left as it was.

    Args:
        module: The network, for inputs of shape (N, 3, H, W).
        input_size: H and W.
        device: Where the module is.

    Raises:
        NotACNNError: The network works on tokens or vectors, not on feature maps.
        GradientError: No gradient can pass through the network.
        ModelError: The network cannot be hooked, or fails on such an input.
    """
    probe = run_probe(module, input_size, device)
    _refuse_attention(module, probe)
    groups = group_outputs(probe, input_size)
    activated = [group for group in groups if group.roots and group.used]
    if not activated:
        _refuse_without_maps(module, probe, groups)
    # Maps of one position show no place; they are offered only where there is nothing else.
    spatial = [group for group in activated if not group.is_point]
    return _Builder(module, probe, groups, spatial or activated).table()


def _refuse_attention(module: nn.Module, probe: Probe) -> None:
    """Refuse networks that mix positions by attention at least as often as by convolution."""
    mixing = sum(one.mixes for one in probe.convolutions)
    if probe.attention and len(probe.attention) >= mixing:
        path, shape = probe.attention[0]
        shape = probe.shapes.get(path, shape)
        raise NotACNNError(
            f"{type(module).__name__} is not a CNN: it mixes positions by attention in {len(probe.attention)} layers, "
            f"the first of them {path!r} on a tensor of shape {shape}, and by convolution in {mixing}; {_WAY_OUT}"
        )


def _refuse_without_maps(module: nn.Module, probe: Probe, groups: list[Group]) -> None:
    """Refuse networks on tokens or vectors; one that has maps but no known non-linearity is let through."""
    scripted = [path for path, part in module.named_modules() if isinstance(part, torch.jit.ScriptModule)]
    if scripted:
        raise ModelError(
            f"{type(module).__name__} has no feature maps outside its TorchScript part {scripted[0]!r}, whose layers "
            "cannot be seen; give the Python module it was scripted or traced from"
        )
    inside = {path: shape for path, shape in probe.shapes.items() if path} or probe.shapes
    tokens = [(path, shape) for path, shape in inside.items() if len(shape) == 3]
    if tokens or not groups:
        path, shape = next(iter(tokens or inside.items()))
        raise NotACNNError(
            f"{type(module).__name__} is not a CNN: layer {path!r} gives a tensor of shape {shape}, not feature maps "
            f"(N, K, h, w), and no layer gives maps after a non-linearity; {_WAY_OUT}"
        )


class _Builder:
    """Turns groups of outputs into a table of layers."""

    def __init__(
        self,
        module: nn.Module,
        probe: Probe,
        groups: list[Group],
        explainable: list[Group],
    ) -> None:
        self._module = module
        self._probe = probe
        self._blocks = Blocks(module, probe, (group.origin for group in explainable))
        self._counts = Counter(_plain_name(one) for group in groups for one in group.members)
        self._layers: dict[Group, Layer] = {}
        self._explainable: list[Group] = []
        wanted = set(explainable)
        for group in groups:
            chosen = self._canonical(group)
            if chosen is None:
                continue
            if group in wanted:
                self._explainable.append(group)
            self._layers[group] = self._layer(group, chosen, index=max(0, len(self._explainable) - 1))

    def table(self) -> LayerTable:
        names = self._names()
        return LayerTable(
            [self._layers[group] for group in self._explainable],
            candidates=[self._layers[group] for group in self._candidates()],
            nameable=list(self._layers.values()),
            names=names,
            reasons=self._reasons(names),
        )

    def _canonical(self, group: Group) -> Output | None:
        """Choose who names the tensor: the outermost module that stands for one layer, else the function."""
        own = [one for one in group.members if one.path or one.function]
        modules = [one for one in own if not one.function]
        ranked = [one for one in modules if self._blocks.can_name(one.path) and not one.passed]
        if ranked:
            return min(ranked, key=lambda one: one.path.count("."))
        functions = [one for one in own if one.function]
        return next(iter((*functions, *modules)), None)

    def _layer(self, group: Group, chosen: Output, *, index: int) -> Layer:
        plain = _plain_name(chosen)
        kinds = dict.fromkeys(root.name for root in group.roots.values())
        rectified = all(root.rectified for root in group.roots.values()) and group.members[0].nonnegative
        return Layer(
            name=f"{plain}#{chosen.call}" if self._counts[plain] > 1 else plain,
            path=chosen.path,
            call=chosen.call,
            index=index,
            channels=group.channels,
            height=group.height,
            width=group.width,
            nonlinearity=", ".join(kinds),
            rectified=bool(kinds) and rectified,
            functional=bool(chosen.function),
            channels_last=group.channels_last,
            block=self._blocks.block_of(group.origin),
        )

    def _candidates(self) -> list[Group]:
        """One group per block, its widest; outside blocks every non-linearity; the last maps always."""
        fresh = self._without_pooled_copies()
        chosen: dict[str | int, Group] = {}
        for place, group in enumerate(fresh):
            block = self._blocks.block_of(group.origin)
            if block is not None:
                held = chosen.get(block)
                if held is None or self._layers[group].channels >= self._layers[held].channels:
                    chosen[block] = group
            elif group.is_activation:
                chosen[place] = group
        if fresh and fresh[-1] not in chosen.values():
            chosen[self._blocks.block_of(fresh[-1].origin) or len(fresh)] = fresh[-1]
        return sorted(chosen.values(), key=self._explainable.index)

    def _without_pooled_copies(self) -> list[Group]:
        """Leave out tensors that only move or pool the values of an earlier one with as many channels."""
        seen: set[tuple[frozenset[Key], int]] = set()
        fresh = []
        for group in self._explainable:
            mark = (frozenset(group.roots), self._layers[group].channels)
            if mark not in seen:
                seen.add(mark)
                fresh.append(group)
        return fresh

    def _names(self) -> dict[str, tuple[Layer, ...]]:
        shared = self._other_paths()
        names: dict[str, dict[Layer, None]] = {}
        for group, layer in self._layers.items():
            names.setdefault(layer.name, {})[layer] = None
            for one in group.members:
                for path in (one.path, *shared.get(one.path, ())) if one.path or one.function else ():
                    plain = _plain_name(replace(one, path=path))
                    names.setdefault(plain, {})[layer] = None
                    names.setdefault(f"{plain}#{one.call}", {})[layer] = None
        # The name of a layer wins over the same word as another's alias.
        exact = {layer.name: (layer,) for layer in self._layers.values()}
        return {name: exact.get(name, tuple(layers)) for name, layers in names.items()}

    def _other_paths(self) -> dict[str, list[str]]:
        """Return the further paths of modules that are registered several times."""
        first = {part: path for path, part in self._module.named_modules()}
        others: dict[str, list[str]] = {}
        for path, part in self._module.named_modules(remove_duplicate=False):
            if first[part] != path:
                others.setdefault(first[part], []).append(path)
        return others

    def _reasons(self, names: Mapping[str, object]) -> dict[str, str]:
        reasons = {}
        for path, _ in self._module.named_modules():
            if path in self._probe.shapes:
                shape = self._probe.shapes[path]
                reasons[path] = f"gives a tensor of shape {shape}, not feature maps (N, K, h, w)"
            elif path in self._probe.called:
                reasons[path] = "returns no single tensor"
            else:
                reasons[path] = "is not run in evaluation mode"
        return {path: reason for path, reason in reasons.items() if path and path not in names}


def _plain_name(output: Output) -> str:
    return ".".join(part for part in (output.path, output.function and f"{output.function}()") if part)
