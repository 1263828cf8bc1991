"""Mixed KSG: KSG where nothing is tied, counting where everything is, and the truth of mixtures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import xlogy
from scipy.stats import poisson
from sklearn.base import clone

from infoplane.errors import InputError
from infoplane.estimators import as_activations, mutual_information
from infoplane.estimators.counting.samples import input_variable, label_variable
from infoplane.estimators.distances import neighbours
from infoplane.estimators.mixed_ksg import MixedKSG

from ..conftest import load

twins = load(Path(__file__).parent / "twins.py")
slow_neighbours, without_lone = twins.slow_neighbours, twins.without_lone


def nats(t, y, **options):
    return mutual_information(t, y, estimator="mixed-ksg", units="nats", **options).value


def input_nats(t, x, **options):
    made = MixedKSG(**options)
    return made.about_input(made.prepare(as_activations(t)), input_variable(x), "nats").value


@settings(max_examples=40)
@given(n=st.integers(8, 45), k=st.integers(1, 5), decimals=st.sampled_from([0, 1, 9]), seed=st.integers(0, 2**20))
def test_the_slow_twin(n, k, decimals, seed):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(n, 2)), decimals)
    y = np.round(x[:, :1] + rng.normal(size=(n, 1)), decimals)
    assert input_nats(x, y, k=k, standardise=False) == pytest.approx(slow_neighbours(x, y, k), abs=1e-12)
    classes = rng.integers(0, 6, size=n)
    classes[:4] = [0, 0, 1, 1]
    expected = slow_neighbours(*without_lone(x, classes), k, classes=True)
    assert nats(x, classes, k=k, standardise=False) == pytest.approx(expected, abs=1e-12)


def test_without_ties_it_is_ksg():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2))
    y = x[:, 0] + rng.normal(size=500)
    classes = (y > 0).astype(int)
    for label in (y, classes):
        plain = mutual_information(x, label, estimator="ksg", k=5, units="nats").value
        assert nats(x, label, k=5) == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize(("m", "truth"), [(3, 0.636514168295), (5, 1.05492016799), (10, 1.67875263049)])
def test_discrete_with_continuous(m, truth):
    """X one of m, T uniform on (X, X + 2): log m - (m - 1)/m log 2; x as classes and as numbers."""
    rng = np.random.default_rng(m)
    x = rng.integers(0, m, 10_000)
    t = x + 2 * rng.random(10_000)
    assert nats(t, x) == pytest.approx(truth, abs=0.05)
    assert input_nats(t, x.astype(float)) == pytest.approx(truth, abs=0.05)


def zero_inflated_truth(share):
    """I(X;Y) in nats: X exponential of mean 1, Y 0 with probability ``share``, else Poisson of mean X."""
    k = np.arange(300)
    p = (1 - share) * 0.5 ** (k + 1.0)
    p[0] += share

    def entropy_at(x):
        q = (1 - share) * poisson.pmf(k, x)
        q[0] += share
        return -xlogy(q, q).sum() * math.exp(-x)

    return -xlogy(p, p).sum() - quad(entropy_at, 0, 60, limit=200)[0]


@pytest.mark.parametrize("share", [0, 0.15, 0.7])
def test_a_poisson_count_with_extra_zeros(share):
    truth = zero_inflated_truth(share)
    if share == 0:  # a closed form: 2 log 2 - Euler's constant - sum log k 2^-k
        series = sum(math.log(k) * 2.0**-k for k in range(1, 100))
        assert truth == pytest.approx(2 * math.log(2) - np.euler_gamma - series, abs=1e-8)
    rng = np.random.default_rng(0)
    x = rng.exponential(size=10_000)
    y = rng.poisson(x) * (rng.random(10_000) >= share)
    assert input_nats(x, y.astype(float)) == pytest.approx(truth, abs=0.05)
    assert nats(x, y) == pytest.approx(truth, abs=0.05)


def test_discrete_samples_are_counted():
    """A binary symmetric channel with error .11: .346631843641 nats."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 10_000)
    t = y ^ (rng.random(10_000) < 0.11)
    assert nats(t, y) == pytest.approx(0.346631843641, abs=0.05)
    plug_in = mutual_information(t, y, bins="distinct", units="nats").value
    assert nats(t, y) == pytest.approx(plug_in, abs=2e-3)


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_wide_layers_have_the_value_of_all_distances(decimals, monkeypatch):
    rng = np.random.default_rng(decimals)
    x = np.round(rng.normal(size=(250, 3)), decimals)
    t = np.round(np.maximum(x @ rng.normal(size=(3, 300)) - 2, 0), decimals)
    t[150:] = t[:100]
    y = np.append(rng.integers(0, 5, 249), 5)
    estimates = []
    for many in (512, 64):
        monkeypatch.setattr(neighbours, "MANY_COLUMNS", many)
        made = MixedKSG()
        prepared = made.prepare(as_activations(t))
        estimates.append((made.about_input(prepared, input_variable(x)), made.about_label(prepared, label_variable(y))))
    assert estimates[0] == estimates[1]
    assert estimates[0][0].details["ties"] > 0.5


def test_symmetry_with_ties():
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(size=(300, 1)), 1)
    y = np.maximum(x + rng.normal(size=(300, 1)), 0)
    assert input_nats(x, y) == pytest.approx(input_nats(y, x), abs=1e-10)


def test_options():
    assert clone(MixedKSG(k=2)).get_params() == {"k": 2, "standardise": True}
    with pytest.raises(InputError, match=r"k=1\.5: it must be a whole number"):
        MixedKSG(k=1.5)
