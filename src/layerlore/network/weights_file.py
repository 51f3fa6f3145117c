"""Weights from files that need not be trusted: nothing in them is ever run."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import torch

from layerlore.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

# Under these keys training programs keep the weights beside their own state, best first.
_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read name -> tensor from a ``.safetensors`` file, or one by ``torch.save`` that holds only tensors.

    Raises:
        ModelError: The file cannot be read, or holds objects whose loading would run code.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such weights file; check the path")
    content = _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read_torch(path)
    for key in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    tensors = (
        {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}
        if isinstance(content, dict)
        else {}
    )
    if not tensors:
        raise ModelError(f"{path}: no weights in it; save module.state_dict()")
    for prefix in ("module.", "_orig_mod."):  # left by DataParallel and torch.compile
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors


def fill_module(module: nn.Module, tensors: dict[str, torch.Tensor], source: str) -> None:
    """Copy weights into a module, all or none.

    Raises:
        ModelError: Names or shapes are not the module's.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in tensors]
    unknown = [name for name in tensors if name not in own]
    if missing or unknown:
        what = " and ".join(
            f"{len(names)} {kind} (first {names[0]!r})"
            for kind, names in (("missing", missing), ("unknown", unknown))
            if names
        )
        raise ModelError(
            f"{source}: these are weights of another network: tensors {what}; name the model they belong to"
        )
    for name, tensor in own.items():
        if tensor.shape != tensors[name].shape:
            raise ModelError(
                f"{source}: {name!r} has shape {tuple(tensors[name].shape)}, but the network's has "
                f"{tuple(tensor.shape)}; if only the number of classes differs, give class_names= of the file's classes"
            )
    module.load_state_dict(tensors)


def _read_safetensors(path: Path) -> dict[str, Any]:
    """Read a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: not a whole safetensors file ({error}); save or download it again") from error


def _read_torch(path: Path) -> Any:  # noqa: ANN401 whatever was saved
    """Read what ``torch.save`` wrote, refusing everything but plain containers of tensors."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: refused, because reading it could run code that came with it; save the weights alone with "
            "torch.save(module.state_dict(), FILE) or as .safetensors"
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path}: not a readable file of weights; save module.state_dict() with torch.save or as .safetensors"
        ) from error
