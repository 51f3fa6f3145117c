"""Weights, thresholds and the choice of clusters: properties that hold for any input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layerlore.local.weights import discard_threshold, guided_weights, keep_clusters, percent

amounts = st.floats(0, 1e6, allow_subnormal=False)


@given(arrays(np.float64, st.integers(1, 40), elements=amounts))
def test_percentages_add_up_to_100_or_all_are_0(weights):
    shares = percent(weights)
    assert np.isfinite(shares).all()
    if weights.any():
        assert shares.sum() == pytest.approx(100)
        assert (np.argsort(shares, kind="stable") == np.argsort(weights, kind="stable")).all()
    else:
        assert not shares.any()


@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(1e-6, 100)))
def test_the_heaviest_cluster_is_shown_and_none_heavier_than_a_shown_one_is_dropped(weights):
    shown = keep_clusters(weights)
    assert shown[weights.argmax()]
    if not shown.all():
        assert weights[~shown].max() < weights[shown].min()
        assert weights[~shown].max() < max(weights.max() / 3, weights.mean() / 2)
    assert weights[shown].sum() >= weights.sum() / 3


def test_thresholds_are_the_papers_and_ours_agrees_with_them_at_powers_of_two():
    table = {
        2048: 0.175,
        512: 0.175,
        511: 0.35,
        256: 0.35,
        255: 0.7,
        128: 0.7,
        112: 1.4,
        64: 1.4,
        63: 76.8 / 63,
        3: 25.6,
    }
    for channels, threshold in table.items():
        assert discard_threshold(channels, method="paper") == pytest.approx(threshold)
    for channels in (64, 128, 256, 512):
        assert discard_threshold(channels, method="stable") == pytest.approx(
            discard_threshold(channels, method="paper")
        )


@given(st.integers(1, 4096))
def test_at_least_one_map_of_a_layer_with_any_weight_passes_the_stable_threshold(channels):
    assert discard_threshold(channels, method="stable") < 100 / channels


@given(
    arrays(np.float64, (2, 3, 4, 5), elements=st.floats(-9, 9)),
    arrays(np.float64, (2, 3, 4, 5), elements=st.floats(-9, 9)),
)
def test_guided_weights_count_only_positive_gradients_where_the_map_is_positive(maps, slopes):
    weights = guided_weights(torch.tensor(maps), torch.tensor(slopes)).numpy()
    wanted = np.where((maps > 0) & (slopes > 0), slopes, 0).mean(axis=(2, 3))
    np.testing.assert_allclose(weights, wanted, atol=1e-12)
    assert (weights >= 0).all()
