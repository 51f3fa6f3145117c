"""Reading the autograd graph: which tensors come after a non-linearity.

A tensor is known by its key, the pair (graph node, output number); two modules that return one tensor give one
key, and an in-place change gives a new one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn
    from torch.autograd.graph import Node

    Key = tuple[Node, int]

# Node name -> (name of the non-linearity, True if it cannot be negative).
_NODES = {
    "Relu": ("ReLU", True),
    "Silu": ("SiLU", False),
    "Gelu": ("GELU", False),
    "Hardswish": ("Hardswish", False),
    "LeakyRelu": ("LeakyReLU", False),
    "Elu": ("ELU", False),
    "Celu": ("CELU", False),
    "PreluKernel": ("PReLU", False),
    "Mish": ("Mish", False),
    "Softplus": ("Softplus", True),
    "RreluWithNoise": ("RReLU", False),
}
_CLAMPS = frozenset({"Hardtanh", "Clamp", "ClampMin", "Threshold"})
_GATES = frozenset({"Sigmoid", "Hardsigmoid", "Hardtanh", "Clamp"})
# What only moves, keeps or pools values, so that activated tensors stay activated.
_REARRANGING = frozenset(
    [
        *("Cat", "Stack", "Split", "SplitWithSizes", "Unbind", "Slice", "Select", "Narrow", "Index", "Flip", "Roll"),
        *("View", "UnsafeView", "ReshapeAlias", "Alias", "Permute", "Transpose", "T", "Squeeze", "Unsqueeze"),
        *("Expand", "Clone", "ToCopy", "ConstantPadNd", "ReflectionPad2D", "ReplicationPad2D", "ChannelShuffle"),
        *("MaxPool2DWithIndices", "AdaptiveMaxPool2D", "AvgPool2D", "AdaptiveAvgPool2D", "MkldnnAdaptiveAvgPool2D"),
        *("PixelShuffle", "PixelUnshuffle", "UpsampleNearest2D", "UpsampleNearestExact2D", "UpsampleBilinear2D"),
    ]
)
# Modules known by their class name, for those that compute their function from parts.
_CLASSES = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "silu": "SiLU",
    "swish": "SiLU",
    "swishme": "SiLU",
    "memoryefficientswish": "SiLU",
    "mish": "Mish",
    "mishme": "Mish",
    "hardswish": "Hardswish",
    "hardswishme": "Hardswish",
    "hswish": "Hardswish",
    "hardmish": "HardMish",
    "hardmishme": "HardMish",
    "gelu": "GELU",
    "gelutanh": "GELU",
    "quickgelu": "GELU",
    "geluquick": "GELU",
    "prelu": "PReLU",
    "leakyrelu": "LeakyReLU",
    "frelu": "FReLU",
    "starrelu": "StarReLU",
    "squaredrelu": "SquaredReLU",
    "gammaact": "scaled activation",
}
_GATE_CLASSES = frozenset({"sigmoid", "hardsigmoid", "hardsigmoidme", "hsigmoid", "tanh", "softmax"})


@dataclass(frozen=True)
class Activation:
    """A non-linearity: its name, and True if its output cannot be negative."""

    name: str
    rectified: bool


def key_of(tensor: torch.Tensor) -> Key | None:
    """Return what tells this tensor, in its present state, from all others; None without a gradient."""
    return None if tensor.grad_fn is None else (tensor.grad_fn, tensor.output_nr)


def activation_class(module: nn.Module) -> str | None:
    """Return the name of the non-linearity that this class of modules is known for; "" for a gate, else None."""
    word = type(module).__name__.lower().replace("_", "")
    return "" if word in _GATE_CLASSES else _CLASSES.get(word)


def reachable(outputs: Iterable[torch.Tensor]) -> frozenset[Node]:
    """Return all graph nodes that the outputs depend on."""
    seen: set[Node] = set()
    todo = [tensor.grad_fn for tensor in outputs]
    while todo:
        node = todo.pop()
        if node is not None and node not in seen:
            seen.add(node)
            todo.extend(source for source, _ in node.next_functions)
    return frozenset(seen)


@dataclass
class Activations:
    """Tells which keys are activated, and by what.

    Attributes:
        declared: Keys that modules of a known activation class returned, with the non-linearity's name; "" marks
            a gate, which is never activated.
    """

    declared: dict[Key, str] = field(default_factory=dict)
    _known: dict[Key, dict[Key, Activation]] = field(default_factory=dict)

    def roots(self, key: Key) -> dict[Key, Activation]:
        """Return the activations whose values the tensor consists of; empty if any part is not activated."""
        if key not in self._known:
            self._known[key] = self._find_roots(key)
        return self._known[key]

    def _find_roots(self, key: Key) -> dict[Key, Activation]:
        node = key[0]
        if self.declared.get(key) == "":
            return {}
        activation = _own_activation(node) or _self_gated(node)
        if activation is not None:
            return {key: activation}
        sources = _kept_sources(node)
        parts = [self.roots(source) for source in sources]
        if parts and all(parts):
            found = {root: activation for part in parts for root, activation in part.items()}
            # A module that scales a non-linearity is a non-linearity of its own.
            return {key: next(iter(found.values()))} if key in self.declared and len(found) == 1 else found
        if key in self.declared:
            return {key: Activation(self.declared[key], rectified=False)}
        return {}


def _word(node: Node) -> str:
    return re.sub(r"Backward\d*$", "", node.name())


def _saved(node: Node, name: str) -> object:
    """Return what autograd kept from the forward pass under this name, or None."""
    return getattr(node, f"_saved_{name}", None)


def _sources(node: Node) -> list[Key]:
    return [(source, number) for source, number in node.next_functions if source is not None]


def _own_activation(node: Node) -> Activation | None:
    word = _word(node)
    if word in _NODES:
        return Activation(*_NODES[word])
    if word not in _CLAMPS or any(_is_shift(source) for source, _ in _sources(node)):
        return None  # relu6(x + 3) is the hard sigmoid, a gate
    if word == "Threshold":
        return Activation("ReLU", rectified=True) if _saved(node, "threshold") == 0 else None
    low, high = (_saved(node, f"{end}_val" if word == "Hardtanh" else end) for end in ("min", "max"))
    if not isinstance(low, int | float) or low != 0:
        return None
    return Activation(f"ReLU{high:g}" if isinstance(high, int | float) else "ReLU", rectified=True)


def _is_shift(node: Node) -> bool:
    return _word(node) == "Add" and len(_sources(node)) == 1


def _is_scaling(node: Node) -> bool:
    """True for multiplication or division by one positive number that is no trained tensor."""
    if _word(node) not in {"Mul", "Div"} or len(_sources(node)) != 1:
        return False
    factor = _saved(node, "other")
    return isinstance(factor, torch.Tensor) and factor.dim() == 0 and bool(factor > 0)


def _kept_sources(node: Node) -> list[Key]:
    if _is_scaling(node):
        return _sources(node)
    if _word(node) not in _REARRANGING:
        return []
    sources = _sources(node)
    # A part without a gradient, such as a constant, is not known to be activated.
    return sources if len(sources) == len(node.next_functions) or _word(node) == "Index" else []


def _self_gated(node: Node) -> Activation | None:
    """Recognise ``x * sigmoid(a x)``, ``x * hardsigmoid(x)`` and ``x * relu6(x + 3)``."""
    if _word(node) != "Mul" or len(_sources(node)) != 2:
        return None
    first, second = _sources(node)
    for kept, gate in ((first, second), (second, first)):
        name = _gate_between(gate, kept)
        if name:
            return Activation(name, rectified=False)
    return None


def _gate_between(gate: Key, source: Key) -> str:
    name, scaled = "", False
    step = gate
    while step != source:
        word = _word(step[0])
        inner = _sources(step[0])
        if len(inner) != 1 or not (word in _GATES or _is_shift(step[0]) or _is_scaling(step[0])):
            return ""
        if word in _GATES:
            name = "SiLU" if word == "Sigmoid" else "Hardswish"
        scaled = scaled or (word == "Mul" and name == "SiLU")
        step = inner[0]
    return "GELU" if scaled else name
