"""Holm's correction and Wilson's interval against published numbers."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.significance import holm, wilson


def test_holm_by_hand() -> None:
    # Holm 1979: 3 x 0.01, 2 x 0.02 and the larger of it and 0.03; in the order given.
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=30))
def test_holm_begins_as_bonferroni_and_keeps_the_order(values: list[float]) -> None:
    found = holm(values)
    order = np.argsort(values, kind="stable")
    for value, corrected in zip(values, found, strict=True):
        assert value - 1e-12 <= corrected <= 1
    assert found[order[0]] == pytest.approx(min(1.0, len(values) * values[order[0]]))
    assert all(found[a] <= found[b] + 1e-12 for a, b in pairwise(order))


def test_wilson_by_hand() -> None:
    # Newcombe 1998, table I: 81 of 263.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    # 10 of 20: 0.5 +- 1.96 / (1 + 3.8415 / 20) * sqrt(0.25 / 20 + 3.8415 / 1600).
    half = 1.959964 / (1 + 3.841459 / 20) * math.sqrt(0.25 / 20 + 3.841459 / 1600)
    assert wilson(0.5, 20) == (pytest.approx(0.5 - half, abs=1e-6), pytest.approx(0.5 + half, abs=1e-6))
    assert wilson(0.0, 10) == (pytest.approx(0, abs=1e-12), pytest.approx(3.841459 / 13.841459, abs=1e-6))
