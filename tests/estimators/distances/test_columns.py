"""Columns: what is left out, what is scaled, and that the order of the samples leaves no trace."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.stats import norm, rankdata

from infoplane.estimators.distances import columns
from infoplane.estimators.distances.columns import Standardiser, column_scores, moments, normal_scores, scaled, varying

T = torch.tensor([[1.0, 5.0, 0.1], [3.0, 5.0, 0.1], [2.0, 5.0, 0.7], [2.0, 5.0, -0.4]], dtype=torch.float32)


def test_constant_units_are_left_out_and_counted():
    found = varying(T)
    assert found.constant == 1
    assert found.count == 2
    assert found.n == 4
    assert torch.equal(found.values, T[:, [0, 2]])
    assert varying(T[:, 1:2]).count == 0


def test_scaling_is_division_by_the_standard_deviation():
    expected = T[:, [0, 2]].double() / T[:, [0, 2]].double().std(0)
    assert torch.allclose(scaled(T).values, expected, rtol=1e-12)
    assert torch.equal(scaled(T, standardise=False).values, T[:, [0, 2]].double())
    assert scaled(T[:, 1:2]).count == 0


def test_a_unit_that_varies_late_is_found():
    t = torch.zeros(300, 3)
    t[200, 1], t[:, 2] = 1, 5
    t[::2, 0] *= -0.0
    assert (varying(t).constant, varying(t).count) == (2, 1)
    assert torch.equal(varying(t).values, t[:, 1:2])


HARD = {
    "normal": lambda z: z,
    "wide": lambda z: 10.0 ** (6 * z),
    "huge": lambda z: 1e30 * z,
    "tiny": lambda z: 1e-30 * z,
    "far from 0": lambda z: 1e4 + 1e-2 * z,
    "rectified": lambda z: np.maximum(z, 0),
    "two values": lambda z: z > 0,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("n", [2, 7, 1000, 1025])
def test_moments_are_exact_but_for_the_last_bits(kind, dtype, n):
    z = np.random.default_rng(n).normal(size=(n, 5))
    z[0], z[1] = 0.5, -0.5  # both values occur
    t = torch.from_numpy(HARD[kind](z).astype(float)).to(dtype)
    mean, deviation = moments(t)
    for column in range(5):
        values = [Fraction(v) for v in t[:, column].tolist()]
        centre = sum(values) / n
        square = sum((v - centre) ** 2 for v in values) / n
        bound = max(abs(v) for v in values) * Fraction(2.0**-51)
        assert abs(Fraction(mean[column].item()) - centre) <= bound
        assert deviation[column].item() == pytest.approx(math.sqrt(square), rel=1e-13)
        assert torch.allclose(scaled(t).values, t.double() / (deviation * math.sqrt(n / (n - 1))), rtol=1e-15, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", HARD)
def test_no_order_of_samples_and_no_device_changes_a_bit_of_the_moments(kind, dtype, monkeypatch):
    z = np.random.default_rng(0).normal(size=(3000, 7))
    t = torch.from_numpy(HARD[kind](z).astype(float)).to(dtype)
    found = moments(t)
    for order in (np.arange(3000)[::-1].copy(), z[:, 0].argsort(), np.random.default_rng(1).permutation(3000)):
        assert all(map(torch.equal, moments(t[order]), found))
    monkeypatch.setattr(columns, "_sums_here", columns.sums_of_parts)
    assert all(map(torch.equal, moments(t), found))


def test_scores_are_those_of_mean_ranks():
    found = normal_scores(T)
    for unit in range(3):
        expected = norm.ppf(rankdata(T[:, unit].numpy()) / 5)
        assert np.allclose(found[:, unit].numpy(), expected, atol=1e-6)
    assert found.dtype == torch.float32


@pytest.mark.parametrize("units", [1, 3])
def test_the_order_of_the_samples_changes_no_bit_and_is_left_alone(units):
    t = torch.from_numpy(np.random.default_rng(0).normal(size=(501, units)))
    order = torch.from_numpy(np.random.default_rng(1).permutation(501))
    before = t.clone()
    assert torch.equal(scaled(t[order]).values, scaled(t).values[order])
    assert torch.equal(normal_scores(t[order]), normal_scores(t)[order])
    assert torch.equal(t, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_units_at_once_have_the_scores_of_one_at_a_time(dtype, monkeypatch):
    monkeypatch.setattr(columns, "_AT_ONCE", 3000)  # units in several pieces
    t = torch.from_numpy(np.random.default_rng(0).normal(size=(700, 11))).to(dtype)
    t[:, 3:] = t[:, 3:].relu()  # many ties
    t[::2, 4] *= -0.0
    t[:, 5] *= 1e30
    t[:, 6] = 1e-40 * t[:, 0].relu()  # no normal numbers in float32
    t[:, 7] = t[:, 7].sign()
    found = normal_scores(t)
    assert torch.equal(found, torch.stack([column_scores(column) for column in t.T], 1))


def test_others_are_standardised_by_the_samples_that_are_known():
    known = torch.tensor([[1.0, 7.0, 2.0], [3.0, 7.0, 2.0], [5.0, 7.0, 8.0]])
    standard = Standardiser.of(known)
    assert standard.varies.tolist() == [True, False, True]
    rows = standard(known)
    assert rows.dtype == torch.float64
    assert rows.mean(0).tolist() == pytest.approx([0, 0], abs=1e-15)
    assert rows.std(0, correction=0).tolist() == pytest.approx([1, 1])
    assert standard(torch.tensor([[3.0, 0.0, 4.0]]))[0].tolist() == pytest.approx([0, 0])
    exact = known.double()
    standard(exact)
    assert torch.equal(exact, known.double())  # nothing is changed in place
