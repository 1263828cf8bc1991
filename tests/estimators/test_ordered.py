"""Dependent samples: how many independent ones they are worth, by formula, and that order alone is not suspected."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

import infoplane as ip
from infoplane.estimators.counting.labels import Declared, read_labels
from infoplane.estimators.counting.samples import label_variable
from infoplane.estimators.ordered import effective_samples, with_order


def series(rho, n, seed, columns=1):
    """An autoregressive series of normal variables."""
    noise = np.random.default_rng(seed).normal(size=(n, columns))
    return lfilter([(1 - rho**2) ** 0.5], [1, -rho], noise, axis=0)


def worth(t, y):
    labels = read_labels(y, declared=Declared.of("y", continuous="y" if np.asarray(y).dtype.kind == "f" else None))
    return effective_samples(
        torch.as_tensor(np.asarray(t, float)).reshape(len(t), -1), label_variable(labels, continuous=True)
    )


@pytest.mark.parametrize("rho", [0.6, 0.8, 0.9])
def test_two_series_are_worth_what_the_formula_says(rho):
    """n (1 - r^2) / (1 + r^2) for two series of one r."""
    each = [worth(series(rho, 4000, seed), series(rho, 4000, 100 + seed)[:, 0]) for seed in range(6)]
    assert np.mean(each) == pytest.approx(4000 * (1 - rho**2) / (1 + rho**2), rel=0.25)


def test_independent_samples_are_worth_their_number_in_any_order():
    """400 looks at independent samples, half of them sorted by class or by number: not one alarm."""
    for seed in range(200):
        random = np.random.default_rng(seed)
        y = random.integers(0, 3, 500)
        t = y[:, None] + random.normal(size=(500, 6))
        target = t[:, 0] + random.normal(size=500)
        order = (np.argsort(y, kind="stable"), np.argsort(target))[seed % 2]
        assert worth(t, y) == worth(t[order], y[order] if seed % 2 == 0 else target[order]) == 500


def test_only_one_of_both_with_memory_does_no_harm():
    assert worth(series(0.95, 1000, 0), np.random.default_rng(1).normal(size=1000)) == 1000
    assert worth(np.random.default_rng(2).normal(size=1000), series(0.95, 1000, 3)[:, 0] > 0) == 1000


def test_the_flag_and_what_it_says():
    t, y = series(0.99, 1000, 4), series(0.99, 1000, 5)[:, 0] > 0
    estimate = ip.mutual_information(t, y, bins=8)
    assert "ordered-samples" in estimate.flags
    assert estimate.details["effective_n"] < 200
    order = np.random.default_rng(6).permutation(1000)
    shuffled = ip.mutual_information(t[order], y[order], bins=8)
    assert "ordered-samples" not in shuffled.flags
    assert shuffled.value == pytest.approx(estimate.value)
    assert "ordered-samples" not in ip.mutual_information(t, y, bins=8, groups=np.arange(1000) // 50).flags
    assert "ordered-samples" in ip.compare(t, y, estimators="gaussian").rows[0].flags


def test_few_samples_and_constant_layers_say_nothing():
    assert worth(np.arange(50.0), np.arange(50) // 10) == 50
    assert worth(np.zeros((200, 3)), np.arange(200) // 50) == 200
    estimate = ip.Estimate(0.5, n=200)
    assert with_order(estimate, torch.zeros(200, 3), label_variable(np.arange(200) % 2)) is estimate
