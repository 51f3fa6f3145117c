"""One forward and one backward pass: every layer's feature maps and the gradient of the class's logit at them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from layerlore.errors import GradientError, LayerError, ModelError
from layerlore.network.calls import ActivationCalls, CallTracker
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    from layerlore.network.layers import Layer
    from layerlore.network.model import Network


@dataclass(frozen=True, eq=False)
class Capture:
    """What one pass over N photos recorded.

    Attributes:
        layers: The captured layers, L of them.
        targets: Class index of each photo, N of them.
        logits: The network's output before softmax, shape (N, classes).
        activations: For each layer its feature maps, shape (N, K, h, w); detached.
        gradients: For each layer the gradient of each photo's class logit with respect to them, same shape;
            all zero for a layer that the class does not depend on.
    """

    layers: tuple[Layer, ...]
    targets: tuple[int, ...]
    logits: torch.Tensor
    activations: tuple[torch.Tensor, ...]
    gradients: tuple[torch.Tensor, ...]


def capture(
    network: Network, inputs: torch.Tensor, targets: Sequence[int | None] | None, layers: Sequence[Layer]
) -> Capture:
    """Record the maps of all layers and their gradients in one forward and one backward pass.

    The network is left as it was: ``.grad``, training flags, hooks, ``requires_grad`` and random state.

    Args:
        network: The network.
        inputs: Preprocessed photos, shape (N, 3, H, W).
        targets: Class index of each photo, None for the predicted class; None = all predicted.
        layers: Layers to capture.

    Raises:
        ModelError: The output is not of shape (N, classes).
        GradientError: Gradients cannot be had from this network.
        LayerError: A layer was not reached, or not with maps for each photo.
    """
    with undisturbed(network.module):
        inputs = as_input(network, inputs)
        maps, logits = forward_with_maps(network, inputs, layers)
        chosen = resolve_targets(logits, targets)
        scores = logits.gather(1, torch.tensor(chosen, device=logits.device)[:, None])
        check_gradient(network, scores)
        gradients = torch.autograd.grad(scores.sum(), maps, allow_unused=True)
    return Capture(
        layers=tuple(layers),
        targets=chosen,
        logits=logits.detach(),
        activations=tuple(channels_first(m.detach(), x) for m, x in zip(maps, layers, strict=True)),
        gradients=tuple(
            channels_first(torch.zeros_like(m) if g is None else g, x)
            for g, m, x in zip(gradients, maps, layers, strict=True)
        ),
    )


def check_gradient(network: Network, scores: torch.Tensor) -> None:
    """Refuse scores that do not depend on the layers in a way that a gradient sees.

    Raises:
        GradientError: They do not.
    """
    if not scores.requires_grad:
        raise GradientError(
            f"the class's score of {network.name} has no gradient at any of the layers; remove torch.no_grad or "
            "detach after them, or choose layers that the answer depends on"
        )


def as_input(network: Network, inputs: torch.Tensor) -> torch.Tensor:
    """Copy photos to the network's device and precision; a tensor made under inference_mode enters no graph."""
    return inputs.to(network.device, network.dtype, copy=True)


def resolve_targets(logits: torch.Tensor, targets: Sequence[int | None] | None) -> tuple[int, ...]:
    """Class of each row of ``logits`` (N, classes): the one asked for, or the predicted one where None."""
    predicted = [int(x) for x in logits.argmax(dim=1)]
    if targets is None:
        return tuple(predicted)
    return tuple(p if t is None else t for t, p in zip(targets, predicted, strict=True))


def forward_with_maps(
    network: Network, inputs: torch.Tensor, layers: Sequence[Layer]
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Run the network and keep the layers' outputs as nodes of the graph, in the layers' own axis order.

    To be called inside :func:`layerlore.network.state.undisturbed`. The graph begins at the first layer, so what
    comes before it costs no memory.

    Returns:
        The maps, one tensor for each layer, and the logits of shape (N, classes).
    """
    maps: dict[int, torch.Tensor] = {}
    versions: dict[int, int] = {}

    def keep(position: int, output: torch.Tensor) -> torch.Tensor:
        kept = output if output.requires_grad else output.detach().requires_grad_()
        maps[position] = kept
        versions[position] = kept._version  # noqa: SLF001 - torch offers no public name for it
        return kept.clone()  # the network goes on with a copy, so an in-place step after this cannot reach the maps

    with replaced_outputs(network.module, layers, keep):
        logits = _run(network, inputs)
    for position, layer in enumerate(layers):
        if position not in maps:
            raise LayerError(
                f"layer {layer.name!r} was not reached for this photo; the network takes another way than for "
                "the probe: choose other layers"
            )
        if maps[position].shape[0] != len(inputs):
            raise LayerError(
                f"layer {layer.name!r} gives {tuple(maps[position].shape)} for {len(inputs)} photos; "
                "explain photos one by one or choose other layers"
            )
        if maps[position]._version != versions[position]:  # noqa: SLF001
            raise LayerError(
                f"layer {layer.name!r} shares its memory with a tensor that the network changes in place later; "
                "choose the layer after that step"
            )
    return [maps[position] for position in range(len(layers))], logits


def _run(network: Network, inputs: torch.Tensor) -> torch.Tensor:
    """Forward pass with the output checked; autograd's refusals become one clear line."""
    try:
        logits = network.module(inputs)
    except RuntimeError as error:
        if "nference tensor" in str(error):
            raise GradientError(
                "the network holds tensors made under torch.inference_mode, so no gradient can pass them; "
                "build or load it outside inference_mode"
            ) from error
        raise ModelError(
            f"{network.name} fails on an input of shape {tuple(inputs.shape)}: {str(error).splitlines()[0]}; "
            "check that the preprocessing fits the network"
        ) from error
    network.check_output(logits, len(inputs))
    checked: torch.Tensor = logits
    return checked


@contextmanager
def replaced_outputs(
    module: nn.Module, layers: Sequence[Layer], replace: Callable[[int, torch.Tensor], torch.Tensor]
) -> Iterator[None]:
    """Let ``replace(position, output)`` stand in for the output of each layer while the context is open.

    A layer is one call of one module, so a module that is called several times is changed only in that call. One
    forward pass per context. All hooks are removed on the way out, also by an exception.
    """
    modules = {(layer.path, layer.call): n for n, layer in enumerate(layers) if not layer.functional}
    functions = {(layer.path, layer.call): n for n, layer in enumerate(layers) if layer.functional}

    def on_output(path: str, call: int, output: torch.Tensor) -> torch.Tensor | None:
        position = modules.get((path, call))
        return None if position is None else replace(position, output)

    def on_activation(path: str, call: int, _function: str, output: torch.Tensor) -> torch.Tensor | None:
        position = functions.get((path, call))
        return None if position is None else replace(position, output)

    with ExitStack() as stack:
        # To tell who calls a function, every module must be followed; else only the layers', which costs less.
        paths = None if functions else {path for path, _ in modules}
        tracker = stack.enter_context(CallTracker(module, on_output=on_output, paths=paths))
        if functions:
            stack.enter_context(ActivationCalls(tracker, on_activation=on_activation))
        yield


def channels_first(tensor: torch.Tensor, layer: Layer) -> torch.Tensor:
    """Bring maps to (N, K, h, w); some networks keep channels last inside their blocks."""
    return tensor.permute(0, 3, 1, 2) if layer.channels_last else tensor
