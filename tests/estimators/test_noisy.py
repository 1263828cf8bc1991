"""Noisy layers: the noisy tanh neuron by quadrature, a slow twin, and what holds at any noise."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from infoplane.errors import InputError
from infoplane.estimators import estimator, mutual_information, noisy
from infoplane.estimators.counting.samples import Variable, distinct_ids, label_variable, number
from infoplane.estimators.light import NEGLIGIBLE


def layer(n=120, units=3, seed=0):
    """Activations (n, units) and labels of three classes that depend on them (n,)."""
    rng = np.random.default_rng(seed)
    t = np.tanh(rng.normal(size=(n, units)))
    return torch.from_numpy(t), np.digitize(t[:, 0] + 0.3 * rng.normal(size=n), [-0.3, 0.3])


def input_information(t, ids=None, **options):
    made = estimator("noisy", **options)
    return made.about_input(made.prepare(t), Variable(distinct_ids(len(t)) if ids is None else number(ids)), "nats")


# I(X;T) in nats of T = tanh(w X) + N(0, b^2), X uniform, by quadrature of h(mixture) - log(2 pi e b^2) / 2
NEURON = {
    (-1, 1): {
        (0.25, 0.05): 0.69314572788, (0.25, 0.2): 0.431849252393, (0.25, 1.0): 0.0291265851429,
        (1, 0.05): 0.69314718056, (1, 0.2): 0.692941345847, (1, 1.0): 0.22656115693,
        (4, 0.05): 0.69314718056, (4, 0.2): 0.693146302298, (4, 1.0): 0.336529232605,
    },
    (-3, -1, 1, 3): {
        (0.25, 0.05): 1.38615329398, (0.25, 0.2): 0.885218604632, (0.25, 1.0): 0.104138288682,
        (1, 0.05): 1.35951934965, (1, 0.2): 0.839203198249, (1, 1.0): 0.285040627254,
        (4, 0.05): 0.693169671991, (4, 0.2): 0.69314771559, (4, 1.0): 0.336680067716,
    },
}  # fmt: skip
CASES = [(x, *wb, truth) for x, table in NEURON.items() for wb, truth in table.items()]


@pytest.mark.parametrize(("x", "w", "b", "truth"), CASES)
def test_the_noisy_tanh_neuron(x, w, b, truth):
    t = torch.tanh(w * torch.tensor(x, dtype=torch.float64))[:, None]
    estimate = input_information(t, noise=b, samples=100_000)
    assert estimate.value == pytest.approx(truth, abs=0.005)
    assert abs(estimate.value - truth) < 4 * estimate.details["standard_error"] + 1e-5


def test_quadrature_of_a_mixture_agrees():
    t = torch.tanh(torch.linspace(-2, 2, 9, dtype=torch.float64))[:, None]
    centres = t[:, 0].numpy()

    def density(value):
        return stats.norm.pdf(value, centres, 0.3).mean()

    entropy = integrate.quad(lambda v: -density(v) * math.log(density(v)), -4, 4, limit=200, epsabs=1e-10)[0]
    truth = entropy - 0.5 * math.log(2 * math.pi * math.e * 0.3**2)
    assert input_information(t, noise=0.3, samples=100_000).value == pytest.approx(truth, abs=0.004)


def test_saturation_compresses():
    """The same neuron with a larger weight knows less: four inputs come to two places."""
    x = torch.tensor([-3.0, -1, 1, 3], dtype=torch.float64)[:, None]
    assert input_information(torch.tanh(x), noise=0.05).value == pytest.approx(1.3595, abs=0.01)
    assert input_information(torch.tanh(4 * x), noise=0.05).value == pytest.approx(0.6932, abs=0.001)


def test_a_slow_twin_with_other_noise_agrees():
    t, y = layer()
    rng = np.random.default_rng(1)
    rows, noise = t.numpy(), 0.4
    points = np.repeat(rows, 200, axis=0) + noise * rng.normal(size=(200 * len(rows), 3))
    log_densities = stats.multivariate_normal(np.zeros(3), noise**2).logpdf(points[:, None] - rows)
    owner = np.repeat(np.arange(len(rows)), 200)
    everywhere = np.log(np.exp(log_densities).mean(1))
    given_x = log_densities[np.arange(len(points)), owner]
    given_y = np.array([np.log(np.exp(d[y == y[i]]).mean()) for d, i in zip(log_densities, owner, strict=True)])
    of_x = input_information(t, noise=noise, samples=48_000)
    of_y = mutual_information(t, y, estimator="noisy", noise=noise, samples=48_000, units="nats")
    assert of_x.value == pytest.approx((given_x - everywhere).mean(), abs=0.03)
    assert of_y.value == pytest.approx((given_y - everywhere).mean(), abs=0.03)


@pytest.mark.parametrize(("units", "noise", "light"), [(1, 0.01, "red"), (1, 0.3, "amber"), (64, 0.1, "red")])
def test_its_null_is_that_of_shuffled_labels_or_a_little_more(units, noise, light):
    """64 units of 500 samples: every sample stands alone, and the value is H(Y) whatever the labels are.

    Noise of .3 hides nearly all that a sample of one unit shows by chance: a number that claims nothing is not red.
    """
    random = np.random.default_rng(0)
    t, y = random.normal(size=(500, units)), random.integers(0, 5, 500)
    asked = {"estimator": "noisy", "noise": noise, "units": "nats"}
    plain = mutual_information(t, y, **asked)
    shuffled = mutual_information(t, y, shuffles=5, **asked).details["null"]
    assert shuffled - 0.01 < plain.details["null"] < 1.4 * shuffled + 0.01
    assert plain.flags[0] == light
    assert ("null-exceeds-half" in plain.flags) is (light == "red") is (plain.value > NEGLIGIBLE * math.log(2))


def test_no_noise_is_counting_and_much_noise_is_nothing():
    t, y = layer()
    assert input_information(t, noise=1e-6).value == pytest.approx(math.log(120), abs=1e-9)
    quiet = mutual_information(t, y, estimator="noisy", noise=1e-6)
    assert quiet.value == pytest.approx(quiet.details["h_y"], abs=1e-9)
    assert abs(input_information(t, noise=1e4).value) < 1e-6
    assert abs(mutual_information(t, y, estimator="noisy", noise=1e4).value) < 1e-6


def test_more_noise_leaves_less_information():
    t, y = layer()
    for label in (False, True):
        values = [
            mutual_information(t, y, estimator="noisy", noise=noise).value
            if label
            else input_information(t, noise=noise).value
            for noise in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
        ]
        assert all(more > less - 0.01 for more, less in pairwise(values))


@pytest.mark.parametrize("noise", [1e-9, 0.01, 0.1, 1.0])
def test_it_never_exceeds_the_number_of_inputs_nor_the_label(noise):
    t, y = layer(units=8)
    for form in (t, t.float()):
        assert input_information(form, noise=noise).value <= math.log(120) + 1e-12
        estimate = mutual_information(form, y, estimator="noisy", noise=noise)
        assert estimate.value <= math.log2(120 / np.bincount(y).min()) + 1e-12
    assert "saturated" in input_information(t, noise=1e-9).flags


def test_paths_of_the_same_input_are_one_mixture():
    """Two inputs whose paths visit the same places cannot be told apart; with places of their own they can."""
    places = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]], dtype=torch.float64)
    ids = torch.tensor([0, 0, 1, 1])
    assert input_information(places, ids, noise=0.1).value == pytest.approx(0, abs=1e-9)
    apart = torch.tensor([[-3.0], [-1.0], [1.0], [3.0]], dtype=torch.float64)
    assert input_information(apart, ids, noise=0.1).value == pytest.approx(math.log(2), abs=1e-9)


def test_fewer_points_than_rows_are_random_rows():
    t, _ = layer(n=3000)
    few = input_information(t, noise=0.3, samples=2000)
    many = input_information(t, noise=0.3, samples=30_000)
    assert few.details["monte_carlo_points"] == 2000
    assert abs(few.value - many.value) < 4 * few.details["standard_error"]


def test_the_interval_covers_as_often_as_it_says():
    """30 seeds against a long run: 95 % of them would be 28.5; fewer than 24 come with a chance of 0.2 %."""
    t, _ = layer(n=40, units=2)
    truth = input_information(t, noise=0.3, samples=400_000).value
    estimates = [input_information(t, noise=0.3, samples=2000, seed=seed + 1) for seed in range(30)]
    assert sum(estimate.low <= truth <= estimate.high for estimate in estimates) >= 24


def test_chunks_do_not_matter(monkeypatch):
    t, y = layer()
    made = estimator("noisy", noise=0.3, samples=120)
    whole = made.about_label(made.prepare(t), label_variable(y)).value
    monkeypatch.setattr(noisy, "PAIRS_AT_ONCE", 120 * 60)
    assert made.about_label(made.prepare(t), label_variable(y)).value == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("noise", [0.002, 0.03, 0.1])
@pytest.mark.parametrize("samples", [300, 1000])
@pytest.mark.parametrize("kept", [0, 1 << 19])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_out_of_reach_can_be_left_out(monkeypatch, noise, samples, kept, dtype):
    """Reach: none or some of the rows; noise at some of the rows or three times at all; drawn anew or not."""
    t, y = layer(n=300, units=4)
    t = torch.cat([t, t[:7]]).to(dtype)
    monkeypatch.setattr(noisy, "KEPT", kept)
    monkeypatch.setattr(noisy, "PAIRS_AT_ONCE", 307 * 70)
    made, labels = estimator("noisy", noise=noise, samples=samples), label_variable(np.append(y, y[7:14]))
    prepared = made.prepare(t)
    monkeypatch.setattr(noisy, "MOST_NEAR", 0)
    whole = made.prepare(t)
    assert prepared.near is not None
    assert whole.near is None
    for one, other in (
        (made.about_label(prepared, labels), made.about_label(whole, labels)),
        (made.about_input(prepared, Variable(distinct_ids(307))), made.about_input(whole, Variable(distinct_ids(307)))),
    ):
        assert one.value == pytest.approx(other.value, abs=1e-12)
        assert one.low == pytest.approx(other.low, abs=1e-12)


def test_the_measurement_is_named():
    t, y = layer()
    estimate = mutual_information(t, y, estimator="noisy", noise=0.25)
    assert estimate.details["measurement"] == "Gaussian noise of standard deviation 0.25"
    assert estimate.details["noise_variance"] == 0.0625


def test_options_that_cannot_be():
    with pytest.raises(InputError, match=r"noise must be a positive standard deviation, got 0.*bins='distinct'"):
        estimator("noisy", noise=0)
    with pytest.raises(InputError, match="samples must be a whole number of at least 2, got 1"):
        estimator("noisy", samples=1)
