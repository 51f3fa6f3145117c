"""Maps merged by their labels: against a slow way, and what must hold for any maps and labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlore.concepts.merging import FULL_LABELS, LEVELS, merge_explanation, merge_layer, with_labels
from layerlore.concepts.records import AnswerFate, Concept, ConceptSet, Games, LeftOut, MapConcept, MapKey
from layerlore.errors import SettingError
from layerlore.local.explanation import ClusterMap, Explanation, LayerExplanation, PhotoRecord, Prediction

IMAGE, TARGET = "0123456789abcdef", 7


def layer_of(weights: list[float], name: str = "bn2") -> LayerExplanation:
    rng = np.random.default_rng(len(weights))
    clusters = tuple(
        ClusterMap(
            index=place,
            weight=weight,
            map=rng.random((3, 4)).astype(np.float32),
            peak=1.0,
            channels=(3 * place, 3 * place + 1),
            channel_weights=(weight * 0.75, weight * 0.25),
        )
        for place, weight in enumerate(weights)
    )
    return LayerExplanation(name, 4, 0.5, "ReLU", True, 64, 3, 4, clusters, 0.1, 20, 5.0, 0, 0.0)


def key(cluster: int, layer: str = "bn2") -> MapKey:
    return MapKey(IMAGE, TARGET, layer, cluster)


def concepts_of(scores: list[dict[str, float]], outcomes: list[list[str]] | None = None) -> ConceptSet:
    """Concepts a, b, ... with these scores on clusters 0, 1, ...; each is behind as many answers as its score says."""
    maps = {
        key(place): tuple(
            sorted(
                (
                    MapConcept(key(place), 4, name, name, score, int(score), 1, 0.0, True)
                    for name, score in some.items()
                ),
                key=lambda one: (-one.score, one.name),
            )
        )
        for place, some in enumerate(scores)
        if some
    }
    names = {name for some in scores for name in some}
    fates = tuple(
        AnswerFate(9, key(place), "", "en", "", "", LeftOut.NOTHING, "p", None, None, f"{place}/{n}", "en", outcome)
        for place, some in enumerate(outcomes or [])
        for n, outcome in enumerate(some)
    )
    return ConceptSet({name: Concept(name, name, name, "en", ((name, 1),)) for name in names}, maps, fates)


layers = st.lists(
    st.tuples(
        st.floats(0.5, 40).map(lambda one: round(one, 3)),
        st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3).map(float), max_size=3),
        st.lists(st.sampled_from(["won", "lost", "resigned", ""]), max_size=3),
    ),
    min_size=1,
    max_size=6,
).map(lambda rows: sorted(rows, key=lambda row: -row[0]))


def slow_parts(scores: list[dict[str, float]]) -> list[set[int]]:
    """Maps that share a best label, joined until nothing joins any more."""
    best = [{name for name, score in some.items() if score == max(some.values())} for some in scores]
    parts = [{place} for place in range(len(scores))]
    while True:
        for one in parts:
            other = next(
                (two for two in parts if two is not one and any(best[i] & best[j] for i in one for j in two)), None
            )
            if other:
                parts = [part for part in parts if part is not one and part is not other] + [one | other]
                break
        else:
            return parts


@settings(max_examples=60, deadline=None)
@given(layers)
def test_merged_maps_are_those_of_a_slow_way(rows: list[tuple[float, dict[str, float], list[str]]]) -> None:
    weights, scores, outcomes = (list(column) for column in zip(*rows, strict=True))
    layer = layer_of(weights)
    merged = merge_layer(layer, IMAGE, TARGET, concepts_of(scores, outcomes))
    parts = slow_parts(scores)
    assert {frozenset(one.cluster for one in each.members) for each in merged} == {frozenset(part) for part in parts}
    assert [each.index for each in merged] == list(range(len(merged)))
    for each in merged:
        part = [one.cluster for one in each.members]
        total = sum(weights[place] for place in part)
        assert each.weight == pytest.approx(total)
        mean = sum(weights[place] / total * layer.clusters[place].map for place in part)
        np.testing.assert_allclose(each.map, mean, rtol=1e-5)
        wanted = {}
        for name in {name for place in part for name in scores[place]}:
            wanted[name] = sum(weights[place] * scores[place].get(name, 0) for place in part) / total
        assert {label.name: label.score for label in each.labels} == pytest.approx(wanted)
        ended = [outcome for place in part for outcome in outcomes[place]]
        assert each.games == Games(ended.count("won"), ended.count("lost"), ended.count("resigned"))
        assert sorted(each.channels) == sorted(channel for i in part for channel in layer.clusters[i].channels)
        assert list(each.channel_weights) == sorted(each.channel_weights, reverse=True)


@settings(max_examples=60, deadline=None)
@given(layers)
def test_nothing_is_lost_at_any_level(rows: list[tuple[float, dict[str, float], list[str]]]) -> None:
    weights, scores, outcomes = (list(column) for column in zip(*rows, strict=True))
    layer, concepts = layer_of(weights), concepts_of(scores, outcomes)
    for level in LEVELS:
        merged = merge_layer(layer, IMAGE, TARGET, concepts, level)
        assert sum(one.weight for one in merged) == pytest.approx(layer.shown_weight)
        assert sorted(member for one in merged for member in one.members) == [key(i) for i in range(len(weights))]
        assert sum(sum(one.games) for one in merged) == sum(len([x for x in some if x]) for some in outcomes)
        assert all(one.map.min() >= 0 and one.map.max() <= 1 for one in merged)
        assert [one.weight for one in merged] == sorted((one.weight for one in merged), reverse=True)


@settings(max_examples=40, deadline=None)
@given(layers)
def test_all_of_a_layer_is_one_however_it_was_merged_before(
    rows: list[tuple[float, dict[str, float], list[str]]],
) -> None:
    weights, scores, _ = (list(column) for column in zip(*rows, strict=True))
    layer, concepts = layer_of(weights), concepts_of(scores)
    (full,) = merge_layer(layer, IMAGE, TARGET, concepts, "full")
    merged = merge_layer(layer, IMAGE, TARGET, concepts, "merged")
    mean = sum(one.weight / full.weight * one.map for one in merged)
    np.testing.assert_allclose(full.map, mean, rtol=1e-5)
    for label in full.labels:
        parts = [one.weight * other.score for one in merged for other in one.labels if other.name == label.name]
        assert label.score == pytest.approx(sum(parts) / full.weight, abs=1e-8)
    if len(merged) == 1:
        np.testing.assert_array_equal(full.map, merged[0].map)


def test_a_chain_of_shared_labels_is_one_map_and_a_map_without_labels_stays_alone() -> None:
    scores = [{"a": 2.0}, {"a": 1.0, "b": 1.0}, {"b": 3.0, "c": 1.0}, {"c": 5.0}, {}]
    merged = merge_layer(layer_of([30, 20, 15, 10, 5]), IMAGE, TARGET, concepts_of(scores))
    assert [[one.cluster for one in each.members] for each in merged] == [[0, 1, 2], [3], [4]]
    assert merged[0].labels[0].score == pytest.approx((2.0 * 30 + 1.0 * 20) / 65)
    assert [label.name for label in merged[0].labels] == ["a", "b", "c"]
    assert [label.name for label in merged[0].best] == ["a"]
    assert merged[2].labels == merged[2].best == ()


def test_the_full_map_has_ten_labels_and_an_empty_layer_none() -> None:
    scores = [{chr(97 + n): float(20 - n) for n in range(14)}]
    (full,) = merge_layer(layer_of([50]), IMAGE, TARGET, concepts_of(scores), "full")
    assert [label.name for label in full.labels] == [chr(97 + n) for n in range(FULL_LABELS)]
    for level in LEVELS:
        assert merge_layer(layer_of([]), IMAGE, TARGET, concepts_of([]), level) == ()


def test_maps_without_any_weight_count_alike() -> None:
    layer = layer_of([0.0, 0.0])
    (full,) = merge_layer(layer, IMAGE, TARGET, concepts_of([{"a": 2.0}, {}]), "full")
    np.testing.assert_allclose(full.map, (layer.clusters[0].map + layer.clusters[1].map) / 2, rtol=1e-6)
    assert full.labels[0].score == 1.0


def test_an_unknown_level_is_told() -> None:
    with pytest.raises(SettingError, match="unknown level 'all'; there are unmerged, merged, full"):
        merge_layer(layer_of([1.0]), IMAGE, TARGET, concepts_of([{}]), "all")  # type: ignore[arg-type]


def test_an_explanation_gets_its_three_best_labels_and_loses_nothing() -> None:
    photo = PhotoRecord("cat.jpg", IMAGE, 8, 6, (0, 0, 8, 6), b"", 8, 6)
    target = Prediction(TARGET, "cat", 0.9, 5.0)
    scores = [{"a": 1.0, "b": 2.0, "c": 3.0, "d": 0.5}, {}]
    concepts = concepts_of(scores)
    plain = Explanation(photo, target, (target,), (layer_of([3, 2]), layer_of([4], "bn3")), (), "stable", 0)
    named = with_labels(plain, concepts)
    assert [one.labels for one in named.layers[0].clusters] == [("c", "b", "a"), ()]
    assert named.layers[1].clusters[0].labels == ()
    assert all(not one.labels for one in plain.layers[0].clusters)
    np.testing.assert_array_equal(named.layers[0].clusters[0].map, plain.layers[0].clusters[0].map)
    found = merge_explanation(named, concepts, "unmerged")
    assert list(found) == ["bn2", "bn3"]
    assert [label.name for label in found["bn2"][0].labels[:3]] == ["c", "b", "a"]
