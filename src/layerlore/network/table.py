"""The layers of a network as a person asks for them: by name, by place, or all."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsIndex, overload

from layerlore.errors import LayerError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_COUNT = 9
"""Number of layers that are explained unless a person asks for others."""


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
        nameable: Sequence[Layer],
        names: Mapping[str, tuple[Layer, ...]],
        reasons: Mapping[str, str],
    ) -> None:
        """Make a table.

        Args:
            layers: The explainable layers, shallow to deep.
            candidates: Some of them.
            nameable: They and all other layers that may be asked for by name, shallow to deep.
            names: Every accepted name with the layers it may mean.
            reasons: Modules that cannot be explained, with the reason.
        """
        self._layers = tuple(layers)
        self._names = dict(names)
        self._reasons = dict(reasons)
        self._order = {layer: place for place, layer in enumerate(nameable)}
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
        if layers is None:
            layers = "default"
        asked = [layers] if isinstance(layers, str) or not isinstance(layers, Iterable) else list(layers)
        found = {layer for one in asked for layer in self._find(one)}
        if not found:
            raise LayerError(self._nothing(asked))
        return tuple(sorted(found, key=self._order.__getitem__))

    def _find(self, asked: str | int) -> tuple[Layer, ...]:
        if not isinstance(asked, str):
            return (self._at(_whole(asked)),)
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
            choices = [self._choice(name, layer) for layer in meant]
            raise LayerError(f"layer {name!r} is called {len(meant)} times; choose {_listed(choices)}")
        return meant[0]

    def _choice(self, name: str, layer: Layer) -> str:
        """Return the call number form of a name that means this layer."""
        numbered = (one for one, meant in self._names.items() if one.startswith(name + "#") and meant == (layer,))
        return next(numbered, layer.name)

    def _unknown(self, name: str) -> str:
        if name in self._reasons:
            return f"layer {name!r} {self._reasons[name]}; `layerlore layers` shows all that can be explained"
        known = [one for one in (*self._names, *self._reasons) if "#" not in one or "#" in name]
        near = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
        hint = f"did you mean {_listed(near)}? " if near else ""
        return f"there is no layer {name!r}; {hint}`layerlore layers` shows all"

    def _nothing(self, asked: list[str | int]) -> str:
        if not asked or self._layers:
            return "no layer was asked for; name at least one"
        example = next(reversed(self._order), None)
        hint = f", such as {example.name!r}" if example else ""
        return f"no layer of this network comes after a non-linearity like ReLU; ask for layers by name{hint}"


def _whole(place: object) -> int:
    """Take a layer's number: any whole number but not True, False or 2.0."""
    if isinstance(place, SupportsIndex) and not isinstance(place, bool):
        return operator.index(place)
    raise LayerError(f"a layer is a name or a whole number, not {place!r}; `layerlore layers` shows both")


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
    """Join quoted names, with "or" before the last; at most ten."""
    quoted = [repr(name) for name in names]
    if len(quoted) > 10:
        return f"{', '.join(quoted[:9])}, ... or {quoted[-1]}"
    return " or ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)
