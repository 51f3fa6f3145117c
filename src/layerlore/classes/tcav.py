"""Do the words mean something to the network? Concepts tested with concept vectors (TCAV).

Source: Kim et al., "Interpretability beyond feature attribution: quantitative testing with concept activation vectors",
ICML 2018. Two things differ. The test is not between repeated vectors of the same pictures, which finds any set of
pictures significant, but against the vectors of many sets in which the concept's pictures are exchanged with others of
the same photos. And the score that is tested is by default a smooth one: where a class's gradient is the same for all
photos, as before a linear head, the share of positive signs is 0 or 1 for every vector.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.classes.tcav_features import POOLINGS, Features
from layerlore.classes.tcav_material import NEGATIVES, Material, gather
from layerlore.classes.tcav_reach import REACH, out_of_reach
from layerlore.classes.tcav_records import ConceptScore, Validation
from layerlore.classes.tcav_statistics import (
    SCORES,
    VECTORS,
    Space,
    corrected_interval,
    exchanged,
    held_out_accuracy,
    least_p,
    null_derivatives,
    resampled,
    shuffled,
    sign_score,
    smooth_score,
    two_sided,
)
from layerlore.errors import SettingError
from layerlore.significance import holm, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from layerlore.classes.tcav_material import ClassPhotos, Example
    from layerlore.study.study import Study

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]
    Progress = Callable[[int, int], None]

FEWEST_RUNS = 20
FEWEST_SETS, MOST_SETS = 1000, 50_000
SETS_PER_TEST = 80
"""Random sets for each test of a class, so that Holm's correction can be passed."""

DRAWS = 1000
"""Bootstrap samples for an interval."""


@dataclass(frozen=True)
class TcavSettings:
    """How concepts are tested.

    Attributes:
        runs: Random runs, by which accuracy is measured.
        score: Score that is tested: ``smooth`` or ``sign``.
        vector: ``mean`` (difference of means) or ``ridge`` (ridge regression).
        negatives: What a concept is compared with: ``random`` windows, or windows of the other ``concepts`` (relative
            vectors).
        pooling: Activations as ``mean`` of each feature map, or all of it (``flatten``).
        fraction: Area of a picture cut out, as a share of what the network sees of the photo.
        top: Concepts of each class that are tested, those with the highest scores first, where none are named.
        seed: Seed of everything random.
    """

    runs: int = 50
    score: str = "smooth"
    vector: str = "mean"
    negatives: str = "random"
    pooling: str = "mean"
    fraction: float = 0.25
    top: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        """Check them."""
        known = {"score": SCORES, "vector": VECTORS, "negatives": NEGATIVES, "pooling": POOLINGS}
        for name, choices in known.items():
            if getattr(self, name) not in choices:
                raise SettingError(f"{name} is {getattr(self, name)!r}; choose {' or '.join(choices)}")
        if self.runs < FEWEST_RUNS:
            raise SettingError(f"runs is {self.runs}; give at least {FEWEST_RUNS}, or the accuracy says nothing")
        if not 0.01 <= self.fraction <= 1:
            raise SettingError(f"fraction is {self.fraction}; give a share of the photo from 0.01 to 1")
        if self.top < 1 or self.seed < 0:
            raise SettingError("top must be at least 1 and seed at least 0")


def validate(
    study: Study,
    *,
    classes: Sequence[str] | None = None,
    concepts: Sequence[str] | None = None,
    images: Sequence[Path] = (),
    settings: TcavSettings | None = None,
    progress: Progress | None = None,
) -> Validation:
    """Test whether classes depend on concepts, in every layer of a study.

    Args:
        study: The study, explained.
        classes: Only these, by their labels or the network's names; None: all.
        concepts: Only these, by name or concept_id, for every class; None: the best of each class.
        images: Folders of pictures that show one concept each, tested for every class.
        settings: How.
        progress: Told how many of how many pictures went through the network.

    Raises:
        StudyError: There are no concepts, or too few photos; or a class or concept is not there.
        SettingError: A setting is wrong.
        LayerLoreError: A photo or the network cannot be read.
    """
    settings = settings or TcavSettings()
    material = gather(study, classes, concepts, images, settings)
    if not material.classes:
        return Validation((), material.untested, asdict(settings), {"source": material.source})
    network = study.load_network()
    layers = network.layers.select(list(study.settings.layers))
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, material.pictures)

    preprocess = str(study.network_info["preprocess"])
    features = Features(network, layers, settings.pooling, study.folder, preprocess, tell)
    features.check(material.pictures)
    vectors = _vectors(study, features, material)
    scores = _in_order(_corrected(list(_scores(material, vectors, layers, settings))), material)
    least = {
        one.concept_id: least_p(sets.own, sets.null)
        for one in material.examples
        for sets in (_sets(material, one, len(layers), settings),)
    }
    features.clear_others()
    return Validation(
        scores=tuple(scores),
        untested=material.untested,
        settings={**asdict(settings), "layers": [layer.name for layer in layers]},
        facts={
            "network": str(network.fingerprint),
            "random_sets": _set_count(material, len(layers)),
            REACH: out_of_reach(scores, least),
            "compared_pictures": len(material.pool),
            "other_pictures": len(material.others),
            "source": material.source,
        },
    )


@dataclass(frozen=True)
class _Vectors:
    """Activations and gradients by layer: of random pictures, others, the concepts, and the classes' photos."""

    pool: list[NDArray[np.float32]]
    others: list[NDArray[np.float32]]
    concepts: list[list[NDArray[np.float32]]]
    classes: list[list[NDArray[np.float32]]]


def _vectors(study: Study, features: Features, material: Material) -> _Vectors:
    """Everything that needs the network."""
    from layerlore.classes.tcav_regions import cut
    from layerlore.network.photos import read_photo

    network = features.network
    return _Vectors(
        pool=features.activations(material.pool, lambda: cut(study, network, material.pool)),
        others=features.activations(material.others, lambda: cut(study, network, material.others))
        if material.others
        else [],
        concepts=[
            features.activations(one.keys, lambda one=one: one.read(study, network))  # type: ignore[misc]
            for one in material.examples
        ],
        classes=[
            features.gradients(
                one.images,
                one.target,
                lambda one=one: (read_photo(study.photo_path(name)) for name in one.images),  # type: ignore[misc]
            )
            for one in material.classes
        ],
    )


def _set_count(material: Material, layers: int) -> int:
    """Random sets for each concept."""
    most = max((len(one.concepts) for one in material.classes), default=0)
    return min(MOST_SETS, max(FEWEST_SETS, SETS_PER_TEST * most * layers))


@dataclass(frozen=True)
class _Sets:
    """Rows of a concept's pictures, of those that they are compared with, and of what chance would take instead.

    Attributes:
        own: The concept's pictures.
        negative: All random windows that it may be compared with, photo after photo.
        per: How many each photo has.
        compared: Those that its vector is made with.
        null: Sets in place of ``own``, shape (sets, k).
        null_compared: In place of ``compared``; shape (n,) where it is the same.
    """

    own: Places
    negative: Places
    per: int
    compared: Places
    null: Places
    null_compared: Places


def _sets(material: Material, example: Example, layers: int, settings: TcavSettings) -> _Sets:
    """The sets of a concept, the same in all layers; rows are random windows, concept's pictures, then the others."""
    rng = np.random.default_rng([settings.seed, 1, zlib.crc32(example.concept_id.encode())])
    size, start, count = len(example.keys), len(material.pool), _set_count(material, layers)
    own = np.arange(start, start + size)
    negative, per = material.negatives(example)
    compared = negative if settings.vector == "mean" else rng.choice(negative, min(size, len(negative)), replace=False)
    if example.files:
        both = np.concatenate([own, negative])
        return _Sets(own, negative, per, compared, *shuffled(both, size, len(compared), count, rng))
    ends = start + size + np.cumsum([len(some) for some in example.others])
    choices = [
        np.append(np.arange(end - len(some), end), row)
        for row, some, end in zip(own, example.others, ends, strict=True)
    ]
    return _Sets(own, negative, per, compared, exchanged(choices, count, rng), compared)


def _scores(
    material: Material, vectors: _Vectors, layers: Sequence[Any], settings: TcavSettings
) -> Iterator[ConceptScore]:
    """Scores of all classes and concepts in all layers."""
    places = {window: row for row, window in enumerate(material.others)}
    for number, layer in enumerate(layers):
        pool = vectors.pool[number].astype(np.float64)
        middle = pool.mean(axis=0)
        pool -= middle
        slopes = np.concatenate([one[number] for one in vectors.classes]).astype(np.float64)
        base = Space(pool @ pool.T, pool @ slopes.T)
        for example, found in zip(material.examples, vectors.concepts, strict=True):
            ours = found[number].astype(np.float64) - middle
            around = [places[window] for some in example.others for window in some]
            others = vectors.others[number][around].astype(np.float64) - middle if around else ours[:0]
            space = _joined(base, pool, ours, others, slopes, grams=settings.vector == "ridge")
            # Made again in each layer rather than kept: for many concepts they would fill the memory.
            sets = _sets(material, example, len(layers), settings)
            yield from _concept_scores(material, example, space, sets, (layer, number), settings)


def _joined(base: Space, pool: Floats, ours: Floats, others: Floats, slopes: Floats, *, grams: bool) -> Space:
    """The layer's space with a concept's pictures after the random ones, then the others of their photos."""
    along = np.concatenate([base.along, ours @ slopes.T, others @ slopes.T])
    # Means need no inner products of the others.
    more = np.concatenate([ours, others]) if grams else ours
    across = pool @ more.T
    return Space(np.block([[base.gram, across], [across.T, more @ more.T]]), along)


def _concept_scores(
    material: Material, example: Example, space: Space, sets: _Sets, place: tuple[Any, int], settings: TcavSettings
) -> Iterator[ConceptScore]:
    """Scores of one concept in one layer, for every class that it is tested for."""
    layer, number = place
    size, method = len(example.keys), settings.vector
    rng = np.random.default_rng([settings.seed, 2, zlib.crc32(example.concept_id.encode()), number])
    runs = held_out_accuracy(space, sets.own, sets.negative, runs=settings.runs, method=method, rng=rng)
    accuracy = float(runs.mean())
    low, high = wilson(accuracy, 2 * size)
    start = 0
    for one in material.classes:
        part = slice(start, start := start + len(one.images))
        if example.concept_id not in one.concepts:
            continue
        score = _blank(one, example, layer)
        score = replace(score, accuracy=accuracy, accuracy_low=low, accuracy_high=high, at_chance=low <= 0.5)
        if low > 0.5:
            ours = replace(space, along=space.along[:, part])
            again = np.random.default_rng([settings.seed, 3, zlib.crc32(one.label.encode()), number])
            score = _scored(score, ours, sets, settings, again)
        yield score


def _blank(one: ClassPhotos, example: Example, layer: Any) -> ConceptScore:  # noqa: ANN401 a Layer
    """What is known before anything is computed."""
    return ConceptScore(
        label=one.label,
        target=one.target,
        concept_id=example.concept_id,
        name=example.name,
        machine=example.machine,
        layer=layer.name,
        layer_index=layer.index,
        examples=len(example.keys),
        photos=len(one.images),
        null=example.null,
        accuracy=0.5,
        accuracy_low=0.0,
        accuracy_high=1.0,
        at_chance=True,
    )


def _scored(
    score: ConceptScore, space: Space, sets: _Sets, settings: TcavSettings, rng: np.random.Generator
) -> ConceptScore:
    """The score with its interval and test."""
    method = settings.vector
    derivatives = null_derivatives(space, sets.own[None], sets.compared, method)[0]
    null = null_derivatives(space, sets.null, sets.null_compared, method)
    per = sets.per if method == "mean" else 1
    samples = resampled(space, sets.own, sets.compared, per=per, method=method, draws=DRAWS, rng=rng)
    # How far sets go, so that "smooth" has no unit; the concept's is one of them, or the test would not be exact.
    scale = float(np.sqrt((np.vstack([null, derivatives]) ** 2).mean())) or 1.0

    def of(values: Floats) -> Floats:
        return sign_score(values) if settings.score == "sign" else smooth_score(values, scale)

    observed, random = float(of(derivatives)), of(null)
    low, high = corrected_interval(observed, of(samples))
    null_low, null_high = np.quantile(random, [0.025, 0.975])
    return replace(
        score,
        score=observed,
        low=low,
        high=high,
        sign=float(sign_score(derivatives)),
        smooth=float(smooth_score(derivatives, scale)),
        null_low=float(null_low),
        null_high=float(null_high),
        p=two_sided(observed, random),
    )


def _corrected(scores: Sequence[ConceptScore]) -> Iterator[ConceptScore]:
    """The scores with p-values corrected over concepts and layers of each class.

    Vectors at chance count as tests: which are is seen in the data, so leaving them out would make the rest too sure.
    """
    for label in dict.fromkeys(one.label for one in scores):
        ours = [one for one in scores if one.label == label]
        corrected = holm([1.0 if one.p is None else one.p for one in ours])
        for one, p_holm in zip(ours, corrected, strict=True):
            yield one if one.p is None else replace(one, p_holm=p_holm)


def _in_order(scores: Iterator[ConceptScore], material: Material) -> list[ConceptScore]:
    """By class, then concept, then layer."""
    concepts = [one.concept_id for one in material.examples]
    labels = [one.label for one in material.classes]
    return sorted(
        scores, key=lambda one: (labels.index(one.label), concepts.index(one.concept_id), one.layer_index, one.layer)
    )
