"""From an upright RGB photo to the tensor a network wants, and back: which part of the photo it sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from PIL import Image

from layerlore.errors import ModelError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Box = tuple[float, float, float, float]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@runtime_checkable
class PreprocessLike(Protocol):
    """What a network needs of its preprocessing."""

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Return the network's input for one RGB photo, float32 of shape (3, H, W)."""

    def box(self, width: int, height: int) -> Box:
        """Return the part of a photo of this size that is seen: (left, top, right, bottom) in its pixels."""


@dataclass(frozen=True)
class Preprocess:
    """Resize, crop the centre, scale to [0, 1], subtract ``mean``, divide by ``std``.

    Attributes:
        size: (height, width) of the network's input.
        resize: Length of the shorter side after resizing (of the longer one with ``fit="pad"``), or (height,
            width) where both sides are set and the aspect is lost. None = the size divided by 0.875, rounded down.
        interpolation: ``nearest``, ``box``, ``bilinear``, ``hamming``, ``bicubic`` or ``lanczos``.
        mean: Per channel, in units of [0, 1].
        std: Likewise.
        fit: ``crop`` keeps the aspect and cuts what hangs over; ``pad`` keeps the aspect and fills with the
            mean colour.
    """

    size: tuple[int, int] = (224, 224)
    resize: int | tuple[int, int] | None = None
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    fit: Literal["crop", "pad"] = "crop"

    def __post_init__(self) -> None:
        """Check the settings."""
        if min(self.size) < 1:
            raise SettingError(f"preprocessing to size {self.size} is impossible; both sides need at least one pixel")
        if self.interpolation.upper() not in Image.Resampling.__members__:
            known = ", ".join(name.lower() for name in Image.Resampling.__members__)
            raise SettingError(f"unknown interpolation {self.interpolation!r}; known are {known}")
        if min(self.std) <= 0:
            raise SettingError(f"preprocessing by std {self.std} is impossible; each value must be above 0")

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Return the network's input for one RGB photo, float32 of shape (3, H, W)."""
        resized = image.resize(self._resized(*image.size), Image.Resampling[self.interpolation.upper()])
        left, top = self._offset(*resized.size)
        fill = tuple(round(255 * value) for value in self.mean) if self.fit == "pad" else (0, 0, 0)
        pixels = _cut(resized, left, top, self.size, fill)
        tensor = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).to(torch.float32).div(255)
        mean = torch.tensor(self.mean, dtype=torch.float32).view(3, 1, 1)
        std = torch.tensor(self.std, dtype=torch.float32).view(3, 1, 1)
        return tensor.sub(mean).div(std).contiguous()

    def box(self, width: int, height: int) -> Box:
        """Return the part of the photo that is seen; it reaches beyond the photo where the input is padded."""
        resized_width, resized_height = self._resized(width, height)
        left, top = self._offset(resized_width, resized_height)
        across, down = width / resized_width, height / resized_height
        rows, columns = self.size
        return left * across, top * down, (left + columns) * across, (top + rows) * down

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after resizing, rounded as torchvision (crop) or timm (pad) round."""
        resize = self.resize
        if isinstance(resize, tuple):
            return resize[1], resize[0]
        rows, columns = self.size
        if self.fit == "pad" or (resize is None and rows != columns):
            edges = (math.floor(rows / 0.875), math.floor(columns / 0.875)) if resize is None else (resize, resize)
            ratios = (height / edges[0], width / edges[1])
            ratio = max(ratios) if self.fit == "pad" else min(ratios)
            return round(width / ratio), round(height / ratio)
        short = math.floor(rows / 0.875) if resize is None else resize
        if width <= height:
            return short, int(short * height / width)
        return int(short * width / height), short

    def _offset(self, width: int, height: int) -> tuple[int, int]:
        """(left, top) of the crop in the resized photo; negative where the input is padded."""
        rows, columns = self.size
        # Python rounds halves to even and the padding floors: both as torchvision does.
        left = round((width - columns) / 2) if width >= columns else -((columns - width) // 2)
        top = round((height - rows) / 2) if height >= rows else -((rows - height) // 2)
        return left, top

    @classmethod
    def from_timm(cls, config: Mapping[str, Any]) -> Preprocess:
        """Make the preprocessing that ``timm.data.resolve_data_config`` describes."""
        rows, columns = config["input_size"][-2:]
        ratio = config.get("crop_pct") or 0.875
        mode = config.get("crop_mode") or "center"
        edges = (math.floor(rows / ratio), math.floor(columns / ratio))
        resize: int | tuple[int, int] = edges if mode == "squash" else edges[0]
        interpolation = config.get("interpolation") or "bilinear"
        return cls(
            size=(rows, columns),
            resize=resize,
            interpolation="bilinear" if interpolation == "random" else interpolation,
            mean=_three(config["mean"]),
            std=_three(config["std"]),
            fit="pad" if mode == "border" else "crop",
        )

    @classmethod
    def from_torchvision(cls, transforms: Any) -> Preprocess:  # noqa: ANN401 torchvision's presets have no common type
        """Make the preprocessing that ``weights.transforms()`` of a torchvision classifier describes."""
        crop, resize = list(transforms.crop_size), list(transforms.resize_size)
        return cls(
            size=(crop[0], crop[-1]),
            resize=resize[0] if len(resize) == 1 else (resize[0], resize[1]),
            interpolation=str(transforms.interpolation.value),
            mean=_three(transforms.mean),
            std=_three(transforms.std),
        )


@dataclass(eq=False)
class CallablePreprocess:
    """A user's own function from a PIL image to a tensor of shape (3, H, W).

    The part of the photo that it sees is measured on ramps (:meth:`box`), unless ``seen`` is given.

    Attributes:
        function: (PIL image in RGB) -> tensor of shape (3, H, W), or (1, 3, H, W).
        seen: (width, height) of a photo -> (left, top, right, bottom), or None to measure it.
    """

    function: Callable[[Image.Image], Any]
    seen: Callable[[int, int], Box] | None = None
    _boxes: dict[tuple[int, int], Box] = field(default_factory=dict, repr=False)

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Return the network's input for one RGB photo, float32 of shape (3, H, W).

        Raises:
            ModelError: The function returned something else.
        """
        tensor = self.function(image)
        if isinstance(tensor, torch.Tensor) and tensor.ndim == 4 and tensor.shape[0] == 1:
            tensor = tensor[0]
        if not isinstance(tensor, torch.Tensor) or tensor.ndim != 3 or not tensor.is_floating_point():
            what = (
                f"a {tensor.dtype} tensor of shape {tuple(tensor.shape)}"
                if isinstance(tensor, torch.Tensor)
                else type(tensor).__name__
            )
            raise ModelError(
                f"the preprocessing returned {what}; it must return a floating tensor of shape (3, H, W) for one photo"
            )
        return tensor.detach().to(torch.float32)

    def box(self, width: int, height: int) -> Box:
        """Return the part of the photo that is seen; the whole photo where it cannot be told.

        Any resize and crop maps a ramp to a ramp, so the ends of the ramp that comes out say where the edges lie.
        """
        if self.seen is not None:
            return self.seen(width, height)
        if (width, height) not in self._boxes:
            self._boxes[width, height] = self._measure(width, height)
        return self._boxes[width, height]

    def _measure(self, width: int, height: int) -> Box:
        """Run the function on two flat greys and on a ramp along each side."""
        whole = (0.0, 0.0, float(width), float(height))
        dark = self(Image.new("RGB", (width, height), (0, 0, 0))).mean(dim=(1, 2))
        light = self(Image.new("RGB", (width, height), (255, 255, 255))).mean(dim=(1, 2))
        if not bool(((light - dark).abs() > 1e-6).all()):
            return whole
        edges = []
        for axis, length in ((2, width), (1, height)):
            levels = (np.arange(length) + 0.5) / length * 255
            shape = (1, length) if axis == 2 else (length, 1)
            ramp = np.broadcast_to(np.rint(levels).astype(np.uint8).reshape(shape), (height, width))
            seen = (self(Image.fromarray(np.ascontiguousarray(ramp)).convert("RGB")) - dark.view(-1, 1, 1)) / (
                light - dark
            ).view(-1, 1, 1)
            profile = seen.mean(dim=(0, 3 - axis)).double().numpy()
            ends = _ramp_ends(profile)
            if ends is None:
                return whole
            edges.append((ends[0] * length, ends[1] * length))
        (left, right), (top, bottom) = edges
        return left, top, right, bottom


def as_preprocess(given: Any, input_size: tuple[int, int] | None) -> PreprocessLike:  # noqa: ANN401 anything callable
    """Bring what a user gave as preprocessing to one form.

    Args:
        given: None (ImageNet's usual mean and std), a :class:`Preprocess`, torchvision's classification preset,
            an object with ``box``, or any callable.
        input_size: (height, width) of the network's input where ``given`` is None.

    Raises:
        ModelError: ``given`` is not callable.
    """
    if given is None:
        return Preprocess(size=input_size or (224, 224))
    if isinstance(given, Preprocess | CallablePreprocess):
        return given
    if all(hasattr(given, name) for name in ("crop_size", "resize_size", "mean", "std", "interpolation")):
        return Preprocess.from_torchvision(given)
    if isinstance(given, PreprocessLike):
        return given
    if callable(given):
        return CallablePreprocess(given)
    raise ModelError(
        f"preprocess= is {type(given).__name__}; give a function from a PIL image to a tensor of shape (3, H, W)"
    )


def _cut(image: Image.Image, left: int, top: int, size: tuple[int, int], fill: tuple[int, ...]) -> Image.Image:
    """Cut (height, width) at an offset; what lies outside is filled."""
    rows, columns = size
    inside = left >= 0 and top >= 0 and left + columns <= image.width and top + rows <= image.height
    if inside:
        return image.crop((left, top, left + columns, top + rows))
    canvas = Image.new("RGB", (columns, rows), fill)
    canvas.paste(image, (-left, -top))
    return canvas


def _ramp_ends(profile: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float] | None:
    """Values of a straight line at the outer edges of its first and last pixel; None if it is no rising line."""
    count = len(profile)
    places = np.arange(count) + 0.5
    slope, start = np.polyfit(places, profile, 1)
    # Eight bits make steps of 1/255; more than two of them off the line is no plain resize and crop.
    if slope <= 0 or float(np.abs(start + slope * places - profile).max()) > 2 / 255:
        return None
    return float(start), float(start + slope * count)


def _three(values: Any) -> tuple[float, float, float]:  # noqa: ANN401 tuple, list or tensor
    """Three floats."""
    red, green, blue = (float(value) for value in values)
    return red, green, blue
