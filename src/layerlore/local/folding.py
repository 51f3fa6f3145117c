"""The explanation of all layers in one map, and that map put right by asking the network.

Folding adds the layers' maps up and costs nothing. What it says about the order of places can be tested: show the
photo in that order and see how soon the class is there, take it away and see how soon it is lost. Correcting does so,
and raises the map where the class's probability would have risen most. The gradient by a mask over the photo is from
Fong and Vedaldi, "Interpretable Explanations of Black Boxes by Meaningful Perturbation", ICCV 2017; summing it over
several degrees of covering from Qi, Khorram and Li, "Visualizing Deep Networks by Optimizing with Integrated
Gradients", AAAI 2020. Here the start is the folded map, and what is shown follows the map's own order.
``bench/folding.py`` has the scores by which this was chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.errors import GradientError, LayerError, SettingError
from layerlore.local.capture import as_input
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from layerlore.local.explanation import Explanation, LayerExplanation
    from layerlore.network.model import Network

ROUNDS = 8
"""Corrections, one after the other."""

STEP = 0.4
"""How far one correction moves the map at most, as a share of the folded map's range."""

SHARES = (0.05, 0.1, 0.2, 0.35)
"""Shares of the photo that are shown and, in other pictures, hidden; the highest of the map first."""

WIDER = (1.25, 0.75)
"""Factors of the shares, by turns, so that no one share decides."""

BLUR, EDGE, GRAIN = 10 / 224, 4 / 224, 8 / 224
"""Standard deviations as shares of the longer side: of the blur that hides, of the edges of what is shown, and of what
the correction is smoothed with, since a single pixel's gradient is noise."""

BELOW = 0.05
"""Where the corrections came out below zero the class is more probable without the place: hardly to be seen in a map,
but in its order, which insertion and deletion test."""

HIDE = {"both": ("blur", "colour"), "blur": ("blur",), "colour": ("colour",)}
"""What takes the place of what is not shown, by turns: two, so that neither's own edges or tones decide."""

CHUNK = 4
"""Pictures in one pass forwards and backwards; more cost memory and win no time."""


def fold(layers: Sequence[LayerExplanation], size: tuple[int, int], *, method: str = "stable") -> NDArray[np.float64]:
    """One map out of the shown cluster maps of all layers.

    Each cluster map, its lowest value at 0, is added with a factor: for ``stable`` the map's peak, since the maps of a
    layer are sums on one scale, for ``paper`` the cluster's weight *W*, the map's highest value at 1, since a mean
    tells nothing of what the cluster weighs. Each layer counts as much as another: it is scaled to a sum of 1.

    Args:
        layers: The layers of one photo.
        size: Height and width of the map.
        method: How the clusters were found and merged: ``stable`` or ``paper``.

    Returns:
        The map in [0, 1], shape ``size``; all zero where no layer shows a place.

    Raises:
        LayerError: There is no layer.
    """
    if not layers:
        raise LayerError("there is no layer to fold; explain at least one")
    total = np.zeros(size)
    for layer in layers:
        shown = [cluster for cluster in layer.clusters if not cluster.constant]
        maps = [one.map.astype(np.float64) * (one.weight if method == "paper" else one.peak) for one in shown]
        summed = upsample(np.sum(maps, axis=0), size) if maps else np.zeros(size)
        if summed.any():
            total += summed / summed.sum()
    return _scaled(total)


def fold_explanation(explanation: Explanation) -> NDArray[np.float32]:
    """The whole explanation in one map over the network's input, float32 in [0, 1]; needs no network."""
    rows, columns = explanation.provenance["network"]["input_size"]
    return fold(explanation.layers, (rows, columns), method=explanation.method).astype(np.float32)


def correct(
    network: Network,
    inputs: torch.Tensor,
    target: int,
    heat: NDArray[np.float64],
    *,
    rounds: int = ROUNDS,
    hide: str = "both",
) -> tuple[NDArray[np.float64], int]:
    """Put a map right by asking the network about photos that are shown and hidden in the map's order.

    In each round the brightest places of the map, four shares of the photo, are shown on a photo without detail, and
    in four more pictures hidden: blurred in one round, in the photo's mean colour in the next. The gradient of the
    class's probability by what is shown, summed over the eight pictures and smoothed, is added to the map.

    Args:
        network: The network.
        inputs: The photo preprocessed, shape (1, 3, H, W).
        target: Index of the class.
        heat: The map to begin with, shape (H, W).
        rounds: How often; each costs eight pictures forwards and backwards.
        hide: What takes the place of what is not shown: ``colour``, ``blur`` or, by turns, ``both``.

    Returns:
        The map, shape (H, W), scaled to [0, 1], and how many pictures went through the network, forwards and backwards
        counted each.

    Raises:
        SettingError: ``hide`` is something else.
        GradientError: The class's probability has no gradient at the photo.
    """
    turns = grounds(rounds, hide)
    asked = 0
    heat = _scaled(heat)
    with network.lock, undisturbed(network.module):
        photo = as_input(network, inputs)
        hidden = {how: _hidden(photo, how) for how in set(turns)}
        for turn, how in enumerate(turns):
            shown = _shown(heat, [share * WIDER[turn % len(WIDER)] for share in SHARES])
            slope = _slope(network, photo, hidden[how], shown, target)
            slope = smooth(slope, GRAIN)
            asked += 2 * len(shown)
            if slope.any():
                heat = heat + STEP * slope / np.abs(slope).max()
    return _above(heat), asked


def grounds(rounds: int = ROUNDS, hide: str = "both") -> tuple[str, ...]:
    """What takes the place of what is not shown, ``blur`` or ``colour``, in each round of a correction.

    Raises:
        SettingError: ``hide`` is something else.
    """
    if hide not in HIDE:
        raise SettingError(f"hide is {hide!r}; choose one of {', '.join(HIDE)}")
    return tuple(HIDE[hide][turn % len(HIDE[hide])] for turn in range(rounds))


def upsample(values: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """A map at another size, bilinear as the network's pixels lie."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))[None, None]
    return np.asarray(torch.nn.functional.interpolate(tensor, size, mode="bilinear", align_corners=False)[0, 0].numpy())


def smooth(values: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """A Gaussian over the last two axes; its standard deviation is a share of the longer side."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(values, share * max(values.shape[-2:]), mode="nearest", axes=(-2, -1)))


def _scaled(heat: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the lowest to the highest value scaled to [0, 1]; zero where all are one."""
    low, high = float(heat.min()), float(heat.max())
    return (heat - low) / (high - low) if high > low else np.zeros_like(heat)


def _above(heat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scaled to [0, 1], with all that is below zero squeezed into the lowest ``BELOW`` of it; no order changes."""
    low, high = float(heat.min()), float(heat.max())
    if low >= 0 or high <= 0:
        return _scaled(heat)
    return np.where(heat < 0, BELOW * (1 - heat / low), BELOW + (1 - BELOW) * np.maximum(heat, 0) / high)


def _shown(heat: NDArray[np.float64], shares: Sequence[float]) -> NDArray[np.float64]:
    """What is seen of the photo in each picture, shape (2 n, H, W) in [0, 1]: n shares shown, then n hidden."""
    places = np.empty(heat.size, dtype=np.intp)
    places[np.argsort(-heat, axis=None, kind="stable")] = np.arange(heat.size)
    bright = np.stack([places < share * heat.size for share in shares]).reshape(-1, *heat.shape)
    soft = smooth(bright.astype(np.float64), EDGE)
    return np.concatenate([soft, 1 - soft])


def _slope(
    network: Network, photo: torch.Tensor, hidden: torch.Tensor, shown: NDArray[np.float64], target: int
) -> NDArray[np.float64]:
    """Gradient of the class's probability by what is shown, summed over the pictures: shape (H, W)."""
    total = np.zeros(shown.shape[1:])
    for masks in _chunks(torch.from_numpy(shown[:, None]).to(photo)):
        masks.requires_grad_()
        logits = network.module(hidden + masks * (photo - hidden))
        network.check_output(logits, len(masks))
        probability = logits.softmax(dim=1)[:, target].sum()
        if not probability.requires_grad:
            raise GradientError(
                f"the class's score of {network.name} has no gradient at the photo; remove torch.no_grad or detach "
                "from the network, or ask for no rounds of correction"
            )
        (slope,) = torch.autograd.grad(probability, masks)
        total += slope.sum(dim=(0, 1)).double().cpu().numpy()
    return total


def _chunks(masks: torch.Tensor) -> Iterator[torch.Tensor]:
    for start in range(0, len(masks), CHUNK):
        yield masks[start : start + CHUNK].clone()


def _hidden(photo: torch.Tensor, how: str) -> torch.Tensor:
    """The photo without detail, same shape (1, 3, H, W)."""
    if how == "colour":
        return photo.mean(dim=(2, 3), keepdim=True).expand_as(photo)
    return torch.from_numpy(smooth(photo.double().cpu().numpy(), BLUR)).to(photo)
