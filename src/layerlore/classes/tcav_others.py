"""What a concept's pictures are exchanged with in the test: other windows of the same photos.

A concept that people see in photos of one class differs from pictures of other classes in all that the class has. So
that only the concept is tested, chance is what other windows of the very same photos give. Windows that maps reveal lie
where the network looks, which random places do not, so that they are taken from other maps where there are any.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from layerlore.classes.tcav_records import Null
from layerlore.classes.tcav_regions import random_windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from layerlore.classes.tcav_regions import Window
    from layerlore.concepts.records import ConceptSet, MapConcept, MapKey

ENOUGH = 4
"""Other windows of a photo, from which on no further layer is looked at."""


class Others:
    """The other windows of each photo.

    Args:
        known: The study's concepts.
        windows: The windows of its maps.
        fraction: Area of a window.
        seed: Seed of random places.
    """

    def __init__(self, known: ConceptSet, windows: Mapping[MapKey, Window], fraction: float, seed: int) -> None:
        """Sort the maps by photo."""
        self._known, self._windows, self._fraction, self._seed = known, windows, fraction, seed
        self._layers = {key: some[0].layer_index for key, some in known.maps.items() if some and key in windows}
        self._keys: dict[tuple[str, int], list[MapKey]] = defaultdict(list)
        for key in sorted(self._layers):
            self._keys[key.image_id, key.target].append(key)

    def of(self, maps: Sequence[MapConcept]) -> tuple[tuple[tuple[Window, ...], ...], Null]:
        """What the windows of a concept's maps are exchanged with.

        Args:
            maps: The concept's maps, each of another photo.

        Returns:
            The others of each map, and what they are.
        """
        found = [self._of_maps(one) for one in maps]
        kinds = {bool(some) for some in found}
        null = Null.mixed if len(kinds) == 2 else Null.maps if True in kinds else Null.places
        return tuple(some or self._of_places(one.key.image_id) for some, one in zip(found, maps, strict=True)), null

    def _of_maps(self, one: MapConcept) -> tuple[Window, ...]:
        """Windows of the photo's other maps that people put words on, but not this.

        Those of its layer; where they are few, of the nearest layers too, until there are enough. What maps show
        changes with depth, so that any map of the network would not do.
        """
        found: list[Window] = []
        keys = [
            key
            for key in self._keys[one.key.image_id, one.key.target]
            if (key.cluster < 0) == (one.key.cluster < 0)
            and all(other.concept_id != one.concept_id for other in self._known.maps[key])
        ]

        def far(key: MapKey) -> int:
            return abs(self._layers[key] - one.layer_index)

        for _, some in groupby(sorted(keys, key=far), far):
            found += [self._windows[key] for key in some]
            if len(found) >= ENOUGH:
                break
        return tuple(found)

    def _of_places(self, image_id: str) -> tuple[Window, ...]:
        """Windows at random places of a photo, the same for all concepts."""
        rng = np.random.default_rng([self._seed, 4, zlib.crc32(image_id.encode())])
        return tuple(random_windows([image_id], self._fraction, rng)[0])
