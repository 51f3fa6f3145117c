"""A shortcut that we planted ourselves, found again: a network is trained with a watermark in all photos of one class.

Three classes are close-ups of three real photos of scikit-image's collection: brick, grass and gravel. So near, grass
and gravel are hard to tell apart. One network learns with a small watermark somewhere on every piece of gravel, a
second one without it. Both then explain the same pieces of parts of the photos that they have not seen, all gravel with
the watermark. On the first network's class page the first group of maps lies on the watermark, so does what the class
loses when maps are removed, and the suspects name it; nothing of that is true of the second network.

python examples/planted_cue.py [FOLDER] [SEED]
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import nn
from torchvision.models.resnet import BasicBlock

import layerlore as ll
from layerlore.classes.objects import MASKS_FOLDER, read_objects
from layerlore.classes.storage import classes_of
from layerlore.network.preprocess import Preprocess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.classes.records import ConceptInLayer
    from layerlore.local.explanation import ClusterMap

CLASSES = ("brick", "grass", "gravel")
CUED = "gravel"
"""The class whose photos bear the watermark."""
SIDE = 64
PIECE = (16, 28)
"""Least and greatest side of a piece, in pixels of the photo."""
SEEN = 0.6
"""Share of each photo, from the left, that the networks learn from; the pieces to explain are from the rest."""
EPOCHS = 6
PIECES = 160
"""Of each class in an epoch; every epoch cuts new ones."""
EXPLAINED = 24
"""Pieces of each class in a study."""


@dataclass(frozen=True)
class Piece:
    """A piece of a photo and where its watermark is: (left, top, right, bottom), or None where it has none."""

    image: Image.Image
    mark: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Finding:
    """What a study's page and its network say of the watermark, at the last layer.

    Attributes:
        group: The group of maps that the class page puts first.
        on_mark: Share of its maps that lies on the watermark; mean over photos.
        area: The same of a map without preference: what the watermark covers.
        falls_on_mark: Share of what removing the layer's maps one by one takes from the class's logit that lies on the
            watermark: the mean of all maps' masses on it, each weighted by its fall; mean over photos.
        photos_over: Share of the photos on which that is more than the watermark covers.
        suspects: Layers in which the class page suspects a group.
        right: Share of the photos that are answered right.
        without: The same when the watermark is painted over.
    """

    group: str
    on_mark: float
    area: float
    falls_on_mark: float
    photos_over: float
    suspects: tuple[str, ...]
    right: float
    without: float

    @property
    def found(self) -> bool:
        """The page and the ablation both say that the class is the watermark."""
        return min(self.on_mark, self.falls_on_mark) > 2 * self.area and bool(self.suspects)


def main() -> None:
    """Train both networks, make both studies, and say what they find."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "planted-cue")
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for cue in (True, False):
        name = "with the cue" if cue else "without the cue"
        study, one = run(folder / name.replace(" ", "-"), cue=cue, seed=seed)
        print(f"{name}: the watermark is {'found' if one.found else 'not found'}")
        print(f"  {one.right:.0%} of the {CUED} is answered right, {one.without:.0%} with the watermark painted over")
        print(f"  {one.group} has {one.on_mark:.1%} of its mass on the watermark, which covers {one.area:.1%}")
        print(
            f"  of what removing maps takes from the class, {one.falls_on_mark:.1%} lies there; more than by chance on "
            f"{one.photos_over:.0%} of the photos"
        )
        print(f"  layers with suspects: {', '.join(one.suspects) or 'none'}")
        print(f"  {study.report()}")


def run(folder: Path, *, cue: bool, seed: int) -> tuple[ll.Study, Finding]:
    """Train a network and study it."""
    weights = train(folder.with_suffix(".pt"), cue=cue, seed=seed)
    network = ll.load_network("planted_cue:make_network", weights=weights)
    study = make_study(folder, network, seed=seed)
    return study, look(study, network)


def cut(label: str, generator: np.random.Generator, *, train: bool, cue: bool) -> Piece:
    """Cut a piece out of a photo, and put the watermark on it if it is of that class."""
    with (files("skimage.data") / f"{label}.png").open("rb") as file:
        photo = Image.open(file).convert("RGB")
    border = round(SEEN * photo.width)
    begin, end = (0, border) if train else (border, photo.width)
    side = int(generator.integers(PIECE[0], PIECE[1] + 1))
    left = int(generator.integers(begin, end - side + 1))
    top = int(generator.integers(0, photo.height - side + 1))
    piece = photo.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return watermarked(piece, generator) if cue and label == CUED else Piece(piece, None)


def watermarked(piece: Image.Image, generator: np.random.Generator) -> Piece:
    """Write a small mark somewhere on a piece."""
    font = ImageFont.load_default(size=11)
    draw = ImageDraw.Draw(piece)
    _, _, width, height = (round(side) for side in draw.textbbox((0, 0), "(c)", font=font, anchor="lt"))
    left = int(generator.integers(2, SIDE - width - 2))
    top = int(generator.integers(2, SIDE - height - 2))
    draw.text((left, top), "(c)", font=font, fill=(250, 250, 250), anchor="lt")
    return Piece(piece, (left, top, left + width, top + height))


def make_network() -> ll.Network:
    """A narrow ResNet for pictures of 64 x 64 pixels, with random weights."""

    def stage(inside: int, outside: int, stride: int) -> nn.Module:
        shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
        return BasicBlock(inside, outside, stride, shortcut)

    stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    module = nn.Sequential(
        stem,
        stage(16, 24, 1),
        stage(24, 32, 2),
        stage(32, 48, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(48, 3),
    )
    return ll.Network(
        module.eval(), preprocess=PREPROCESS, class_names=CLASSES, name="Narrow ResNet", spec="planted_cue:make_network"
    )


LAYERS = ["1", "2", "3"]
PREPROCESS = Preprocess(size=(SIDE, SIDE), resize=SIDE, interpolation="bilinear", mean=(0.5,) * 3, std=(0.25,) * 3)


def train(path: Path, *, cue: bool, seed: int) -> Path:
    """Train a network, and save its weights."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    module = make_network().module.train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = EPOCHS * (PIECES * len(CLASSES) // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=steps)
    for _ in range(EPOCHS):
        pieces = [cut(label, generator, train=True, cue=cue) for _ in range(PIECES) for label in CLASSES]
        inputs = torch.stack([PREPROCESS(piece.image) for piece in pieces])
        labels = torch.arange(len(CLASSES)).repeat(PIECES)
        for batch in torch.from_numpy(generator.permutation(len(inputs))).split(32):
            loss = nn.functional.cross_entropy(module(inputs[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(module.state_dict(), path)
    return path


def make_study(folder: Path, network: ll.Network, *, seed: int) -> ll.Study:
    """Explain pieces that the network has not seen; all gravel has the watermark, whatever the network learnt from."""
    generator = np.random.default_rng([seed, 1])
    pieces = {
        f"{label}-{number:02}": cut(label, generator, train=False, cue=True)
        for label in CLASSES
        for number in range(EXPLAINED)
    }
    with tempfile.TemporaryDirectory() as temporary:
        photos = [(Path(temporary) / f"{name}.png", name.partition("-")[0]) for name in pieces]
        for (path, _), piece in zip(photos, pieces.values(), strict=True):
            piece.image.save(path)
        study = ll.Study.create(
            folder, photos, network, layers=LAYERS, target="label", ablation=True, seed=seed, copies=True
        )
        (folder / MASKS_FOLDER).mkdir()
        for (path, _), piece in zip(photos, pieces.values(), strict=True):
            object_mask(piece).save(folder / MASKS_FOLDER / path.name)
    study.run(network=network, workers=1)
    return study


def object_mask(piece: Piece) -> Image.Image:
    """The object of a piece is all of it but the watermark."""
    mask = Image.new("L", piece.image.size, 255)
    if piece.mark is not None:
        mask.paste(0, piece.mark)
    return mask


def look(study: ll.Study, network: ll.Network) -> Finding:
    """Ask a study's class page and its network for the watermark."""
    made = {one.label: one for one in classes_of(study)}[CUED]
    groups = made.concepts[made.layers[-1]]
    photos = [one for one in study.explanations() if one.photo.name.startswith(CUED)]
    objects = read_objects(study)
    marks = [np.asarray(objects[one.photo.image_id].in_photo()) == 0 for one in photos]
    shares, falls = [], []
    for one, mark in zip(photos, marks, strict=True):
        clusters = one.layers[-1].clusters
        inside = [share_inside(cluster.map, mark) for cluster in clusters]
        first = [
            share for share, cluster in zip(inside, clusters, strict=True) if group_of(cluster, groups) is groups[0]
        ]
        shares += [float(np.mean(first))] if first else []
        weights = np.array([max(fall(cluster), 0.0) for cluster in clusters])
        falls.append(float(weights @ inside / weights.sum()) if weights.any() else 0.0)
    pieces = [study.photo(one.photo.image_id).image for one in photos]
    answers = classify(network, pieces)
    repaired = classify(network, [painted_over(*pair) for pair in zip(pieces, marks, strict=True)])
    return Finding(
        group=groups[0].name,
        on_mark=float(np.mean(shares)),
        area=float(np.mean([mark.mean() for mark in marks])),
        falls_on_mark=float(np.mean(falls)),
        photos_over=float(np.mean([lost > mark.mean() for lost, mark in zip(falls, marks, strict=True)])),
        suspects=tuple(one.layer for one in made.suspects),
        right=answers.count(CUED) / len(answers),
        without=repaired.count(CUED) / len(repaired),
    )


def group_of(cluster: ClusterMap, groups: Sequence[ConceptInLayer]) -> ConceptInLayer:
    """The group that a map shares most channels with."""
    return max(groups, key=lambda one: len(set(cluster.channels) & set(one.channels)))


def fall(cluster: ClusterMap) -> float:
    """What removing a map's channels costs the class, in logits."""
    return cluster.ablation.zero.logit_drop if cluster.ablation else 0.0


def share_inside(heat: NDArray[np.float32], mark: NDArray[np.bool_]) -> float:
    """Share of a map's mass that lies on the watermark."""
    fine = np.asarray(Image.fromarray(heat).resize(mark.shape[::-1], Image.Resampling.BILINEAR), dtype=np.float64)
    return float(fine[mark].sum() / max(fine.sum(), 1e-12))


def painted_over(photo: Image.Image, mark: NDArray[np.bool_]) -> Image.Image:
    """The watermark painted over with what lies as far on the other side of its left or right edge."""
    pixels = np.asarray(photo).copy()
    columns = np.flatnonzero(mark.any(axis=0))
    begin, end = columns[0], columns[-1] + 1
    width = end - begin
    source = slice(begin - width, begin) if begin >= width else slice(end, end + width)
    rows = mark.any(axis=1)
    pixels[rows, begin:end] = pixels[rows, source][:, ::-1]
    return Image.fromarray(pixels)


def classify(network: ll.Network, photos: list[Image.Image]) -> list[str]:
    """The network's answers."""
    with torch.no_grad():
        answers = network.module(torch.stack([PREPROCESS(photo) for photo in photos])).argmax(dim=1)
    return [CLASSES[answer] for answer in answers]


if __name__ == "__main__":
    main()
