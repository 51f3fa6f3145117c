"""One forward pass over noise that records what every module and every functional activation returns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from layerlore.errors import GradientError, ModelError
from layerlore.network.calls import ActivationCalls, CallTracker
from layerlore.network.nodes import Activations, activation_class, key_of, reachable
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn
    from torch.autograd.graph import Node

    from layerlore.network.nodes import Key

_CONVOLUTIONS = frozenset({"conv2d", "conv_transpose2d"})
_ATTENTION = frozenset({"scaled_dot_product_attention", "multi_head_attention_forward"})
# What a forward pass raises when the input does not suit it.
_FORWARD_ERRORS = (RuntimeError, ValueError, TypeError, AssertionError, IndexError, KeyError)


@dataclass(frozen=True, eq=False)
class Output:
    """One tensor that a module or a functional activation returned.

    Attributes:
        path: Path of the module; for a functional activation that of the module that calls it.
        call: Call number of the path, or the number among the functional activations of the path.
        function: Name of the functional activation, "" for a module.
        key: Which tensor it is.
        shape: Its shape.
        nonnegative: No value of it is below zero.
        passed: The module returned its very input, as dropout does in evaluation mode.
        inner: Made inside a module that is itself one non-linearity.
    """

    path: str
    call: int
    function: str
    key: Key
    shape: tuple[int, ...]
    nonnegative: bool
    passed: bool
    inner: bool


@dataclass(frozen=True)
class Convolution:
    """A convolution, or a linear layer over 4-D maps, that was run: its module, and how it looks at space.

    Attributes:
        path: Path of the module that calls it.
        spatial: Its output has more than one position.
        mixes: Its kernel covers more than one position.
    """

    path: str
    spatial: bool
    mixes: bool


@dataclass(frozen=True, eq=False)
class Probe:
    """What the probe pass recorded, in the order of the calls' ends.

    Attributes:
        outputs: Tensors that modules and functional activations returned.
        shapes: First output shape of each module path that returned a tensor.
        called: Paths of all modules that ran.
        convolutions: Convolutions that ran.
        attention: Modules that mixed positions by attention, with the shape they worked on.
        activations: Tells which keys are activated.
        used: Graph nodes that the network's answer depends on.
    """

    outputs: list[Output] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    convolutions: list[Convolution] = field(default_factory=list)
    attention: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    activations: Activations = field(default_factory=Activations)
    used: frozenset[Node] = frozenset()


def run_probe(module: nn.Module, input_size: tuple[int, int], device: torch.device) -> Probe:
    """Send seeded noise of shape (1, 3, H, W) through the network and record what happens.

    The module is left as it was: training flags, hooks, gradients, buffers and the random state.

    Raises:
        GradientError: No gradient can pass through the network.
        ModelError: The network cannot be hooked, or fails on such an input.
    """
    with undisturbed(module):
        recorder = _Recorder(module)
        answer = recorder.run(_noise(module, input_size, device))
    tensors = list(_tensors(answer))
    if not recorder.probe.outputs:
        raise GradientError(
            f"{type(module).__name__} returns nothing that a gradient passes through; "
            "remove torch.no_grad or detach from its forward"
        )
    return replace(recorder.probe, used=reachable(tensors))


def _noise(module: nn.Module, input_size: tuple[int, int], device: torch.device) -> torch.Tensor:
    dtypes = (parameter.dtype for parameter in module.parameters() if parameter.is_floating_point())
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 3, *input_size, generator=generator, device="cpu", dtype=torch.float32)
    noise = noise.to(device=device, dtype=next(dtypes, torch.float32)).requires_grad_()
    # A copy, since networks may change their input in place and a leaf would refuse that.
    return noise.clone()


def _tensors(value: object) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


class _FunctionCalls(ActivationCalls):
    """Also notes convolutions and attention."""

    def __init__(self, recorder: _Recorder, tracker: CallTracker) -> None:
        super().__init__(tracker, on_activation=recorder.on_activation)
        self._recorder = recorder

    def seen(self, name: str, args: tuple[object, ...], kwargs: Mapping[str, object], output: object) -> None:
        """Note the call if it is a convolution, a linear layer over maps, or attention."""
        if not isinstance(output, torch.Tensor):
            if name in _ATTENTION:
                self._recorder.on_attention()
            return
        if name in _CONVOLUTIONS and output.dim() == 4:
            weight = args[1] if len(args) > 1 else kwargs["weight"]
            positions = weight.shape[2] * weight.shape[3] if isinstance(weight, torch.Tensor) else 1
            self._recorder.on_convolution(output.shape[2:], mixes=positions > 1)
        elif name == "linear" and output.dim() == 4:
            self._recorder.on_convolution(output.shape[1:3], mixes=False)
        elif name in _ATTENTION or (name == "softmax" and _is_attention(output, args, kwargs)):
            self._recorder.on_attention()


def _is_attention(output: torch.Tensor, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
    """True for a softmax over the last axis of a table of positions by positions."""
    axis = args[1] if len(args) > 1 else kwargs.get("dim")
    if output.dim() < 3 or axis not in {-1, output.dim() - 1}:
        return False
    return output.shape[-1] > 1 and output.shape[-2] > 1


class _Recorder:
    """Fills a probe during one pass."""

    def __init__(self, module: nn.Module) -> None:
        self.probe = Probe()
        self._module = module
        self._classes = {path: activation_class(part) for path, part in module.named_modules()}
        self._inputs: dict[tuple[str, int], Key | None] = {}
        self._input_shapes: dict[tuple[str, int], tuple[int, ...]] = {}
        self._tracker = CallTracker(module, on_output=self.on_output, on_input=self.on_input)

    def run(self, noise: torch.Tensor) -> object:
        try:
            with self._tracker, _FunctionCalls(self, self._tracker):
                answer: object = self._module(noise)
        except _FORWARD_ERRORS as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(
                f"{type(self._module).__name__} fails on an input of shape {tuple(noise.shape)}: {reason}; "
                "if it needs another size, say so with Network(..., input_size=(height, width))"
            ) from error
        return answer

    def on_convolution(self, positions: Sequence[int], *, mixes: bool) -> None:
        spatial = positions[0] * positions[1] > 1
        self.probe.convolutions.append(Convolution(self._tracker.owner, spatial, spatial and mixes))

    def on_attention(self) -> None:
        path = self._tracker.owner
        if self._classes.get(path) == "":  # a softmax module: the attention is the module that calls it
            path = path.rpartition(".")[0]
        self.probe.attention.append((path, self._input_shapes.get((path, 0), ())))

    def on_input(self, path: str, call: int, tensor: torch.Tensor | None) -> None:
        self.probe.called.add(path)
        self._inputs[path, call] = None if tensor is None else key_of(tensor)
        self._input_shapes[path, call] = () if tensor is None else tuple(tensor.shape)

    def on_output(self, path: str, call: int, output: object) -> None:
        if not isinstance(output, torch.Tensor):
            return
        self.probe.shapes.setdefault(path, tuple(output.shape))
        key = key_of(output)
        if key is None:
            return
        passed = self._inputs.get((path, call)) == key
        word = self._classes[path]
        if word is not None and not passed and self._input_shapes[path, call] == tuple(output.shape):
            self.probe.activations.declared.setdefault(key, word)
        self._record(path, call, "", output, passed=passed)

    def on_activation(self, owner: str, call: int, function: str, output: torch.Tensor) -> None:
        self._record(owner, call, function.strip("_"), output, passed=False)

    def _record(self, path: str, call: int, function: str, output: torch.Tensor, *, passed: bool) -> None:
        key = key_of(output)
        if key is None:
            return
        running = (*self._tracker.running, path) if function else self._tracker.running
        inner = any(self._classes[above] is not None for above in running)
        nonnegative = bool((output.detach() >= 0).all())
        shape = tuple(output.shape)
        self.probe.outputs.append(Output(path, call, function, key, shape, nonnegative, passed, inner))
