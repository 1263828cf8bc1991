"""Pairs within reach of each other's noise, against all distances in float64."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.estimators.distances import reach
from infoplane.estimators.distances.reach import REACH, within_reach

EVERYTHING = 1 << 19


def slow(t, noise, rows):
    """The near pairs and half their squared distances from the differences, in units of the noise."""
    with np.errstate(over="ignore"):
        exact = t.to(torch.float64).numpy()
        halves = (((exact[:, None] - exact[None]) / noise) ** 2).sum(-1) / 2
    wanted = set(rows.tolist())
    pairs = itertools.combinations(range(len(t)), 2)
    return {(i, j): halves[i, j] for i, j in pairs if halves[i, j] <= REACH and wanted & {i, j}}


def found(t, noise, rows=None):
    rows = torch.arange(len(t)) if rows is None else rows
    pairs = within_reach(t, noise, rows, EVERYTHING)
    assert pairs is not None
    ends = [tuple(sorted(pair)) for pair in pairs.ends.T.tolist()]
    assert len(set(ends)) == len(ends)
    return dict(zip(ends, pairs.halves.tolist(), strict=True))


def normal(n, units, seed=0, dtype=torch.float32):
    return torch.randn((n, units), generator=torch.Generator().manual_seed(seed), dtype=dtype)


@settings(max_examples=60)
@given(
    st.integers(0, 10_000), st.integers(2, 70), st.integers(1, 40), st.sampled_from([1e-30, 1e-3, 1.0, 1e25]),
    st.sampled_from([1e-3, 0.05, 0.2, 3.0]), st.sampled_from([torch.float32, torch.float64]),
)  # fmt: skip
def test_they_are_those_of_all_distances_at_any_scale(seed, n, units, scale, noise, dtype):
    t = normal(n, units, seed, dtype).round(decimals=1) * scale
    expected = slow(t, noise * scale, torch.arange(n))
    pairs = found(t, noise * scale)
    assert pairs == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("spread", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("units", [300, 3000])
def test_some_units_leave_nothing_out(monkeypatch, spread, units):
    """Near rows in wide layers: those of one centre, and distances on both sides of the reach."""
    monkeypatch.setattr(reach, "_UNITS", 8)
    t = normal(12, units)[torch.arange(90) % 12] + spread * normal(90, units, seed=1)
    for noise in (0.01, 0.05, 0.3, 2.0):
        assert found(t, noise) == pytest.approx(slow(t, noise, torch.arange(90)), rel=1e-12)


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_rounding_leaves_nothing_out(precision, offset):
    """Distances at the very edge of the reach, and rows far from the origin."""
    edge = (2 * REACH) ** 0.5
    t = offset + torch.cat([normal(200, 64), edge * normal(200, 64) / 8])
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        assert found(t, 1.0) == pytest.approx(slow(t, 1.0, torch.arange(400)), rel=1e-12)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("block", [1, 7, 512])
def test_pairs_of_some_rows_with_all(monkeypatch, block):
    monkeypatch.setattr(reach, "_BLOCK", block)
    t = normal(90, 3)
    for rows in (torch.arange(90), torch.tensor([80, 3, 41, 4]), torch.randperm(90)[:60], torch.tensor([7])):
        assert found(t, 0.05, rows) == pytest.approx(slow(t, 0.05, rows), rel=1e-12)


def test_huge_float32_numbers_are_compared_in_float64():
    t = torch.tensor([[3e38], [3e38], [-3e38], [0.0]])
    assert found(t, 1e-3) == {(0, 1): 0.0}
    assert found(t, 1e37) == pytest.approx(slow(t, 1e37, torch.arange(4)))
    assert within_reach(t, 1e-300, torch.arange(4), 10) is None  # 10^338 is no number
    assert within_reach(0 * t, 1e-310, torch.arange(4), 10) is None


def test_equal_rows_are_at_no_distance():
    t = normal(4, 5)[torch.arange(40) % 4]
    pairs = found(t, 1e-6)
    assert len(pairs) == 4 * 45
    assert set(pairs.values()) == {0.0}


def test_too_many_are_none():
    t = torch.zeros(30, 2)
    assert within_reach(t, 1.0, torch.arange(30), 435).ends.shape == (2, 435)
    assert within_reach(t, 1.0, torch.arange(30), 434) is None
    assert within_reach(torch.zeros(2, 1), 1.0, torch.arange(2), 0) is None


def test_others_of_each_row():
    t = normal(80, 2)
    pairs = within_reach(t, 0.05, torch.arange(80), EVERYTHING)
    starts, others, halves = pairs.of_each_row(80)
    expected = slow(t, 0.05, torch.arange(80))
    for row in range(80):
        one = slice(starts[row], starts[row + 1])
        near = {
            tuple(sorted((row, other))): half
            for other, half in zip(others[one].tolist(), halves[one].tolist(), strict=True)
        }
        assert near == pytest.approx({pair: half for pair, half in expected.items() if row in pair}, rel=1e-12)
