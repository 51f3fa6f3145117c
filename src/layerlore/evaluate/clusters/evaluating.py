"""All that can be measured of the clusters of one explanation, in one call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from layerlore.errors import SettingError
from layerlore.evaluate.clusters.games import score_game
from layerlore.evaluate.clusters.records import ClusterEvaluation, GameScore, LayerEvaluation, Stability
from layerlore.evaluate.clusters.stability import agreement, paired_cosine, separation, some_of_the_maps
from layerlore.local.capture import Capture, as_input, capture
from layerlore.local.clustering import Clustering, Method, cluster_maps
from layerlore.local.coalitions import MOST_PLAYERS, all_coalitions, without_absent
from layerlore.local.explain import KeptMaps, Settings, explain_layer, keep_maps
from layerlore.local.partial import Prefix
from layerlore.local.removing import Way, Without, logits_without
from layerlore.local.weights import guided_weights
from layerlore.network.photos import Photo, read_photo
from layerlore.network.state import undisturbed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.local.explain import PhotoSource
    from layerlore.local.explanation import Explanation, LayerExplanation
    from layerlore.network.layers import Layer
    from layerlore.network.model import Network

WAYS: tuple[Way, ...] = ("zero", "mean")
NOISE = 1.0
"""Standard deviation of the noise that nobody sees, in steps of 255."""
CHANGED = ("noise", "flip")


def evaluate_clusters(
    network: Network, photo: PhotoSource, explanation: Explanation, *, seed: int = 0, stability: bool = True
) -> ClusterEvaluation:
    """Measure the clusters of an explanation: faithful, complete, stable, apart.

    Runs the rest of the network for all 2^k coalitions of the k shown clusters of each layer, twice; and clusters the
    maps of the photo anew with another seed, from four fifths of them, with noise that nobody sees, mirrored, and with
    shuffled places. With ``paper`` that takes a t-SNE for each.

    Args:
        network: The network that was explained.
        photo: The photo that was explained.
        explanation: Its explanation.
        seed: Seed of everything random here.
        stability: Also measure stability and silhouettes.

    Returns:
        What was found, layer by layer.

    Raises:
        SettingError: The explanation is of another photo or network.
    """
    read = read_photo(photo)
    _check_same(network, read, explanation)
    layers = network.layers.select([layer.name for layer in explanation.layers])
    inputs = network.prepare(read)[None]
    settings = Settings(cast("Method", explanation.method), explanation.seed, ablation=False, flow=False)
    calls = 2  # the prefix traces and keeps
    with network.lock:
        with undisturbed(network.module), torch.no_grad():
            runner = _Runner(network, as_input(network, inputs), layers, explanation.target.index)
            games = [
                {way: _game(runner, n, one, way, seed) for way in WAYS} for n, one in enumerate(explanation.layers)
            ]
        calls += runner.copies
        changes: list[dict[str, Stability]] = [{} for _ in layers]
        apart: list[tuple[float | None, float | None]] = [(None, None)] * len(layers)
        if stability:
            batch = torch.cat([inputs, network.prepare(_noisy(read, seed))[None], inputs.flip(3)])
            captured = capture(network, batch, [explanation.target.index] * len(batch), layers)
            calls += 2 * len(batch)
            changes, apart = _stabilities(captured, settings, seed)
    return ClusterEvaluation(
        layers=tuple(
            LayerEvaluation(
                name=layer.name,
                clusters=len(layer.clusters),
                zero=game["zero"],
                mean=game["mean"],
                mass=layer.shown_weight / 100,
                stability=change,
                silhouette=own,
                null_silhouette=null,
            )
            for layer, game, change, (own, null) in zip(explanation.layers, games, changes, apart, strict=True)
        ),
        first="importance" if any(x.importance_shares is not None for x in explanation.layers) else "weight",
        method=explanation.method,
        seed=seed,
        model_calls=calls,
    )


def _check_same(network: Network, photo: Photo, explanation: Explanation) -> None:
    known = explanation.provenance.get("network", {}).get("fingerprint")
    if known and known != network.fingerprint:
        raise SettingError(
            f"{explanation.photo.name} was explained for a network with weights {known[:8]}, {network.name} has "
            f"{network.fingerprint[:8]}; load the same weights, or explain again"
        )
    if photo.image_id != explanation.photo.image_id:
        raise SettingError(
            f"the explanation is of {explanation.photo.name} ({explanation.photo.image_id}), the photo is {photo.name} "
            f"({photo.image_id}); give the photo that was explained"
        )


@dataclass
class _Runner:
    """The rest of the network for changed copies of one photo; counts them."""

    network: Network
    inputs: torch.Tensor
    layers: Sequence[Layer]
    target: int
    copies: int = 0

    def __post_init__(self) -> None:
        """Keep what comes before each layer."""
        self.prefix = Prefix(self.network.module, self.inputs, self.layers)

    def scores(self, position: int, copies: Sequence[Without]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logit and probability of the class for each copy."""
        self.copies += len(copies)
        logits = logits_without(self.network, self.prefix, self.inputs, position, self.layers[position], copies)
        return logits[:, self.target].cpu().numpy(), logits.softmax(1)[:, self.target].cpu().numpy()


def _game(runner: _Runner, position: int, layer: LayerExplanation, way: Way, seed: int) -> GameScore | None:
    players = len(layer.clusters)
    if not 1 <= players <= MOST_PLAYERS:
        return None
    copies = without_absent([cluster.channels for cluster in layer.clusters], all_coalitions(players), way)
    logits, probabilities = runner.scores(position, [*copies, Without(tuple(range(layer.channels)), way)])
    numbers = {"weight": [cluster.weight for cluster in layer.clusters]}
    if layer.importance_shares is not None:
        numbers["importance"] = list(layer.importance_shares)
    generator = np.random.default_rng([seed, position])
    return score_game(logits[:-1], probabilities[:-1], float(logits[-1]), numbers, generator)


def _noisy(photo: Photo, seed: int) -> Photo:
    """The photo with noise that nobody sees."""
    from PIL import Image

    pixels = np.asarray(photo.image.convert("RGB"), dtype=np.float64)
    noise = np.random.default_rng(seed).normal(0, NOISE, pixels.shape)
    noisy = Image.fromarray(np.rint(np.clip(pixels + noise, 0, 255)).astype(np.uint8))
    return replace(photo, image=noisy)


@dataclass(frozen=True)
class _Grouped:
    """The kept maps of a layer of one photo, their clusters, and what is shown of them."""

    kept: KeptMaps
    clustering: Clustering
    shown: LayerExplanation

    @property
    def groups(self) -> Mapping[int, int]:
        """Kept channel to its cluster, dropped clusters included."""
        return dict(zip(self.kept.index.tolist(), self.clustering.labels.tolist(), strict=True))


def _grouped(captured: Capture, position: int, number: int, settings: Settings) -> _Grouped:
    activations, gradients = captured.activations[position], captured.gradients[position]
    weights = guided_weights(activations[number : number + 1], gradients[number : number + 1])[0].cpu().numpy()
    kept = keep_maps(activations[number], gradients[number], weights, settings.method)
    clustering = cluster_maps(kept.maps, method=settings.method, seed=settings.seed)
    return _with_clusters(captured.layers[position], kept, clustering, settings)


def _with_clusters(layer: Layer, kept: KeptMaps, clustering: Clustering, settings: Settings) -> _Grouped:
    return _Grouped(kept, clustering, explain_layer(layer, kept, clustering, depth=1, method=settings.method))


def _stabilities(
    captured: Capture, settings: Settings, seed: int
) -> tuple[list[dict[str, Stability]], list[tuple[float | None, float | None]]]:
    """Stability under each change, and silhouettes, for each layer; the capture is of the photo and its changes."""
    other = replace(settings, seed=(settings.seed + 1) % 2**32)
    changes, apart = [], []
    for position, layer in enumerate(captured.layers):
        generator = np.random.default_rng([seed, position])
        own = _grouped(captured, position, 0, settings)
        again = cluster_maps(own.kept.maps, method=settings.method, seed=other.seed)
        picked = some_of_the_maps(len(own.kept.index), generator)
        part = cluster_maps(own.kept.maps[picked], method=settings.method, seed=settings.seed)
        groups = dict(zip(own.kept.index[picked].tolist(), part.labels.tolist(), strict=True))
        found = {
            "seed": _alike(own, _with_clusters(layer, own.kept, again, settings), mirrored=False),
            "channels": Stability(agreement(own.groups, groups), None),
        }
        for number, name in enumerate(CHANGED, start=1):
            found[name] = _alike(own, _grouped(captured, position, number, settings), mirrored=name == "flip")
        changes.append(found)
        apart.append(
            separation(
                own.kept.maps, own.clustering.labels, method=settings.method, seed=settings.seed, generator=generator
            )
        )
    return changes, apart


def _alike(one: _Grouped, other: _Grouped, *, mirrored: bool) -> Stability:
    maps = [np.fliplr(cluster.map) if mirrored else cluster.map for cluster in other.shown.clusters]
    return Stability(
        agreement(one.groups, other.groups), paired_cosine([cluster.map for cluster in one.shown.clusters], maps)
    )
