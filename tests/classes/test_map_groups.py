"""Groups of maps by their channels: found where they are, the same for any order, honest where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hand import CATS, photos_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from small import fill, network, save_photo

from layerlore.classes import map_groups
from layerlore.classes.collecting import MapFacts, class_labels
from layerlore.classes.explaining import ClassSettings, explain_class, explain_classes
from layerlore.classes.map_groups import by_weight, channel_vectors, group_stability, group_vectors
from layerlore.concepts.records import MapKey
from layerlore.errors import StudyError
from layerlore.study.study import Study

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def planted(seed: int, sizes: tuple[int, ...], noise: float = 0.05) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Unit vectors of so many groups, each with ten channels of its own and noise in the others."""
    generator = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    vectors = generator.uniform(0, noise, (len(truth), 10 * len(sizes)))
    for row, group in zip(vectors, truth, strict=True):
        row[10 * group : 10 * group + 10] += generator.uniform(0.5, 1, 10)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), truth


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), sizes=st.lists(st.integers(3, 12), min_size=2, max_size=6))
def test_planted_groups_are_found_in_any_order(seed: int, sizes: list[int]) -> None:
    vectors, truth = planted(seed, tuple(sizes))
    order = np.random.default_rng(seed).permutation(len(vectors))
    assert adjusted_rand_score(group_vectors(vectors), truth) == 1
    assert adjusted_rand_score(group_vectors(vectors[order]), truth[order]) == 1


def test_of_many_maps_a_sample_is_linked_and_the_others_join(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, truth = planted(0, (60, 40, 30))
    monkeypatch.setattr(map_groups, "MOST_MAPS", 40)
    assert adjusted_rand_score(group_vectors(vectors), truth) == 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_maps_are_grouped_too(count: int) -> None:
    same = np.tile([[1.0, 0.0]], (count, 1))
    assert group_vectors(same).tolist() == [0] * count
    different = np.eye(3)[:count]
    assert len(group_vectors(different)) == count


def test_groups_are_numbered_by_weight() -> None:
    assert by_weight(np.array([2, 0, 2, 1]), [1.0, 5.0, 1.0, 3.0]).tolist() == [2, 0, 2, 1]
    assert by_weight(np.array([4, 4, 0]), [1.0, 1.0, 3.0]).tolist() == [1, 1, 0]


def test_channels_become_unit_vectors() -> None:
    maps = [
        MapFacts(MapKey("a", 0, "deep", 0), 7.0, (9, 2), (4.0, 3.0), 0.5),
        MapFacts(MapKey("b", 0, "deep", 0), 1.0, (7,), (0.0,), 0.5),
    ]
    np.testing.assert_allclose(channel_vectors(maps), [[0.6, 0, 0.8], [0, 0, 0]])  # channels 2, 7, 9


def test_stability_is_one_for_clear_groups_and_near_zero_for_noise() -> None:
    vectors, truth = planted(1, (12, 12, 12))
    photos = [f"photo {number % 12}" for number in range(36)]
    assert group_stability(vectors, truth, photos) == 1
    noise = np.abs(np.random.default_rng(2).normal(size=(36, 200)))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    told = group_stability(noise, group_vectors(noise), photos)
    assert told is not None
    assert told < 0.5
    assert group_stability(vectors[:2], truth[:2], ["a", "b"]) is None


def test_photos_without_classes_are_explained_by_what_the_network_answers(tmp_path: Path) -> None:
    paths = [save_photo(tmp_path / f"{number}.png", number) for number in range(6)]
    study = Study.create(tmp_path / "study", paths, network())
    assert class_labels(study) == ()
    fill(study)
    study.run(workers=1, network=network())
    labels = class_labels(study)
    assert set(labels) <= {"cat", "dog", "crane"}
    made = explain_classes(study)
    assert [one.label for one in made] == list(labels)
    assert sum(one.images for one in made) == 6
    assert all(one.right == one.images for one in made)


def test_a_class_that_the_network_does_not_know_is_explained_whole(tmp_path: Path) -> None:
    for number in range(CATS):
        save_photo(tmp_path / "photos" / "okapi" / f"{number}.png", number)
    study = Study.create(tmp_path / "study", tmp_path / "photos", network())
    fill(study)
    made = explain_class(study, "okapi")
    assert (made.images, made.right) == (len(photos_of(study, "okapi")), None)
    with pytest.raises(StudyError, match="no photo is right or wrong"):
        explain_class(study, "okapi", settings=ClassSettings(photos="right"))
