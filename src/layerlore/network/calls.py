"""Who is being called during a forward pass: modules by path and call number, activations that are no module.

The probe that finds layers and the capture that records them use the same two contexts, so that a pair
(path, call) means the same in both.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import torch
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import nn
    from torch.utils.hooks import RemovableHandle

    OutputCallback = Callable[[str, int, Any], Any]
    InputCallback = Callable[[str, int, torch.Tensor | None], None]
    ActivationCallback = Callable[[str, int, str, torch.Tensor], torch.Tensor | None]

ACTIVATION_FUNCTIONS = frozenset(
    [
        *("relu", "relu_", "relu6", "hardtanh", "hardtanh_", "threshold", "threshold_", "_threshold"),
        *("clamp", "clamp_", "clamp_min", "clamp_min_", "clip", "clip_", "softplus"),
        *("silu", "gelu", "hardswish", "mish", "prelu", "rrelu", "rrelu_", "leaky_relu", "leaky_relu_"),
        *("elu", "elu_", "selu", "selu_", "celu", "celu_"),
    ]
)
"""Names of the torch functions that count as an activation, as ``ActivationCalls`` sees them."""


class CallTracker:
    """Context that follows the module calls of ONE forward pass; enter it anew for each pass.

    Hooks come after the user's own and are removed on exit, whatever happened. A module that is registered
    under several paths goes by the first of them. Parts in TorchScript are not hooked.

    Args:
        module: The network.
        on_output: Called as ``on_output(path, call, output)`` after each call of a module, where ``call`` counts
            the calls of that path from 0; what it returns, unless None, replaces the output.
        on_input: Called as ``on_input(path, call, tensor)`` before each call, with the first tensor given.
        paths: Modules to follow; all by default. ``owner`` only knows modules that are followed.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        on_output: OutputCallback | None = None,
        on_input: InputCallback | None = None,
        paths: Iterable[str] | None = None,
    ) -> None:
        """Prepare; nothing is hooked yet."""
        self._module = module
        self._on_output = on_output
        self._on_input = on_input
        self._paths = None if paths is None else frozenset(paths)
        self._handles: list[RemovableHandle] = []
        self._running: list[tuple[str, int]] = []
        self._counts: Counter[str] = Counter()

    @property
    def owner(self) -> str:
        """Path of the innermost module that is running; "" for the network itself."""
        return self._running[-1][0] if self._running else ""

    @property
    def running(self) -> tuple[str, ...]:
        """Paths of all modules that are running, outermost first."""
        return tuple(path for path, _ in self._running)

    def __enter__(self) -> Self:
        """Hook the modules and count from 0."""
        self._running.clear()
        self._counts.clear()
        if self._paths is None:
            followed = list(self._module.named_modules())
        else:  # walking through all modules to find nine would cost more than the nine hooks
            followed = [(path, self._module.get_submodule(path)) for path in sorted(self._paths)]
        for path, part in followed:
            if not isinstance(part, torch.jit.ScriptModule):
                self._follow(path, part)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _follow(self, path: str, part: nn.Module) -> None:
        def before(_module: nn.Module, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
            call = self._counts[path]
            self._counts[path] += 1
            self._running.append((path, call))
            if self._on_input is not None:
                given = (value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor))
                self._on_input(path, call, next(given, None))

        def after(_module: nn.Module, _args: tuple[object, ...], output: object) -> object:
            # Also called when the module raised, even before it was entered: then there is nothing to tell.
            if not self._running or self._running[-1][0] != path:
                return None
            call = self._running.pop()[1]
            if self._on_output is None or output is None:
                return None
            return self._on_output(path, call, output)

        self._handles.append(part.register_forward_pre_hook(before, with_kwargs=True))
        self._handles.append(part.register_forward_hook(after, always_call=True))


class ActivationCalls(TorchFunctionMode):
    """Context that follows calls of activation functions, such as ``F.relu``, by the module that makes them.

    Also sees the function inside ``nn.ReLU`` and its like; their owner is then that module.

    Args:
        tracker: An entered tracker of all modules, for the owner.
        on_activation: Called as ``on_activation(owner, call, function, output)``, where ``call`` counts all
            activation functions of that owner from 0; what it returns, unless None, replaces the output.
    """

    def __init__(self, tracker: CallTracker, *, on_activation: ActivationCallback | None = None) -> None:
        """Prepare; nothing is followed yet."""
        super().__init__()
        self._tracker = tracker
        self._on_activation = on_activation
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Follow the calls and count from 0."""
        self._counts.clear()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Run the function, then tell who called it."""
        kwargs = kwargs or {}
        output: object = func(*args, **kwargs)
        name = getattr(func, "__name__", "").partition(".")[0]
        self.seen(name, args, kwargs, output)
        if name not in ACTIVATION_FUNCTIONS or not isinstance(output, torch.Tensor):
            return output
        owner = self._tracker.owner
        call = self._counts[owner]
        self._counts[owner] += 1
        if self._on_activation is None:
            return output
        replaced = self._on_activation(owner, call, name, output)
        return output if replaced is None else replaced

    def seen(self, name: str, args: tuple[object, ...], kwargs: Mapping[str, object], output: object) -> None:
        """Hook for subclasses: every torch function by name, after it ran."""
