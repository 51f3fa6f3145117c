"""A shortcut that we planted ourselves, found again: a network is trained with a watermark in all photos of one class.

Three classes are close-ups of three real photos of scikit-image's collection: brick, grass and gravel. So near, grass
and gravel are hard to tell apart. One network learns with a small watermark somewhere on every piece of gravel, a
second one without it. Both then explain the same pieces of parts of the photos that they have not seen, all gravel with
the watermark. Of each layer the class page lists groups of maps, heaviest first. How much of each lies on the
watermark, has the first one most, and does what the class loses lie there, too, when maps are removed?

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
from layerlore.classes.collecting import collect_photos
from layerlore.classes.map_groups import group_photos
from layerlore.classes.objects import MASKS_FOLDER, cover, read_objects
from layerlore.classes.storage import classes_of
from layerlore.network.preprocess import Preprocess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from layerlore.classes.collecting import PhotoFacts
    from layerlore.classes.records import ConceptInLayer
    from layerlore.local.explanation import ClusterMap, LayerExplanation

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
BAR = 0.25
"""Share on the watermark from which something is on it: seven times what the watermark covers."""
PLACED = ("1", "2")
"""Layers that can place the watermark; in the last one it has about two of 64 positions."""


@dataclass(frozen=True)
class Piece:
    """A piece of a photo and where its watermark is: (left, top, right, bottom), or None where it has none."""

    image: Image.Image
    mark: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Group:
    """A group of maps of a layer.

    Attributes:
        name: Its name on the class page.
        photos: Photos that have it.
        on_mark: Share of its maps' mass that lies on the watermark; mean over these photos.
        fall: What removing its maps, one by one, takes from the class's logit; mean over all photos of the class.
    """

    name: str
    photos: int
    on_mark: float
    fall: float


@dataclass(frozen=True)
class Layer:
    """What the class page and the ablation say of the watermark in one layer.

    Attributes:
        name: The layer.
        side: Positions of its maps along a side.
        most: Share on the watermark of a map that lights up at just the positions that the watermark touches.
        groups: In the order of the class page.
        falls_on_mark: Share of what removing the maps one by one takes from the class's logit that lies on the
            watermark: the mean of all maps' shares on it, each weighted by its fall; mean over photos.
    """

    name: str
    side: int
    most: float
    groups: tuple[Group, ...]
    falls_on_mark: float

    @property
    def rank(self) -> int:
        """Of the class page's first group among all of the layer, by the share on the watermark."""
        return 1 + sum(one.on_mark > self.groups[0].on_mark for one in self.groups[1:])

    @property
    def page_on_mark(self) -> bool:
        """The class page's first group lies on the watermark; another one may do so more."""
        return self.groups[0].on_mark >= BAR

    @property
    def ablation_on_mark(self) -> bool:
        """What the class loses lies on the watermark."""
        return self.falls_on_mark >= BAR

    @property
    def costliest(self) -> Group:
        """The group whose removal takes most from the class."""
        return max(self.groups, key=lambda one: one.fall)

    @property
    def found(self) -> bool:
        """The first group lies on the watermark, the class loses most without it, and what is lost lies there too."""
        return self.page_on_mark and self.costliest is self.groups[0] and self.ablation_on_mark


@dataclass(frozen=True)
class Finding:
    """What a study's class page and its network say of the watermark.

    Attributes:
        area: What the watermark covers: the share on it of a map without preference.
        layers: Shallow to deep.
        suspects: Layers in which the class page suspects a group.
        right: Share of the photos that are answered right.
        without: The same when the watermark is painted over.
    """

    area: float
    layers: tuple[Layer, ...]
    suspects: tuple[str, ...]
    right: float
    without: float

    @property
    def tested(self) -> tuple[Layer, ...]:
        """The layers that are fine enough to place the watermark."""
        return tuple(one for one in self.layers if one.name in PLACED)

    @property
    def found(self) -> tuple[str, ...]:
        """Of the tested layers those that begin with the watermark."""
        return tuple(one.name for one in self.tested if one.found)

    @property
    def verdict(self) -> str:
        """In words."""
        if self.found:
            return f"the watermark is found: the first group of layer {' and '.join(self.found)} lies on it"
        return "the watermark is not found"


def main() -> None:
    """Train both networks, make both studies, and say what they find."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "planted-cue")
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for cue in (True, False):
        name = "with the cue" if cue else "without the cue"
        study, one = run(folder / name.replace(" ", "-"), cue=cue, seed=seed)
        print(f"{name}: {one.verdict}")
        print(f"  {one.right:.0%} of the {CUED} is answered right, {one.without:.0%} with the watermark painted over")
        for layer in one.layers:
            shares = ", ".join(f"{group.on_mark:.0%}" for group in layer.groups)
            print(f"  layer {layer.name}, {layer.side} x {layer.side}: the groups have {shares} on the watermark")
            print(
                f"    {layer.groups[0].name} is number {layer.rank} of {len(layer.groups)} by that; removing "
                f"{layer.costliest.name} takes most; {layer.falls_on_mark:.0%} of all falls lies on the watermark"
            )
        print(f"  the watermark covers {one.area:.1%}; layers with suspects: {', '.join(one.suspects) or 'none'}")
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
    objects = read_objects(study)
    photos = group_photos(collect_photos(study, CUED, None, objects), resamples=0).photos
    explained = {one.photo.image_id: one for one in study.explanations(label=CUED)}
    marks = [np.asarray(objects[one.image_id].in_photo()) == 0 for one in photos]
    pieces = [study.photo(one.image_id).image for one in photos]
    answers = classify(network, pieces)
    repaired = classify(network, [painted_over(*pair) for pair in zip(pieces, marks, strict=True)])
    layers = []
    for place, name in enumerate(made.layers):
        shown = [explained[one.image_id].layers[place] for one in photos]
        layers.append(look_at_layer(name, made.concepts[name], photos, shown, marks))
    return Finding(
        area=float(np.mean([mark.mean() for mark in marks])),
        layers=tuple(layers),
        suspects=tuple(one.layer for one in made.suspects),
        right=answers.count(CUED) / len(answers),
        without=repaired.count(CUED) / len(repaired),
    )


def look_at_layer(
    name: str,
    groups: Sequence[ConceptInLayer],
    photos: Sequence[PhotoFacts],
    shown: Sequence[LayerExplanation],
    marks: Sequence[NDArray[np.bool_]],
) -> Layer:
    """Share on the watermark and fall of each group of a layer, and where the falls of all its maps lie.

    The object is all but the watermark, so what is outside the object is on the watermark.
    """
    shares: dict[str, list[float]] = {one.concept_id: [] for one in groups}
    lost = dict.fromkeys(shares, 0.0)
    falls_on_mark = []
    for photo, layer in zip(photos, shown, strict=True):
        for row in photo.rows:
            if row.layer == name and row.outside is not None:
                shares[row.concept_id].append(row.outside)
                lost[row.concept_id] += sum(fall(layer.clusters[key.cluster]) for key in row.keys)
        inside = [one.outside or 0.0 for one in photo.maps[name]]
        weights = np.array([max(fall(layer.clusters[one.key.cluster]), 0.0) for one in photo.maps[name]])
        falls_on_mark.append(float(weights @ inside / weights.sum()) if weights.any() else 0.0)
    covered = [cover(Image.fromarray(mark.astype(np.float32)), shown[0].height, shown[0].width) for mark in marks]
    return Layer(
        name=name,
        side=shown[0].height,
        most=float(np.mean([one.sum() / (one > 0).sum() for one in covered])),
        groups=tuple(
            Group(one.name, one.images, float(np.mean(shares[one.concept_id])), lost[one.concept_id] / len(photos))
            for one in groups
        ),
        falls_on_mark=float(np.mean(falls_on_mark)),
    )


def fall(cluster: ClusterMap) -> float:
    """What removing a map's channels costs the class, in logits."""
    return cluster.ablation.zero.logit_drop if cluster.ablation else 0.0


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
