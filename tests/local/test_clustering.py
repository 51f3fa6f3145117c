"""Clusters of feature maps: planted ones are found, edge cases have a clear result, and nothing hangs on chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import adjusted_rand_score, silhouette_score

from layerlore.errors import SettingError
from layerlore.local import clustering
from layerlore.local.clustering import cluster_maps, scale_maps
from layerlore.local.kmeans import kmeans_path

METHODS = ("stable", "paper")


def planted(groups: int, each: int, *, side: int = 7, noise: float = 0.05, seed: int = 0) -> tuple:
    """Maps with a blob in one of ``groups`` places, and the place of each."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    centres = [(side * (0.2 + 0.6 * (g % 2)), side * (0.2 + 0.6 * (g // 2 % 2))) for g in range(groups)]
    labels = rng.permutation(np.repeat(np.arange(groups), each))
    blobs = [np.exp(-((y - centres[g][0]) ** 2 + (x - centres[g][1]) ** 2) / 3) for g in labels]
    return (np.array(blobs) + noise * rng.random((len(labels), side, side))).astype(np.float32), labels


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("groups", [3, 4])
def test_planted_clusters_are_found(method, groups):
    maps, labels = planted(groups, 12)
    found = cluster_maps(maps, method=method, seed=1)
    assert adjusted_rand_score(labels, found.labels) == 1
    assert 0.5 < found.silhouette <= 1


@given(
    arrays(np.float32, array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.floats(-50, 50, width=32)),
)
def test_scaled_maps_lie_between_0_and_1_and_constant_ones_stay(maps):
    scaled = scale_maps(maps)
    constant = maps.max(axis=(1, 2)) == maps.min(axis=(1, 2))
    assert np.array_equal(scaled[constant], maps[constant])
    others = scaled[~constant]
    if len(others):
        assert (others.min(axis=(1, 2)) == 0).all()
        assert others.max(axis=(1, 2)) == pytest.approx(1)
    np.testing.assert_allclose(scale_maps(scaled), scaled, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.integers(9, 40), st.integers(0, 1000))
def test_the_order_of_the_maps_and_the_seed_do_not_matter_to_stable(count, seed):
    rng = np.random.default_rng(seed)
    maps = rng.random((count, 5, 5)).astype(np.float32)
    order = rng.permutation(count)
    first = cluster_maps(maps, seed=0).labels
    again = cluster_maps(maps[order], seed=seed).labels
    assert adjusted_rand_score(first[order], again) == 1
    assert first.max() + 1 <= 8


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("different", [1, 2, 3])
def test_fewer_than_four_different_maps_are_clusters_of_their_own(method, different):
    maps = np.repeat(np.random.default_rng(0).random((different, 4, 4)).astype(np.float32), 5, axis=0)
    found = cluster_maps(maps, method=method)
    assert found.silhouette is None
    assert found.labels.tolist() == np.repeat(np.arange(different), 5).tolist()
    assert found.note.endswith(".")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "maps",
    [
        np.arange(6, dtype=np.float32).reshape(6, 1, 1),
        np.random.default_rng(0).random((4, 3, 3)).astype(np.float32),
        np.random.default_rng(0).random((5, 1, 2)).astype(np.float32),
        np.concatenate([np.full((9, 4, 4), 6.0), np.random.default_rng(0).random((9, 4, 4))]).astype(np.float32),
        np.repeat(np.random.default_rng(0).random((4, 4, 4)).astype(np.float32), 8, axis=0),
        planted(4, 3, noise=0.0)[0] * np.float32(1e-20),
    ],
    ids=["1x1 constants", "four maps", "fewer than the perplexity", "saturated", "duplicates", "tiny values"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_odd_maps_give_whole_clusters_and_no_nan(method, maps):
    found = cluster_maps(maps, method=method)
    assert found.labels.shape == (len(maps),)
    assert sorted(set(found.labels.tolist())) == list(range(found.labels.max() + 1))
    assert found.labels.max() + 1 <= 8
    assert found.silhouette is None or -1 <= found.silhouette <= 1


def test_one_map_far_from_all_others_makes_no_cluster_of_its_own():
    maps, labels = planted(3, 20)
    maps = np.concatenate([maps, np.ones((1, 7, 7), np.float32)])
    found = cluster_maps(maps)
    assert np.bincount(found.labels).min() >= 3
    assert adjusted_rand_score(labels, found.labels[:-1]) == 1


def test_nothing_to_cluster_and_unknown_methods():
    assert len(cluster_maps(np.zeros((0, 3, 3), np.float32)).labels) == 0
    assert cluster_maps(np.zeros((1, 3, 3), np.float32)).labels.tolist() == [0]
    with pytest.raises(SettingError, match="choose one of stable, paper"):
        cluster_maps(np.zeros((5, 3, 3), np.float32), method="tsne")


def test_silhouette_and_explained_variance_agree_with_other_ways_to_get_them():
    rng = np.random.default_rng(0)
    points, labels = rng.random((30, 4)), rng.integers(0, 4, 30)
    ours = clustering.mean_silhouette(clustering.euclidean_distances(points), labels)
    assert ours == pytest.approx(silhouette_score(points, labels))
    means = np.array([points[labels == c].mean(axis=0) for c in range(4)])
    left = ((points - means[labels]) ** 2).sum() / ((points - points.mean(axis=0)) ** 2).sum()
    assert clustering._explained(points, labels) == pytest.approx(1 - left)


def test_cuts_of_the_tree_are_scipys():
    from scipy.cluster.hierarchy import cut_tree, linkage

    points = np.random.default_rng(0).random((40, 5))
    wanted = cut_tree(linkage(points, "ward"), list(range(2, 9))).T
    for ours, theirs in zip(clustering._ward_cuts(points, range(2, 9)), wanted, strict=True):
        assert adjusted_rand_score(ours, theirs) == 1


@pytest.mark.parametrize("seed", range(4))
def test_k_means_without_a_random_start_is_as_good_as_many_random_starts(seed):
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    points = rng.normal(size=(150, 4)) + 3 * rng.normal(size=(6, 4))[rng.integers(0, 6, 150)]
    points = (points - points.mean(axis=0)) @ np.linalg.svd(points - points.mean(axis=0))[2].T
    for count, labels in enumerate(kmeans_path(points, 8), start=3):
        means = np.array([points[labels == c].mean(axis=0) for c in range(count)])
        inertia = ((points - means[labels]) ** 2).sum()
        assert inertia <= 1.02 * KMeans(count, n_init=30, random_state=0).fit(points).inertia_
