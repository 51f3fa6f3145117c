"""Concepts that carry a class but are not its object: suspects of a shortcut.

A concept is suspected where three things come together, each a number in [0, 1] whose product is the score:

- **It is not about the object.** Its maps lie outside the object nearly as much as a map without any preference would:
  the share of their mass outside, divided by the share of the view outside. A map of the object is far below 1, since
  maps, as objects, tend to the middle of a photo.
- **It stays** when the object is taken out of the photo: the share of what its feature maps say for the class.
- **It carries the class**: the share of the class's logit that stays, over all its photos. In every photo something
  lies beside the object; where the class falls without the object, that is scenery and no shortcut.

Chance is kept out by a permutation test: in the same photos and layers, how often would as many maps, drawn blindly
from those that could have had the word, lie so far outside? For words these are the maps of which people were asked,
often the heaviest: what lies outside with all of them says nothing of a word. For groups they are all that are shown.
Holm's correction is over all concepts and layers of the class, and there are so many draws that it can be passed.

The object is what the mask or the box marks. Of a box all counts as the object, its corners too, so that what is in
them is not suspected.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from layerlore.classes.drawing import chance_of, enough_draws
from layerlore.classes.records import Suspect
from layerlore.significance import SIGNIFICANT, holm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from layerlore.classes.collecting import MapFacts, PhotoFacts, Row
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
DRAWS = 5000
MOST_WAYS = 1000
"""Ways to take maps of one photo that are all listed; of more, so many are taken at random."""
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
        seed: Of the draws.
        draws: Their number at least; there are more where Holm's correction needs them.
    """
    carried = None if removal is None else float(np.clip(removal.logit, 0, 1))
    if carried is not None and carried < SUSPICIOUS:
        return ()
    asked = [rows for layer in layers for rows in _asked(photos, layer)]
    maps = _drawn_from(photos)
    draws = max(draws, enough_draws(len(asked)))
    tested = _corrected(
        [_test(rows, maps, says or {}, np.random.default_rng((seed, place)), draws) for place, rows in enumerate(asked)]
    )
    best: dict[str, Suspect] = {}
    for one in tested:
        found = _suspect(one, carried, removal)
        if one.p_value >= SIGNIFICANT or one.away < AWAY or found.score < SUSPICIOUS:
            continue
        known = best.get(found.concept_id)
        if known is None or found.score > known.score:
            best[found.concept_id] = found
    place = {layer: number for number, layer in enumerate(layers)}
    return tuple(sorted(best.values(), key=lambda one: (-one.score, place[one.layer], one.name, one.concept_id)))


def _asked(photos: Sequence[PhotoFacts], layer: str) -> list[list[Row]]:
    """The concepts of a layer that are tested, highest scores first, each with its rows."""
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for photo in photos:
        for row in photo.rows:
            if row.layer == layer and row.outside is not None:
                rows[row.concept_id].append(row)
    enough = [some for some in rows.values() if len({row.image_id for row in some}) >= FEWEST_PHOTOS]
    enough.sort(key=lambda some: (-round(sum(row.score for row in some), DECIMALS), some[0].concept_id))
    return enough[:MOST_CONCEPTS]


def _drawn_from(photos: Sequence[PhotoFacts]) -> dict[tuple[str, str], list[MapFacts]]:
    """By photo and layer the maps that could have the word or be in the group, those outside the object or not."""
    words = any(photo.labelled for photo in photos)
    return {
        (photo.image_id, layer): [one for one in some if one.asked or not words]
        for photo in photos
        for layer, some in photo.maps.items()
    }


def _test(
    rows: Sequence[Row],
    maps: Mapping[tuple[str, str], Sequence[MapFacts]],
    says: Mapping[MapKey, tuple[float, float]],
    generator: np.random.Generator,
    draws: int,
) -> _Tested:
    members = {one.key: one for row in rows for one in row.members if one.outside is not None}
    mass = np.array([one.weight * one.mass for one in members.values()])
    mass = mass if mass.sum() > 0 else np.ones(len(mass))
    outside = float(np.average([one.outside or 0.0 for one in members.values()], weights=mass))
    expected = float(np.average([one.expected_outside or 0.0 for one in members.values()], weights=mass))
    per_photo: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for key, one in members.items():
        per_photo[key.image_id, key.layer].append(one.outside or 0.0)
    blind = [
        blind_means([one.outside for one in maps[place] if one.outside is not None], len(some), generator)
        for place, some in per_photo.items()
    ]
    known = [says[key] for key in members if key in says]
    before = sum(one for one, _ in known)
    return _Tested(
        rows=tuple(rows),
        outside=outside,
        expected=expected,
        away=min(outside / expected, 1.0) if expected > 0 else 0.0,
        survives=sum(one for _, one in known) / before if before > 0 else None,
        p_value=chance_of(sum(float(np.mean(some)) for some in per_photo.values()), blind, generator, draws),
    )


def blind_means(values: Sequence[float], count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Mean of each way to take so many different ones of some values; where there are too many ways, of a sample.

    Args:
        values: Shares outside of the maps of a photo's layer.
        count: How many are taken.
        generator: Of the sample.
    """
    if math.comb(len(values), count) <= MOST_WAYS:
        return np.asarray(np.array(list(itertools.combinations(values, count))).mean(axis=1))
    mixed = generator.permuted(np.tile(values, (MOST_WAYS, 1)), axis=1)
    return np.asarray(mixed[:, :count].mean(axis=1))


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
