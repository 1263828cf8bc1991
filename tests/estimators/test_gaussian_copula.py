"""Gaussian copula: blind to increasing maps, exact for Gaussian dependence, blind to any other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, rankdata
from sklearn.base import clone

from infoplane.errors import UnknownNameError
from infoplane.estimators import mutual_information
from infoplane.estimators.gaussian_copula import GaussianCopula


def nats(t, y, estimator="gaussian-copula", **options):
    return mutual_information(t, y, estimator=estimator, units="nats", **options).value


def pair(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return x + rng.normal(size=(n, 2)), x


@pytest.mark.parametrize("change", [np.exp, np.arcsinh, lambda v: v**3, lambda v: 5 - 2 * v])
def test_a_monotone_map_of_a_unit_changes_nothing(change):
    t, x = pair()
    y = (x[:, 0] > 0) + (x[:, 1] > 1)
    assert nats(change(t), x) == pytest.approx(nats(t, x), abs=1e-10)
    assert nats(t, change(x)) == pytest.approx(nats(t, x), abs=1e-10)
    assert nats(change(t), y) == pytest.approx(nats(t, y), abs=1e-10)


def test_it_is_the_gaussian_of_normal_scores():
    t, x = pair(200)
    scores = [norm.ppf(np.apply_along_axis(rankdata, 0, z) / 201) for z in (t, x)]
    assert nats(t, x) == pytest.approx(nats(*scores, estimator="gaussian"), abs=1e-10)


def test_the_mean_over_samples_is_the_truth():
    """Correlation .75 under two maps: -1/2 log(1 - .75^2); the mean of 60 within 4 standard errors and .01."""
    values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=1000)
        t = 0.75 * x + math.sqrt(1 - 0.75**2) * rng.normal(size=1000)
        values.append(nats(np.exp(t), x**3))
    error = np.std(values, ddof=1) / math.sqrt(60)
    assert np.mean(values) == pytest.approx(-0.5 * math.log(1 - 0.75**2), abs=4 * error + 0.005)


def test_dependence_that_ranks_do_not_show_is_missed():
    x = np.random.default_rng(0).normal(size=2000)
    t = x**2 + 0.1 * np.random.default_rng(1).normal(size=2000)
    assert abs(nats(t, x)) < 0.01
    assert nats(t, x, estimator="ksg") > 0.7


def test_options():
    assert clone(GaussianCopula()).get_params() == {"correction": "wishart"}
    with pytest.raises(UnknownNameError, match="unknown correction 'bias'"):
        GaussianCopula(correction="bias")
