"""Tensors of the probe pass that are feature maps, each with all who returned it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layerlore.network.nodes import Activation, Key
    from layerlore.network.probe import Output, Probe


@dataclass(frozen=True, eq=False)
class Group:
    """Feature maps and all who returned that very tensor.

    Attributes:
        key: Which tensor it is.
        members: Modules and functions that returned it, innermost first.
        roots: The non-linearities whose values it consists of; empty if there are others.
        used: The network's answer depends on it.
        channels: Number of feature maps.
        height: Height of a map.
        width: Width of a map.
        channels_last: The tensor is (N, h, w, C).
    """

    key: Key
    members: tuple[Output, ...]
    roots: dict[Key, Activation]
    used: bool
    channels: int
    height: int
    width: int
    channels_last: bool

    @property
    def origin(self) -> str:
        """Path of the module that made it."""
        return self.members[0].path

    @property
    def is_activation(self) -> bool:
        """True if a non-linearity made it, not a pool or a concatenation after one."""
        return self.key in self.roots

    @property
    def is_point(self) -> bool:
        """True if the maps have one position only."""
        return self.height == self.width == 1


def group_outputs(probe: Probe, input_size: tuple[int, int]) -> list[Group]:
    """Return all feature maps of the probe pass in the order in which they were made.

    Args:
        probe: The probe pass.
        input_size: Height and width of its input.
    """
    by_key: dict[Key, list[Output]] = {}
    for output in probe.outputs:
        by_key.setdefault(output.key, []).append(output)
    groups = []
    for key, members in by_key.items():
        roots = probe.activations.roots(key)
        # A function that yields no activation, such as a clamp at another value, is nobody's layer.
        named = tuple(one for one in members if not one.inner and (roots or not one.function))
        axes = _axes(members[0].shape, input_size)
        if named and axes is not None:
            groups.append(Group(key, named, roots, not probe.used or key[0] in probe.used, *axes))
    return groups


def _axes(shape: tuple[int, ...], input_size: tuple[int, int]) -> tuple[int, int, int, bool] | None:
    """Return channels, height, width and whether the channels come last; None unless the shape is one photo's maps.

    Maps keep the photo's ratio of height to width, which channels and tokens have by chance only.
    """
    if len(shape) != 4 or shape[0] != 1 or 0 in shape:
        return None
    _, a, b, c = shape
    wanted = input_size[0] / input_size[1]
    # A small lead is rounding, so it does not outweigh the usual order.
    channels_last = 1.1 * _misfit(a, b, wanted) < _misfit(b, c, wanted)
    axes = (c, a, b, True) if channels_last else (a, b, c, False)
    return axes if _may_be_map(axes[1], axes[2], wanted) else None


def _misfit(height: int, width: int, wanted: float) -> float:
    """Return the factor, at least 1, by which height to width is off the wanted ratio."""
    off = height / width / wanted
    return max(off, 1 / off)


def _may_be_map(height: int, width: int, wanted: float) -> bool:
    """True if the ratio is within a factor of two of the wanted one, give or take a row and a column."""
    return (height - 1) / (width + 1) <= 2 * wanted and (width - 1) / (height + 1) <= 2 / wanted
