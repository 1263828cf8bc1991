"""Cuts that are fitted to activations: clusters that no move of a value improves, shares that are equal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans as PlainKMeans

from infoplane.estimators.counting.edges import cluster_means, evenly_spaced, ranged_cuts, value_range
from infoplane.estimators.counting.rules import KMeans, MaximumEntropy

VALUES = {
    "count": st.integers(1, 200),
    "bins": st.integers(1, 40),
    "decimals": st.sampled_from([0, 1, 12]),
    "seed": st.integers(0, 2**20),
}


def values(count, decimals, seed):
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(size=count) * rng.choice([1, 100]) + rng.choice([0, 5], size=count), decimals)


def bins_of(made, t):
    """The bin of every value: a layer of one unit."""
    return made.symbols(torch.from_numpy(np.ravel(t))[None, :, None]).codes[0].numpy()


@given(**VALUES)
def test_every_value_is_in_the_bin_of_the_nearest_mean(count, bins, decimals, seed):
    t = values(count, decimals, seed)
    found = bins_of(KMeans(bins), t)
    means = np.array([t[found == one].mean() for one in np.unique(found)])
    distance = abs(t[:, None] - means)
    own = distance[np.arange(count), np.unique(found, return_inverse=True)[1]]
    assert len(means) <= bins
    assert np.all(own <= distance.min(1) + 1e-9 * abs(t).max())


@given(**VALUES)
def test_few_distinct_values_have_a_bin_each(count, bins, decimals, seed):
    t = values(count, decimals, seed)
    distinct = np.unique(t)
    if len(distinct) <= bins:
        assert len(np.unique(bins_of(KMeans(bins), t))) == len(distinct)


@pytest.mark.parametrize("clusters", [2, 5, 30])
def test_k_means_is_that_of_another_library(clusters):
    """From the same first means."""
    t = np.sort(np.tanh(np.random.default_rng(1).normal(size=3000) * 1.5))
    first = t[(2 * np.arange(clusters) + 1) * len(t) // (2 * clusters)]
    plain = PlainKMeans(clusters, init=first[:, None], n_init=1, max_iter=100, tol=0, algorithm="lloyd").fit(t[:, None])
    found = cluster_means(torch.from_numpy(t), clusters)
    assert found.numpy() == pytest.approx(np.sort(plain.cluster_centers_[:, 0]), abs=1e-9)


def test_clusters_that_lie_apart_are_found():
    rng = np.random.default_rng(2)
    where = rng.integers(0, 4, size=500)
    t = np.array([-9.0, -1.0, 0.5, 30.0])[where] + rng.uniform(-0.1, 0.1, size=500)
    assert np.array_equal(bins_of(KMeans(4), t), where)
    assert cluster_means(torch.from_numpy(np.sort(t)), 4).tolist() == pytest.approx([-9, -1, 0.5, 30], abs=0.03)


@pytest.mark.parametrize("outlier", [1e30, -1e30])
def test_an_outlier_has_a_bin_of_its_own(outlier):
    t = np.r_[np.random.default_rng(3).uniform(size=99), outlier]
    found = bins_of(KMeans(3), t)
    assert (found == found[-1]).sum() == 1
    assert len(np.unique(found)) == 3


@pytest.mark.parametrize("bins", [2, 5, 30])
def test_equal_shares_of_the_whole_layer(bins):
    t = np.random.default_rng(4).normal(size=(1, 12 * bins, 5)) * np.array([0.1, 1, 3, 10, 100])
    codes = bins_of(MaximumEntropy(bins), t)
    assert np.unique(codes, return_counts=True)[1].tolist() == [60] * bins
    alone = MaximumEntropy(bins).symbols(torch.from_numpy(t[..., :1])).codes[0].numpy()
    assert np.unique(alone, return_counts=True)[1].tolist() == [12] * bins  # a unit by itself is a layer too
    narrow = np.unique(codes.reshape(-1, 5)[:, 0])
    assert len(narrow) <= max(bins // 3, 3)  # beside wider ones, a narrow unit has few of the bins


def test_the_order_of_values_does_not_move_the_bins():
    t = values(400, 2, 5)
    order = np.random.default_rng(6).permutation(400)
    for made in (KMeans(7), MaximumEntropy(7)):
        assert np.array_equal(bins_of(made, t[order]), bins_of(made, t)[order])


def test_minus_zero_is_no_other_value():
    t = torch.tensor([0.0, -0.0, 1.0, -1.0] * 3)[None, :, None]
    for made in (KMeans(3), MaximumEntropy(3)):
        codes = made.symbols(t).codes[0]
        assert torch.equal(codes[0::4], codes[1::4])
    assert cluster_means(torch.tensor([-1.0, 0.0, 0.0, 1.0]), 3).tolist() == [-1, 0, 1]


def test_what_a_guess_can_follow_is_evenly_spaced():
    even = torch.linspace(-1, 1, 31)[None]
    bent, torn = even.clone(), even.clone()
    bent[0, 7] += 0.04 * 2 / 30
    torn[0, 7] += 0.06 * 2 / 30
    assert evenly_spaced(even)
    assert evenly_spaced(bent)
    assert not evenly_spaced(torn)
    assert not evenly_spaced(even[:, :1])  # one cut has no spacing
    assert not evenly_spaced(1 + 1e-7 * even)  # nor has what rounding has eaten
    assert not evenly_spaced(3e38 * even)  # the span overflows


@pytest.mark.parametrize("awkward", [float("nan"), float("inf"), -float("inf")])
def test_the_range_is_that_of_whole_rows(awkward):
    t = torch.tensor([[1.0, 2.0], [awkward, 9.0], [-3.0, 4.0]])
    assert [end.tolist() for end in value_range(t, (0, 1))] == [[[-3.0]], [[4.0]]]
    assert [end.tolist() for end in value_range(t, (0,))] == [[[-3.0], [2.0]], [[1.0], [4.0]]]
    assert [end.tolist() for end in value_range(t[1:2], (0, 1))] == [[[0.0]], [[0.0]]]


def test_a_range_of_width_zero_gets_width_one():
    assert ranged_cuts(torch.tensor([[2.0]]), torch.tensor([[2.0]]), 4).cuts.tolist() == [[2.25, 2.5, 2.75]]
    assert ranged_cuts(torch.tensor([[2.0]]), torch.tensor([[5.0]]), 1).cuts.tolist() == [[float("inf")]]
