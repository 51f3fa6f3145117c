"""Which modules are the network's blocks, such as residual blocks, and which only hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from layerlore.network.probe import Probe

# Exactly these classes: a subclass of Sequential, as torchvision has many, stands for something.
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def is_within(path: str, above: str) -> bool:
    """True if ``path`` is ``above`` or lies in it."""
    return not above or path == above or path.startswith(above + ".")


class Blocks:
    """The blocks of a network.

    A block is a module with two or more spatial convolutions and a non-linearity; a module that holds several
    blocks of one kind, or only hands on the output of one, is a stage and is looked into.

    Attributes:
        paths: Paths of the blocks in the order of the module tree; empty if there are fewer than three, as then
            the network is not made of blocks.
    """

    def __init__(self, module: nn.Module, probe: Probe, activated: Iterable[str]) -> None:
        """Find the blocks.

        Args:
            module: The network.
            probe: Its probe.
            activated: Path of the innermost module that made each activated tensor.
        """
        self._modules = dict(module.named_modules())
        self._convolutions = [one.path for one in probe.convolutions if one.spatial]
        self._keys = {output.path: output.key for output in probe.outputs if not output.function}
        paths = list(activated)
        self._qualifying = [
            path
            for path, part in self._modules.items()
            if path
            and path in probe.called
            and type(part) not in _CONTAINERS
            and self.convolutions_in(path) >= 2
            and any(is_within(one, path) for one in paths)
        ]
        self._block_kinds = {
            type(self._modules[path])
            for path in self._qualifying
            if not self._holds_several(self._inside(path)) and not self._hands_on(path, self._inside(path))
        }
        found = self._descend(self._outermost(self._qualifying))
        self.paths = found if len(found) >= 3 else []

    def convolutions_in(self, path: str) -> int:
        """Count the spatial convolutions that a module ran."""
        return sum(is_within(one, path) for one in self._convolutions)

    def block_of(self, path: str) -> str | None:
        """Return the block that a module is or lies in, or None."""
        return next((block for block in self.paths if is_within(path, block)), None)

    def can_name(self, path: str) -> bool:
        """True if the module's name tells one layer: it is no container, and no stage of many layers."""
        if not path or type(self._modules[path]) in _CONTAINERS:
            return False
        return self.block_of(path) is not None or self.convolutions_in(path) < 2

    def _outermost(self, paths: list[str]) -> list[str]:
        return [one for one in paths if not any(one != other and is_within(one, other) for other in paths)]

    def _descend(self, paths: list[str]) -> list[str]:
        found: list[str] = []
        for path in paths:
            inside = self._inside(path)
            if self._is_stage(path, inside):
                found += self._descend(self._outermost(inside))
            else:
                found.append(path)
        return found

    def _inside(self, path: str) -> list[str]:
        return [one for one in self._qualifying if one != path and is_within(one, path)]

    def _is_stage(self, path: str, inside: list[str]) -> bool:
        if self._holds_several(inside):
            return True
        # A stage of one block shows by handing on its output; a block may do so too where it has no shortcut,
        # but then others of its kind have one.
        return self._hands_on(path, inside) and type(self._modules[path]) not in self._block_kinds

    def _holds_several(self, inside: list[str]) -> bool:
        kinds = [type(self._modules[one]) for one in inside]
        return len(set(kinds)) < len(kinds)

    def _hands_on(self, path: str, inside: list[str]) -> bool:
        key = self._keys.get(path)
        return key is not None and any(self._keys.get(one) == key for one in inside)
