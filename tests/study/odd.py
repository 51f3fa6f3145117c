"""Networks that answer as the small one does, but cannot be pickled, end their process, or fail.

A module of their own, since workers import it.
"""

from __future__ import annotations

import os
import signal
import threading

import torch
from small import NAMES, Small, network

from layerlore.network.model import Network


class Locked(Small):
    """Holds a lock, which cannot be pickled."""

    def __init__(self) -> None:
        super().__init__()
        self.held = threading.Lock()


class Deadly(Small):
    """Ends every process but the driver's, as the system does where memory is short."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = os.getpid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if os.getpid() != self.driver:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)


class Faulty(Small):
    """Fails on the third batch, the first one of a second shard."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 3:
            raise RuntimeError("no luck")
        return super().forward(x)


def like_small(module: Small) -> Network:
    """A network with the weights of the study's."""
    module.load_state_dict(network().module.state_dict())
    made = Network(module.eval(), class_names=list(NAMES), input_size=(16, 16), name="odd")
    assert made.layers  # looked for now, so that only photos go through the module from here on
    module.calls = 0
    return made


class Choosy(Small):
    """Gives NaN for photos that are bright."""

    limit = 0.0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits of shape (N, classes)."""
        bright = inputs.mean(dim=(1, 2, 3))[:, None] > self.limit
        return torch.where(bright, torch.nan, super().forward(inputs))
