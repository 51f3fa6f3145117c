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
        rounding: How the longer side after resizing and the offset of the crop become whole pixels: ``down`` cuts
            the side and rounds the offset, as torchvision and timm do; ``nearest`` rounds the side and cuts the
            offset. One pixel at most, but seen in the probabilities.
    """

    size: tuple[int, int] = (224, 224)
    resize: int | tuple[int, int] | None = None
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    fit: Literal["crop", "pad"] = "crop"
    rounding: Literal["down", "nearest"] = "down"

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
        whole: Callable[[float], int] = int if self.rounding == "down" else round
        if width <= height:
            return short, whole(short * height / width)
        return whole(short * width / height), short

    def _offset(self, width: int, height: int) -> tuple[int, int]:
        """(left, top) of the crop in the resized photo; negative where the input is padded."""
        rows, columns = self.size
        return self._middle(width - columns), self._middle(height - rows)

    def _middle(self, spare: int) -> int:
        """Half of the spare pixels, as a whole number."""
        if spare < 0:
            return -(-spare // 2)
        # Python rounds halves to even, and so does torchvision.
        return round(spare / 2) if self.rounding == "down" else spare // 2

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
        try:
            tensor = self.function(image)
        except Exception as error:  # somebody else's code may raise anything
            raise ModelError(
                f"the preprocessing failed ({type(error).__name__}: {error}); it must take a PIL image in RGB"
            ) from error
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
        dark, light = (self(Image.new("RGB", (width, height), (level, level, level))) for level in (0, 255))
        if dark.shape != light.shape or not bool(((light - dark) > 1e-3).all()):
            return whole
        left_right = _ramp_ends(self, dark, light, (width, height), axis=1)
        top_bottom = _ramp_ends(self, dark, light, (width, height), axis=0)
        if left_right is None or top_bottom is None:
            return whole
        return left_right[0] * width, top_bottom[0] * height, left_right[1] * width, top_bottom[1] * height


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


def _ramp_ends(
    function: Callable[[Image.Image], torch.Tensor],
    dark: torch.Tensor,
    light: torch.Tensor,
    size: tuple[int, int],
    *,
    axis: int,
) -> tuple[float, float] | None:
    """Where the first and the last pixel of the input begin and end along a side of the photo, as shares of it.

    Args:
        function: The preprocessing.
        dark: What it makes of a black photo, shape (3, H, W).
        light: What it makes of a white one.
        size: (width, height) of the photo.
        axis: 0 = down, 1 = across.

    Returns:
        None where the ramp does not come out as a rising line.
    """
    width, height = size
    length = (height, width)[axis]
    levels = np.rint((np.arange(length) + 0.5) / length * 255).astype(np.uint8)
    ramp = np.broadcast_to(levels[:, None] if axis == 0 else levels, (height, width))
    seen = function(Image.fromarray(np.ascontiguousarray(ramp)).convert("RGB"))
    if seen.shape != dark.shape:
        return None
    profile = ((seen - dark) / (light - dark)).mean(dim=(0, 2 - axis)).double().numpy()
    places = np.arange(len(profile)) + 0.5
    # Resizing bends the ends of a ramp a little, where the photo ends.
    inner = slice(2, -2) if len(profile) >= 8 else slice(None)
    slope, start = np.polyfit(places[inner], profile[inner], 1)
    off = float(np.abs(start + slope * places[inner] - profile[inner]).max())
    # Eight bits make steps of 1/255; more than two of them off the line is no plain resize and crop.
    if slope <= 0 or off > 2 / 255:
        return None
    return float(start), float(start + slope * len(profile))


def _three(values: Any) -> tuple[float, float, float]:  # noqa: ANN401 tuple, list or tensor
    """Three floats."""
    red, green, blue = (float(value) for value in values)
    return red, green, blue
