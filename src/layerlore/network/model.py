"""A torch module with its preprocessing, class names and explainable layers."""

from __future__ import annotations

import hashlib
import itertools
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import nn

from layerlore.errors import ModelError
from layerlore.network.names import ClassNames, check_count, numbered_names, read_class_names
from layerlore.network.preprocess import Preprocess, as_preprocess
from layerlore.network.state import undisturbed
from layerlore.network.view import seen_part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from layerlore.network.layers import LayerTable
    from layerlore.network.photos import Photo
    from layerlore.network.preprocess import Box, PreprocessLike

# What a module's forward may raise on an input it does not take; anything else is a fault of ours.
_FORWARD_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    AssertionError,
    IndexError,
    KeyError,
    AttributeError,
)


class Network:
    """A torch module with its preprocessing, class names and explainable layers.

    One forward pass on a flat grey photo checks at once that the output is (N, classes). The module's training flags,
    gradients and random state stay as they were; it moves only if ``device`` is given.

    Attributes:
        module: The module, unwrapped from ``DataParallel`` and ``torch.compile``.
        preprocess: From a PIL image in RGB to the input tensor.
        classes: Names, WordNet ids and synonyms of the classes.
        name: In readable words, such as ``EfficientNet-Lite0``.
        spec: What :func:`load_network` was asked for, or the module's type.
        device: Where the module is.
        input_size: (height, width) of the input.
        lock: Held while photos go through the module, so that threads take turns.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        preprocess: PreprocessLike | Callable[[Image.Image], torch.Tensor] | None = None,
        class_names: Sequence[str] | Path | str | ClassNames | None = None,
        name: str | None = None,
        spec: str | None = None,
        input_size: tuple[int, int] | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        """Wrap a module.

        Args:
            module: Takes (N, 3, H, W), returns logits (N, classes).
            preprocess: A :class:`Preprocess`, torchvision's preset, or any function from a PIL image to a tensor of
                shape (3, H, W). None: the module's own timm configuration if it has one, else ImageNet's mean
                and std.
            class_names: A list with one name per class, a text or JSON file of them, or "imagenet". None: ImageNet's if
                the module is timm's or torchvision's with as many classes, else "class 0", "class 1", ...
            name: In readable words; None: the module's class.
            spec: How the network can be loaded again; None: the module's type.
            input_size: (height, width) of the input; None: the preprocessing's.
            device: Move the module there; None: it stays where it is.

        Raises:
            ModelError: The module cannot be used: not a module, fails on the input, or its output is not
                (N, classes); or the class names do not fit.
        """
        self.module = unwrap(module)
        self.lock = threading.RLock()
        self.device = _place(self.module, device)
        kind = type(self.module)
        self.name = name or kind.__name__
        self.spec = spec or f"{kind.__module__}.{kind.__qualname__}"
        if preprocess is None and getattr(self.module, "pretrained_cfg", None):
            preprocess = timm_preprocess(self.module, input_size)
        self.preprocess = as_preprocess(preprocess, input_size)
        self.input_size = input_size or self._measured_size()
        count = self._count_classes()
        if class_names is None:
            self.classes = _known_names(self.module, count) or numbered_names(count)
        else:
            self.classes = read_class_names(class_names)
        check_count(self.classes, count, self.name)

    def __getstate__(self) -> dict[str, Any]:
        """All but the lock, which no other process could hold; what was found out about the network goes along."""
        return {key: value for key, value in self.__dict__.items() if key != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the attributes over, with a lock of this process."""
        self.__dict__.update(state)
        self.lock = threading.RLock()

    def __repr__(self) -> str:
        """Name the network, its input and its classes."""
        rows, columns = self.input_size
        return f"Network({self.name!r}, input {rows} x {columns}, {len(self.class_names)} classes, {self.device})"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Readable names of the classes, in the order of the outputs."""
        return self.classes.names

    @property
    def wnids(self) -> tuple[str, ...] | None:
        """WordNet ids of the classes, or None if unknown."""
        return self.classes.wnids

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the parameters, which the input must have too."""
        return next((p.dtype for p in self.module.parameters() if p.is_floating_point()), torch.float32)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the state dict: names, types, shapes and bytes of all tensors."""
        digest = hashlib.sha256()
        for name, tensor in self.module.state_dict().items():
            if not isinstance(tensor, torch.Tensor):
                digest.update(f"{name}:{tensor!r};".encode())
                continue
            digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @cached_property
    def layers(self) -> LayerTable:
        """The explainable layers, shallow to deep.

        Raises:
            NotACNNError: There are none.
        """
        from layerlore.network.layers import find_layers

        return find_layers(self.module, self.input_size, self.device)

    def prepare(self, photo: Photo) -> torch.Tensor:
        """Return the network's input for a photo: float32 of shape (3, H, W), in main memory.

        Raises:
            ModelError: The preprocessing returned another shape, or values that are not finite.
        """
        with torch.inference_mode(mode=False):  # else autograd could not use it later
            tensor = self.preprocess(photo.image)
        if tuple(tensor.shape) != (3, *self.input_size):
            raise ModelError(
                f"{photo.name}: the preprocessing returned shape {tuple(tensor.shape)} instead of "
                f"{(3, *self.input_size)}; it must give every photo the same size"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{photo.name}: the preprocessing returned NaN or infinite values; check its mean and std")
        return tensor.cpu()

    def view(self, photo: Photo, *, side: int = 448) -> Image.Image:
        """Return the part of the photo that the network sees, for people; maps lie over it edge to edge.

        Args:
            photo: The photo.
            side: Longest side in pixels. It is less where neither the photo nor the network's input has as much
                detail.
        """
        box = self.seen_box(photo)
        return seen_part(photo.image, box, self.input_size, background=self.background, side=side)

    def seen_box(self, photo: Photo) -> Box:
        """Part of the photo that the network sees: (left, top, right, bottom) in its pixels, to 1/100."""
        left, top, right, bottom = self.preprocess.box(*photo.image.size)
        return round(left, 2), round(top, 2), round(right, 2), round(bottom, 2)

    @property
    def background(self) -> tuple[int, int, int]:
        """Colour of what the network sees beyond the photo's edges."""
        if isinstance(self.preprocess, Preprocess) and self.preprocess.fit == "pad":
            red, green, blue = (round(255 * value) for value in self.preprocess.mean)
            return red, green, blue
        return 0, 0, 0

    def find_class(self, target: int | str) -> int:
        """Return the index of a class asked for by index, WordNet id or name; see :meth:`ClassNames.find`.

        Raises:
            TargetError: No class has this name, or several have it.
        """
        return self.classes.find(target)

    def check_output(self, output: torch.Tensor, batch: int) -> None:
        """Check that an output is logits of shape (N, classes).

        Raises:
            ModelError: It is not.
        """
        wanted = f"{self.name} must return logits of shape (N, classes)"
        if not isinstance(output, torch.Tensor):
            raise ModelError(
                f"{wanted}, but returned {type(output).__name__}; wrap it in a module that returns the logits alone"
            )
        if output.ndim != 2 or output.shape[0] != batch:
            raise ModelError(
                f"{wanted}, but returned shape {tuple(output.shape)} for {batch} photo{'s' * (batch != 1)}; "
                "is it a classifier with its head?"
            )
        if not output.is_floating_point():
            raise ModelError(f"{wanted}, but returned {output.dtype}; return the scores before argmax")
        if output.shape[1] < 2:
            raise ModelError(f"{wanted} with at least two classes, but returned one; add the other class's score")
        _check_values(output.detach(), wanted)

    def _measured_size(self) -> tuple[int, int]:
        """(height, width) that the preprocessing produces."""
        if isinstance(self.preprocess, Preprocess):
            return self.preprocess.size
        shape = self.preprocess(Image.new("RGB", (256, 256), (128, 128, 128))).shape
        return int(shape[-2]), int(shape[-1])

    def _count_classes(self) -> int:
        """Number of classes, from one forward pass on a flat grey photo."""
        with undisturbed(self.module), torch.no_grad():
            inputs = torch.zeros(1, 3, *self.input_size, device=self.device, dtype=self.dtype)
            try:
                output = self.module(inputs)
            except _FORWARD_ERRORS as error:
                reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
                raise ModelError(
                    f"{self.name} fails on an input of shape {tuple(inputs.shape)} ({reason}); "
                    "check input_size= and preprocess=, and that the module takes float32 RGB photos"
                ) from error
        self.check_output(output, 1)
        return int(output.shape[1])


def _check_values(output: torch.Tensor, wanted: str) -> None:
    """Refuse scores that are not finite, and probabilities where logits are needed."""
    if not bool(torch.isfinite(output).all()):
        raise ModelError(
            f"{wanted}, but returned NaN or infinite values; check its weights, and that the preprocessing fits it"
        )
    total = output.float().sum(dim=1)
    sums_to_one = bool((total - 1).abs().max() < 1e-4) and bool((output >= 0).all())
    if sums_to_one and bool(((output > 0).sum(dim=1) > 1).all()):
        raise ModelError(f"{wanted}, but returned probabilities; remove the softmax at its end")


def unwrap(module: nn.Module) -> nn.Module:
    """Return the module inside ``DataParallel``, ``DistributedDataParallel`` and ``torch.compile``.

    Raises:
        ModelError: This is no module.
    """
    while True:
        inner = getattr(module, "_orig_mod", None)
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = module.module
        if not isinstance(inner, nn.Module):
            break
        module = inner
    if not isinstance(module, nn.Module):
        raise ModelError(f"a network is a torch.nn.Module, not {type(module).__name__}; call the class to make one")
    return module


def timm_preprocess(module: nn.Module, input_size: tuple[int, int] | None = None) -> Preprocess:
    """Return the preprocessing of a timm model's own configuration, at another input size where one is given."""
    from timm.data import config

    resolve: Any = config.resolve_data_config
    return Preprocess.from_timm(resolve({"input_size": input_size and (3, *input_size)}, model=module))


def _known_names(module: nn.Module, count: int) -> ClassNames | None:
    """Names of a timm or torchvision model that has its original classes."""
    from layerlore.network.names import imagenet_names

    config = getattr(module, "pretrained_cfg", None)
    if isinstance(config, dict):
        if config.get("num_classes") != count:
            return None
        labels = config.get("label_names")
        if labels:
            return read_class_names(list(labels))
        from timm.data.imagenet_info import infer_imagenet_subset

        subset = infer_imagenet_subset(config)
        return imagenet_names(subset) if subset else None
    if type(module).__module__.startswith("torchvision.models.") and count == 1000:
        return imagenet_names()
    return None


def _place(module: nn.Module, device: str | torch.device | None) -> torch.device:
    """Move the module if asked to, and say where it is."""
    if device is not None:
        try:
            target = torch.device(device)
            module.to(target)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = (str(error).splitlines() or [""])[0][:100]
            raise ModelError(
                f"device {str(device)!r} cannot be used ({reason}); leave it out to stay on the CPU"
            ) from error
    for tensor in itertools.chain(module.parameters(), module.buffers()):
        return tensor.device
    return torch.device("cpu")
