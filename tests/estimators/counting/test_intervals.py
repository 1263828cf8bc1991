"""Intervals against refits sample by sample, resampling by hand, and the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infoplane.estimators import mutual_information
from infoplane.estimators.counting.intervals import INTERVALS, NORMAL, intervals
from infoplane.estimators.counting.samples import number


def information(t, y, miller_madow=False):
    """Plug-in, or Miller-Madow, in nats, from a table of counts."""
    table = np.zeros((max(t) + 1, max(y) + 1))
    np.add.at(table, (t, y), 1)
    n, value, occupied = len(t), 0.0, 0
    for counts, sign in ((table.sum(1), 1), (table.sum(0), 1), (table.ravel(), -1)):
        shares = counts[counts > 0] / n
        value -= sign * float(np.sum(shares * np.log(shares)))
        occupied += sign * len(shares)
    return value + (occupied - 1) / (2 * n) if miller_madow else value


def refitted(ts, y):
    """Centre, half width and distance of the mean over the rows ``ts``, by leaving out every sample."""
    n = len(y)
    value = np.mean([information(t, y) for t in ts])
    without = np.array([np.mean([information(np.delete(t, i), np.delete(y, i)) for t in ts]) for i in range(n)])
    centre = n * value - (n - 1) * without.mean()
    error = math.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2))
    return centre, NORMAL * error, abs(centre - np.mean([information(t, y, miller_madow=True) for t in ts]))


def found(ts, y, method="jackknife", mean=False):
    codes = torch.from_numpy(np.asarray(ts))[None] * 7 - 3
    return intervals(codes, number(torch.from_numpy(y)), method, mean=mean)[0].tolist()


def columns(seed, samples, cells, classes, rows=1):
    rng = np.random.default_rng(seed)
    ts = rng.integers(0, cells, size=(rows, samples))
    return ts, np.where(rng.random(samples) < 0.5, ts[0] % classes, rng.integers(0, classes, size=samples))


TABLES = {
    "seed": st.integers(0, 2**20),
    "samples": st.integers(2, 30),
    "cells": st.sampled_from([1, 2, 5, 40]),
    "classes": st.sampled_from([1, 2, 4, 40]),
}


@given(**TABLES)
def test_the_jackknife_of_counts_is_that_of_refits(seed, samples, cells, classes):
    ts, y = columns(seed, samples, cells, classes, rows=2)
    for t, line in zip(ts, found(ts, y), strict=True):
        centre, half, distance = refitted([t], y)
        assert line == pytest.approx([centre, half, half, distance], abs=1e-9)
    (line,) = found(ts, y, mean=True)
    centre, half, distance = refitted(ts, y)
    assert line == pytest.approx([centre, half, half, distance], abs=1e-9)


@pytest.mark.parametrize("method", [method for method in INTERVALS if method != "none"])
def test_the_order_of_samples_changes_not_a_bit(method):
    ts, y = columns(1, 300, 12, 3)
    order = np.random.default_rng(2).permutation(300)
    assert found(ts[:, order], y[order], method) == found(ts, y, method)


def test_where_the_tensors_are_does_not_matter(device):
    ts, y = columns(3, 200, 9, 4, rows=3)
    codes, labels = torch.from_numpy(ts)[None], number(torch.from_numpy(y))
    for method in ("jackknife", "reflected"):
        there = intervals(codes.to(device), labels.to(torch.device(device)), method)
        assert torch.allclose(there.cpu(), intervals(codes, labels, method), atol=1e-12, rtol=0)


def test_the_bootstrap_by_drawing_samples():
    """Quantiles of 4000 resampled data sets; 500 draws leave a quantile of 2.5 % within 4 of its standard errors."""
    ts, y = columns(5, 400, 6, 3)
    rng = np.random.default_rng(6)
    drawn = np.array([information(ts[0][rows], y[rows]) for rows in rng.integers(0, 400, size=(4000, 400))])
    value, below, above, bias = found(ts, y, "percentile")[0]
    assert value == pytest.approx(information(ts[0], y), abs=1e-12)
    assert bias == 0
    expected = np.quantile(drawn, [0.025, 0.975])
    tolerance = 4 * math.sqrt(0.025 * 0.975 / 500) / 0.058 * drawn.std() * math.sqrt(1 + 500 / 4000)
    assert [value - below, value + above] == pytest.approx(expected.tolist(), abs=tolerance)  # normal density at 1.96
    assert value < np.median(drawn)  # the bias that the percentile interval has twice
    assert found(ts, y, "reflected")[0] == [value, above, below, 0.0]


def test_large_tables_are_drawn_in_parts():
    rng = np.random.default_rng(7)
    t, y = rng.integers(0, 3000, size=9000), rng.integers(0, 2, size=9000)
    value, below, above, _ = found([t], y, "reflected")[0]
    assert value == pytest.approx(information(t, y), abs=1e-12)
    assert -above > 0.05  # resampling finds more in a thin table: the mirrored interval lies below the estimate
    assert below > -above


def test_the_bootstrap_has_no_interval_for_a_mean_of_copies():
    ts, y = columns(8, 60, 5, 2, rows=3)
    assert all(math.isnan(one) for one in found(ts, y, "reflected", mean=True)[0])
    assert found(ts[:1], y, "reflected", mean=True) == found(ts[:1], y, "reflected")


def test_intervals_cover_the_truth():
    """Nominal 95 %: with a true coverage of 93 %, fewer than 355 of 400 would hold it in 1 of 900 such tests.

    T uniform on 5, Y equals T mod 2 but for 20 % of random labels; 600 samples; everything in green.
    """
    joint = np.array([[0.2 * (0.8 * (t % 2 == y) + 0.1) for y in range(2)] for t in range(5)])
    truth = float(np.sum(joint * np.log(joint / joint.sum(1, keepdims=True) / joint.sum(0, keepdims=True))))
    rng = np.random.default_rng(9)
    hit = 0
    for _ in range(400):
        cells = rng.choice(10, size=600, p=joint.ravel())
        estimate = mutual_information(cells // 2, cells % 2, bins="distinct", units="nats")
        assert "green" in estimate.flags
        hit += estimate.low <= truth <= estimate.high
    assert hit >= 355
