"""The binned estimator: identities of information, bias and its corrections, and the report's procedure."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import xlogy
from scipy.stats import binom
from torch import nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import as_activations, mutual_information
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.samples import Variable, distinct_ids, input_ids, label_ids

TABLES = {
    "samples": st.one_of(st.integers(2, 8), st.integers(2, 500)),
    "cells": st.one_of(st.integers(1, 3), st.integers(1, 40)),
    "classes": st.one_of(st.integers(1, 3), st.integers(1, 40)),
    "seed": st.integers(0, 2**20),
}


def table(samples, cells, classes, seed):
    """Two dependent columns of whole numbers."""
    rng = np.random.default_rng(seed)
    t = rng.integers(0, cells, size=samples)
    y = np.where(rng.random(samples) < rng.random(), t % classes, rng.integers(0, classes, size=samples))
    return t, y


def information(t, y, correction="none", bins="distinct"):
    """I(T;Y) in nats; one class is allowed here."""
    made = Binned(bins, correction=correction)
    return made.about_label(made.prepare(as_activations(t)), Variable(label_ids(y)), "nats").value


def entropy(t):
    return input_ids(t).entropy()


@given(**TABLES)
def test_information_lies_between_nothing_and_either_entropy(samples, cells, classes, seed):
    t, y = table(samples, cells, classes, seed)
    assert -1e-12 <= information(t, y) <= min(entropy(t), entropy(y)) + 1e-12


@given(**TABLES)
def test_a_function_of_distinct_inputs_keeps_its_whole_entropy(samples, cells, classes, seed):
    t, _ = table(samples, cells, classes, seed)
    made = Binned("distinct")
    i_xt = made.about_input(made.prepare(as_activations(t)), Variable(distinct_ids(samples)), "nats").value
    assert i_xt == pytest.approx(entropy(t), abs=1e-12)
    assert i_xt <= math.log(samples) + 1e-12


@given(**TABLES)
def test_information_is_symmetric_and_blind_to_names(samples, cells, classes, seed):
    t, y = table(samples, cells, classes, seed)
    rename = np.random.default_rng(seed).permutation(50)
    assert information(y, t) == pytest.approx(information(t, y), abs=1e-12)
    assert information(rename[t], 3 - 2 * rename[y]) == pytest.approx(information(t, y), abs=1e-12)


@given(**TABLES)
def test_information_about_itself_nothing_and_everything(samples, cells, classes, seed):
    t, y = table(samples, cells, classes, seed)
    assert information(t, t) == pytest.approx(entropy(t), abs=1e-12)
    assert information(np.zeros(samples), y) == pytest.approx(0, abs=1e-12)
    assert information(np.arange(samples), y) == pytest.approx(entropy(y), abs=1e-12)
    assert information(t, np.zeros(samples, dtype=int)) == pytest.approx(0, abs=1e-12)


@given(**TABLES)
def test_a_function_of_the_cells_knows_no_more(samples, cells, classes, seed):
    t, y = table(samples, cells, classes, seed)
    for target in (1, 2, 5, 40):
        merged = np.random.default_rng(seed + target).integers(0, target, size=40)[t]
        assert information(merged, y) <= information(t, y) + 1e-12
        assert entropy(merged) <= entropy(t) + 1e-12


@given(inputs=st.integers(1, 12), **TABLES)
def test_the_chain_rule(samples, cells, classes, seed, inputs):
    t, y = table(samples, cells, classes, seed)
    x = np.random.default_rng(seed + 1).integers(0, inputs, size=samples)
    given_x = sum(np.mean(x == v) * information(t[x == v], y[x == v]) for v in np.unique(x))
    assert information(np.stack([x, t], axis=1), y) == pytest.approx(information(x, y) + given_x, abs=1e-10)


@given(times=st.integers(2, 5), **TABLES)
def test_the_same_samples_again_change_nothing(samples, cells, classes, seed, times):
    t, y = table(samples, cells, classes, seed)
    assert information(np.tile(t, times), np.tile(y, times)) == pytest.approx(information(t, y), abs=1e-12)


@given(**TABLES)
def test_miller_madow_is_a_count_of_cells(samples, cells, classes, seed):
    t, y = table(samples, cells, classes, seed)
    k_t, k_y, k_ty = len(set(t)), len(set(y)), len(set(zip(t, y, strict=True)))
    added = information(t, y, "miller-madow") - information(t, y)
    assert added == pytest.approx((k_t + k_y - k_ty - 1) / (2 * samples), abs=1e-10)


@pytest.mark.parametrize("bins", [2, 4, 8, 16, 32, 64])
def test_finer_nested_bins_know_no_less(bins):
    rng = np.random.default_rng(bins)
    for seed in range(20):
        t = np.tanh(2 * rng.normal(size=(300, 2)))
        y = rng.integers(0, 2, size=300) + (t[:, 0] > 0)
        coarse, fine = ({"rule": "fixed", "bins": b} for b in (bins, 2 * bins))
        assert information(t, y, bins=coarse) <= information(t, y, bins=fine) + 1e-12
        made = [Binned(rule) for rule in (coarse, fine)]
        few, many = (one.about_input(one.prepare(as_activations(t)), Variable(distinct_ids(300))).value for one in made)
        assert few <= many + 1e-12, seed


def shuffled(t, y, correction, repeats, seed=0):
    """I(T;Y) in nats for ``repeats`` random orders of y."""
    rng = np.random.default_rng(seed)
    return np.array([information(t, rng.permutation(y), correction) for _ in range(repeats)])


@pytest.mark.parametrize("correction", ["miller-madow", "jackknife"])
@pytest.mark.parametrize(("cells", "classes", "samples"), [(2, 2, 100), (10, 3, 300), (20, 2, 1000), (8, 8, 700)])
def test_corrected_information_of_shuffled_labels_is_zero_in_small_tables(correction, cells, classes, samples):
    """The mean of 300 shuffles lies within 4 standard errors of 0: a false alarm in 6 of 100 000 such tests."""
    assert (cells - 1) * (classes - 1) / (2 * samples) <= 0.05
    t, y = np.arange(samples) % cells, np.arange(samples) * classes // samples
    values = shuffled(t, y, correction, 300)
    assert abs(values.mean()) <= 4 * values.std(ddof=1) / math.sqrt(300)
    plug_in = shuffled(t, y, "none", 300)
    assert plug_in.mean() > 4 * plug_in.std(ddof=1) / math.sqrt(300)


def expected_null(cells, samples):
    """Mean plug-in and Miller-Madow I(T;Y) in nats of a uniform T and two equally frequent labels without relation."""

    def mean_entropy_and_cells(n, k):
        count = np.arange(n + 1)
        chance = binom.pmf(count, n, 1 / cells)
        return -k * np.sum(chance * xlogy(count / samples, count / samples)), k * (1 - chance[0])

    (h_t, k_t), (h_ty, k_ty) = mean_entropy_and_cells(samples, cells), mean_entropy_and_cells(samples // 2, 2 * cells)
    plug_in = h_t + math.log(2) - h_ty
    return plug_in, plug_in + (k_t + 2 - k_ty - 1) / (2 * samples)


@pytest.mark.parametrize(("cells", "about"), [(300, 0.186), (900, 0.413)])
def test_large_tables_find_information_in_shuffled_labels_and_are_flagged(cells, about):
    """1000 samples: a bias beyond correction, and red. Means of 60 shuffles within 4 standard errors of the truth."""
    rng = np.random.default_rng(cells)
    y = np.arange(1000) % 2
    layers = [rng.integers(0, cells, size=1000) for _ in range(60)]
    assert all("red" in mutual_information(t, y, bins="distinct").flags for t in layers)
    assert expected_null(cells, 1000)[0] == pytest.approx(about, abs=0.005)
    for correction, expected in zip(("none", "miller-madow"), expected_null(cells, 1000), strict=True):
        values = np.array([information(t, y, correction) for t in layers])
        assert abs(values.mean() - expected) <= 4 * values.std(ddof=1) / math.sqrt(60)
        assert expected > 0.08


# ---------------------------------------------------------------- the report


def network(seed, inputs=12):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(inputs, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 1), nn.Tanh()
    ).double()


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("inputs", [12, 3])  # with 3, many samples share an input
def test_the_estimator_has_the_numbers_of_the_slow_pipeline(report_pipeline, copies, inputs):
    rng = np.random.default_rng(copies)
    x = rng.integers(-1, 4, size=(250, inputs))
    y = (x.mean(1) + rng.normal(scale=0.1, size=250) > 0.7)[:, None] * 2 - 1
    edges = np.linspace(-1, 1, 50)
    networks, recorded = [network(seed, inputs) for seed in range(copies)], (1, 3, 5)
    draws = rng.integers(0, copies, size=250)
    slow = report_pipeline.report_information(networks, x, y, edges, recorded=recorded, draws=draws)
    made = Binned(edges)
    whole = torch.from_numpy(x).double()
    with torch.no_grad():
        layers = [made.symbols(torch.stack([one[: at + 1](whole) for one in networks])) for at in recorded]
    readings = made.readings(layers, input_ids(x), label_ids(y), "sampled", draws=torch.from_numpy(draws))
    for (reading,), (i_xt, i_ty) in zip(readings, slow, strict=True):
        assert reading.i_xt == pytest.approx(i_xt, abs=1e-9)
        assert reading.i_ty == pytest.approx(i_ty, abs=1e-9)


# ---------------------------------------------------------------- options


def test_options_are_kept_by_name():
    made = Binned({"rule": "unit", "bins": 5}, correction="jackknife", nonfinite="keep")
    assert made.get_params() == {
        "bins": {"rule": "unit", "bins": 5},
        "correction": "jackknife",
        "nonfinite": "keep",
        "interval": "none",
    }
    assert made.measurement == "5 bins from minimum to maximum of each unit"
    assert Binned().get_params() == {"bins": 30, "correction": "none", "nonfinite": "error", "interval": "none"}


def test_options_that_are_refused():
    with pytest.raises(UnknownNameError, match=r"unknown correction 'jacknife': did you mean 'jackknife'\?"):
        Binned(correction="jacknife")
    with pytest.raises(InputError, match="nonfinite='drop' is not known: choose one of error, drop-row,"):
        Binned(nonfinite="drop")
    with pytest.raises(InputError, match="bins=0: it must be a whole number of at least 1"):
        Binned(0)


def test_corrections_are_named_and_change_the_kind():
    t, y = table(60, 6, 3, 1)
    kinds = {c: mutual_information(t, y, correction=c).kind for c in ("none", "miller-madow", "jackknife")}
    assert kinds == {"none": "plug-in", "miller-madow": "estimate", "jackknife": "estimate"}
    assert mutual_information(t, y, correction="jackknife").details["correction"] == "jackknife"


def test_a_corrected_estimate_is_not_clipped_at_zero():
    t, y = np.arange(40) % 4, np.arange(40) // 4 % 2
    assert information(t, y, "miller-madow") < 0
