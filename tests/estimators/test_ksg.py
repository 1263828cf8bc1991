"""KSG: a slow twin, closed forms, invariance, and the doubts it has to have."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from infoplane.errors import InputError
from infoplane.estimators import as_activations, mutual_information
from infoplane.estimators.counting.samples import input_variable, label_variable
from infoplane.estimators.distances import neighbours
from infoplane.estimators.distances.columns import varying
from infoplane.estimators.distances.matrix import Every
from infoplane.estimators.ksg import KSG, Placed, continuous_terms

from ..conftest import load

twins = load(Path(__file__).parent / "twins.py")
slow_neighbours, without_lone = twins.slow_neighbours, twins.without_lone


def nats(t, y, **options):
    return mutual_information(t, y, estimator="ksg", units="nats", **options)


def input_nats(t, x, **options):
    made = KSG(**options)
    return made.about_input(made.prepare(as_activations(t)), input_variable(x), "nats")


SMALL = {
    "n": st.integers(8, 50),
    "columns": st.integers(1, 4),
    "k": st.integers(1, 5),
    "ties": st.booleans(),
    "seed": st.integers(0, 2**20),
}


def pair(n, columns, ties, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, columns))
    y = x[:, :1] + rng.normal(size=(n, 2))
    return (np.round(x, 1), np.round(y, 1)) if ties else (x, y)


@settings(max_examples=40)
@given(**SMALL)
def test_numbers_have_the_value_of_the_slow_twin(n, columns, k, ties, seed):
    x, y = pair(n, columns, ties, seed)
    assert input_nats(x, y, k=k, standardise=False).value == pytest.approx(slow_neighbours(x, y, k), abs=1e-12)
    if not ties:  # whose order would hang on the last bit
        scaled = x / x.std(0, ddof=1), y / y.std(0, ddof=1)
        assert input_nats(x, y, k=k).value == pytest.approx(slow_neighbours(*scaled, k), abs=1e-10)


@settings(max_examples=40)
@given(classes=st.integers(2, 12), **SMALL)
def test_classes_have_the_value_of_the_slow_twin(n, columns, k, ties, seed, classes):
    t, _ = pair(n, columns, ties, seed)
    y = np.random.default_rng(seed + 1).integers(0, classes, size=n)
    y[:4] = [0, 0, 1, 1]
    estimate = nats(t, y, k=k, standardise=False)
    assert estimate.value == pytest.approx(slow_neighbours(*without_lone(t, y), k, classes=True), abs=1e-12)
    assert ("lone-samples" in estimate.flags) == (estimate.details["lone_samples"] > 0)


@pytest.mark.parametrize("snr", [0.1, 1, 10, 100])
def test_gaussian_channel(snr):
    """1/2 log(1 + SNR)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=10_000)
    estimate = nats(math.sqrt(snr) * x + rng.normal(size=10_000), x)
    assert estimate.value == pytest.approx(0.5 * math.log1p(snr), abs=0.05)
    assert estimate.flags == ("amber",)


@pytest.mark.parametrize(("noise", "truth"), [(0.1, 1.70943791243), (0.5, 0.5), (0.75, 0.333333333333), (2, 0.125)])
def test_additive_uniform_noise(noise, truth):
    rng = np.random.default_rng(1)
    x = rng.random(10_000)
    assert nats(x + rng.uniform(-noise, noise, 10_000), x).value == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize(("m", "truth"), [(3, 0.636514168295), (5, 1.05492016799), (10, 1.67875263049)])
def test_a_class_blurred_by_a_uniform_number(m, truth):
    """X one of m, T uniform on (X, X + 2): log m - (m - 1)/m log 2."""
    assert truth == pytest.approx(math.log(m) - (m - 1) / m * math.log(2), abs=1e-10)
    rng = np.random.default_rng(m)
    y = rng.integers(0, m, 10_000)
    assert nats(y + 2 * rng.random(10_000), y).value == pytest.approx(truth, abs=0.05)


def test_unrelated_variables_have_no_information_on_average():
    """The mean of 60 samples lies within 4 standard errors of 0."""
    values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values.append(nats(rng.normal(size=(200, 2)), rng.normal(size=200)).value)
    assert abs(np.mean(values)) < 4 * np.std(values, ddof=1) / math.sqrt(60)
    assert min(values) < 0  # and none is clipped


@pytest.mark.parametrize("change", [np.exp, np.arcsinh, lambda v: v**3, lambda v: v * np.sqrt(np.abs(v))])
def test_an_increasing_map_of_x_changes_little(change):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=2000)
        t = x + rng.normal(size=2000)
        assert nats(t, change(x)).value == pytest.approx(nats(t, x).value, abs=0.05)


@pytest.mark.parametrize("columns", [1, 5])
def test_symmetry(columns):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, columns))
    y = x + rng.normal(size=(300, columns))
    assert nats(x, y).value == pytest.approx(nats(y, x).value, abs=1e-10)


def test_a_noiseless_mapping_grows_with_the_sample_and_is_flagged():
    rng = np.random.default_rng(0)
    values = []
    for n in (500, 2000, 8000):
        x = rng.normal(size=n)
        estimate = nats(np.tanh(x), x)
        assert "noiseless" in estimate.flags
        assert estimate.details["growth"] > 0.5 * math.log(2)
        values.append(estimate.value)
    assert np.diff(values) == pytest.approx([math.log(4)] * 2, abs=0.1)


def test_noise_enough_for_the_sample_is_seldom_called_none():
    flagged = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=300)
        flagged += "noiseless" in nats(2 * x + rng.normal(size=300), x).flags
    assert flagged <= 2


def test_doubts_are_flags():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 4)), rng.integers(0, 2, 400)
    assert "high-dimension" in nats(x, x[:, :3] + rng.normal(size=(400, 3))).flags
    assert "high-dimension" not in nats(x, y).flags
    assert "few-samples" in nats(x[:50], y[:50]).flags
    assert "ties" in nats(np.round(x, 0), y).flags
    assert "ties" not in nats(x, y).flags
    assert nats(np.hstack([x, np.zeros((400, 2))]), y).details["constant_units"] == 2
    clear = nats(3 * y + 0.1 * x[:, 0], y)
    assert ("above-ceiling" in clear.flags) == (clear.value > clear.details["h_y"])


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_wide_layers_have_the_value_of_all_distances(decimals, monkeypatch):
    """Distances found as far as they are asked for, or all of them: the same estimates; ties, lone samples, half."""
    rng = np.random.default_rng(decimals)
    x = rng.normal(size=(250, 3))
    t = np.round(np.maximum(x @ rng.normal(size=(3, 300)) + rng.normal(size=(250, 300)) - 2, 0), decimals)
    t[200:] = t[:50]
    y = np.append(rng.integers(0, 5, 249), 5)
    estimates = []
    for many in (512, 64):
        monkeypatch.setattr(neighbours, "MANY_COLUMNS", many)
        made = KSG()
        prepared = made.prepare(as_activations(t))
        assert isinstance(prepared.cloud.parts[0], Every) == (many == 512)
        again = [made.about_label(prepared, label_variable(labels)) for labels in (y, y[::-1].copy())]
        estimates.append((made.about_input(prepared, input_variable(x)), *again))
    assert estimates[0] == estimates[1]
    assert "ties" in estimates[0][1].flags


def test_jitter_breaks_ties_the_same_way_every_time():
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(size=(300, 1)), 1)
    y = x[:, 0] + rng.normal(size=300)
    one = input_nats(x, y, jitter=1e-6)
    state = torch.get_rng_state()
    assert input_nats(x, y, jitter=1e-6) == one
    assert torch.equal(torch.get_rng_state(), state)
    assert "ties" not in one.flags
    assert input_nats(x, y, jitter=1e-6, seed=1).value != one.value


def test_every_sample_its_own_class_is_the_ceiling_and_said():
    estimate = nats(np.random.default_rng(0).normal(size=30), np.arange(30))
    assert estimate.value == pytest.approx(math.log(30))
    assert {"saturated", "lone-samples", "few-samples"} <= set(estimate.flags)


def test_float32_is_measured_as_it_is():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2)).astype(np.float32)
    y = rng.integers(0, 3, 300)
    assert nats(x, y).value == nats(x.astype(np.float64), y).value


def test_other_devices_agree(device):
    rng = np.random.default_rng(0)
    t = torch.from_numpy(rng.normal(size=(500, 4)))
    y = t[:, :2] + torch.from_numpy(rng.normal(size=(500, 2)))
    assert nats(t.to(device), y.numpy()).value == pytest.approx(nats(t, y.numpy()).value, abs=1e-10)
    for decimals in (9, 1):
        there, here = (
            [Placed.of(varying(each.round(decimals=decimals).to(place))) for each in (t, y)]
            for place in (device, "cpu")
        )
        (one, tied), (other, _) = continuous_terms(*there, 3), continuous_terms(*here, 3)
        assert torch.allclose(one.cpu(), other, atol=1e-10)
        assert tied == (decimals == 1)


def test_options():
    made = KSG(k=5, standardise=False)
    assert clone(made).get_params() == {"k": 5, "standardise": False, "jitter": 0.0, "seed": 0}
    assert KSG(jitter=1e-9).measurement == "3 nearest neighbours, max-norm, noise of 1e-09 standard deviations"
    with pytest.raises(InputError, match="k=0: it must be a whole number of at least 1, for example k=3"):
        KSG(k=0)
    with pytest.raises(InputError, match="jitter=-1 must be 0 or more"):
        KSG(jitter=-1)
