"""Shapley values against games that can be computed by hand, and clusters as players against a network run by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny import TinyVGG, network, photos

from layerlore.local.ablation import ablate
from layerlore.local.capture import capture
from layerlore.local.coalitions import all_coalitions, importance_coalitions, importances, shapley_values
from layerlore.local.explain import Settings, explain_layers

players = st.integers(1, 5)
numbers = st.floats(-50, 50, allow_subnormal=False)
games = players.flatmap(lambda k: arrays(np.float64, 2**k, elements=numbers))


def by_orders(values):
    """Mean of what each player adds over all orders of coming: the definition."""
    count = len(values).bit_length() - 1
    orders = list(permutations(range(count)))
    total = np.zeros(count)
    for order in orders:
        there = 0
        for player in order:
            total[player] += values[there + 2**player] - values[there]
            there += 2**player
    return total / len(orders)


def asked_for(values):
    """What importances() is told of a game: falls from the whole."""
    count = len(values).bit_length() - 1
    falls = values[-1] - values
    places = importance_coalitions(count) @ 2 ** np.arange(count)
    return importances(falls[2**count - 1 - 2 ** np.arange(count)], falls[places])


@given(games)
def test_shapley_values_are_the_mean_over_all_orders_and_add_up(values):
    found = shapley_values(values)
    np.testing.assert_allclose(found, by_orders(values), atol=1e-9)
    assert found.sum() == pytest.approx(values[-1] - values[0], abs=1e-9)


def test_shapley_values_of_the_glove_game():
    # Two left gloves and one right one: only a pair is worth something. Known: 1/6, 1/6, 2/3.
    present = all_coalitions(3)
    worth = ((present[:, 0] | present[:, 1]) & present[:, 2]).astype(float)
    np.testing.assert_allclose(shapley_values(worth), [1 / 6, 1 / 6, 2 / 3])


@given(arrays(np.float64, (4, 4), elements=numbers), st.integers(0, 3), st.integers(0, 3))
def test_equal_players_get_equal_values_and_one_that_adds_nothing_gets_nothing(pairs, one, other):
    pairs = pairs + pairs.T
    pairs[one] = pairs[:, one] = 0
    present = all_coalitions(4).astype(float)
    worth = np.einsum("si,ij,sj->s", present, pairs, present)
    assert shapley_values(worth)[one] == pytest.approx(0, abs=1e-9)
    swap = np.arange(4)
    swap[[one, other]] = swap[[other, one]]
    np.testing.assert_allclose(
        shapley_values(worth + np.einsum("si,ij,sj->s", present[:, swap], pairs, present[:, swap]))[[one, other]],
        [shapley_values(worth)[other]] * 2 if one != other else [0, 0],
        atol=1e-9,
    )


@given(games)
def test_importances_add_up_and_are_exact_up_to_three(values):
    found = asked_for(values)
    assert found.sum() == pytest.approx(values[-1] - values[0], abs=1e-9)
    if len(values) <= 8:
        np.testing.assert_allclose(found, by_orders(values), atol=1e-9)


@given(arrays(np.float64, (5, 5), elements=numbers), numbers)
def test_importances_are_exact_for_any_number_of_players_that_interact_in_pairs(pairs, none):
    present = all_coalitions(5).astype(float)
    worth = none + np.einsum("si,ij,sj->s", present, pairs, present)
    np.testing.assert_allclose(asked_for(worth), shapley_values(worth), atol=1e-8)


def test_importance_of_clusters_is_what_the_rest_of_the_network_says_of_all_coalitions():
    net = network(TinyVGG(width=24))
    batch = photos(1)
    captured = capture(net, batch, [1], net.layers.default)
    explained = ablate(net, batch, captured, explain_layers(captured, 3, Settings()), importance=True)[0]
    seen = 0
    for cut, layer in zip((2, 5, 7), explained, strict=True):
        count = len(layer.clusters)
        values = []
        with torch.no_grad():
            for present in all_coalitions(count):
                maps = net.module.features[:cut](batch)
                for cluster, there in zip(layer.clusters, present, strict=True):
                    maps[0, list(cluster.channels)] *= float(there)
                values.append(float(net.module.head(net.module.features[cut:](maps).mean(dim=(2, 3)))[0, 1]))
        found = [cluster.importance for cluster in layer.clusters]
        assert sum(found) == pytest.approx(values[-1] - values[0], abs=1e-5)
        if count <= 3:
            np.testing.assert_allclose(found, by_orders(np.array(values)), atol=1e-5)
            seen += 1
        shares = layer.importance_shares
        assert sum(map(abs, shares)) == pytest.approx(100)
        assert [shares[c.index] for c in layer.ranked] == sorted(shares, reverse=True)
    assert seen
