"""What a network still says of photos whose object is gone: the object's pixels are blurred away or filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from layerlore.classes.records import Removal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from PIL import Image

    from layerlore.classes.collecting import ClassPhotos, PhotoFacts
    from layerlore.classes.objects import ObjectRegion
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
DECIMALS = 6


def without_object(photo: Image.Image, region: ObjectRegion, how: How) -> Image.Image:
    """The photo with the object's pixels taken from a strongly blurred copy of it (``blur``), or grey (``fill``)."""
    from PIL import Image, ImageFilter

    if how == "fill":
        instead = Image.new("RGB", photo.size, GREY)
    else:
        instead = photo.filter(ImageFilter.GaussianBlur(max(photo.size) / BLUR))
    return Image.composite(instead, photo, region.in_photo())


def measure_removal(
    study: Study, found: ClassPhotos, objects: Mapping[str, ObjectRegion], how: How
) -> tuple[Removal | None, dict[MapKey, tuple[float, float]]]:
    """Run the network on a class's photos with and without their object.

    What a cluster says for the class is the sum, over its channels and all positions, of activation times guided
    gradient, as its map shows it.

    Args:
        study: The study, whose network is loaded.
        found: Photos of the class.
        objects: image_id to where the object is.
        how: How to remove it; ``none`` measures nothing.

    Returns:
        What became of the class's score, or None where nothing could be measured: no object is given, or the photos
        are not explained for one class. And for each map what it says for the class with the object and without it.

    Raises:
        StudyError: The network cannot be loaded.
        PhotoError: A photo is gone or changed.
    """
    photos = [photo for photo in found.photos if photo.image_id in objects]
    if how == "none" or found.target is None or not photos:
        return None, {}
    network = study.load_network()
    layers = network.layers.select(list(found.layers))
    says: dict[MapKey, tuple[float, float]] = {}
    scores: list[_Scores] = []
    for start in range(0, len(photos), BATCH):
        batch = photos[start : start + BATCH]
        captured = _capture(study, network, batch, objects, how, layers)
        says |= _said(captured, batch)
        scores += _scores(captured, len(batch))
    return _summary(scores, how, _blank_logit(network, found.target)), says


_Scores = tuple[float, float, float, bool, bool]
"""Of one photo: logit with the object, logit and probability without it, whether each is answered with the class."""


def _capture(
    study: Study,
    network: Network,
    photos: Sequence[PhotoFacts],
    objects: Mapping[str, ObjectRegion],
    how: How,
    layers: Sequence[object],
) -> Capture:
    """One pass over photos as they are, and then, in the same order, without their objects."""
    import torch

    from layerlore.local.capture import capture
    from layerlore.network.photos import Photo

    whole, gone = [], []
    for one in photos:
        photo = study.photo(one.image_id)
        whole.append(network.prepare(photo))
        emptied = without_object(photo.image, objects[one.image_id], how)
        gone.append(network.prepare(Photo(emptied, photo.name, photo.image_id)))
    targets = [one.target for one in photos]
    with network.lock:
        return capture(network, torch.stack(whole + gone), targets + targets, layers)  # type: ignore[arg-type]


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


def _scores(captured: Capture, count: int) -> list[_Scores]:
    logits: torch.Tensor = captured.logits.double().cpu()
    probabilities, answers = logits.softmax(dim=1), logits.argmax(dim=1).tolist()
    return [
        (
            float(logits[number, target]),
            float(logits[number + count, target]),
            float(probabilities[number + count, target]),
            answers[number] == target,
            answers[number + count] == target,
        )
        for number, target in enumerate(captured.targets[:count])
    ]


def _blank_logit(network: Network, target: int) -> float:
    """The class's logit for a photo that shows nothing."""
    import torch
    from PIL import Image

    from layerlore.network.photos import Photo
    from layerlore.network.state import undisturbed

    rows, columns = network.input_size
    inputs = network.prepare(Photo(Image.new("RGB", (columns, rows), GREY), "grey", "0" * 16))[None]
    with network.lock, undisturbed(network.module), torch.no_grad():
        return float(network.module(inputs.to(network.device, network.dtype))[0, target])


def _summary(scores: Sequence[_Scores], how: How, blank: float) -> Removal:
    above = sum(logit - blank for logit, _, _, _, _ in scores)
    left = sum(logit - blank for _, logit, _, _, _ in scores)
    right = [still for _, _, _, was, still in scores if was]
    return Removal(
        how=how,
        photos=len(scores),
        right=len(right),
        still=sum(right),
        probability=round(sum(one[2] for one in scores) / len(scores), DECIMALS),
        logit=round(left / above, DECIMALS) if above > 0 else 0.0,
    )
