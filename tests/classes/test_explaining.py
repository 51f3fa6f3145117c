"""Class explanations against numbers worked out by hand, and against properties that hold for any."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hand import CATS, concepts_of, hand_study, key_of, photos_of
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlore.classes.collecting import PhotoFacts, Row
from layerlore.classes.explaining import ClassSettings, explain_class, explain_classes
from layerlore.classes.trends import find_trends, layer_means, line_slopes, slope_chance
from layerlore.concepts.records import AnswerFate, LeftOut
from layerlore.errors import SettingError, StudyError

if TYPE_CHECKING:
    from pathlib import Path

    from layerlore.study.study import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return hand_study(tmp_path_factory.mktemp("hand"))


def test_concepts_of_a_layer_by_hand(study: Study) -> None:
    """Photo 0: ear on maps 0 and 1, which merge; photo 1: ear on map 2; photo 2: ear and eye share a best score."""
    key = lambda number, index: key_of(study, "cat", number, 1, index)  # noqa: E731
    found = concepts_of(
        {
            key(0, 0): {"ear": 2.0, "fur": 1.0},
            key(0, 1): {"ear": 1.0},
            key(1, 2): {"ear": 3.0},
            key(2, 0): {"ear": 1.5, "eye": 1.5},
        }
    )
    made = explain_class(study, "cat", found)
    deep = study.settings.layers[1]
    assert (made.images, made.labelled, made.target, made.from_maps, made.machine) == (CATS, 3, 0, False, False)
    assert made.concepts[study.settings.layers[0]] == ()
    ear, eye = made.concepts[deep]
    merged = (40 * 2.0 + 30 * 1.0) / 70
    assert (ear.name, ear.score, ear.images) == ("ear", round(merged + 3.0 + 1.5, 6), 3)
    assert (ear.share, eye.share) == (1.0, round(1 / 3, 6)), "of the three photos of which people were asked"
    assert ear.mean_weight == pytest.approx((70 + 20 + 40) / 3)
    assert ear.examples == ((key(1, 2),), (key(0, 0), key(0, 1)), (key(2, 0),))
    assert (eye.name, eye.score, eye.images, eye.mean_weight) == ("eye", 1.5, 1, 40.0)


def test_at_most_three_examples_one_a_photo_and_best_first(study: Study) -> None:
    found = concepts_of({key_of(study, "cat", n, 0, n % 3): {"ear": 1.0 + n} for n in range(CATS)})
    (ear,) = explain_class(study, "cat", found).concepts[study.settings.layers[0]]
    assert [maps[0].image_id for maps in ear.examples] == photos_of(study, "cat")[:0:-1]


def test_trends_by_numpy(study: Study) -> None:
    """Two layers: the slope is the difference of the means over the photos that have labels in the layer."""
    scores = {key_of(study, "cat", n, 1, 0): {"ear": 2.0 + n} for n in range(CATS)}
    scores |= {key_of(study, "cat", n, 0, 0): {"edge": 3.0 + n / 10} for n in range(CATS)}
    scores |= {key_of(study, "cat", 0, 1, 1): {"edge": 1.0}}
    trends = {one.name: one for one in explain_class(study, "cat", concepts_of(scores)).trends}
    ear, edge = trends["ear"], trends["edge"]
    assert ear.means == (0.0, 3.5)
    assert ear.slope == pytest.approx(np.polyfit([0, 1], [0, 3.5], 1)[0])
    assert edge.means == (3.15, 0.25)
    assert edge.slope == pytest.approx(-2.9)
    # Of four photos each may have its word in the one layer or the other: one way in 16, of two sides and two words.
    assert ear.p_value == pytest.approx(0.25, abs=0.07)
    assert (ear.direction, edge.direction) == ("", "")
    assert 0 < ear.low <= ear.slope <= ear.high


def test_a_layer_of_which_nobody_was_asked_is_none_and_not_zero() -> None:
    """Words in layers 0 and 2 of 3: the line goes through two points, and between them there is no third at 0."""
    photos = []
    for number in range(4):
        rows = tuple(Row(f"{number}", layer, "ear", "ear", 2.0 + place, ()) for place, layer in enumerate("ac"))
        photos.append(PhotoFacts(f"{number}", 0, 0, {}, rows, frozenset("ac"), frozenset("ac")))
    (ear,) = find_trends(photos, "abc")
    assert ear.means == (2.0, None, 3.0)
    assert (ear.slope, ear.low, ear.high) == (1.0, 1.0, 1.0)


def test_who_was_asked_and_said_nothing_counts_as_zero(study: Study) -> None:
    """In the shallow layer one photo of two was named that people had: the mean is half of it, and so is the share."""
    scores = {key_of(study, "cat", n, 1, 0): {"ear": 2.0} for n in range(CATS)}
    scores |= {key_of(study, "cat", 0, 0, 0): {"ear": 3.0}}
    silent = AnswerFate(0, key_of(study, "cat", 1, 0, 0), "", "", "", "", LeftOut.NOTHING, "anna", None, None)
    named = replace(concepts_of(scores), fates=(silent,))
    made = explain_class(study, "cat", named)
    (ear,) = made.trends
    assert ear.means == (1.5, 2.0)
    assert made.concepts[study.settings.layers[0]][0].share == 0.5
    assert made.labelled == CATS


def spread(generator: np.random.Generator, photos: int, layers: int, words: int, slope: float = 0) -> list[PhotoFacts]:
    """Photos with a word or none in each layer, as likely and as strong in every one; word 0 more so in deep ones."""
    names = [f"layer {number}" for number in range(layers)]
    made = []
    for number in range(photos):
        rows = []
        for depth, layer in enumerate(names):
            for word in map(str, range(words)):
                score = generator.exponential() + slope * depth * (word == "0")
                if generator.random() < 0.4:
                    rows.append(Row(f"{number}", layer, word, word, score, ()))
        made.append(PhotoFacts(f"{number}", 0, 0, {}, tuple(rows), frozenset(names), frozenset(names)))
    return made


def test_chance_is_seldom_told_as_a_trend_and_a_trend_is() -> None:
    """Of four photos in nine layers the interval alone leaves out 0 for one concept in five."""
    generator, layers = np.random.default_rng(0), tuple(f"layer {number}" for number in range(9))
    found = [find_trends(spread(generator, 4, 9, 5), layers, draws=300) for _ in range(100)]
    assert sum(any(one.direction for one in some) for some in found) <= 11  # 5 % is 5; twelve: once in 200
    outside = np.mean([one.low > 0 or one.high < 0 for some in found for one in some])
    assert outside > 0.12, "the interval is not what decides"
    word, *_ = sorted(find_trends(spread(generator, 20, 9, 5, slope=0.5), layers), key=lambda one: one.name)
    assert (word.name, word.direction) == ("0", "emerges")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), photos=st.integers(1, 6), layers=st.integers(2, 7))
def test_slopes_are_those_of_polyfit(seed: int, photos: int, layers: int) -> None:
    generator = np.random.default_rng(seed)
    scores, asked = generator.random((photos, layers)), (generator.random((photos, layers)) < 0.7).astype(float)
    counts = generator.integers(0, 3, (4, photos)).astype(float)
    means = layer_means(counts, scores, asked)
    for row, slope, weights in zip(means, line_slopes(means), counts, strict=True):
        for layer in range(layers):
            inside = np.repeat(np.arange(photos), weights.astype(int))
            inside = inside[asked[inside, layer] > 0]
            expected = scores[inside, layer].mean() if len(inside) else np.nan
            np.testing.assert_allclose(row[layer], expected)
        known = ~np.isnan(row)
        if known.sum() < 2:
            assert np.isnan(slope)
        else:
            line = np.polyfit(np.linspace(0, 1, layers)[known], row[known], 1)
            assert slope == pytest.approx(line[0], abs=1e-9)


def test_the_chance_of_a_slope_is_that_of_all_ways_to_change_layers_round() -> None:
    """Three photos, of which one was asked about two layers only; every way is listed."""
    scores = np.array([[0.0, 1.0, 2.0], [0.0, 0.5, 1.5], [0.0, 0.0, 3.0]])
    asked = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    slopes = []
    for first, second in itertools.product(itertools.permutations(scores[0]), itertools.permutations(scores[1])):
        for third in ([0.0, 0.0, 3.0], [0.0, 3.0, 0.0]):
            slopes += line_slopes(layer_means(np.ones((1, 3)), np.array([first, second, third]), asked)).tolist()
    seen = line_slopes(layer_means(np.ones((1, 3)), scores, asked))[0]
    exact = 2 * np.mean(np.array(slopes) >= seen - 1e-9)
    told = [slope_chance(scores, asked, np.random.default_rng(seed), 2000) for seed in range(40)]
    assert np.mean(told) == pytest.approx(exact, rel=0.1)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_scores_of_a_layer_add_up(study: Study, data: st.DataObject) -> None:
    """Whatever the labels: shares and weights stay in their range, and no score is lost or counted twice."""
    from layerlore.classes.collecting import collect_photos

    keys = [key_of(study, "cat", n, layer, index) for n in range(CATS) for layer in (0, 1) for index in range(3)]
    names = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0.5, 1.0, 1.5]), min_size=1)
    found = concepts_of(data.draw(st.dictionaries(st.sampled_from(keys), names)))
    made = explain_class(study, "cat", found, settings=ClassSettings(fewest=1))
    rows = [row for photo in collect_photos(study, "cat", found).photos for row in photo.rows]
    for layer in made.layers if not made.from_maps else ():
        ranked = made.concepts[layer]
        assert sum(one.score for one in ranked) == pytest.approx(sum(row.score for row in rows if row.layer == layer))
        assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
        for one in ranked:
            assert 0 < one.share <= 1
            assert 0 < one.mean_weight <= 90
            assert 1 <= len(one.examples) <= min(3, one.images)
            assert len({maps[0].image_id for maps in one.examples}) == len(one.examples)


def test_photos_that_the_network_gets_wrong_are_kept_apart(study: Study) -> None:
    index = {"cat": 0, "dog": 1}
    for label in ("cat", "dog"):
        answers = [one.predictions[0].index for one in study.explanations(label=label, views=False)]
        right = answers.count(index[label])
        for photos, count in (("all", len(answers)), ("right", right), ("wrong", len(answers) - right)):
            chosen = ClassSettings(photos=photos)  # type: ignore[arg-type]
            if count:
                assert explain_class(study, label, settings=chosen).images == count
            else:
                with pytest.raises(StudyError, match=f"none of {len(answers)} explained photos .* answered {photos}"):
                    explain_class(study, label, settings=chosen)


def test_without_labels_maps_are_grouped_by_their_channels(study: Study) -> None:
    """Three maps a photo of three sets of channels: three groups, the same in every sample of the photos."""
    made = explain_class(study, "cat")
    assert (made.from_maps, made.labelled, made.trends, made.settings["source"]) == (True, 0, (), "maps")
    for layer in made.layers:
        groups = made.concepts[layer]
        assert [one.name for one in groups] == ["group 1", "group 2", "group 3"]
        assert [one.channels for one in groups] == [(0, 1), (2, 3), (4, 5)]
        assert [one.score for one in groups] == [pytest.approx(CATS * w) for w in (0.4, 0.3, 0.2)]
        assert all(one.share == 1 for one in groups)
        assert made.stability[layer] == 1
    assert len({one.concept_id for some in made.concepts.values() for one in some}) == 6


def test_few_labels_are_not_taken_for_a_class(study: Study) -> None:
    found = concepts_of({key_of(study, "cat", 0, 0, 0): {"ear": 1.0}})
    made = explain_class(study, "cat", found)
    assert (made.from_maps, made.labelled, made.images) == (True, 1, CATS)
    assert not explain_class(study, "cat", found, settings=ClassSettings(fewest=1)).from_maps


def test_what_cannot_be_explained_is_told(study: Study) -> None:
    with pytest.raises(StudyError, match="no class 'bird'; there are cat, dog"):
        explain_class(study, "bird")
    with pytest.raises(SettingError, match="unknown photos 'some'"):
        ClassSettings(photos="some")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="fewest"):
        ClassSettings(fewest=0)


def test_a_study_that_was_not_run_has_nothing_to_explain(tmp_path: Path) -> None:
    from small import network, photo_folder

    from layerlore.study.study import Study

    study = Study.create(tmp_path / "study", photo_folder(tmp_path / "photos", 4), network())
    told: list[str] = []
    with pytest.raises(StudyError, match="no class to explain"):
        explain_classes(study, notice=told.append)
    assert len(told) == 2
    assert "layerlore study run" in told[0]
