"""Bounds of the information behind noise hold the truth where it is known."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from infoplane.estimators.distances.brackets import brackets
from infoplane.estimators.distances.ladder import pair_sums


def measured(t, label, ratios, *, seed=0, groups=None, signal=None):
    """Brackets of one label set; ``signal`` is the variance of the layer where it is known, else that of the sample."""
    t = torch.from_numpy(t - t.mean(0))
    signal = float(t.square().sum(1).mean()) if signal is None else signal
    groups = np.arange(len(t), dtype=np.int32) if groups is None else groups.astype(np.int32)
    labels = np.asarray(label, np.int32)[None]
    priors = (np.bincount(labels[0]) / len(t))[labels[0]][None]
    deviations = [float(np.sqrt(signal / ratio)) for ratio in ratios]
    return brackets(pair_sums(t, labels, priors, deviations, seed=seed, groups=groups), labels, groups)


@pytest.mark.parametrize("units", [1, 5, 60])
def test_a_normal_layer(units):
    """I = 1/2 sum log(1 + variance / s^2), less what the label says of nothing."""
    random = np.random.default_rng(units)
    variances = 1.0 / (1 + np.arange(units))
    t = random.normal(size=(1500, units)) * np.sqrt(variances)
    ratios = [1.0, 4.0, 16.0]
    rows = measured(t, random.integers(4, size=1500), ratios, signal=variances.sum())
    for ratio, row in zip(ratios, rows, strict=True):
        truth = 0.5 * np.log1p(variances * ratio / variances.sum()).sum()
        assert row.i_xt.lower <= row.i_xt.upper
        assert row.i_xt.low - 0.02 <= truth <= row.i_xt.high + 0.02
        assert row.i_ty[0].low <= 0 <= row.i_ty[0].high + 0.01
        assert row.i_ty[0].lower < 0.02  # nothing is invented


def test_two_points():
    """Y is the point: I(T;Y) = I(X;T), by quadrature."""
    label = np.arange(1000) % 2
    t = 2.0 * label[:, None] - 1.0
    for ratio, row in zip((0.5, 4.0), measured(t, label, (0.5, 4.0)), strict=True):
        s = 1 / np.sqrt(ratio)

        def density(x, s=s):
            return 0.5 * (stats.norm.pdf(x, -1, s) + stats.norm.pdf(x, 1, s))

        entropy, _ = integrate.quad(lambda x, p=density: -p(x) * np.log(p(x)), -1 - 9 * s, 1 + 9 * s)
        truth = entropy - 0.5 * np.log(2 * np.pi * np.e * s**2)
        assert row.i_xt.low <= truth <= row.i_xt.high
        assert row.i_ty[0].low <= truth <= row.i_ty[0].high
        assert abs(row.i_xt_given_y[0].lower) < 1e-6  # the label says all
        assert abs(row.i_xt_given_y[0].upper) < 1e-6


def test_the_control_variate_takes_noise_away_and_adds_no_bias():
    """One sample of a normal layer, 60 draws of the noise: means agree, and vary half as much in variance."""
    t = np.random.default_rng(0).normal(size=(200, 20))
    labels, groups = np.arange(200, dtype=np.int32)[None] % 2, np.arange(200, dtype=np.int32)
    calmed, plain = [], []
    for seed in range(60):
        sums = pair_sums(
            torch.from_numpy(t - t.mean(0)), labels, np.full((1, 200), 0.5), [4.0], seed=seed, groups=groups
        )
        calmed.append(brackets(sums, labels, groups)[0].i_xt)
        plain.append(brackets(replace(sums, variate=np.zeros(200)), labels, groups)[0].i_xt)
    for end in ("lower", "upper"):
        with_it, without = (np.array([getattr(bracket, end) for bracket in each]) for each in (calmed, plain))
        difference = with_it - without
        # false alarms: 6e-7
        assert abs(difference.mean()) < 5 * difference.std() / np.sqrt(60)
        assert with_it.var() < without.var() / 2
    assert all(one.lower_error < other.lower_error for one, other in zip(calmed, plain, strict=True))


def test_falls_with_the_noise_and_turns_and_shifts_change_nothing():
    random = np.random.default_rng(1)
    t = random.normal(size=(400, 6)) * np.arange(1, 7)
    label = (t[:, 0] > 0).astype(int)
    ratios = [0.25, 1.0, 4.0, 16.0, 64.0]
    rows = measured(t, label, ratios)
    assert all(one.i_xt.lower < two.i_xt.lower for one, two in itertools.pairwise(rows))
    turned = measured(7 * t @ stats.ortho_group.rvs(6, random_state=2) + 3, label, ratios, seed=1)
    for row, other in zip(rows, turned, strict=True):  # another draw of the noise
        assert abs(row.i_xt.lower - other.i_xt.lower) < 3 * (row.i_xt.lower_error + other.i_xt.lower_error)


def test_a_class_of_one_sample_has_no_upper_bound_of_the_input_given_the_label():
    random = np.random.default_rng(0)
    label = np.r_[np.zeros(99, int), 1]
    row = measured(random.normal(size=(100, 2)), label, [4.0])[0]
    assert row.i_xt_given_y[0].upper == np.inf
    assert np.isfinite(row.i_ty[0].low)
    assert np.isfinite(row.i_ty[0].high)


def test_groups_that_repeat_a_sample_are_no_evidence():
    """Each sample ten times, with the label of its group drawn at random: nothing is known of a new group's label."""
    random = np.random.default_rng(4)
    groups = np.repeat(np.arange(60), 10)
    t, label = random.normal(size=(60, 20))[groups], random.integers(2, size=60)[groups]
    alone = measured(t, label, [100.0])[0].i_ty[0]
    grouped = measured(t, label, [100.0], groups=groups)[0].i_ty[0]
    assert alone.low > 0.5  # what the samples seem to say
    assert grouped.low < 0.05
    assert grouped.lower_error > 2 * alone.lower_error


@pytest.mark.slow
def test_intervals_hold_the_truth_of_mixtures_in_95_of_100():
    """60 channels of classes as normal clouds: at least 90 % are held; false alarms below 1e-3 at 95 % for each."""
    held = []
    for number in range(60):
        random = np.random.default_rng(number)
        units, classes = int(random.choice([1, 2, 8, 40])), int(random.choice([2, 5]))
        label = random.integers(classes, size=600)
        centres = random.normal(size=(classes, units)) * random.choice([0, 1, 2])
        t = centres[label] + random.normal(size=(600, units))
        signal = units + ((centres - centres.mean(0)) ** 2).sum(1).mean()
        ratio = float(random.choice([1, 3, 10]))
        row = measured(t, label, [ratio], seed=number, signal=signal)[0]
        variance = 1 + signal / ratio
        drawn = random.integers(classes, size=20_000)
        x = centres[drawn] + random.normal(size=(20_000, units)) * np.sqrt(variance)
        log_p = -((x[:, None] - centres) ** 2).sum(2) / (2 * variance)
        gain = log_p[np.arange(20_000), drawn] - np.logaddexp.reduce(log_p, axis=1) + np.log(classes)
        given = units / 2 * np.log(variance * ratio / signal)
        error = 3 * gain.std() / np.sqrt(20_000)
        for bracket, truth in ((row.i_xt, given + gain.mean()), (row.i_ty[0], gain.mean())):
            held.append(bracket.low - error <= truth <= bracket.high + error)
    assert np.mean(held) >= 0.90
