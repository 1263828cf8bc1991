"""EDGE: known channels, a slow twin of the dependence graph, and the conditions on the ensemble's weights."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import edge, estimator, mutual_information
from infoplane.estimators.counting.samples import input_variable
from infoplane.estimators.counting.symbols import row_weights
from infoplane.estimators.edge import EDGE, ensemble_weights, grid_codes, tensor_grid_codes


def nats(t, y, **options):
    return mutual_information(t, y, estimator=estimator("edge", **options), units="nats")


@pytest.mark.parametrize(("m", "within"), [(3, 0.02), (5, 0.03), (10, 0.05)])
def test_a_class_and_a_uniform_number(m, within):
    """T ~ U[Y, Y + 2] for Y uniform on m classes: I = log m - (m - 1) / m log 2."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, m, size=10_000)
    truth = math.log(m) - (m - 1) / m * math.log(2)
    assert nats(y + rng.uniform(0, 2, size=10_000), y).value == pytest.approx(truth, abs=within)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_a_normal_pair_with_a_continuous_label(rho):
    rng = np.random.default_rng(1)
    t = rng.normal(size=20_000)
    y = rho * t + math.sqrt(1 - rho**2) * rng.normal(size=20_000)
    assert nats(t, y).value == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.04)


def test_it_has_no_cap():
    """20 bits of information, where the published code stops at 10."""
    t = np.linspace(0, 1, 2**20)
    assert mutual_information(t, t, estimator="edge", width=1e-4).value > 10.5


def test_one_grid_is_the_dependence_graph():
    """Every grid's value is sum (N_ij / N) log(N N_ij / (N_i M_j)) over its edges."""
    rng = np.random.default_rng(0)
    t, y = rng.normal(size=(300, 2)), rng.integers(0, 3, size=300)
    y[t[:, 0] > 0.5] = 0
    estimate = nats(t, y, seed=4)
    generator = torch.Generator().manual_seed(4)
    standard = (t - t.mean(0)) / t.std(0)
    for multiplier, value in zip(np.linspace(1, 3, 10), estimate.details["of_each_grid"], strict=True):
        shift = torch.rand(2, generator=generator, dtype=torch.float64).numpy()
        cells = [tuple(row) for row in np.floor(standard / (multiplier * 300 ** (-1 / 4)) + shift)]
        left, right, both = Counter(cells), Counter(y), Counter(zip(cells, y, strict=True))
        expected = sum(c / 300 * math.log(300 * c / (left[i] * right[j])) for (i, j), c in both.items())
        assert value == pytest.approx(expected, abs=1e-12)
    assert estimate.value == pytest.approx(np.dot(estimate.details["weights"], estimate.details["of_each_grid"]))


@pytest.mark.parametrize("dimensions", [0, 1, 2, 5, 50, 3000])
def test_weights_meet_their_conditions(dimensions):
    t = np.linspace(1, 3, 10)
    for weights, powers in (
        ("mean", []),
        ("counting", [-float(dimensions)] if dimensions else []),
        ("resolution", range(1, min(dimensions, 3) + 1)),
    ):
        w = ensemble_weights(t, dimensions, weights)
        assert w.sum() == pytest.approx(1, abs=1e-9)
        for power in powers:
            assert (w * t**power).sum() == pytest.approx(0, abs=1e-9)
    assert ensemble_weights(t, dimensions, "mean") == pytest.approx(np.full(10, 0.1))


def test_each_weighting_removes_the_bias_that_it_is_for():
    rng = np.random.default_rng(0)
    t, y = rng.normal(size=(2000, 3)), rng.integers(0, 2, size=2000)  # nothing but counting bias
    biases = {weights: nats(t, y, weights=weights).value for weights in edge.WEIGHTS}
    assert abs(biases["counting"]) < biases["mean"] / 2 < biases["resolution"]


def test_wide_layers_are_flagged():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=500)
    wide = nats(rng.normal(size=(500, 20)), y)
    assert "undersampled" in wide.flags
    assert wide.value > 0.6  # of nothing: every sample is alone
    assert "undersampled" not in nats(rng.normal(size=(500, 1)), y).flags


def test_inputs_are_cut_as_layers_are():
    rng = np.random.default_rng(2)
    t = rng.normal(size=4000)
    x = 0.5 * t + math.sqrt(0.75) * rng.normal(size=4000)
    made = estimator("edge")
    both = made.about_input(made.prepare(torch.from_numpy(t[:, None])), input_variable(x), "nats")
    assert both.value == nats(t, x).value


def cells(codes):
    """Which samples share a cell (grids, samples, samples)."""
    return codes[:, :, None] == codes[:, None]


@pytest.mark.parametrize("units", [0, 1, 7, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("block", [2, 256])
def test_cells_are_those_of_all_units(monkeypatch, units, dtype, block):
    """Of many equal samples and some that differ in a few units only, some units at a time or all at once."""
    monkeypatch.setattr(edge, "_UNITS", block)
    generator = torch.Generator().manual_seed(units)
    t = torch.randn(150, units, generator=generator, dtype=dtype)
    t[50:] = t[torch.arange(100) % 25]
    t[120:] += 0.1 * (torch.rand(30, units, generator=generator) < 0.02)
    prepared = EDGE().prepare(t)
    shifts = torch.rand(3, units, generator=generator, dtype=torch.float64)
    widths = np.array([0.01, 0.5, 2.0])
    standard = t.to(torch.float64) - t.to(torch.float64).mean(0)
    standard /= standard.square().mean(0).sqrt()
    whole = [(standard / width + shift).floor() for width, shift in zip(widths, shifts, strict=True)]
    slow = torch.stack([(row[:, None] == row[None]).all(-1) for row in whole])
    assert torch.equal(cells(grid_codes(prepared, widths, shifts)), slow)
    weights = row_weights(units, None, t.device)
    assert torch.equal(cells(tensor_grid_codes(standard, widths, shifts, weights)), slow)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_any_scale(scale):
    rng = np.random.default_rng(0)
    t, y = rng.normal(size=(500, 2)), rng.integers(0, 2, size=500)
    assert nats(scale * t, y).value == pytest.approx(nats(t, y).value, abs=1e-9)


def test_an_input_is_cut_once_for_all_layers_of_a_width():
    rng = np.random.default_rng(3)
    x, made = input_variable(rng.normal(size=(200, 3))), estimator("edge")
    layers = [torch.from_numpy(rng.normal(size=(200, units))) for units in (2, 2, 4)]
    together = [made.about_input(made.prepare(t), x).value for t in layers]
    alone = [made.about_input(made.prepare(t), input_variable(x.numbers.numpy())).value for t in layers]
    assert together == alone


def test_scale_and_seed():
    rng = np.random.default_rng(0)
    t, y = rng.normal(size=(1000, 2)), rng.integers(0, 2, size=1000)
    first = nats(t, y)
    assert nats(t, y) == first
    assert nats(t, y, seed=1).value != first.value
    assert nats(1000 * t + 5, y).value == pytest.approx(first.value, abs=1e-9)


def test_options_that_cannot_be():
    with pytest.raises(UnknownNameError, match="unknown weights 'median'"):
        estimator("edge", weights="median")
    with pytest.raises(InputError, match="width must be a positive number of standard deviations, got 0"):
        estimator("edge", width=0)
    with pytest.raises(InputError, match="grids must be a whole number of at least 5, got 4"):
        estimator("edge", grids=4)
