"""The bounds hold on mixtures of Gaussians whose information is known by quadrature, and equal their definition."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from sklearn.base import clone

import infoplane as ip
from infoplane.errors import InputError, NonFiniteError
from infoplane.estimators import kde
from infoplane.estimators.counting.samples import Variable, distinct_ids, input_ids, label_ids
from infoplane.estimators.kde import KDE


def both(t, y, x=None, **options):
    """I(X;T) and I(T;Y) in nats."""
    made, t = KDE(**options), torch.as_tensor(np.asarray(t))
    prepared = made.prepare(t)
    inputs = distinct_ids(len(t)) if x is None else input_ids(x)
    return (
        made.about_input(prepared, Variable(inputs), "nats"),
        made.about_label(prepared, Variable(label_ids(y)), "nats"),
    )


def slow(t, y, variance):
    """M_2, M_8, W_2, W_8 from the definition."""
    t, y = np.asarray(t, dtype=np.float64), np.asarray(y)
    squares = ((t[:, None] - t[None]) ** 2).sum(-1)
    same = y[:, None] == y[None]
    kernels = [np.exp(-squares / (s * variance)) for s in (2, 8)]
    return [-np.log(k.mean(1)).mean() for k in kernels] + [
        -np.log((k * same).sum(1) / same.sum(1)).mean() for k in kernels
    ]


def mixture_entropy(centres, beta):
    """Of equal Gaussians of standard deviation beta, in nats, by quadrature."""

    def density(z):
        return np.exp(-((z - centres) ** 2) / (2 * beta**2)).mean() / math.sqrt(2 * math.pi * beta**2)

    def surprise(z):
        p = density(z)
        return -p * math.log(p) if p > 0 else 0.0

    ends = [min(centres) - 12 * beta, *sorted(centres), max(centres) + 12 * beta]
    return math.fsum(quad(surprise, a, b, limit=400)[0] for a, b in pairwise(ends) if b > a)


# I(X; tanh(w X) + N(0, beta^2)) in nats for X uniform on the inputs, by quadrature (Goldfeld et al. 2019)
NOISY_TANH = [
    ((-1, 1), 0.25, 0.05, 0.69314572788),
    ((-1, 1), 0.25, 0.2, 0.431849252393),
    ((-1, 1), 0.25, 1.0, 0.0291265851429),
    ((-1, 1), 1, 0.2, 0.692941345847),
    ((-1, 1), 4, 1.0, 0.336529232605),
    ((-3, -1, 1, 3), 0.25, 0.05, 1.38615329398),
    ((-3, -1, 1, 3), 0.25, 0.2, 0.885218604632),
    ((-3, -1, 1, 3), 1, 0.05, 1.35951934965),
    ((-3, -1, 1, 3), 1, 0.2, 0.839203198249),
    ((-3, -1, 1, 3), 4, 1.0, 0.336680067716),
]


@pytest.mark.parametrize(("inputs", "weight", "beta", "truth"), NOISY_TANH)
def test_the_bounds_bracket_a_noisy_neuron(inputs, weight, beta, truth):
    x = np.array(inputs, dtype=np.float64)
    found = both(np.tanh(weight * x)[:, None], np.arange(len(x)), noise_variance=beta**2)[0]
    assert found.low - 1e-9 <= truth <= found.high + 1e-9
    assert found.value == found.high
    assert found.kind == "upper bound"


@pytest.mark.parametrize("beta", [0.05, 0.2, 0.6, 2.0])
def test_the_bounds_bracket_the_label_information_of_a_mixture(beta):
    centres = np.random.default_rng(0).normal(size=24)
    y = (centres > 0.2).astype(int)
    within = [(y == c).mean() * mixture_entropy(centres[y == c], beta) for c in (0, 1)]
    whole = mixture_entropy(centres, beta)
    noise = 0.5 * math.log(2 * math.pi * math.e * beta**2)
    i_xt, i_ty = both(centres[:, None], y, noise_variance=beta**2)
    assert i_xt.low <= whole - noise <= i_xt.high
    assert i_ty.low <= whole - math.fsum(within) <= i_ty.high
    assert i_ty.low <= i_ty.value <= i_ty.high


def test_the_bounds_bracket_monte_carlo_in_ten_dimensions():
    """I(X;T+Z) = E log p(z|x) / p(z), drawn 4000 times; 3 standard errors."""
    rng = np.random.default_rng(1)
    centres, beta = rng.normal(size=(40, 10)), 0.9
    which = rng.integers(40, size=4000)
    z = centres[which] + beta * rng.normal(size=(4000, 10))
    logs = -((z[:, None] - centres[None]) ** 2).sum(-1) / (2 * beta**2)
    draws = logs[np.arange(4000), which] - np.log(np.exp(logs).mean(1))
    error = 3 * draws.std() / math.sqrt(len(draws))
    found = both(centres, np.arange(40) % 2, noise_variance=beta**2)[0]
    assert found.low - error <= draws.mean() <= found.high + error


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 4), st.sampled_from([1e-3, 0.1, 3.0]))
def test_all_bounds_equal_their_definition(seed, n, units, variance):
    rng = np.random.default_rng(seed)
    t, y = np.tanh(rng.normal(size=(n, units))), rng.integers(3, size=n)
    upper, lower, upper_within, lower_within = slow(t, y, variance)
    i_xt, i_ty = both(t, y, noise_variance=variance)
    assert (i_xt.low, i_xt.high) == pytest.approx((lower, upper), abs=1e-9)
    expected = (lower - upper_within, upper - upper_within, upper - lower_within)
    assert (i_ty.low, i_ty.value, i_ty.high) == pytest.approx(expected, abs=1e-9)
    assert i_ty.value <= i_ty.details["h_y"] + 1e-12
    assert i_xt.value <= math.log(n) + 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("units", "noise_variance"), [(3, 1e-5), (3, 1e-4), (700, 0.3)])
def test_what_is_near_is_all_that_counts(monkeypatch, dtype, units, noise_variance):
    rng = np.random.default_rng(5)
    t = torch.from_numpy(np.tanh(rng.normal(size=(300, units)))).to(dtype)
    t[200:204] = t[:4] + 1e-4
    y = rng.integers(3, size=300)
    assert isinstance(KDE(noise_variance).prepare(t).near, kde.NearPairs)
    near = both(t, y, noise_variance=noise_variance)
    monkeypatch.setattr(kde, "_MOST_NEAR", 0)
    whole = both(t.to(torch.float64), y, noise_variance=noise_variance)
    for one, other in zip(near, whole, strict=True):
        assert (one.low, one.value, one.high) == pytest.approx((other.low, other.value, other.high), rel=1e-9)
    upper, lower, upper_within, _ = slow(t, y, noise_variance)
    assert (near[0].low, near[0].high) == pytest.approx((lower, upper), abs=1e-12)
    assert near[1].value == pytest.approx(upper - upper_within, abs=1e-12)


@pytest.mark.parametrize("noise_variance", [1e-4, 1e-2, 1])
def test_its_null_is_that_of_shuffled_labels_or_a_little_more(noise_variance):
    random = np.random.default_rng(0)
    t, y = random.normal(size=(500, 1)), random.integers(0, 5, 500)
    asked = {"estimator": "kde", "noise_variance": noise_variance, "units": "nats"}
    plain = ip.mutual_information(t, y, **asked)
    shuffled = ip.mutual_information(t, y, shuffles=10, **asked).details["null"]
    assert shuffled - 0.005 < plain.details["null"] < 1.3 * shuffled + 0.01
    assert ("null-exceeds-half" in plain.flags) == (plain.details["null"] > 0.05)


def test_no_noise_separates_all_and_much_noise_none():
    rng = np.random.default_rng(2)
    t, y = rng.normal(size=(200, 3)), rng.integers(2, size=200)
    values = [both(t, y, noise_variance=v)[0].value for v in 10.0 ** np.arange(-9, 10)]
    assert values[0] == pytest.approx(math.log(200), abs=1e-6)
    assert values[-1] == pytest.approx(0, abs=1e-6)
    assert all(a >= b - 1e-12 for a, b in pairwise(values))


def test_equal_rows_are_one_symbol():
    """Far apart, the bounds meet and are plug-in entropies."""
    t = np.repeat([0.0, 1.0, 2.0], [10, 30, 60])[:, None]
    shares = np.array([0.1, 0.3, 0.6])
    i_xt, _ = both(t, np.repeat([0, 1], 50), x=t)
    assert (i_xt.low, i_xt.high) == pytest.approx((-(shares * np.log(shares)).sum(),) * 2, abs=1e-12)


def test_a_wide_float32_layer_stays_under_log_n():
    t = torch.randn((600, 900), generator=torch.Generator().manual_seed(0))
    found = KDE().about_input(KDE().prepare(t), Variable(distinct_ids(600)), "nats")
    assert found.value <= math.log(600)
    assert found.value == pytest.approx(math.log(600), abs=1e-12)
    assert "saturated" in found.flags


def test_relative_noise_grows_with_the_layer():
    rng = np.random.default_rng(3)
    t, y = rng.normal(size=(100, 4)), rng.integers(2, size=100)
    small, large = (both(scale * t, y, noise_variance=0.05, relative=True)[1] for scale in (1.0, 1000.0))
    assert large.value == pytest.approx(small.value, abs=1e-9)
    assert small.details["noise_variance"] == pytest.approx(0.05 * t.var(0).mean(), rel=1e-12)
    assert "mean unit variance" in small.details["measurement"]
    assert both(t, y)[1].details["measurement"] == "Gaussian noise of variance 0.001"


def test_a_noisy_layer_with_repeated_inputs_keeps_its_bracket():
    rng = np.random.default_rng(4)
    x = np.repeat(np.arange(20), 5)[:, None]
    t = x / 10 + 0.05 * rng.normal(size=(100, 1))
    found = both(t, x[:, 0] % 2, x=x, noise_variance=0.01)[0]
    upper, lower, upper_within, lower_within = slow(t, x[:, 0], 0.01)
    assert (found.low, found.high) == pytest.approx((lower - upper_within, upper - lower_within), abs=1e-9)


def test_options_are_checked_and_cloned():
    for wrong in (0, -1.0, math.nan, math.inf, "1e-3", None):
        with pytest.raises(InputError, match="noise_variance must be a positive number, got"):
            KDE(noise_variance=wrong)
    assert clone(KDE(0.5, relative=True)).get_params() == {"noise_variance": 0.5, "relative": True}
    with pytest.raises(InputError, match="y_bins="):
        ip.mutual_information(np.random.default_rng(0).normal(size=(99, 2)), np.linspace(0, 1, 99), estimator="kde")


def test_distances_that_overflow_are_an_error():
    with pytest.raises(NonFiniteError, match=r"up to 1\.1e\+200"):
        KDE().prepare(torch.tensor([[1e200], [1.1e200], [-1e200]], dtype=torch.float64))
