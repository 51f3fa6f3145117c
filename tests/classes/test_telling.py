"""The words that tell two classes apart: the published formula by hand, and what chance gives."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hand import CATS, DOGS, concepts_of, hand_study, key_of
from hypothesis import given, settings
from hypothesis import strategies as st
from small import network, save_photo

from layerlore.classes.telling import _chances, log_odds, shuffled_odds, telling_words
from layerlore.concepts.records import MapKey
from layerlore.errors import LayerError, StudyError
from layerlore.significance import holm
from layerlore.study.study import Study

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return hand_study(tmp_path_factory.mktemp("hand"))


def test_log_odds_by_hand() -> None:
    odds, error = log_odds(np.array([8.0, 2.0]), np.array([1.0, 9.0]), np.array([4.5, 5.5]))
    first = math.log(12.5 / (20 - 12.5)) - math.log(5.5 / (20 - 5.5))
    assert odds[0] == pytest.approx(first)
    assert error[0] == pytest.approx(math.sqrt(1 / 12.5 + 1 / 5.5))
    assert odds[1] == pytest.approx(-first)  # of two words, what is more one is less the other


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 9999))
def test_classes_change_places_and_so_do_the_signs(seed: int) -> None:
    generator = np.random.default_rng(seed)
    one, other = generator.poisson(2.0, (2, 5)).astype(float)
    prior = one + other + 0.1
    odds, error = log_odds(one, other, prior)
    back, same = log_odds(other, one, prior)
    np.testing.assert_allclose(odds, -back, atol=1e-12)
    np.testing.assert_allclose(error, same)


def test_telling_words_of_a_study(study: Study) -> None:
    scores = {key_of(study, "cat", n, 1, 0): {"whiskers": 3.0, "fur": 2.0} for n in range(CATS)}
    scores |= {key_of(study, "dog", n, 1, 0): {"snout": 3.0, "fur": 2.0} for n in range(DOGS)}
    words = {one.name: one for one in telling_words(study, concepts_of(scores), "cat", "dog")}
    assert {one.layer for one in words.values()} == {study.settings.layers[1]}
    whiskers, snout, fur = words["whiskers"], words["snout"], words["fur"]
    assert (whiskers.counts, whiskers.photos) == ((12, 0), (4, 0))
    assert (fur.counts, fur.photos) == ((8, 4), (4, 2))
    assert whiskers.log_odds > 0 > snout.log_odds
    assert fur.log_odds == pytest.approx(0, abs=0.2)
    # Said only of cats, but of four photos and two there are but fifteen ways to deal them: 1/15, times three words.
    assert whiskers.low > 0
    assert whiskers.p_value > 0.1
    assert not whiskers.sure


def test_what_is_said_of_maps_for_another_class_does_not_count(study: Study) -> None:
    """A cat that is taken for a dog, and explained for that, has maps of a dog."""
    scores = {key_of(study, "cat", n, 1, 0): {"whiskers": 3.0} for n in range(CATS)}
    scores |= {key_of(study, "dog", n, 1, 0): {"snout": 3.0} for n in range(DOGS)}
    alone = telling_words(study, concepts_of(scores), "cat", "dog")
    scores[key_of(study, "cat", 0, 1, 0)._replace(target=1)] = {"snout": 9.0, "tail": 9.0}
    assert telling_words(study, concepts_of(scores), "cat", "dog") == alone


def test_chance_against_all_ways_to_deal_the_photos() -> None:
    counts = np.array([[3, 0], [2, 1], [0, 2], [1, 4], [0, 3]], dtype=float)
    one = np.array([True, True, False, False, False])
    prior = counts.sum(axis=0)
    seen = log_odds(counts[one].sum(axis=0), counts[~one].sum(axis=0), prior)[0]
    every = []
    for pair in itertools.combinations(range(5), 2):
        mask = np.isin(np.arange(5), pair)
        every.append(log_odds(counts[mask].sum(axis=0), counts[~mask].sum(axis=0), prior)[0])
    exact = np.mean(np.abs(every) >= np.abs(seen) - 1e-9, axis=0)
    drawn = np.mean(
        np.abs(shuffled_odds(counts, one, prior, np.random.default_rng(0), 4000)) >= np.abs(seen) - 1e-9, axis=0
    )
    np.testing.assert_allclose(drawn, exact, atol=0.03)


def test_words_that_are_known_early_change_nothing_for_the_others() -> None:
    """Two words of forty tell the classes apart; the p-values are those of all draws for all words."""
    generator = np.random.default_rng(3)
    one = np.arange(30) < 15
    counts = generator.poisson(1.0, (30, 40)).astype(float)
    counts[one, 0] += generator.poisson(2.0, 15)
    counts[~one, 1] += generator.poisson(4.0, 15)
    prior = counts.sum(axis=0)
    odds = log_odds(counts[one].sum(axis=0), counts[~one].sum(axis=0), prior)[0]
    every = np.abs(shuffled_odds(counts, one, prior, np.random.default_rng(0), 20_000))
    expected = (1 + (every >= np.abs(odds) - 1e-9).sum(axis=0)) / 20_001
    told = np.array(_chances(counts, one, prior, odds, np.random.default_rng(1), 4000))
    assert told[0] < 0.01
    assert told[1] == pytest.approx(1 / 4001)
    np.testing.assert_allclose(told, expected, rtol=0.45, atol=0.002)  # 50 hits: one part in seven, three times that


def test_the_correction_is_over_all_layers_and_can_be_passed(tmp_path: Path) -> None:
    """Of forty words of chance and one that tells the classes apart, in two layers, that one is told, with any seed."""
    for number in range(16):
        save_photo(tmp_path / "photos" / ("cat" if number < 8 else "dog") / f"{number}.png", number, side=16)
    study = Study.create(tmp_path / "study", tmp_path / "photos", network(), target="label")
    generator = np.random.default_rng(0)
    scores: dict[MapKey, dict[str, float]] = {}
    for image in study.images:
        for layer in study.settings.layers:
            said = {f"word {place}": 1.0 for place in generator.choice(40, 6, replace=False)}
            telling = {"whiskers": 3.0} if image.label == "cat" and layer == study.settings.layers[1] else {}
            scores[MapKey(image.image_id, image.class_index or 0, layer, 0)] = said | telling
    for seed in range(3):
        words = telling_words(study, concepts_of(scores), "cat", "dog", seed=seed)
        (sure,) = [one for one in words if one.sure]
        assert (sure.name, sure.layer) == ("whiskers", study.settings.layers[1])
        # One way or two of 12,870 to deal the photos are as clear; of 200 draws for each word that is a handful.
        draws = 200 * len(words)
        assert sure.p_value in [round(len(words) * (1 + hits) / (1 + draws), 6) for hits in range(9)]
        (alone,) = [
            one for one in telling_words(study, concepts_of(scores), "cat", "dog", layer=sure.layer) if one.sure
        ]
        assert alone.p_value < sure.p_value


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([]) == []


def test_what_cannot_be_told_apart_is_told(study: Study) -> None:
    found = concepts_of({key_of(study, "cat", 0, 0, 0): {"ear": 1.0}})
    assert telling_words(study, found, "cat", "dog") == ()
    with pytest.raises(StudyError, match="from itself"):
        telling_words(study, found, "cat", "cat")
    with pytest.raises(StudyError, match="no class 'bird'"):
        telling_words(study, found, "cat", "bird")
    with pytest.raises(LayerError, match="was not explained"):
        telling_words(study, found, "cat", "dog", layer="none")
