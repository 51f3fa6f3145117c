"""Concepts that carry a class but are not its object: suspects of a shortcut.

A concept is suspected where three things come together, each a number in [0, 1] whose product is the score:

- **It is not about the object.** Its maps lie outside the object nearly as much as a map without any preference would:
  the share of their mass outside, divided by the share of the view outside. A map of the object is far below 1, since
  maps, as objects, tend to the middle of a photo.
- **It stays** when the object is taken out of the photo: the share of what its feature maps say for the class.
- **It carries the class**: the share of the class's logit that stays, over all its photos. In every photo something
  lies beside the object; where the class falls without the object, that is scenery and no shortcut.

Chance is kept out by a permutation test: in the same photos and layers, how often would as many maps, drawn blindly
from those that are shown, lie so far outside? Holm's correction is over all concepts and layers of the class.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from layerlore.classes.records import Suspect
from layerlore.classes.tcav_statistics import holm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.classes.collecting import PhotoFacts, Row
    from layerlore.classes.records import Removal
    from layerlore.concepts.records import MapKey

FEWEST_PHOTOS = 3
"""On fewer photos nothing is suspected."""
MOST_CONCEPTS = 12
"""Concepts of a layer that are tested, those with the highest scores: every test costs the others certainty."""
AWAY = 0.75
"""Outside, relative to a map without preference, from which a concept is not about the object."""
SUSPICIOUS = 0.2
"""Score from which a concept is suspected, and share of the logit that must stay."""
LEVEL = 0.05
DRAWS = 5000
MOST_DRAWN = 1_000_000
"""Photos times draws of one layer, for memory; there are never fewer than `FEWEST_DRAWS`."""
FEWEST_DRAWS = 1000
EXAMPLES = 3
DECIMALS = 6


@dataclass(frozen=True)
class _Tested:
    """A concept in a layer with its numbers; ``away`` is ``outside`` relative to ``expected``."""

    rows: tuple[Row, ...]
    outside: float
    expected: float
    away: float
    survives: float | None
    p_value: float


def find_suspects(
    photos: Sequence[PhotoFacts],
    layers: Sequence[str],
    removal: Removal | None = None,
    says: Mapping[MapKey, tuple[float, float]] | None = None,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> tuple[Suspect, ...]:
    """The suspects of a class, most suspicious first, each in the layer in which it is most suspicious.

    Where removing the object was not measured, what is not about the object is named with a score of its distance
    alone; the reason says so.

    Args:
        photos: Of the class; those whose object is not given do not matter.
        layers: Shallow to deep.
        removal: What the network says without the object.
        says: What each map says for the class with the object and without it.
        seed: Of the permutations.
        draws: Their number.
    """
    carried = None if removal is None else float(np.clip(removal.logit, 0, 1))
    if carried is not None and carried < SUSPICIOUS:
        return ()
    tested = _corrected([one for layer in layers for one in _test_layer(photos, layer, says or {}, seed, draws)])
    best: dict[str, Suspect] = {}
    for one in tested:
        found = _suspect(one, carried, removal)
        if one.p_value >= LEVEL or one.away < AWAY or found.score < SUSPICIOUS:
            continue
        known = best.get(found.concept_id)
        if known is None or found.score > known.score:
            best[found.concept_id] = found
    place = {layer: number for number, layer in enumerate(layers)}
    return tuple(sorted(best.values(), key=lambda one: (-one.score, -place[one.layer], one.name, one.concept_id)))


def _test_layer(
    photos: Sequence[PhotoFacts], layer: str, says: Mapping[MapKey, tuple[float, float]], seed: int, draws: int
) -> list[_Tested]:
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for photo in photos:
        for row in photo.rows:
            if row.layer == layer and row.outside is not None:
                rows[row.concept_id].append(row)
    enough = [some for some in rows.values() if len({row.image_id for row in some}) >= FEWEST_PHOTOS]
    enough.sort(key=lambda some: (-round(sum(row.score for row in some), DECIMALS), some[0].concept_id))
    shuffled = shuffled_means(photos, layer, seed=seed, draws=draws) if enough else {}
    return [_test(some, shuffled, says) for some in enough[:MOST_CONCEPTS]]


def _test(
    rows: Sequence[Row], shuffled: Mapping[str, NDArray[np.float64]], says: Mapping[MapKey, tuple[float, float]]
) -> _Tested:
    members = {one.key: one for row in rows for one in row.members if one.outside is not None}
    mass = np.array([one.weight * one.mass for one in members.values()])
    mass = mass if mass.sum() > 0 else np.ones(len(mass))
    outside = float(np.average([one.outside or 0.0 for one in members.values()], weights=mass))
    expected = float(np.average([one.expected_outside or 0.0 for one in members.values()], weights=mass))
    per_photo: defaultdict[str, list[float]] = defaultdict(list)
    for key, one in members.items():
        per_photo[key.image_id].append(one.outside or 0.0)
    seen = sum(float(np.mean(some)) for some in per_photo.values())
    chance = sum(shuffled[image_id][:, len(some) - 1] for image_id, some in per_photo.items())
    known = [says[key] for key in members if key in says]
    before = sum(one for one, _ in known)
    return _Tested(
        rows=tuple(rows),
        outside=outside,
        expected=expected,
        away=min(outside / expected, 1.0) if expected > 0 else 0.0,
        survives=sum(one for _, one in known) / before if before > 0 else None,
        p_value=float((1 + np.sum(chance >= seen - 1e-9)) / (1 + np.size(chance))),
    )


def shuffled_means(
    photos: Sequence[PhotoFacts], layer: str, *, seed: int = 0, draws: int = DRAWS
) -> dict[str, NDArray[np.float64]]:
    """How far outside maps of a layer lie that are drawn blindly from each photo's.

    Args:
        photos: Of the class.
        layer: The layer.
        seed: Of the draws.
        draws: Their number at most.

    Returns:
        image_id to an array of shape (draws, maps): in column k - 1 the mean share outside of k different maps.
    """
    draws = min(draws, max(FEWEST_DRAWS, MOST_DRAWN // max(len(photos), 1)))
    generator = np.random.default_rng(seed)
    means = {}
    for photo in photos:
        values = np.array([one.outside for one in photo.maps.get(layer, ()) if one.outside is not None])
        if len(values):
            mixed = generator.permuted(np.tile(values, (draws, 1)), axis=1)
            means[photo.image_id] = mixed.cumsum(axis=1) / np.arange(1, len(values) + 1)
    return means


def _corrected(tested: Sequence[_Tested]) -> list[_Tested]:
    """The same, their p-values corrected for their number."""
    values = holm([one.p_value for one in tested])
    return [replace(one, p_value=value) for one, value in zip(tested, values, strict=True)]


def _suspect(one: _Tested, carried: float | None, removal: Removal | None) -> Suspect:
    stays = 1.0 if one.survives is None else float(np.clip(one.survives, 0, 1))
    score = one.away * stays * (1.0 if carried is None else carried)
    farthest: dict[str, Row] = {}
    for row in sorted(one.rows, key=lambda row: (-round(row.outside or 0.0, DECIMALS), row.keys)):
        farthest.setdefault(row.image_id, row)
    return Suspect(
        concept_id=one.rows[0].concept_id,
        name=one.rows[0].name,
        layer=one.rows[0].layer,
        score=round(score, DECIMALS),
        outside=round(one.outside, DECIMALS),
        expected_outside=round(one.expected, DECIMALS),
        survives=None if one.survives is None else round(one.survives, DECIMALS),
        reason=_reason(one, len(farthest), removal),
        photos=len(farthest),
        p_value=round(one.p_value, DECIMALS),
        examples=tuple(row.keys for row in list(farthest.values())[:EXAMPLES]),
    )


def _reason(one: _Tested, photos: int, removal: Removal | None) -> str:
    text = (
        f"{100 * one.outside:.0f} % of its maps lies outside the object, where {100 * one.expected:.0f} % of the view "
        f"is ({photos} photos)"
    )
    if removal is None or one.survives is None:
        return f"{text}; whether it carries the class was not measured."
    gone = "blurred away" if removal.how == "blur" else "filled with grey"
    return (
        f"{text}; with the object {gone}, {100 * one.survives:.0f} % of what it says for the class stays, and the "
        f"network still answers the class for {removal.still} of {removal.right} photos."
    )
