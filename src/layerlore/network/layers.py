"""The layers of a network whose feature maps can be explained, and how a person asks for them."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING, overload

from layerlore.errors import LayerError, NotACNNError
from layerlore.network.blocks import Blocks
from layerlore.network.probe import run_probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch
    from torch import nn

    from layerlore.network.nodes import Activation, Key
    from layerlore.network.probe import Output, Probe

DEFAULT_COUNT = 9


@dataclass(frozen=True)
class Layer:
    """One place in the network where feature maps can be had.

    Attributes:
        name: What a person calls it: the module's path, with ``#call`` where the module is called several times;
            ``path.relu()`` for a non-linearity that is no module.
        path: Path of the module whose output it is; for a functional layer the path of the module that calls
            the function, "" for the network itself.
        call: Which call of that module, from 0; for a functional layer its number among the activation functions
            that the module calls.
        index: Its place among all explainable layers, 0 = shallowest. A layer without a non-linearity has the
            place of the last explainable one before it.
        channels: Number of feature maps.
        height: Height of a feature map.
        width: Width of a feature map.
        nonlinearity: Name of the non-linearity whose output this is, such as ``ReLU6``; "" if there is none.
        rectified: True if the maps cannot be negative.
        functional: The non-linearity is a function call, seen by ``ActivationCalls``.
        channels_last: The tensor is (N, h, w, C) instead of (N, C, h, w).
        block: Path of the block it belongs to, or None.
    """

    name: str
    path: str
    call: int
    index: int
    channels: int
    height: int
    width: int
    nonlinearity: str
    rectified: bool
    functional: bool
    channels_last: bool
    block: str | None


class LayerTable(Sequence[Layer]):
    """The explainable layers of a network, shallow to deep.

    Attributes:
        candidates: Layers that the default choice is made from: one per block, and those outside blocks.
        default: Nine of them: the last nine, or nine spread over the depth where the last nine lie in one stage.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        candidates: Sequence[Layer],
        names: Mapping[str, tuple[Layer, ...]],
        reasons: Mapping[str, str],
    ) -> None:
        """Make a table.

        Args:
            layers: The explainable layers, shallow to deep.
            candidates: Some of them.
            names: Every accepted name with the layers it may mean.
            reasons: Modules that cannot be explained, with the reason.
        """
        self._layers = tuple(layers)
        self._names = dict(names)
        self._reasons = dict(reasons)
        every = dict.fromkeys(layer for meant in names.values() for layer in meant)
        self._order = {layer: place for place, layer in enumerate(every)}
        self.candidates = tuple(candidates)
        self.default = _default(self.candidates)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Layer, ...]: ...
    def __getitem__(self, index: int | slice) -> Layer | tuple[Layer, ...]:
        """Return one layer by its place, or several by a slice."""
        return self._layers[index]

    def __len__(self) -> int:
        """Count the explainable layers."""
        return len(self._layers)

    def select(self, layers: str | int | Sequence[str | int] | None = None) -> tuple[Layer, ...]:
        """Return the layers that a person asks for, shallow to deep, each once.

        Args:
            layers: None or ``"default"``; ``"spread"`` for nine spread over the depth; ``"all"``; the name of a
                layer or several names with commas; a place among ``candidates`` such as -1; or a list of those.

        Raises:
            LayerError: A name is unknown, means several layers, or has no feature maps; or a place is outside.
        """
        asked: list[str | int] = (
            ["default"] if layers is None else [layers] if isinstance(layers, str | int) else [*layers]
        )
        found = {layer for one in asked for layer in self._find(one)}
        if not found:
            raise LayerError(self._nothing(asked))
        return tuple(sorted(found, key=self._order.__getitem__))

    def _find(self, asked: str | int) -> tuple[Layer, ...]:
        if isinstance(asked, int):
            return (self._at(asked),)
        asked = asked.strip()
        if asked in self._names:
            return (self._named(asked),)
        groups = {"default": self.default, "spread": _spread(self.candidates), "all": self._layers}
        if asked in groups:
            return groups[asked]
        if "," in asked:
            return tuple(layer for part in asked.split(",") if part.strip() for layer in self._find(part))
        if asked.removeprefix("-").isdecimal():
            return (self._at(int(asked)),)
        raise LayerError(self._unknown(asked))

    def _at(self, place: int) -> Layer:
        count = len(self.candidates)
        if not -count <= place < count:
            raise LayerError(
                f"there is no layer number {place}: the numbers run from {-count} to {count - 1}, -1 is the last; "
                "`layerlore layers` shows all"
            )
        return self.candidates[place]

    def _named(self, name: str) -> Layer:
        meant = self._names[name]
        if len(meant) > 1:
            choices = [other for layer in meant for other in self._numbered(name, layer)]
            raise LayerError(f"layer {name!r} is called {len(meant)} times; choose {_listed(choices)}")
        return meant[0]

    def _numbered(self, name: str, layer: Layer) -> list[str]:
        return [one for one, meant in self._names.items() if one.startswith(name + "#") and meant == (layer,)][:1]

    def _unknown(self, name: str) -> str:
        if name in self._reasons:
            return f"layer {name!r} {self._reasons[name]}; `layerlore layers` shows all that can be explained"
        near = difflib.get_close_matches(name, [*self._names, *self._reasons], n=5, cutoff=0.5)
        hint = f"did you mean {_listed(near)}? " if near else ""
        return f"there is no layer {name!r}; {hint}`layerlore layers` shows all"

    def _nothing(self, asked: list[str | int]) -> str:
        if not asked or self._layers:
            return "no layer was asked for; name at least one"
        example = next(reversed(self._order), None)
        hint = f", such as {example.name!r}" if example else ""
        return f"no layer of this network comes after a non-linearity like ReLU; ask for layers by name{hint}"


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
    groups = _group(probe)
    activated = [group for group in groups if group.roots and group.used]
    _refuse_without_maps(module, probe, groups, activated)
    spatial = [group for group in activated if group.shape_in(input_size)[1:3] != (1, 1)]
    return _Builder(module, probe, groups, spatial or activated, input_size).table()


@dataclass(frozen=True, eq=False)
class _Group:
    """One 4-D tensor and all who returned it, innermost first."""

    key: Key
    members: tuple[Output, ...]
    roots: dict[Key, Activation]
    used: bool

    @property
    def origin(self) -> str:
        return self.members[0].path

    @property
    def is_activation(self) -> bool:
        return self.key in self.roots

    def shape_in(self, input_size: tuple[int, int]) -> tuple[int, int, int, bool]:
        """Return channels, height, width and whether the channels come last."""
        _, a, b, c = self.members[0].shape
        wanted = log(input_size[0] / input_size[1])
        # Spatial axes keep the input's ratio of height to width; channels do so by chance only.
        if abs(log(a / b) - wanted) < abs(log(b / c) - wanted) - 1e-9:
            return c, a, b, True
        return a, b, c, False


def _group(probe: Probe) -> list[_Group]:
    by_key: dict[Key, list[Output]] = {}
    for output in probe.outputs:
        if len(output.shape) == 4 and output.shape[0] == 1 and 0 not in output.shape:
            by_key.setdefault(output.key, []).append(output)
    groups = []
    for key, members in by_key.items():
        outer = [one for one in members if not one.inner]
        roots = probe.activations.roots(key)
        # A function that yields no activation, such as a clamp at another value, is nobody's layer.
        outer = [one for one in outer if not one.function or roots]
        if outer:
            groups.append(_Group(key, tuple(outer), roots, used=not probe.used or key[0] in probe.used))
    return groups


def _refuse_attention(module: nn.Module, probe: Probe) -> None:
    mixing = sum(one.mixes for one in probe.convolutions)
    if probe.attention and len(probe.attention) >= mixing:
        path, shape = probe.attention[0]
        raise NotACNNError(_not_a_cnn(module, path, probe.shapes.get(path, shape), "by attention"))


def _refuse_without_maps(module: nn.Module, probe: Probe, groups: list[_Group], activated: list[_Group]) -> None:
    if activated:
        return
    flat = [(path, shape) for path, shape in probe.shapes.items() if len(shape) == 3]
    if flat or not groups:
        path, shape = next(iter(flat or probe.shapes.items()))
        raise NotACNNError(_not_a_cnn(module, path, shape, ""))


def _not_a_cnn(module: nn.Module, path: str, shape: tuple[int, ...], how: str) -> str:
    return (
        f"{type(module).__name__} is not a CNN: layer {path!r} works {how + ' ' if how else ''}on a tensor of shape "
        f"{shape}, not on feature maps (N, K, h, w); choose a convolutional network such as torchvision:resnet50"
    )


class _Builder:
    """Turns groups of outputs into a table of layers."""

    def __init__(
        self,
        module: nn.Module,
        probe: Probe,
        groups: list[_Group],
        explainable: list[_Group],
        input_size: tuple[int, int],
    ) -> None:
        self._module = module
        self._probe = probe
        self._groups = groups
        self._size = input_size
        self._blocks = Blocks(module, probe, (group.origin for group in explainable))
        self._counts = _calls(groups)
        named = {group: self._layer(group) for group in groups if self._canonical(group) is not None}
        self._explainable = [group for group in explainable if group in named]
        self._layers: dict[_Group, Layer] = {}
        seen = 0
        for group, layer in named.items():
            self._layers[group] = replace(layer, index=max(0, seen if group in explainable else seen - 1))
            seen += group in self._explainable

    def table(self) -> LayerTable:
        names = self._names()
        return LayerTable(
            [self._layers[group] for group in self._explainable],
            candidates=[self._layers[group] for group in self._candidates()],
            names=names,
            reasons=self._reasons(names),
        )

    def _canonical(self, group: _Group) -> Output | None:
        """Choose who names the tensor: the outermost module that stands for one layer, else the function."""
        own = [one for one in group.members if one.path or one.function]
        modules = [one for one in own if not one.function]
        ranked = [one for one in modules if self._blocks.can_name(one.path) and not one.passed]
        if ranked:
            return min(ranked, key=lambda one: one.path.count("."))
        functions = [one for one in own if one.function]
        return next(iter((*functions, *modules)), None)

    def _layer(self, group: _Group) -> Layer:
        chosen = self._canonical(group)
        if chosen is None:
            raise LayerError("a tensor that no module returned has no name")
        channels, height, width, channels_last = group.shape_in(self._size)
        kinds = dict.fromkeys(root.name for root in group.roots.values())
        rectified = all(root.rectified for root in group.roots.values()) and group.members[0].nonnegative
        return Layer(
            name=_name(chosen, self._counts),
            path=chosen.path,
            call=chosen.call,
            index=0,
            channels=channels,
            height=height,
            width=width,
            nonlinearity=", ".join(kinds),
            rectified=bool(kinds) and rectified,
            functional=bool(chosen.function),
            channels_last=channels_last,
            block=self._blocks.block_of(group.origin),
        )

    def _candidates(self) -> list[_Group]:
        """One group per block, its widest; outside blocks every non-linearity; the last maps always."""
        fresh = self._without_pooled_copies()
        chosen: dict[str | int, _Group] = {}
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

    def _without_pooled_copies(self) -> list[_Group]:
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


def _calls(groups: Iterable[_Group]) -> Counter[str]:
    return Counter(_plain_name(one) for group in groups for one in group.members)


def _plain_name(output: Output) -> str:
    return ".".join(part for part in (output.path, output.function and f"{output.function}()") if part)


def _name(output: Output, counts: Counter[str]) -> str:
    plain = _plain_name(output)
    return f"{plain}#{output.call}" if counts[plain] > 1 else plain


def _default(candidates: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Take the last nine; where those have one resolution of several, spread instead, as in DenseNet."""
    last = candidates[-DEFAULT_COUNT:]
    resolutions = {(layer.height, layer.width) for layer in candidates}
    if len({(layer.height, layer.width) for layer in last}) == 1 < len(resolutions):
        return _spread(candidates)
    return last


def _spread(candidates: tuple[Layer, ...]) -> tuple[Layer, ...]:
    if len(candidates) <= DEFAULT_COUNT:
        return candidates
    step = (len(candidates) - 1) / (DEFAULT_COUNT - 1)
    return tuple(candidates[round(place * step)] for place in range(DEFAULT_COUNT))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
