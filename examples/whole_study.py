"""All at once, on photos that anyone has: a study, a simulated crowd's answers, concepts, classes, and the pages.

No person gave these answers: a seeded program plays the game's own rounds. Its players see the parts of a photo that a
map covers, drawn by hand in whole_study.toml; some slip while typing, some only know the class, some type anything. The
answers say so (their campaign is "simulated"), and so does all that is made of them.

python examples/whole_study.py [FOLDER]
"""

from __future__ import annotations

import csv
import io
import random
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import layerlore as ll
from layerlore.classes.objects import COLUMNS as OBJECT_COLUMNS
from layerlore.classes.objects import OBJECTS_FILE
from layerlore.classes.storage import classes_of
from layerlore.classes.tcav import TcavSettings, validate
from layerlore.classes.tcav_records import save_validation
from layerlore.concepts.building import build_concepts
from layerlore.concepts.storage import save_concepts
from layerlore.files import write_whole
from layerlore.game.domain.assignment import Stream
from layerlore.game.domain.config import parse_config
from layerlore.game.domain.labels import fold
from layerlore.game.domain.simulation import Kind, SimMap, Skill, World, honest, survey
from layerlore.study.answers import ANSWERS_FILE, SIMULATED, AnswerRow, read_answers, write_answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerlore.game.domain.labels import Label
    from layerlore.game.domain.states import Round
    from layerlore.local.explanation import Explanation, LayerExplanation, PhotoRecord

SEED = 5
PLAYERS = 24
PLAYERS_PER_MAP = 5
MAPS_PER_LAYER = 2
TESTED = 3
"""Concepts of each class that are tested."""
USUAL = 0.6
"""Share of answers that put a meaning in the usual way."""
SLIPS = 0.04
"""Share of answers with a slip of the finger."""
FRAMINGS = (
    (0.0, 0.0, 1.0, 1.0),
    (0.0, 0.0, 0.8, 0.8),
    (0.2, 0.0, 1.0, 0.8),
    (0.0, 0.2, 0.8, 1.0),
    (0.2, 0.2, 1.0, 1.0),
    (0.1, 0.1, 0.9, 0.9),
)
"""Parts of each sample that make the photos of its class: left, top, right, bottom as shares."""

SCENES: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Shown:
    """A map that players are given, with what its answers need to know of it."""

    explanation: Explanation
    layer: LayerExplanation | None
    cluster: int
    label: str


def main() -> None:
    """Make the study, let the crowd play, and write the pages."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "whole-study")
    study = make_study(folder)
    rows = list(play(study))
    write_answers(folder / ANSWERS_FILE, rows, campaign=SIMULATED)
    answers = read_answers(folder / ANSWERS_FILE, study)
    print(f"{answers.labels:,} simulated answers of {answers.players} simulated players in {answers.rounds:,} rounds")
    found = build_concepts(study, answers)
    save_concepts(folder, found)
    print(f"{len(found.concepts)} concepts on {len(found.maps)} cluster maps; the most frequent:")
    for concept in sorted(found.concepts.values(), key=lambda one: (-one.answers, one.name))[:8]:
        others = ", ".join(text for text, _ in concept.forms[:5] if text != concept.name)
        print(f"  {concept.answers:4}  {concept.name}" + (f" (also {others})" if others else ""))
    for one in classes_of(study):
        deep = ", ".join(concept.name for concept in one.concepts[one.layers[-1]][:3])
        suspect = f"; suspect: {one.suspects[0].name}" if one.suspects else ""
        print(f"{one.label}: the last layer's best words are {deep}{suspect}")
    tested = validate(study, settings=TcavSettings(top=TESTED))
    save_validation(folder, tested)
    print(f"{len(tested.scores)} tests of whether a class depends on a concept; layerlore validate makes more")
    print(study.report())


def make_study(folder: Path) -> ll.Study:
    """Explain six framings of each sample photo for the class that it is given."""
    study = ll.Study.open(folder) if folder.exists() else create(folder)
    write_whole(folder / OBJECTS_FILE, objects(study))
    result = study.run(workers=1)
    print(f"{result.explained} photos explained now, {result.already} before")
    return study


def create(folder: Path) -> ll.Study:
    """Make the study, with copies of its photos."""
    with tempfile.TemporaryDirectory() as temporary:
        photos = [pair for name in SCENES["photos"] for pair in framed(name, Path(temporary))]
        return ll.Study.create(folder, photos, layers="spread", target="label", copies=True)


def framed(name: str, folder: Path) -> Iterator[tuple[Path, str]]:
    """The photos of a class, which are parts of one sample, as (path, class)."""
    scene = SCENES["photos"][name]
    with (files(scene["package"]) / scene["file"]).open("rb") as file:
        whole = Image.open(file).convert("RGB")
    for number, share in enumerate(FRAMINGS):
        box = tuple(round(part * side) for part, side in zip(share, whole.size * 2, strict=True))
        path = folder / f"{name}-{number}.jpg"
        whole.crop(box).save(path, quality=92)  # type: ignore[arg-type] four numbers
        yield path, scene["label"]


def objects(study: ll.Study) -> bytes:
    """``objects.csv``: where the object is in each photo, so that what lies beside it can be suspected."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(OBJECT_COLUMNS)
    for image in study.images:
        name, number = sample_of(image.name)
        left, top, right, bottom = SCENES["photos"][name]["object"]
        begin, above, end, below = FRAMINGS[number]
        across = [(side - begin) / (end - begin) * image.width for side in (left, right)]
        down = [(side - above) / (below - above) * image.height for side in (top, bottom)]
        rows.writerow([image.image_id, *(round(side) for pair in zip(across, down, strict=True) for side in pair)])
    return text.getvalue().encode()


def sample_of(photo: str) -> tuple[str, int]:
    """The sample that a photo is a part of, and which part of `FRAMINGS`."""
    name, _, number = Path(photo).stem.partition("-")
    return name, int(number)


def play(study: ll.Study) -> Iterator[AnswerRow]:
    """Let simulated players play every map, and tell what they typed."""
    rng = random.Random(SEED)  # noqa: S311 no secret
    world, shown = make_world(study)
    config = parse_config({"campaign": {"name": SIMULATED}})
    rounds = survey(world, crowd(rng), PLAYERS_PER_MAP, config, rng)
    for one in rounds:
        if one.counts:
            yield from rows_of(one, shown, config.reveal.steps, rng)


def crowd(rng: random.Random) -> dict[str, Skill]:
    """Most players look; two only know the class, one types anything, and one sends the same to every map."""
    players = {f"{SIMULATED} {number:02}": honest(rng) for number in range(1, PLAYERS - 3)}
    odd = [Skill(Kind.PARROT), Skill(Kind.PARROT), Skill(Kind.RANDOM), Skill(Kind.REPLAY)]
    return players | {f"{SIMULATED} {PLAYERS - place:02}": skill for place, skill in enumerate(odd)}


def make_world(study: ll.Study) -> tuple[World, dict[str, Shown]]:
    """The maps of the study as the simulated players see them, and a control map for each photo."""
    maps: dict[str, SimMap] = {}
    shown: dict[str, Shown] = {}
    for explanation in study.explanations(views=False):
        photo = explanation.photo
        name, _ = sample_of(photo.name)
        label = SCENES["photos"][name]["label"]
        for layer in explanation.layers:
            for cluster in layer.clusters[:MAPS_PER_LAYER]:
                key = f"{photo.image_id} {layer.name} {cluster.index}"
                seen = words_on(cluster.map, photo, layer.depth)
                maps[key] = SimMap(key, photo.image_id, layer.name, label, frozenset(seen))
                shown[key] = Shown(explanation, layer, cluster.index, label)
        key = f"{photo.image_id} control"
        maps[key] = SimMap(key, photo.image_id, "", label, frozenset(), Stream.CONTROL)
        shown[key] = Shown(explanation, None, -1, label)
    known = {scene["label"]: tuple(ways[0] for ways in scene["known"]) for scene in SCENES["photos"].values()}
    return World(tuple(sorted(WAYS)), known, maps), shown


def words_on(mass: np.ndarray, photo: PhotoRecord, depth: float) -> list[str]:
    """What there is to see where a map lies: looks in shallow layers, things in deep ones.

    That shallow layers look like colours and lines is this script's choice, not a finding.
    """
    name, number = sample_of(photo.name)
    across, down = places(photo, FRAMINGS[number], mass.shape[0], mass.shape[1])
    best = []
    for part in SCENES["parts"][name]:
        left, top, right, bottom = part["box"]
        inside = np.outer((top <= down) & (down < bottom), (left <= across) & (across < right))
        covered, share = inside.mean(), mass[inside].sum() / max(float(mass.sum()), 1e-9)
        if covered and share > 0.1 and share > 1.2 * covered:  # more than by chance, and not a little
            best.append((share * share / covered, part))
    best.sort(key=lambda one: -one[0])
    words: list[str] = []
    for place, (_, part) in enumerate(best[:2]):
        things = part["things"] if depth > 2 / 3 else part["things"][:1] if depth > 1 / 3 and not place else []
        looks = part["looks"] if depth < 2 / 3 else []
        words += [ways[0] for ways in [*things, *looks]]
    return words


def places(photo: PhotoRecord, framing: Sequence[float], rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the columns and the rows of a map lie in the whole sample, as shares of its width and height."""
    left, top, right, bottom = photo.box
    begin, above, end, below = framing
    across = (left + (np.arange(columns) + 0.5) / columns * (right - left)) / photo.width
    down = (top + (np.arange(rows) + 0.5) / rows * (bottom - top)) / photo.height
    return begin + across * (end - begin), above + down * (below - above)


def rows_of(one: Round, shown: dict[str, Shown], fractions: Sequence[float], rng: random.Random) -> Iterator[AnswerRow]:
    """A round as rows of ``answers.parquet``."""
    of = shown[one.map_id]
    photo, target = of.explanation.photo, of.explanation.target.index
    last = one.guesses[-1] if one.guesses else None
    labels: Sequence[Label | None] = one.labels or (None,)
    for label in labels:
        text = said(label.text, rng) if label else None
        yield AnswerRow(
            campaign=SIMULATED,
            round=one.round_id,
            player=one.player,
            device=one.player,
            shadow=False,
            voided=False,
            kind="normal" if of.layer else "control",
            stream="normal" if of.layer else "control",
            image_id=photo.image_id,
            target=target,
            image_label=of.label,
            layer=of.layer.name if of.layer else "",
            layer_index=of.layer.index if of.layer else -1,
            cluster=of.cluster,
            map_key=one.map_id,
            round_language="en",
            language="en",
            text=text,
            label=fold(text) if text else None,
            merged=None,
            label_kind="",
            assisted=False,
            step=label.step if label else None,
            fraction=fractions[label.step] if label else None,
            steps=one.steps,
            outcome=one.state,
            guess=last.answer if last else None,
            guess_index=None,
            guess_step=last.step if last else None,
            nothing=one.nothing,
            day=None,
            seconds=None,
        )


def said(word: str, rng: random.Random) -> str:
    """A meaning as somebody types it: in the usual way or another, now and then with a slip."""
    ways = WAYS[word]
    text = word if len(ways) == 1 or rng.random() < USUAL else rng.choice(ways[1:])
    if len(text) > 4 and rng.random() < SLIPS:  # a slip in a short word makes another word
        place = rng.randrange(1, len(text) - 2)
        text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text


def ways_to_say() -> dict[str, list[str]]:
    """Every meaning with the ways to put it, the usual one first."""
    found: dict[str, list[str]] = {}
    meanings = [ways for scene in SCENES["photos"].values() for ways in scene["known"]]
    meanings += [
        ways for parts in SCENES["parts"].values() for part in parts for ways in part["things"] + part["looks"]
    ]
    for usual, *others in meanings:
        held = found.setdefault(usual, [usual])
        held += [other for other in others if other not in held]
    return found


WAYS = ways_to_say()

if __name__ == "__main__":
    main()
