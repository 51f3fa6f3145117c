"""What a network still says of photos whose object is gone: the object's pixels are blurred away or filled.

Whatever is removed from a photo changes what a network says. So the same is done with a patch of the object's size and
shape beside it, where there is room: only what falls more without the object than without the patch falls for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from layerlore.classes.records import Elsewhere, Removal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from PIL import Image

    from layerlore.classes.collecting import ClassPhotos, PhotoFacts
    from layerlore.classes.objects import Box, ObjectRegion
    from layerlore.concepts.records import MapKey
    from layerlore.local.capture import Capture
    from layerlore.network.model import Network
    from layerlore.study.study import Study

How = Literal["blur", "fill", "none"]
HOW: tuple[How, ...] = get_args(How)

BATCH = 8
BLUR = 8
"""The blur's standard deviation is the longer side of the photo divided by this."""
GREY = (127, 127, 127)
GRID = 64
"""Places along each side that are tried for a patch."""
OVERLAP = 0.25
"""Of the object that a patch beside it may cover, so that there is room for it."""
DECIMALS = 6


def without_object(photo: Image.Image, region: ObjectRegion, how: How) -> Image.Image:
    """The photo with the object's pixels taken from a strongly blurred copy of it (``blur``), or grey (``fill``)."""
    return _without(photo, region.in_photo(), how)


def _without(photo: Image.Image, mask: Image.Image, how: How) -> Image.Image:
    from PIL import Image, ImageFilter

    if how == "fill":
        instead = Image.new("RGB", photo.size, GREY)
    else:
        instead = photo.filter(ImageFilter.GaussianBlur(max(photo.size) / BLUR))
    return Image.composite(instead, photo, mask)


def beside(mask: Image.Image, view: Box, generator: np.random.Generator) -> Image.Image | None:
    """The object's mask moved to where it covers the least of the object; what leaves on one side enters on the other.

    Args:
        mask: The object in the photo's pixels, 255 where it is.
        view: What the network sees of the photo; the mask is moved within it.
        generator: Chooses among places that are equally good.

    Returns:
        None where there is no room: the object is not seen, or too much of it would be covered.
    """
    from PIL import Image

    left, top = max(0, round(view[0])), max(0, round(view[1]))
    whole = np.asarray(mask) > 0
    seen = whole[top : round(view[3]), left : round(view[2])]
    if not seen.any():
        return None
    small = Image.fromarray(seen.astype(np.float32)).resize((GRID, GRID), Image.Resampling.BOX)
    # The overlap of a mask with itself moved, for all moves at once.
    overlap = np.fft.irfft2(np.abs(np.fft.rfft2(np.asarray(small, dtype=np.float64))) ** 2, (GRID, GRID))
    best = np.argwhere(overlap <= overlap.min() + 1e-6)
    down, right = best[generator.integers(len(best))] * seen.shape // GRID
    moved = np.roll(seen, (down, right), axis=(0, 1))
    if (moved & seen).sum() > OVERLAP * seen.sum():
        return None
    placed = np.zeros_like(whole)
    placed[top : round(view[3]), left : round(view[2])] = moved
    return Image.fromarray(np.where(placed, 255, 0).astype(np.uint8))


def measure_removal(
    study: Study, found: ClassPhotos, objects: Mapping[str, ObjectRegion], how: How, *, seed: int = 0
) -> tuple[Removal | None, dict[MapKey, tuple[float, float]]]:
    """Run the network on a class's photos with and without their object, and without as much beside it.

    What a cluster says for the class is the sum, over its channels and all positions, of activation times guided
    gradient, as its map shows it.

    Args:
        study: The study, whose network is loaded.
        found: Photos of the class.
        objects: image_id to where the object is.
        how: How to remove it; ``none`` measures nothing.
        seed: Of the places for patches beside the object, where several are equally good.

    Returns:
        What became of the class's score, or None where nothing could be measured: no object is given, or the photos
        are not explained for one class. And for each map what it says for the class with the object and without it.

    Raises:
        StudyError: The network cannot be loaded.
        PhotoError: A photo is gone or changed.
    """
    import torch

    from layerlore.local.capture import capture

    photos = [photo for photo in found.photos if photo.image_id in objects]
    if how == "none" or found.target is None or not photos:
        return None, {}
    network = study.load_network()
    layers = network.layers.select(list(found.layers))
    generator = np.random.default_rng(seed)
    says: dict[MapKey, tuple[float, float]] = {}
    told: list[_Told] = []
    for start in range(0, len(photos), BATCH):
        batch = photos[start : start + BATCH]
        whole, gone, patched = _inputs(study, network, batch, objects, how, generator)
        targets = [photo.target for photo in batch]
        with network.lock:
            captured = capture(network, torch.stack(whole + gone), targets + targets, layers)
        says |= _said(captured, batch)
        answers = _answers(captured.logits, targets + targets)
        room = [number for number, patch in enumerate(patched) if patch is not None]
        without_patch = _answers(
            _logits(network, [one for one in patched if one is not None]), [targets[number] for number in room]
        )
        elsewhere = dict(zip(room, without_patch, strict=True))
        told += [
            _Told(answers[number], answers[number + len(batch)], elsewhere.get(number)) for number in range(len(batch))
        ]
    return _summary(told, how, _blank_logit(network, found.target)), says


class _Answer(NamedTuple):
    """The class's logit and probability, and whether it is the answer."""

    logit: float
    probability: float
    right: bool


class _Told(NamedTuple):
    """What the network says of one photo: as it is, without the object, and without a patch beside it."""

    whole: _Answer
    gone: _Answer
    patched: _Answer | None


def _inputs(
    study: Study,
    network: Network,
    photos: Sequence[PhotoFacts],
    objects: Mapping[str, ObjectRegion],
    how: How,
    generator: np.random.Generator,
) -> tuple[list[torch.Tensor], list[torch.Tensor], list[torch.Tensor | None]]:
    """Photos as they are, without their objects, and without as much beside; None where there is no room."""
    whole: list[torch.Tensor] = []
    gone: list[torch.Tensor] = []
    patched: list[torch.Tensor | None] = []
    for one in photos:
        photo = study.photo(one.image_id)
        mask = objects[one.image_id].in_photo()
        patch = beside(mask, network.seen_box(photo), generator)
        whole.append(network.prepare(photo))
        gone.append(network.prepare(replace(photo, image=_without(photo.image, mask, how))))
        patched.append(
            None if patch is None else network.prepare(replace(photo, image=_without(photo.image, patch, how)))
        )
    return whole, gone, patched


def _said(captured: Capture, photos: Sequence[PhotoFacts]) -> dict[MapKey, tuple[float, float]]:
    says = {}
    for layer, activations, gradients in zip(captured.layers, captured.activations, captured.gradients, strict=True):
        total = (activations.clamp(min=0) * gradients.clamp(min=0)).sum(dim=(2, 3)).double().cpu()
        for number, photo in enumerate(photos):
            for one in photo.maps.get(layer.name, ()):
                channels = list(one.channels)
                with_it, without_it = total[number, channels].sum(), total[number + len(photos), channels].sum()
                says[one.key] = float(with_it), float(without_it)
    return says


def _answers(logits: torch.Tensor, targets: Sequence[int]) -> list[_Answer]:
    values = logits.double().cpu()
    probabilities, answers = values.softmax(dim=1), values.argmax(dim=1).tolist()
    return [
        _Answer(float(values[row, target]), float(probabilities[row, target]), answers[row] == target)
        for row, target in zip(range(len(values)), targets, strict=True)
    ]


def _logits(network: Network, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    import torch

    from layerlore.network.state import undisturbed

    if not inputs:
        return torch.zeros(0, 1)
    with network.lock, undisturbed(network.module), torch.no_grad():
        logits: torch.Tensor = network.module(torch.stack(list(inputs)).to(network.device, network.dtype))
    return logits


def _blank_logit(network: Network, target: int) -> float:
    """The class's logit for a photo that shows nothing."""
    from PIL import Image

    from layerlore.network.photos import Photo

    rows, columns = network.input_size
    blank = Photo(Image.new("RGB", (columns, rows), GREY), "grey", "0" * 16)
    return float(_logits(network, [network.prepare(blank)])[0, target])


def _summary(told: Sequence[_Told], how: How, blank: float) -> Removal:
    right = [one for one in told if one.whole.right]
    return Removal(
        how=how,
        photos=len(told),
        right=len(right),
        still=sum(one.gone.right for one in right),
        probability=round(sum(one.gone.probability for one in told) / len(told), DECIMALS),
        logit=_share([(one.whole, one.gone) for one in told], blank),
        elsewhere=_elsewhere(told, blank),
    )


def _elsewhere(told: Sequence[_Told], blank: float) -> Elsewhere | None:
    found = [(one.whole, one.gone, one.patched) for one in told if one.patched is not None]
    if not found:
        return None
    return Elsewhere(
        photos=len(found),
        right=sum(whole.right for whole, _, _ in found),
        still=sum(whole.right and patched.right for whole, _, patched in found),
        still_without=sum(whole.right and gone.right for whole, gone, _ in found),
        logit=_share([(whole, patched) for whole, _, patched in found], blank),
        logit_without=_share([(whole, gone) for whole, gone, _ in found], blank),
    )


def _share(pairs: Sequence[tuple[_Answer, _Answer]], blank: float) -> float:
    """Share of the class's logit above that of a blank photo that stays from the first to the second of each pair."""
    above = sum(before.logit - blank for before, _ in pairs)
    return round(sum(after.logit - blank for _, after in pairs) / above, DECIMALS) if above > 0 else 0.0
