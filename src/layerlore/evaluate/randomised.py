"""Copies of a network with random weights, from its last layer downwards; the network itself is never touched.

Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, cascading randomisation. New weights are normal
with the mean and the standard deviation that the tensor had (Sixt et al., "When Explanations Lie", ICML 2020), so that
activations keep their scale: with a layer's usual start, whose scale is another, maps can vanish for that reason alone.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from layerlore.errors import ModelError
from layerlore.local.capture import as_input, replaced_outputs
from layerlore.network.calls import CallTracker
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from layerlore.network.layers import Layer
    from layerlore.network.model import Network


def randomised(
    network: Network, inputs: torch.Tensor, generator: np.random.Generator, steps: int
) -> Iterator[tuple[float, Network]]:
    """Randomise more and more layers of a copy, the last that is called first.

    Args:
        network: The network; it stays as it is.
        inputs: An input, which tells in what order the layers are called.
        generator: Source of the weights.
        steps: How many networks to give: the first with one random layer, the last with nothing else, the others
            between them at equal distances.

    Yields:
        The share of layers that are random, and the network. Each is the one before with more layers randomised, in
        place: use it before asking for the next.

    Raises:
        ModelError: The network has no weights, or cannot be copied.
    """
    order = _last_first(network, inputs)
    if not order:
        raise ModelError(f"{network.name} has no weights that could be randomised")
    changed = _copy(network)
    done = 0
    for count in _counts(len(order), steps):
        for path in order[done:count]:
            _randomise(changed.module.get_submodule(path), generator)
        done = count
        changed.__dict__.pop("fingerprint", None)  # it is kept once computed, and these weights are new
        yield count / len(order), changed


def randomised_after(
    network: Network, inputs: torch.Tensor, layers: Sequence[Layer], generator: np.random.Generator
) -> Iterator[tuple[Layer, Network]]:
    """Randomise only what comes after a layer, for one layer after the other.

    Args:
        network: The network; it stays as it is.
        inputs: An input, which tells in what order the layers are called.
        layers: The layers.
        generator: Source of the weights.

    Yields:
        A layer, and the network in which everything that begins after that layer is random. The deepest comes first;
        each network is the one before with more randomised, in place. Layers that no weights come after are left out.

    Raises:
        ModelError: The network cannot be copied.
    """
    order, before = _last_first(network, inputs), _begun_before(network, inputs, layers)
    changed, done = _copy(network), set[str]()
    for layer, begun in reversed(before):
        later = [path for path in order if path not in begun]
        for path in later:
            if path not in done:
                _randomise(changed.module.get_submodule(path), generator)
        done.update(later)
        changed.__dict__.pop("fingerprint", None)
        if later:
            yield layer, changed


def _begun_before(
    network: Network, inputs: torch.Tensor, layers: Sequence[Layer]
) -> list[tuple[Layer, frozenset[str]]]:
    """In the order of their calls, the layers with the modules that had begun when they gave their maps."""
    begun: set[str] = set()
    found: list[tuple[Layer, frozenset[str]]] = []

    def note(path: str, _call: int, _given: torch.Tensor | None) -> None:
        begun.add(path)

    def keep(position: int, output: torch.Tensor) -> torch.Tensor:
        found.append((layers[position], frozenset(begun)))
        return output

    module = network.module
    with (
        network.lock,
        undisturbed(module),
        torch.no_grad(),
        CallTracker(module, on_input=note),
        replaced_outputs(module, layers, keep),
    ):
        module(as_input(network, inputs))
    return found


def _counts(layers: int, steps: int) -> list[int]:
    """How many layers are random at each step, from 1 to all."""
    if steps <= 1:
        return [layers]
    return sorted({round(1 + step * (layers - 1) / (steps - 1)) for step in range(steps)})


def _copy(network: Network) -> Network:
    """The network with a copy of its module. What is known about its layers stays true: their structure is the same."""
    changed = copy.copy(network)
    try:
        with network.lock:
            changed.module = copy.deepcopy(network.module)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
        raise ModelError(f"{network.name} cannot be copied to randomise its weights ({reason})") from error
    changed.name = f"{network.name}, randomised"
    return changed


def _last_first(network: Network, inputs: torch.Tensor) -> list[str]:
    """Paths of the modules with parameters of their own that the network calls, the last first."""
    called: dict[str, None] = {}

    def note(path: str, _call: int, _output: object) -> None:
        called.pop(path, None)
        called[path] = None

    with network.lock, undisturbed(network.module), torch.no_grad(), CallTracker(network.module, on_output=note):
        network.module(as_input(network, inputs))
    parts = dict(network.module.named_modules())
    return [path for path in reversed(called) if any(True for _ in _own(parts[path]))]


def _own(module: torch.nn.Module) -> Iterator[torch.nn.Parameter]:
    return (one for one in module.parameters(recurse=False) if one.is_floating_point())


def _randomise(module: torch.nn.Module, generator: np.random.Generator) -> None:
    with torch.no_grad():
        for parameter in _own(module):
            values = parameter.double()
            mean, spread = float(values.mean()), float(values.std(correction=0))
            fresh = torch.from_numpy(generator.normal(mean, spread, tuple(parameter.shape)))
            parameter.copy_(fresh.to(parameter))
