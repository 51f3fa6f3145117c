"""Making the pictures of one photo: what a worker of the build does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.game.bundle.controls import merged_map, random_blobs
from layerlore.game.bundle.errors import RevealError
from layerlore.game.bundle.link import LeftOut, LinkedMap
from layerlore.game.bundle.manifest import GameImage, GameMap, MapKind, Step
from layerlore.game.bundle.reveal import Look, blank, encode, pixel_count, render, seen_pixels
from layerlore.game.bundle.stored import FILES, StoredFile, place_of
from layerlore.study.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from layerlore.game.bundle.choosing import Chosen, ImagePlan, MapPlan
    from layerlore.local.explanation import Explanation
    from layerlore.network.preprocess import Box
    from layerlore.study.folder import Manifest as StudyManifest
    from layerlore.study.study import Study


@dataclass(frozen=True)
class Shared:
    """What all photos have in common."""

    folder: Path
    study: StudyManifest
    staging: Path
    look: Look
    seed: int
    side: int
    low_support: bool
    accepted: Mapping[int, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Job:
    """One photo; ``values`` are the maps of its plan at feature resolution, None for a blank one."""

    plan: ImagePlan
    box: Box
    values: tuple[NDArray[np.float32] | None, ...]


@dataclass(frozen=True)
class Rendered:
    """A photo's part of the manifest and of the link; ``links`` has one entry for each of ``maps``."""

    plan: ImagePlan
    image: GameImage
    maps: tuple[GameMap, ...]
    links: tuple[LinkedMap, ...]
    left_out: tuple[LeftOut, ...]


def jobs(study: Study, chosen: Chosen, seed: int) -> Iterator[Job]:
    """One job for each chosen photo, read from the study one file at a time."""
    plans = {plan.record.image_id: plan for plan in chosen.images}
    for explanation in study.explanations(views=False):
        plan = plans.get(explanation.photo.image_id)
        if plan is not None:
            values = tuple(_values(one, explanation, seed) for one in plan.maps)
            yield Job(plan, explanation.photo.box, values)


def _values(plan: MapPlan, explanation: Explanation, seed: int) -> NDArray[np.float32] | None:
    """A map at feature resolution."""
    if plan.kind is MapKind.BLANK:
        return None
    if plan.kind is MapKind.CONTROL:
        number = number_of(random_key(seed, "blobs", explanation.photo.image_id))
        maps = [cluster.map for layer in explanation.layers for cluster in layer.clusters if not cluster.constant]
        return random_blobs(maps[number % len(maps)], number) if maps else np.zeros((1, 1), np.float32)
    clusters = explanation.layers[plan.layer_position].clusters
    if plan.cluster < 0:
        return merged_map(clusters)
    return next(cluster.map for cluster in clusters if cluster.index == plan.cluster)


def render_image(job: Job, shared: Shared) -> Rendered:
    """Make all pictures of one photo; runs in a worker."""
    record, info = job.plan.record, shared.study.network
    photo = Reader(shared.folder, shared.study, ()).photo(record)
    rows, columns = info["input_size"]
    red, green, blue = info["background"]
    picture = seen_pixels(photo.image, job.box, (rows, columns), (red, green, blue), shared.side)
    image_key = random_key(shared.seed, "image", record.image_id)
    full = store(shared, encode(picture), "full", image_key)
    maps: list[GameMap] = []
    links: list[LinkedMap] = []
    left_out: list[LeftOut] = []
    for plan, values in zip(job.plan.maps, job.values, strict=True):
        map_key = random_key(shared.seed, "map", record.image_id, plan.kind, plan.layer, plan.cluster)
        try:
            steps = _steps(picture, values, map_key, shared)
        except RevealError as error:
            left_out.append(LeftOut(record.image_id, plan.layer, plan.cluster, plan.kind, error.fault))
            continue
        wanted = pixel_count(steps[0].fraction, picture.shape[0] * picture.shape[1])
        honeypot = plan.kind is MapKind.HONEYPOT
        maps.append(
            GameMap(
                map_key=map_key,
                image_key=image_key,
                kind=plan.kind,
                layer=plan.layer,
                layer_position=plan.layer_position,
                layer_depth=plan.layer_depth,
                cluster=plan.cluster,
                weight=plan.weight,
                low_support=plan.kind is not MapKind.BLANK and steps[0].pixels < wanted,
                steps=steps,
                accepted_labels=shared.accepted.get(job.plan.class_index, {}) if honeypot else {},
            )
        )
        links.append(LinkedMap(record.image_id, job.plan.target, plan.layer, plan.layer_index, plan.cluster))
    height, width = picture.shape[:2]
    image = GameImage(image_key, job.plan.class_index, width, height, full)
    return Rendered(job.plan, image, tuple(maps), tuple(links), tuple(left_out))


def _steps(
    picture: NDArray[np.uint8], values: NDArray[np.float32] | None, map_key: str, shared: Shared
) -> tuple[Step, ...]:
    """The stored steps of one map.

    Raises:
        RevealError: It cannot be revealed.
    """
    made: Iterable[tuple[float, int, bytes]]
    if values is None:
        made = [(fraction, 0, content) for fraction, content in blank(picture, shared.look)]
    else:
        masks = render(picture, values, shared.look, seed=number_of(map_key), keep_low_support=shared.low_support)
        made = [(mask.fraction, mask.pixels, content) for mask, content in masks]
    steps = []
    for number, (fraction, pixels, content) in enumerate(made):
        stored = store(shared, content, "step", map_key, number)
        steps.append(Step(stored.file, stored.sha256, stored.bytes, fraction, pixels))
    return tuple(steps)


def store(shared: Shared, content: bytes, *name: object) -> StoredFile:
    """Write a picture under a random name."""
    place = place_of(random_key(shared.seed, *name))
    path = shared.staging / FILES / place
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)  # not one by one to the disk: the folder gets its name when all are there
    return StoredFile(place, hashlib.sha256(content).hexdigest(), len(content))


def random_key(seed: int, *parts: object) -> str:
    """32 hex digits that nobody can tell without the seed."""
    text = json.dumps([str(part) for part in parts]).encode()
    return hashlib.blake2b(text, key=str(seed).encode()[:64], digest_size=16).hexdigest()


def number_of(key: str) -> int:
    """A seed from a name."""
    return int(key[:12], 16)
