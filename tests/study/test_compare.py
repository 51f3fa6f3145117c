"""Comparing two explanations: a hand-computed example, the measure's properties, and what cannot be compared."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

import layerlore as ll
from layerlore.errors import CompareError
from layerlore.study.compare import _by_depth, compare
from layerlore.study.matching import channel_overlap, match_layers

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
import handmade

DEPTHS = st.lists(st.floats(0, 1), max_size=7, unique=True)
QUICK = settings(max_examples=60, deadline=None)


def cluster(values, weight=50.0, channels=(0,), constant=None):
    values = np.asarray(values, np.float32)
    flat = bool((values == values.flat[0]).all()) if constant is None else constant
    return handmade.cluster(
        0,
        weight,
        None,
        map=np.zeros_like(values) if flat else values,
        channels=tuple(channels),
        channel_weights=tuple(weight / len(channels) for _ in channels),
        constant=flat,
    )


def layer(*clusters, **changes):
    numbered = [dataclasses.replace(c, index=i) for i, c in enumerate(clusters)]
    return handmade.layer(*numbered, **changes)


@st.composite
def layers(draw, most=4):
    """Layers of any small grid and number of clusters; maps on few levels, so that ties are frequent."""
    side = draw(st.sampled_from([1, 2, 3, 5]))
    amount = draw(st.integers(0, most))
    levels = st.integers(0, 3).map(lambda level: level / 3)
    made = []
    for _ in range(amount):
        values = draw(st_numpy.arrays(np.float32, (side, side), elements=levels.map(np.float32)))
        made.append(cluster(values, draw(st.integers(1, 25)), draw(st.sets(st.integers(0, 9), min_size=1))))
    return layer(*made)


def test_change_computed_by_hand() -> None:
    left, right = [[1, 0], [1, 0]], [[0, 1], [0, 1]]
    upper = [[1, 1], [0, 0]]
    a = layer(cluster(left, 60, (1, 2)), cluster(right, 30, (3,)))
    b = layer(cluster(right, 50, (3, 4)), cluster(upper, 20, (9,)))
    match = match_layers(a, b, same_channels=True)
    # right-right: 1 x min(30, 50) = 30; left-upper: min sum 1 of max sum 3 = 1/3 x min(60, 20) = 20/3.
    assert match.change == pytest.approx(1 - 2 * (30 + 20 / 3) / (90 + 70))
    assert [(p.a, p.b) for p in match.pairs] == [(1, 0), (0, 1)]
    assert [p.similarity for p in match.pairs] == [1, pytest.approx(1 / 3)]
    # Shares (3: 1) against (3: 1/2, 4: 1/2): 1/2 of 3/2; and nothing.
    assert [p.channel_overlap for p in match.pairs] == [pytest.approx(1 / 3), 0]
    assert (match.only_a, match.only_b) == ((), ())


def test_a_map_is_compared_on_the_finer_grid() -> None:
    coarse, fine = layer(cluster([[1, 0]])), layer(cluster([[1, 0.75, 0.25, 0]]))
    assert match_layers(coarse, fine).change == pytest.approx(0), "this is how [1, 0] is interpolated to four cells"


def test_weight_that_moves_is_change_although_places_stay() -> None:
    left, right = [[1, 0]], [[0, 1]]
    before = layer(cluster(left, 60), cluster(right, 20))
    after = layer(cluster(left, 20), cluster(right, 60))
    assert match_layers(before, after).change == pytest.approx(0.5)


def test_maps_without_a_place() -> None:
    flat, spot = cluster([[0.4, 0.4]]), cluster([[1, 0]])
    assert match_layers(layer(flat), layer(flat)).change == 0
    match = match_layers(layer(flat), layer(spot))
    assert (match.change, match.pairs, match.only_a, match.only_b) == (1, (), (0,), (0,))


def test_empty_layers_and_unequal_numbers() -> None:
    full = layer(cluster([[1, 0]], 30), cluster([[0, 1]], 50), cluster([[1, 1]], 10, constant=True))
    assert match_layers(layer(), layer()).change == 0
    assert match_layers(full, layer()).change == 1
    match = match_layers(full, layer(cluster([[0, 1]], 50)))
    assert [(p.a, p.b) for p in match.pairs] == [(1, 0)]
    assert match.only_a == (0, 2)
    assert match.change == pytest.approx(1 - 2 * 50 / (90 + 50))


@QUICK
@given(layers(), layers())
def test_symmetric_and_in_range(a, b) -> None:
    forth, back = match_layers(a, b, same_channels=True), match_layers(b, a, same_channels=True)
    assert 0 <= forth.change <= 1
    assert forth.change == pytest.approx(back.change, abs=1e-8)
    for one, side, rest in ((a, "a", forth.only_a), (b, "b", forth.only_b)):
        found = sorted([*(getattr(pair, side) for pair in forth.pairs), *rest])
        assert found == list(range(len(one.clusters))), "every cluster is matched once or told as unmatched"
    for pair in forth.pairs:
        assert 0 < pair.similarity <= 1
        assert 0 <= pair.channel_overlap <= 1
        assert pair.channel_overlap == channel_overlap(b.clusters[pair.b], a.clusters[pair.a])


@QUICK
@given(layers())
def test_equal_layers_do_not_differ(a) -> None:
    assert match_layers(a, a).change == 0


@QUICK
@given(layers(), layers(), st.randoms(use_true_random=False))
def test_order_of_clusters_does_not_matter(a, b, random) -> None:
    shuffled = list(b.clusters)
    random.shuffle(shuffled)
    assert match_layers(a, layer(*shuffled)).change == pytest.approx(match_layers(a, b).change, abs=1e-8)


@QUICK
@given(
    st.lists(st.floats(0, 1), max_size=4, unique=True), st.lists(st.floats(0, 1), min_size=4, max_size=7, unique=True)
)
def test_layers_of_other_networks_are_paired_in_order_and_near(few, many) -> None:
    from itertools import combinations

    few, many = sorted((sorted(few), sorted(many)), key=len)
    pairs = _by_depth(few, many)
    assert [i for i, _ in pairs] == list(range(len(few)))
    chosen = [j for _, j in pairs]
    assert chosen == sorted(set(chosen))
    cost = sum((few[i] - many[j]) ** 2 for i, j in pairs)
    if len(few) < len(many):
        least = min(sum((x - y) ** 2 for x, y in zip(few, some, strict=True)) for some in combinations(many, len(few)))
        assert cost == pytest.approx(least)


def test_one_architecture_is_paired_by_name_and_the_rest_is_told() -> None:
    a = handmade.explanation()
    b = handmade.explanation(a.layers[1])
    found = compare(a, b)
    assert (found.paired_by, found.change, found.only_a, found.only_b) == ("name", 0, ("block1.relu",), ())
    assert [x.match.pairs[0].channel_overlap for x in found.layers] == [1]


def test_equal_names_in_another_network_are_paired_by_depth() -> None:
    a = handmade.explanation()
    wide = [dataclasses.replace(x, channels=256) for x in a.layers]
    found = compare(a, handmade.explanation(*wide))
    assert found.paired_by == "depth"
    assert all(pair.channel_overlap is None for x in found.layers for pair in x.match.pairs)
    deep = dataclasses.replace(wide[0], name="deep", index=5, depth=0.9)
    found = compare(handmade.explanation(*wide), handmade.explanation(deep))
    assert [x.name for x in found.layers] == ["block2.relu / deep"]
    assert found.only_a == ("block1.relu",)


def test_answers_and_scores() -> None:
    a = handmade.explanation()
    other = dataclasses.replace(a.target, probability=0.3, logit=10.0)
    b = dataclasses.replace(a, target=other, predictions=(a.predictions[1], other))
    found = compare(a, b)
    assert found.answer_changed
    assert found.same_target
    assert (found.probability_change, found.logit_change) == (pytest.approx(-0.5), pytest.approx(-2.4))
    assert not compare(a, dataclasses.replace(a, target=a.predictions[1])).same_target
    assert not compare(a, a).answer_changed


def test_another_photo_is_refused_in_one_line() -> None:
    a = handmade.explanation()
    other = dataclasses.replace(a, photo=dataclasses.replace(a.photo, image_id="f" * 16, name="dog.png"))
    with pytest.raises(CompareError, match=r"cat\.png and dog\.png are different photos") as caught:
        compare(a, other)
    assert "\n" not in str(caught.value)


def test_other_crops_are_compared_where_they_overlap() -> None:
    values = np.arange(16, dtype=np.float32).reshape(4, 4) / 15
    whole = layer(cluster(values))
    # The second network saw the middle half only: the same function of place, cut out.
    cut = layer(cluster(values[1:3, 1:3]))
    a = handmade.explanation(whole)
    b = handmade.explanation(cut)
    a = dataclasses.replace(a, photo=dataclasses.replace(a.photo, box=(0.0, 0.0, 64.0, 64.0)))
    b = dataclasses.replace(b, photo=dataclasses.replace(b.photo, box=(16.0, 16.0, 48.0, 48.0)))
    found = compare(a, b)
    assert found.change == pytest.approx(0, abs=1e-6)
    assert compare(b, a).change == found.change
    assert found.shared_view == pytest.approx(0.25)
    assert any("crop" in note and "25 %" in note for note in found.notes)
    c = dataclasses.replace(b, photo=dataclasses.replace(b.photo, box=(64.0, 0.0, 80.0, 64.0)))
    with pytest.raises(CompareError, match="do not overlap"):
        compare(a, c)


def test_other_settings_are_told() -> None:
    a = handmade.explanation()
    b = dataclasses.replace(a, method="paper", seed=3, provenance={"versions": {"torch": "1"}})
    notes = " ".join(compare(a, b).notes)
    assert "method stable" in notes
    assert "seed 0, B with 3" in notes
    assert "versions of torch" in notes
    assert compare(a, a).notes == ()


def test_saved_numbers(tmp_path: Path) -> None:
    a = handmade.explanation()
    b = dataclasses.replace(a, layers=(a.layers[0], dataclasses.replace(a.layers[1], clusters=())))
    found = ll.compare(a, b)
    content = json.loads(found.save(tmp_path / "c.json").read_text())
    assert content["format"] == "layerlore.comparison"
    assert content["change"] == 0.5
    assert content["layers"][1]["only_a"] == [{"cluster": 0, "weight": 40.0}, {"cluster": 1, "weight": 24.1}]
    pair = {"a": 0, "b": 0, "similarity": 1, "channel_overlap": 1, "weight_a": 40.0, "weight_b": 40.0}
    assert content["layers"][0]["pairs"][0] == pair
    assert (tmp_path / "c.json").read_text() == found.to_json()
    assert "change=0.500" in repr(found)
    assert found.most_changed.name == "block2.relu"


def test_a_real_explanation_equals_itself(explanation: ll.Explanation) -> None:
    """Real maps: the same explanation changes nothing."""
    found = compare(explanation, explanation)
    assert [x.change for x in found.layers] == [0] * 9
    assert all(p.similarity == 1 and p.channel_overlap == 1 for x in found.layers for p in x.match.pairs)
