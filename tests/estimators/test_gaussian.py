"""Gaussian information: linear networks in closed form, classes by quadrature, bias, ranks and noiseless maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.base import clone

from infoplane.errors import UnknownNameError
from infoplane.estimators import as_activations, mutual_information
from infoplane.estimators.counting.samples import input_variable
from infoplane.estimators.gaussian import Gaussian


def nats(t, y, **options):
    return mutual_information(t, y, estimator="gaussian", units="nats", **options)


def input_nats(t, x, **options):
    made = Gaussian(**options)
    return made.about_input(made.prepare(as_activations(t)), input_variable(x), "nats")


def exact_sample(n, columns, seed=0):
    """(n, columns) with mean 0 and covariance exactly 1."""
    rows = np.random.default_rng(seed).normal(size=(n, columns))
    return np.linalg.qr(rows - rows.mean(0))[0] * math.sqrt(n)


def network(depth):
    """The product of the weights W_l[a, b] = cos(1 + l + a inputs + b) sqrt(2 / inputs): (units, 12)."""
    product, inputs = np.eye(12), 12
    for layer, units in enumerate((8, 5, 3)[:depth]):
        a, b = np.arange(units)[:, None], np.arange(inputs)
        product = np.cos(1 + layer + a * inputs + b) * math.sqrt(2 / inputs) @ product
        inputs = units
    return product


# depth, variance of the noise, I(X;T), I(T;Y) of the teacher Y = w0 X + N(0, .25), w0 = cos(i) / sqrt(12)
LINEAR = [
    (1, 0.01, 5.96569732409, 0.546832900111),
    (1, 0.1, 3.68631427468, 0.526279852498),
    (1, 1.0, 1.58958950949, 0.385999652041),
    (2, 0.01, 5.78526480561, 0.545695324654),
    (2, 0.1, 3.510299231, 0.51600815437),
    (2, 1.0, 1.44800132558, 0.33847641529),
    (3, 0.01, 4.97459874388, 0.540458061646),
    (3, 0.1, 2.73619949836, 0.47364701573),
    (3, 1.0, 0.907326451736, 0.221538836905),
]


@pytest.mark.parametrize(("depth", "noise", "i_xt", "i_ty"), LINEAR)
def test_linear_networks_with_noise(depth, noise, i_xt, i_ty):
    """Samples whose covariance is exact: 1/2 log det(1 + W W' / noise)."""
    w = network(depth)
    both = exact_sample(400, 12 + len(w) + 1)
    x, t_noise, y_noise = both[:, :12], both[:, 12:-1], both[:, -1]
    t = x @ w.T + math.sqrt(noise) * t_noise
    y = x @ np.cos(np.arange(12)) / math.sqrt(12) + 0.5 * y_noise
    assert i_xt == pytest.approx(0.5 * np.linalg.slogdet(np.eye(len(w)) + w @ w.T / noise)[1], abs=1e-9)
    assert input_nats(t, x, correction="none").value == pytest.approx(i_xt, abs=1e-9)
    assert nats(t, y, correction="none").value == pytest.approx(i_ty, abs=1e-9)
    single = input_nats(t.astype(np.float32), x.astype(np.float32), correction="none")
    assert single.value == pytest.approx(i_xt, abs=1e-4)


@pytest.mark.parametrize("snr", [0.1, 1, 10, 100])
def test_gaussian_channel(snr):
    both = exact_sample(50, 2)
    t = math.sqrt(snr) * both[:, 0] + both[:, 1]
    assert input_nats(t, both[:, 0], correction="none").value == pytest.approx(0.5 * math.log1p(snr), abs=1e-10)


def test_the_correction_takes_the_bias_off():
    """Independent columns, 5 and 4 of them, 40 samples: the mean of 300 lies within 4 standard errors of 0."""
    corrected, plain = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        t, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 4))
        corrected.append(input_nats(t, y).value)
        plain.append(input_nats(t, y, correction="none").value)
    error = np.std(corrected, ddof=1) / math.sqrt(300)
    assert abs(np.mean(corrected)) < 4 * error
    assert np.mean(plain) > 0.25
    assert min(corrected) < 0  # not clipped


@pytest.mark.parametrize("distance", [0.5, 1.0, 3.0])
def test_two_gaussian_classes(distance):
    """Y = -1 or +1, T = distance Y + noise: log 2 - E log(1 + exp(-2 distance (distance + noise)))."""
    lost = quad(lambda z: norm.pdf(z) * np.logaddexp(0, -2 * distance * (distance + z)), -12, 12)[0]
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 20_000)
    t = distance * (2 * y - 1) + rng.normal(size=20_000)
    # a mean of 20 000 terms with a standard deviation below 1
    assert nats(t, y).value == pytest.approx(math.log(2) - lost, abs=4 / math.sqrt(20_000))


def test_classes_far_apart_are_worth_their_entropy_and_no_more():
    y = np.arange(300) % 3
    t = np.eye(3)[y] * 50 + np.random.default_rng(0).normal(size=(300, 3))
    estimate = nats(t, y)
    assert estimate.value == pytest.approx(math.log(3), abs=1e-9)
    assert nats(np.eye(3)[y], y).value == pytest.approx(math.log(3), abs=1e-9)  # no variance within
    assert estimate.value <= estimate.details["h_y"] + 1e-12


@pytest.mark.parametrize(("apart", "truth"), [(0, 0.0), (2, 0.791)])
def test_the_excess_of_classes_is_taken_off(apart, truth):
    """10 classes at ``apart`` from each other in 64 units: the truth from 400 000 samples of the units that count.

    The mean of 5 samples has a standard error of at most .015; .06 is what is left of .25 to .3.
    """
    left, corrected = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 10, 1000)
        t = rng.normal(size=(1000, 64))
        t[np.arange(1000), y] += apart / math.sqrt(2)
        left.append(nats(t, y, correction="none").value)
        corrected.append(nats(t, y).value)
    assert np.mean(left) > truth + 0.2
    assert np.mean(corrected) == pytest.approx(truth, abs=0.06 + 0.045)


def test_more_units_times_classes_than_samples_is_red():
    rng = np.random.default_rng(0)
    t = rng.normal(size=(400, 20))
    assert "few-samples" not in nats(t, rng.integers(0, 18, 400)).flags
    assert set(nats(t, rng.integers(0, 22, 400)).flags) >= {"red", "few-samples"}


def test_a_linear_map_of_either_side_changes_nothing():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    t = x @ rng.normal(size=(3, 3)) + rng.normal(size=(200, 3))
    expected = input_nats(t, x).value
    assert input_nats(t @ rng.normal(size=(3, 3)) + 7, x * [1, 100, 0.01]).value == pytest.approx(expected, abs=1e-9)
    assert input_nats(x, t).value == pytest.approx(expected, abs=1e-10)


def test_copies_of_units_add_nothing_and_are_said():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    t = x + rng.normal(size=(300, 2))
    wide = np.hstack([t, t @ np.ones((2, 3)), np.full((300, 1), 2.0)])
    estimate = input_nats(wide, x)
    assert estimate.value == pytest.approx(input_nats(t, x).value, abs=1e-9)
    assert set(estimate.flags) == {"amber", "rank-deficient", "constant-units"}
    assert (estimate.details["rank"], estimate.details["columns"]) == (2, 5)


def test_a_linear_map_without_noise_is_flagged():
    x = np.random.default_rng(0).normal(size=(300, 2))
    estimate = input_nats(x @ [[1.0, 2], [3, 4]], x, correction="none")
    assert "noiseless" in estimate.flags
    assert estimate.value == pytest.approx(2 * 0.5 * math.log(1e12), abs=1e-6)
    assert "noiseless" in input_nats((x @ [[1.0, 2], [3, 4]]).astype(np.float32), x).flags


def test_few_samples_are_flagged():
    rng = np.random.default_rng(0)
    assert "few-samples" in input_nats(rng.normal(size=(40, 3)), rng.normal(size=(40, 3))).flags
    assert "few-samples" not in input_nats(rng.normal(size=(80, 3)), rng.normal(size=(80, 3))).flags
    wide = input_nats(rng.normal(size=(30, 50)), rng.normal(size=(30, 3)))
    assert {"few-samples", "rank-deficient", "noiseless"} <= set(wide.flags)


def test_other_devices_agree(device):
    rng = np.random.default_rng(0)
    t, y = torch.from_numpy(rng.normal(size=(300, 4))), rng.integers(0, 3, 300)
    assert nats(t.to(device), y).value == pytest.approx(nats(t, y).value, abs=1e-10)
    assert input_nats(t.to(device), t[:, :2].numpy() + 1.0).n == 300


def test_options():
    assert clone(Gaussian(correction="none")).get_params() == {"correction": "none"}
    with pytest.raises(UnknownNameError, match="unknown correction 'wishard': did you mean 'wishart'"):
        Gaussian(correction="wishard")
