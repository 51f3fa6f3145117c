"""What SISE and Ada-SISE share: gradients at several depths, one visualisation map for each, and their merging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.local.capture import as_input, channels_first, check_gradient, forward_with_maps
from layerlore.methods.downsampling import check_evidence, downsampling_layers
from layerlore.methods.masking import ask_masked, check_baseline, to_unit
from layerlore.methods.subject import Raw, check_count, check_output
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.methods.subject import Output, Subject
    from layerlore.network.layers import Layer

    Select = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Choice:
    """Options of both methods; see there."""

    layers: str | Sequence[str | int]
    output: str
    baseline: float
    batch: int


@dataclass(frozen=True, eq=False)
class Depth:
    """One layer of the cascade.

    Attributes:
        layer: Which.
        maps: Its feature maps, float32 of shape (K, h, w).
        slopes: Mean gradient of the class's score over each map, shape (K,), up to one factor for all layers.
        selected: Channels whose maps became masks.
        seen: Its visualisation map, shape (H, W) in [0, 1].
    """

    layer: Layer
    maps: torch.Tensor
    slopes: torch.Tensor
    selected: tuple[int, ...] = ()
    seen: torch.Tensor | None = None


def explain_by_cascade(
    subject: Subject, choice: Choice, *, select: Select, more: Mapping[str, object] | None = None
) -> Raw:
    """Explain by masks of several depths.

    Args:
        subject: Photo and class.
        choice: Options.
        select: From the mean gradients of a layer's maps, shape (K,), which of them become masks.
        more: Further settings to keep.
    """
    depths = see_depths(subject, choice, select)
    merged = merge([depth.seen for depth in depths if depth.seen is not None])
    rows, columns = subject.inputs.shape[2:]
    settings = {
        "layers": [depth.layer.name for depth in depths],
        "masks": [len(depth.selected) for depth in depths],
        **(more or {}),
        "output": choice.output,
        "baseline": choice.baseline,
    }
    values = np.zeros((rows, columns)) if merged is None else np.asarray(merged.double().numpy())
    return Raw(values, signed=False, model_calls=subject.asked, settings=settings)


def see_depths(subject: Subject, choice: Choice, select: Select) -> list[Depth]:
    """Every layer with its visualisation map; None instead where no map was selected.

    Raises:
        SettingError: An option is out of range.
        LayerError: There are no such layers, or their values are no evidence.
    """
    batch, baseline = check_count("batch", choice.batch, 1), check_baseline(choice.baseline)
    what = check_output(choice.output)
    network = subject.network
    layers = downsampling_layers(network) if choice.layers == "auto" else network.layers.select(choice.layers)
    check_evidence(layers, "SISE")
    depths = []
    for depth in _gradients(subject, layers, what):
        # A flat map hides nothing or everything; as a mask it would say nothing about places.
        varied = depth.maps.amax(dim=(1, 2)) > depth.maps.amin(dim=(1, 2))
        selected = (select(depth.slopes) & varied).nonzero()[:, 0]
        seen = None
        if len(selected):
            seen = visualise(subject, depth.maps[selected], what, baseline=baseline, batch=batch)
        depths.append(Depth(depth.layer, depth.maps, depth.slopes, tuple(selected.tolist()), seen))
    return depths


def _gradients(subject: Subject, layers: tuple[Layer, ...], output: Output) -> list[Depth]:
    """One forward and one backward pass.

    For the probability p the gradient is that of log p, which is the gradient of p divided by p: the selection only
    compares gradients of one layer, and this one does not vanish where p is small.
    """
    network = subject.network
    with network.lock, undisturbed(network.module):
        maps, logits = forward_with_maps(network, as_input(network, subject.inputs), layers)
        scores = logits.double()
        score = (scores.log_softmax(dim=1) if output == "probability" else scores)[0, subject.target]
        check_gradient(network, score)
        gradients = torch.autograd.grad(score, maps, allow_unused=True)
    subject.asked += 2
    found = []
    for layer, own, gradient in zip(layers, maps, gradients, strict=True):
        slopes = torch.zeros_like(own) if gradient is None else gradient
        mean = channels_first(slopes, layer)[0].double().mean(dim=(1, 2)).cpu()
        found.append(Depth(layer, channels_first(own.detach(), layer)[0].float().cpu(), mean))
    return found


def visualise(
    subject: Subject, maps: torch.Tensor, output: Output, *, baseline: float, batch: int, by_size: bool = True
) -> torch.Tensor:
    """Mean over the masks of score times mask divided by the mask's sum, scaled to [0, 1]; shape (H, W).

    Args:
        subject: Photo and class.
        maps: Those that become masks, shape (N, h, w), none of them flat.
        output: Score of the class.
        baseline: Value that hidden pixels fade to.
        batch: Masked photos that go through the network together.
        by_size: Divide by the mask's sum, so that a mask that shows nearly all of the photo gets little credit for
            each pixel.
    """
    total = torch.zeros(tuple(subject.inputs.shape[2:]), dtype=torch.float64)
    for masks, scores in ask_masked(subject, maps, output, baseline=baseline, batch=batch):
        shares = masks.double()
        if by_size:
            shares /= shares.sum(dim=(1, 2), keepdim=True)
        total += torch.einsum("n,nhw->hw", scores, shares)
    return to_unit((total / len(maps))[None])[0]


def merge(maps: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Merge visualisation maps of shape (H, W) shallow to deep; None if there is none."""
    merged: torch.Tensor | None = None
    for own in maps:
        if merged is None:
            merged = own
            continue
        threshold = otsu(own.numpy())
        merged = merged + own if threshold is None else (merged + own) * (own > threshold)
        merged = to_unit(merged[None])[0]
    return merged


def otsu(values: NDArray[np.float64]) -> float | None:
    """Otsu's threshold from 256 bins; None where all values are one."""
    from skimage.filters import threshold_otsu

    if values.max() == values.min():
        return None
    return float(threshold_otsu(values, nbins=256))  # type: ignore[no-untyped-call]
