"""The clustering ratio against all pairs, one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoplane.companions.clustering import clustering
from infoplane.errors import InputError, NonFiniteError


def brute_force(t, y):
    within, between = [], []
    for i in range(len(t)):
        for j in range(len(t)):
            if i != j:
                (within if y[i] == y[j] else between).append(((t[i] - t[j]) ** 2).sum())
    return np.mean(within), np.mean(between)


@given(st.integers(4, 30), st.integers(1, 5), st.integers(0, 10**6))
def test_it_is_the_mean_over_all_pairs(n, units, seed):
    random = np.random.default_rng(seed)
    t, y = random.normal(size=(n, units)) + 100, np.concatenate([[0, 0, 1], random.integers(0, 3, n - 3)])
    found = clustering(t, y)
    assert (found.within, found.between) == pytest.approx(brute_force(t, y), rel=1e-8)
    turned = clustering(3 * t @ np.linalg.qr(random.normal(size=(units, units)))[0] - 7, y)
    assert turned.ratio == pytest.approx(found.ratio, rel=1e-7)


def test_classes_that_are_points_and_classes_that_are_none():
    y = np.arange(400) % 2
    assert clustering(y[:, None], y).ratio == 0
    noise = np.random.default_rng(0).normal(size=(400, 3))
    assert clustering(noise, y).ratio == pytest.approx(1, abs=0.03)


def test_a_constant_layer_has_no_ratio():
    assert np.isnan(clustering(np.zeros((4, 2)), [0, 0, 1, 1]).ratio)


def test_bad_input():
    with pytest.raises(InputError, match="each of the 3 classes has one sample"):
        clustering(np.zeros((3, 1)), [0, 1, 2])
    with pytest.raises(NonFiniteError, match="1 of 4 rows"):
        clustering([[0.0], [np.nan], [1.0], [2.0]], [0, 1, 0, 1])
    with pytest.raises(InputError, match="t has 2 samples"):
        clustering(np.zeros((2, 1)), [0, 1, 2])
