"""Running somebody's module without leaving a trace in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from layerlore.errors import GradientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


@contextmanager
def undisturbed(module: nn.Module, *, seed: int = 0) -> Iterator[None]:
    """Evaluate a module with gradients to its activations only, then put everything back.

    Inside, the module and all its children are in evaluation mode, no parameter asks for a gradient (so none is
    computed and none is stored), gradients are on even inside ``torch.no_grad()`` or ``torch.inference_mode()``,
    automatic casting is off, and torch's random generators start from ``seed``. On the way out, also by an
    exception, each module's own training flag, each parameter's ``requires_grad`` and the random generators are
    as they were; ``.grad`` is never touched.

    Args:
        module: The network.
        seed: Start of torch's random generators, for networks that draw numbers even in evaluation mode.

    Raises:
        GradientError: A parameter was made under ``torch.inference_mode``, so autograd cannot use it.
    """
    for name, parameter in module.named_parameters():
        if parameter.is_inference():
            raise GradientError(
                f"parameter {name!r} was made under torch.inference_mode, so no gradient can pass it; "
                "build or load the network outside inference_mode"
            )
    training = [(child, child.training) for child in module.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    devices = sorted({p.device.index or 0 for p in module.parameters() if p.device.type == "cuda"})
    device_type = next((p.device.type for p in module.parameters()), "cpu")
    try:
        for child, _ in training:
            child.training = False
        for parameter, _ in wanted:
            parameter.requires_grad_(False)
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast(device_type, enabled=False),
            torch.random.fork_rng(devices),
        ):
            torch.manual_seed(seed)
            yield
    finally:
        for child, flag in training:
            child.training = flag
        for parameter, flag in wanted:
            parameter.requires_grad_(flag)
