"""One map to be measured: a photo, a class, the method that made it, and how to run that method again."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.evaluate.metrics.maps import upsample
from layerlore.local.capture import as_input
from layerlore.methods.subject import Subject, forward
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from layerlore.methods.result import Saliency
    from layerlore.network.model import Network

    Explain = Callable[[Network, torch.Tensor, int], NDArray[np.float32]]

BATCH = 10
"""Pictures in one forward pass; more are slower where they leave the processor's cache."""


@dataclass(eq=False)
class Case:
    """One photo, one class, one method.

    Attributes:
        subject: Network, photo, input of shape (1, 3, H, W) and class.
        saliency: What the method found.
        explain: The method on another network, other inputs of shape (1, 3, H, W) or another class; gives the map, of
            shape (h, w).
        truth: Where the object is, shape (H, W) like the input; None where nobody says.
        seed: Seed of everything random. The same photo and seed give all methods the same noise and the same random
            weights, so that they can be compared.
        batch: Pictures in one forward pass; changes nothing but time and memory.
    """

    subject: Subject
    saliency: Saliency
    explain: Explain
    truth: NDArray[np.bool_] | None = None
    seed: int = 0
    batch: int = BATCH

    @cached_property
    def heat(self) -> torch.Tensor:
        """The map at the input's size, float64 of shape (H, W)."""
        return upsample(self.saliency.map, self.subject.inputs.shape[2:])

    @cached_property
    def photo_probability(self) -> float:
        """Probability of the class for the photo as it is."""
        return float(self.ask(as_input(self.subject.network, self.subject.inputs))[0])

    def ask(self, pictures: torch.Tensor) -> torch.Tensor:
        """The class's probability for each picture, shape (N, 3, H, W): float64 of shape (N,), in main memory."""
        return self.answers(pictures)[:, self.subject.target]

    def answers(self, pictures: torch.Tensor) -> torch.Tensor:
        """The probabilities of all classes for each picture: float64 of shape (N, classes), in main memory."""
        network = self.subject.network
        found = []
        with network.lock, undisturbed(network.module), torch.no_grad():
            for start in range(0, len(pictures), self.batch):
                batch = as_input(network, pictures[start : start + self.batch])
                logits = forward(network.module, batch)
                network.check_output(logits, len(batch))
                found.append(logits.double().softmax(dim=1).cpu())
        return torch.cat(found)

    def generator(self, what: str) -> np.random.Generator:
        """Random numbers that depend on the seed, the photo and what they are for."""
        photo = int(self.subject.photo.image_id, 16)
        return np.random.default_rng([self.seed, photo, zlib.crc32(what.encode())])


def make_case(
    subject: Subject,
    method: str,
    *,
    seed: int = 0,
    truth: NDArray[np.bool_] | None = None,
    options: Mapping[str, object] | None = None,
) -> Case:
    """Run a method on a photo and class, ready to be measured.

    Args:
        subject: Photo and class.
        method: One of ``layerlore.methods.METHODS``.
        seed: Seed of the method and of the metrics.
        truth: Where the object is, shape (H, W) like the input.
        options: The method's own.

    Raises:
        LayerLoreError: The method is unknown, does not fit the network, or an option is wrong.
    """
    from layerlore.methods.run import explain_subject

    own = dict(options or {})

    def explain(network: Network, inputs: torch.Tensor, target: int) -> NDArray[np.float32]:
        return explain_subject(Subject(network, subject.photo, inputs, target), method=method, seed=seed, **own).map

    return Case(subject, explain_subject(subject, method=method, seed=seed, **own), explain, truth, seed)
