"""Words that a model proposes for cluster maps, where no people were asked: its opinion, no more.

What a map reveals is compared with a list of words. A word's score is how much more like this map it is than like the
study's other maps, so that words that fit every picture win nowhere.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from layerlore.concepts.assembling import concept_id
from layerlore.concepts.class_names import class_names
from layerlore.concepts.clip import EXTRA
from layerlore.concepts.lemmas import key_of
from layerlore.concepts.records import Concept, ConceptSet, MapConcept, MapKey
from layerlore.concepts.storage import CONCEPTS_FILE, has_concepts, load_concepts
from layerlore.errors import ConceptError, FileFormatError, ModelError, SettingError, StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from layerlore.concepts.clip import SeesAndReads
    from layerlore.study.images import Progress
    from layerlore.study.study import Study

TEMPLATES = ("{}", "a photo of {}", "a close-up of {}", "a part of a photo that shows {}")
"""A word's vector is the mean of its vectors in these."""
TOP = 3
"""Words of a map at most."""
FEW = 20
"""With fewer maps than these, how usual a word is can hardly be told."""
MOST_WORDS = 20_000
GREY = (128, 128, 128)


@dataclass(frozen=True)
class _Seen:
    """The maps of a study with what they reveal.

    Attributes:
        keys: Which maps.
        places: Place of each map's layer among all layers.
        vectors: One for each map, the mean over its pictures; not of unit length, so that a product is a mean cosine.
        targets: Class to its name, for the classes of the maps.
    """

    keys: list[MapKey]
    places: list[int]
    vectors: NDArray[np.float32]
    targets: dict[int, str]


def check_free(folder: Path) -> None:
    """Refuse to put proposals in the place of what people said.

    Raises:
        ConceptError: The study has concepts of people's answers.
        FileFormatError: Its concepts cannot be read.
    """
    if has_concepts(folder) and not load_concepts(folder).machine:
        raise ConceptError(
            f"{folder / CONCEPTS_FILE}: has concepts of people's answers; give --replace to put a model's proposals "
            f"in their place (answers and decisions stay, and layerlore concepts without --from brings them back)"
        )


def read_words(path: Path | None = None, language: str = "en") -> tuple[str, ...]:
    """A list of words; of two with one dictionary form the first.

    Args:
        path: UTF-8 text, words apart by commas or lines; lines that begin with # are skipped. None: our own list.
        language: Of the words.

    Raises:
        ModelError: The extra ``clip`` is not installed.
        SettingError: Our own list is asked for in another language than English.
        FileFormatError: The file cannot be read, has fewer than two words, or too many.
    """
    if find_spec("simplemma") is None:
        raise ModelError(f"proposals need simplemma, which is not installed; {EXTRA}")
    if path is None and language != "en":
        raise SettingError(f"the list of words that comes with LayerLore is English; give one in {language!r}, --words")
    try:
        text = (path or files("layerlore.concepts") / "words_en.txt").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8 text"
        raise FileFormatError(f"{path}: cannot be read ({reason}); give a list of words, one a line") from error
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    words = (" ".join(word.split()) for line in lines for word in line.split(","))
    found: dict[str, str] = {}
    for word in words:
        if word and word.isprintable():
            found.setdefault(key_of(word.casefold(), language), word)
    if not 2 <= len(found) <= MOST_WORDS:
        raise FileFormatError(f"{path}: has {len(found):,} different words; give 2 to {MOST_WORDS:,}, one a line")
    return tuple(found.values())


def propose_concepts(
    study: Study,
    model: SeesAndReads,
    words: Sequence[str] | None = None,
    *,
    language: str = "en",
    progress: Progress | None = None,
) -> ConceptSet:
    """Have a model propose words for the cluster maps of a study.

    Maps with one value everywhere show no place and get none, and no map gets a name of its class.

    Args:
        study: With explanations, and with its photos in their place.
        model: What compares pictures and words.
        words: As from `read_words`, which is the default.
        language: Of the words.
        progress: Told how many of how many photos were looked at.

    Raises:
        StudyError: There are fewer than two maps to compare.
        PhotoError: A photo is gone or changed.
    """
    words = tuple(words or read_words(language=language))
    seen = _look(study, model, progress)
    count = len(seen.keys)
    if count < 2:
        raise StudyError(f"{study.folder}: {count} cluster maps; proposals need two or more, see layerlore study run")
    alike = seen.vectors @ _word_vectors(model, words).T
    scores = _standardised(alike)
    keys = [key_of(word.casefold(), language) for word in words]
    called = class_names(study).items()
    named = {target: {key_of(name.casefold(), language) for name in names} for target, names in called}
    taboo = {
        target: np.array([key in named.get(target, ()) for key in keys], dtype=bool)
        for target in {key.target for key in seen.keys}
    }
    ids = [concept_id(language, key) for key in keys]
    maps: dict[MapKey, tuple[MapConcept, ...]] = {}
    firsts: dict[int, int] = {}
    for row, key in enumerate(seen.keys):
        own = np.where(taboo[key.target], -np.inf, scores[row])
        best = [int(place) for place in np.argsort(-own, kind="stable")[:TOP] if own[place] > 0]
        if best:
            firsts[row] = best[0]
            maps[key] = tuple(
                _proposal(key, seen.places[row], ids[place], words[place], float(own[place])) for place in best
            )
    used = {one.concept_id for some in maps.values() for one in some}
    concepts = {
        name: Concept(name, word, key, language, ((word, 0),), machine=True)
        for name, key, word in sorted(zip(ids, keys, words, strict=True))
        if name in used
    }
    return ConceptSet(
        concepts,
        maps,
        (),
        source=model.name,
        settings={"templates": list(TEMPLATES), "words": len(words), "language": language, "top": TOP},
        facts={
            "concepts": len(concepts),
            "maps": count,
            "maps_named": len(maps),
            "baselines": _baselines(seen, model, words, (alike, scores), firsts) if firsts else {},
            "layers": dict(
                sorted({key.layer: place for key, place in zip(seen.keys, seen.places, strict=True)}.items())
            ),
        },
    )


def _proposal(key: MapKey, place: int, name: str, word: str, score: float) -> MapConcept:
    """A word on a map; nobody typed it."""
    return MapConcept(key, place, name, word, score, frequency=0, players=0, mean_step=0.0, guessed=None)


def _look(study: Study, model: SeesAndReads, progress: Progress | None) -> _Seen:
    """Embed what every map reveals."""
    keys: list[MapKey] = []
    places: list[int] = []
    vectors: list[NDArray[np.float32]] = []
    targets: dict[int, str] = {}
    total = len(study.images)
    for done, explanation in enumerate(study.explanations(), 1):
        view = Image.open(io.BytesIO(explanation.photo.view)).convert("RGB")
        target = explanation.target
        pictures: list[Image.Image] = []
        for layer in explanation.layers:
            for cluster in layer.clusters:
                if not cluster.constant:
                    keys.append(MapKey(explanation.photo.image_id, target.index, layer.name, cluster.index))
                    places.append(layer.index)
                    pictures.extend(revealed(view, cluster.map))
        if pictures:
            targets[target.index] = target.name.partition(" (")[0]
            crops = model.pictures(pictures)
            vectors.append(crops.reshape(-1, len(CROPS), crops.shape[-1]).mean(axis=1))
        if progress:
            progress(done, total)
    return _Seen(keys, places, np.concatenate(vectors) if vectors else np.zeros((0, 1), np.float32), targets)


CROPS = ((0.25, False), (0.25, True), (0.1, True))
"""Pictures of a map: share of the photo that stays sharp, and whether all around it is cut away."""


def revealed(view: Image.Image, values: NDArray[np.float32]) -> list[Image.Image]:
    """What a map reveals of a photo: its highest places sharp, all else blurred; three square pictures.

    Args:
        view: What the network sees of the photo.
        values: The map, shape (h, w).
    """
    high = np.asarray(Image.fromarray(values.astype(np.float32)).resize(view.size, Image.Resampling.BILINEAR))
    long = max(view.size)
    quiet = view.filter(ImageFilter.GaussianBlur(long / 16))
    found = []
    for share, cut in CROPS:
        # A map that is nearly everywhere at its lowest reveals less than the share, not the whole photo.
        inside = (high >= np.quantile(high, 1 - share)) & (high > high.min())
        mask = Image.fromarray((inside * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(long / 100))
        picture = Image.composite(view, quiet, mask)
        if cut:
            picture = picture.crop(_box(inside, long // 6))
        side = max(picture.size)
        found.append(ImageOps.pad(picture, (side, side), color=GREY))
    return found


def _box(inside: NDArray[np.bool_], least: int) -> tuple[int, int, int, int]:
    """The box around a region, no side shorter than the least: left, top, right, bottom."""
    left, right = _span(inside.any(axis=0), least)
    top, bottom = _span(inside.any(axis=1), least)
    return left, top, right, bottom


def _span(some: Any, least: int) -> tuple[int, int]:  # noqa: ANN401 numpy types any() loosely
    places = np.flatnonzero(some)
    first, last = int(places[0]), int(places[-1]) + 1
    size = min(len(some), max(last - first, least))
    start = min(max(0, (first + last - size) // 2), len(some) - size)
    return start, start + size


def _word_vectors(model: SeesAndReads, words: Sequence[str]) -> NDArray[np.float32]:
    """A vector for each word, the mean over the templates."""
    vectors = model.texts([template.format(word) for word in words for template in TEMPLATES])
    return _unit(vectors.reshape(len(words), len(TEMPLATES), -1).mean(axis=1))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    found: NDArray[np.float32] = vectors / np.maximum(length, np.float32(1e-12))
    return found


def _standardised(alike: NDArray[np.float32]) -> NDArray[np.float32]:
    """Likeness of each word (columns) to each map, in standard deviations from its mean over the maps.

    A word that is as like every map gets 0, but for the rounding of 32 bits.
    """
    mean = alike.mean(axis=0, dtype=np.float64)
    spread = alike.std(axis=0, dtype=np.float64)
    found: NDArray[np.float32] = np.where(spread > 1e-6, (alike - mean) / np.maximum(spread, 1e-6), 0).astype(
        np.float32
    )
    return found


def _baselines(
    seen: _Seen,
    model: SeesAndReads,
    words: Sequence[str],
    measures: tuple[NDArray[np.float32], NDArray[np.float32]],
    firsts: Mapping[int, int],
) -> dict[str, Any]:
    """What labels that look at no map reach, beside the first word of each map that has one.

    One word for all maps (that which is most like them on average), the name of the class, and the first word of
    another map, as the mean over all others. Each with its mean likeness and score, and how often the proposal is
    more like its map.
    """
    rows, chosen = np.array(list(firsts)), np.array(list(firsts.values()))
    alike, scores = (one[rows] for one in measures)
    constant = int(alike.mean(axis=0, dtype=np.float64).argmax())
    order = {target: place for place, target in enumerate(seen.targets)}
    classes = seen.vectors @ _word_vectors(model, list(seen.targets.values())).T
    own = np.array([order[seen.keys[row].target] for row in rows])
    name_scores = _standardised(classes)
    every = np.arange(len(rows))
    proposed = alike[every, chosen], scores[every, chosen]
    labels: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        "one word for all maps": (alike[:, constant], scores[:, constant]),
        "name of the class": (classes[rows, own], name_scores[rows, own]),
    }
    if len(rows) > 1:
        labels["word of another map"] = _of_others(alike, chosen), _of_others(scores, chosen)
    return {
        "word": words[constant],
        "proposed": {"similarity": _mean(proposed[0]), "score": _mean(proposed[1])},
        **{
            name: {"similarity": _mean(one), "score": _mean(two), "beaten": _mean(proposed[0] > one)}
            for name, (one, two) in labels.items()
        },
    }


def _of_others(values: NDArray[np.float32], chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    """For each map the mean value of the words of all other maps."""
    counts = Counter(chosen.tolist())
    columns = np.array(sorted(counts))
    total = values[:, columns].astype(np.float64) @ np.array([counts[column] for column in columns.tolist()])
    found: NDArray[np.float64] = (total - values[np.arange(len(chosen)), chosen]) / (len(chosen) - 1)
    return found


def _mean(values: NDArray[Any]) -> float:
    return round(float(values.mean(dtype=np.float64)), 6)


def lines(found: ConceptSet) -> Iterator[str]:
    """The proposals beside their baselines, for people."""
    facts = found.facts
    named = f"{facts['maps_named']:,} of {facts['maps']:,} cluster maps"
    yield f"{found.source} proposes {facts['concepts']:,} words on {named}"
    yield "a model's opinion: nobody looked at these maps"
    if facts["maps"] < FEW:
        yield f"note: only {facts['maps']:,} maps to compare; scores mean little with fewer than {FEW}"
    for name, one in facts["baselines"].items():
        if name != "word":
            shown = f"{name} ({facts['baselines']['word']})" if name == "one word for all maps" else name
            beaten = f", proposals more alike on {100 * one['beaten']:.0f} % of maps" if "beaten" in one else ""
            yield f"{shown}: similarity {one['similarity']:.3f}, score {one['score']:.2f}{beaten}"
