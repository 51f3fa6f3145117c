"""Merging against loops over plain floats."""

from __future__ import annotations

import numpy as np
import pytest

from layerlore.errors import SettingError
from layerlore.local.merging import merge_maps


@pytest.mark.parametrize("method", ["stable", "paper"])
def test_merged_maps_are_what_the_formula_says(method):
    rng = np.random.default_rng(0)
    maps, slopes = rng.normal(size=(2, 5, 3, 4)).astype(np.float32)
    weights = rng.random(5)
    merged = merge_maps(maps, slopes, weights, method=method)
    assert merged.dtype == np.float32
    for y in range(3):
        for x in range(4):
            total = 0.0
            for k in range(5):
                if method == "paper":
                    total += float(weights[k]) * float(maps[k, y, x]) / float(weights.sum())
                elif maps[k, y, x] > 0 and slopes[k, y, x] > 0:
                    total += float(maps[k, y, x]) * float(slopes[k, y, x])
            assert merged[y, x] == pytest.approx(total, rel=1e-5, abs=1e-6)


def test_maps_without_weight_are_averaged_alike_and_unknown_methods_told():
    maps = np.stack([np.zeros((2, 2)), np.ones((2, 2))]).astype(np.float32)
    assert (merge_maps(maps, maps, np.zeros(2), method="paper") == 0.5).all()
    with pytest.raises(SettingError, match="choose one of stable, paper"):
        merge_maps(maps, maps, np.ones(2), method="mean")
