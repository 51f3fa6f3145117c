"""Running somebody's module without leaving a trace in it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from layerlore.errors import GradientError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def check_differentiable(module: nn.Module) -> None:
    """Refuse modules that cannot be hooked or differentiated, with the way out.

    Raises:
        GradientError: A parameter or buffer was made under ``torch.inference_mode``.
        ModelError: The module is TorchScript, or has lazy parameters that have no shape yet.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise ModelError(
            f"{type(module).__name__} is a TorchScript module, whose layers cannot be seen from outside; "
            "give the Python module it was scripted or traced from"
        )
    tensors = [*module.parameters(), *module.buffers()]
    if not any(nn.parameter.is_lazy(tensor) or tensor.is_inference() for tensor in tensors):
        return  # names cost a second walk through the module, so only where one is needed
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            raise ModelError(f"parameter {name!r} has no shape yet; run one batch through the module first")
        if tensor.is_inference():
            raise GradientError(
                f"tensor {name!r} was made under torch.inference_mode, so no gradient passes through it; "
                "load the network outside inference_mode"
            )


@contextmanager
def undisturbed(module: nn.Module, *, seed: int = 0) -> Iterator[None]:
    """Evaluate a module with gradients to its activations only, then put everything back.

    Inside, the module and all its children are in evaluation mode, no parameter asks for a gradient (so none is
    computed and none is stored), gradients are on even inside the caller's ``torch.no_grad()`` or
    ``torch.inference_mode()``, automatic casting is off, compiled modules run eagerly so that hooks fire, and torch's
    random generators start from ``seed``. On the way out, also by an exception, each module's own training flag, each
    parameter's ``requires_grad`` and the random generators are as they were; ``.grad`` is never touched.

    Args:
        module: The network.
        seed: Start of torch's random generators, for networks that draw numbers even in evaluation mode.

    Raises:
        GradientError: A parameter or buffer was made under ``torch.inference_mode``.
        ModelError: The module is TorchScript, or has lazy parameters that have no shape yet.
    """
    check_differentiable(module)
    parts, parameters = list(module.modules()), list(module.parameters())
    training = [part for part in parts if part.training]
    wanted = [parameter for parameter in parameters if parameter.requires_grad]
    device = next((parameter.device for parameter in parameters), torch.device("cpu"))
    with ExitStack() as stack:
        devices = [] if device.type == "cpu" else [device.index or 0]
        kind = "cuda" if device.type == "cpu" else device.type
        stack.enter_context(torch.random.fork_rng(devices=devices, device_type=kind))
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        if _has_compiled_parts(parts):
            # Imports the compiler, which takes seconds, hence only where it is in use already.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            # The flags are set one by one: an overridden train() may do more, such as merging weights.
            for part in training:
                part.training = False
            for parameter in wanted:
                parameter.requires_grad_(False)
            torch.manual_seed(seed)
            yield
        finally:
            for part in training:
                part.training = True
            for parameter in wanted:
                parameter.requires_grad_(True)


def _has_compiled_parts(parts: Sequence[nn.Module]) -> bool:
    return any(
        type(part).__name__ == "OptimizedModule" or getattr(part, "_compiled_call_impl", None) is not None
        for part in parts
    )
