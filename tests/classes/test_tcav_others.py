"""What a concept's pictures are exchanged with: other maps of the same photo, the nearest layers first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tcav_small import concepts_on

from layerlore.classes.tcav_others import ENOUGH, Others
from layerlore.classes.tcav_records import Null
from layerlore.classes.tcav_regions import GRID, Window
from layerlore.concepts.records import ConceptSet, MapConcept, MapKey

LAYERS = ("one", "two", "three", "four")


def key(photo: str, layer: str, cluster: int = 0) -> MapKey:
    return MapKey(photo, 7, layer, cluster)


def known(maps: dict[str, list[MapKey]]) -> ConceptSet:
    """Concepts on maps, with the layers' places."""
    found = concepts_on(maps)
    by_map = {
        at: tuple(replace(one, layer_index=LAYERS.index(at.layer)) for one in some) for at, some in found.maps.items()
    }
    return replace(found, maps=by_map)


def window(at: MapKey) -> Window:
    """A window that tells which map it is of."""
    return Window(at.image_id, LAYERS.index(at.layer) / GRID, (at.cluster + 1) / GRID, 0.5)


def others_of(found: ConceptSet, name: str, dropped: tuple[MapKey, ...] = ()) -> tuple[list[set[Window]], Null]:
    """What the maps of a concept are exchanged with; maps that are dropped show no place."""
    windows = {at: window(at) for at in found.maps if at not in dropped}
    (concept_id,) = (one.concept_id for one in found.concepts.values() if one.name == name)
    maps: list[MapConcept] = sorted(found.maps_of(concept_id), key=lambda one: one.key)
    around, null = Others(found, windows, 0.25, 0).of([one for one in maps if one.key in windows])
    return [set(some) for some in around], null


def test_other_maps_of_the_layer_are_enough() -> None:
    rest = [key("a", "two", cluster) for cluster in range(1, ENOUGH + 1)]
    found = known({"ear": [key("a", "two")], "fur": [*rest, key("a", "three"), key("b", "two")]})
    assert others_of(found, "ear") == ([set(map(window, rest))], Null.maps)


def test_the_nearest_layers_follow_until_there_are_enough_and_none_with_the_word() -> None:
    near = [key("a", "two", 1), key("a", "one"), key("a", "three", 1), key("a", "three", 2)]
    found = known(
        {
            "ear": [key("a", "two")],
            "fur": [*near, key("a", "four"), key("a", "two", -1)],
            "nose": [key("a", "three", 2)],
        }
    )
    # The whole layer as one (-1) is another kind of map; the fourth layer is not needed.
    assert others_of(found, "ear") == ([set(map(window, near))], Null.maps)
    # A map with the word is never in place of it, in whatever layer.
    (both,), _ = others_of(found, "nose")
    assert window(key("a", "three", 2)) not in both
    assert window(key("a", "three", 1)) in both


@pytest.mark.parametrize("dropped", [False, True])
def test_places_of_the_photo_where_there_is_no_other_map(dropped: bool) -> None:
    maps = {"ear": [key("a", "two"), key("b", "two")], "fur": [key("a", "two", 1)]}
    around, null = others_of(known(maps), "ear", (key("a", "two", 1),) if dropped else ())
    assert null == (Null.places if dropped else Null.mixed)
    assert [{one.image_id for one in some} for some in around] == [{"a"}, {"b"}]
    assert len(around[1]) > ENOUGH
    assert all(0 <= one.left <= 0.5 and 0 <= one.top <= 0.5 and one.side == 0.5 for one in around[1])
    assert (len(around[0]) == 1) == (not dropped)
