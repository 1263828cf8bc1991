"""Columns: what is left out, what is scaled, and that the order of the samples leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm, rankdata

from infoplane.estimators import columns
from infoplane.estimators.columns import column_scores, normal_scores, scaled, varying

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


def test_scores_are_those_of_mean_ranks():
    found = normal_scores(T).values
    for column, unit in enumerate((0, 2)):
        expected = norm.ppf(rankdata(T[:, unit].numpy()) / 5)
        assert np.allclose(found[:, column].numpy(), expected, atol=1e-6)
    assert normal_scores(T).values.dtype == torch.float32
    assert normal_scores(T).constant == 1


@pytest.mark.parametrize("units", [1, 3])
def test_the_order_of_the_samples_changes_no_bit_and_is_left_alone(units):
    t = torch.from_numpy(np.random.default_rng(0).normal(size=(501, units)))
    order = torch.from_numpy(np.random.default_rng(1).permutation(501))
    before = t.clone()
    for function in (scaled, normal_scores):
        assert torch.equal(function(t[order]).values, function(t).values[order])
        assert torch.equal(t, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_units_at_once_have_the_scores_of_one_at_a_time(dtype, monkeypatch):
    monkeypatch.setattr(columns, "_AT_ONCE", 3000)  # units in several pieces
    t = torch.from_numpy(np.random.default_rng(0).normal(size=(700, 11))).to(dtype)
    t[:, 3:] = t[:, 3:].relu()  # many ties
    t[::2, 4] *= -0.0
    found = normal_scores(t).values
    assert torch.equal(found, torch.stack([column_scores(column) for column in t.T], 1))
