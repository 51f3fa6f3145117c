"""Running only the part of a network that comes after a layer, whatever the network's code looks like."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from layerlore.local.capture import replaced_outputs
from layerlore.network.calls import CallTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    from layerlore.network.layers import Layer

Call = tuple[str, int]
"""One call of one module: its path, and how often the module was called before."""


@dataclass
class _Trace:
    """Order in which module calls end, and which call each was made from.

    Attributes:
        ended: Calls in the order in which they ended.
        caller: The call that each call was made from; None for those of the network itself.
        reached: For each layer's position, how many calls had ended when its output was there, itself included.
        repeatable: Calls that can be answered from memory: their output was one tensor with the batch first, and
            they left their input alone or, like an in-place ReLU, returned it.
        in_place: Those of them that returned their very input, changed.
    """

    ended: list[Call] = field(default_factory=list)
    caller: dict[Call, Call | None] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)
    repeatable: set[Call] = field(default_factory=set)
    in_place: set[Call] = field(default_factory=set)

    def finished_before(self, position: int) -> list[Call]:
        """Outermost calls that need not run again once the output of the layer at ``position`` is known."""
        done = set(self.ended[: self.reached[position]])
        return [call for call in done if self.caller[call] not in done and call in self.repeatable]


class Prefix:
    """Outputs of one photo's module calls, kept to be handed out again instead of being computed.

    Whatever ends before a layer's output is there cannot depend on that output, so its result stays what it was.
    The calls are kept from the outside in: a whole block counts as one. To be made and used inside
    :func:`layerlore.network.state.undisturbed` and ``torch.no_grad``.

    Args:
        module: The network.
        photo: One preprocessed photo, shape (1, 3, H, W).
        layers: Layers after which the network will be run.
    """

    def __init__(self, module: nn.Module, photo: torch.Tensor, layers: Sequence[Layer]) -> None:
        """Trace the calls, then keep the outputs that some layer needs."""
        self._module = module
        trace = _trace(module, photo, layers)
        self._finished = {position: _safe(trace, position, layers) for position in trace.reached}
        wanted = {call for calls in self._finished.values() for call in calls}
        self._outputs = _keep_outputs(module, photo, wanted)
        self._in_place = trace.in_place

    @contextmanager
    def skipping(self, position: int, rows: int) -> Iterator[None]:
        """Skip everything that ends before the output of the layer at ``position`` while the context is open.

        Skipped modules are still called, so that hooks see them, but answer with their kept output, repeated
        ``rows`` times: the network is to be run on that many copies of the photo.
        """
        by_path: dict[str, dict[int, _Answer]] = {}
        for path, call in self._finished.get(position, []):
            answer = _Answer(self._outputs[path, call], (path, call) in self._in_place)
            by_path.setdefault(path, {})[call] = answer
        with ExitStack() as stack:
            for path, answers in by_path.items():
                stack.enter_context(_answering(self._module.get_submodule(path), answers, rows))
            yield


def _trace(module: nn.Module, photo: torch.Tensor, layers: Sequence[Layer]) -> _Trace:
    """Run the network once and write down how its calls nest and end."""
    trace = _Trace()
    open_calls: list[tuple[Call, torch.Tensor | None, int]] = []

    def begin(path: str, call: int, given: torch.Tensor | None) -> None:
        trace.caller[path, call] = open_calls[-1][0] if open_calls else None
        open_calls.append(((path, call), given, _version(given)))

    def end(path: str, call: int, output: object) -> None:
        _, given, version = open_calls.pop()
        trace.ended.append((path, call))
        changed = _version(given) != version
        if changed and output is given:
            trace.in_place.add((path, call))
        elif changed:
            return
        if isinstance(output, torch.Tensor) and output.ndim > 0 and len(output) == len(photo):
            trace.repeatable.add((path, call))

    def note(position: int, output: torch.Tensor) -> torch.Tensor:
        trace.reached[position] = len(trace.ended)
        return output

    with CallTracker(module, on_input=begin, on_output=end), replaced_outputs(module, layers, note):
        module(photo)
    return trace


def _version(tensor: torch.Tensor | None) -> int:
    """How often a tensor was changed in place."""
    return -1 if tensor is None else tensor._version  # noqa: SLF001 - torch offers no public name for it


def _safe(trace: _Trace, position: int, layers: Sequence[Layer]) -> list[Call]:
    """What may be skipped for a layer: nothing where a skipped block hides an earlier call of the layer's module.

    Hooks find a layer by counting its module's calls, and those inside a skipped block are not made.
    """
    finished = trace.finished_before(position)
    layer = layers[position]
    if layer.functional:
        # What calls the function must run each time, or the count of its calls would be off.
        ended = trace.ended[: trace.reached[position]]
        hidden = any(path == layer.path and trace.caller[path, call] in ended for path, call in ended)
        return [] if hidden else [call for call in finished if call[0] != layer.path]
    earlier = {(layer.path, number) for number in range(layer.call + 1)}
    return finished if earlier <= set(finished) else []


def _keep_outputs(module: nn.Module, photo: torch.Tensor, wanted: set[Call]) -> dict[Call, torch.Tensor]:
    """Run the network once and keep copies of the wanted outputs; copies, as later steps may work in place."""
    outputs: dict[Call, torch.Tensor] = {}

    def keep(path: str, call: int, output: object) -> None:
        if (path, call) in wanted and isinstance(output, torch.Tensor):
            outputs[path, call] = output.clone()

    with CallTracker(module, on_output=keep, paths={path for path, _ in wanted}):
        module(photo)
    return outputs


@dataclass(frozen=True)
class _Answer:
    """The output of one call, shape (1, ...), and whether it is the changed input itself."""

    output: torch.Tensor
    in_place: bool


@contextmanager
def _answering(module: nn.Module, answers: dict[int, _Answer], rows: int) -> Iterator[None]:
    """Let a module answer the given calls with kept outputs, repeated for the rows, and the others as always."""
    compute: Callable[..., object] = module.forward
    own = module.__dict__.get("forward")
    calls = 0

    def forward(*args: object, **options: object) -> object:
        nonlocal calls
        answer = answers.get(calls)
        calls += 1
        if answer is None:
            return compute(*args, **options)
        repeated = answer.output.expand(rows, *answer.output.shape[1:])
        if answer.in_place and args and isinstance(args[0], torch.Tensor):
            return args[0].copy_(repeated)  # whoever else holds the input must see it changed
        return repeated.clone()

    module.forward = forward
    try:
        yield
    finally:
        if own is None:
            del module.__dict__["forward"]
        else:
            module.forward = own
