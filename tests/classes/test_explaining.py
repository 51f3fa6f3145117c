"""Class explanations against numbers worked out by hand, and against properties that hold for any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hand import CATS, concepts_of, hand_study, key_of, photos_of
from hypothesis import given, settings
from hypothesis import strategies as st

from layerlore.classes.collecting import PhotoFacts, Row
from layerlore.classes.explaining import ClassSettings, explain_class, explain_classes
from layerlore.classes.trends import find_trends, layer_means, line_slopes
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
    assert (ear.name, ear.score, ear.images, ear.share) == ("ear", round(merged + 3.0 + 1.5, 6), 3, 0.75)
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
    assert (ear.direction, edge.direction) == ("emerges", "fades")
    assert ear.low <= ear.slope <= ear.high


def test_a_layer_of_which_nobody_was_asked_is_none_and_not_zero() -> None:
    """Words in layers 0 and 2 of 3: the line goes through two points, and between them there is no third at 0."""
    photos = []
    for number in range(4):
        rows = tuple(Row(f"{number}", layer, "ear", "ear", 2.0 + place, ()) for place, layer in enumerate("ac"))
        photos.append(PhotoFacts(f"{number}", 0, 0, {}, rows, frozenset("ac")))
    (ear,) = find_trends(photos, "abc")
    assert ear.means == (2.0, None, 3.0)
    assert (ear.slope, ear.low, ear.high) == (1.0, 1.0, 1.0)


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
