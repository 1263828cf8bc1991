"""Quantised layers: no difference to counting whole numbers, and values that are not quantised are told so."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import infoplane as ip
from infoplane.errors import InputError
from infoplane.estimators import estimator, mutual_information
from infoplane.estimators.counting.samples import Variable, distinct_ids
from infoplane.networks import mlp
from infoplane.networks.quantised import quantise


def entropy(symbols):
    counts = np.array(list(Counter(map(tuple, symbols)).values()))
    return float(math.log2(counts.sum()) - (counts * np.log2(counts)).sum() / counts.sum())


@given(
    st.integers(2, 8).flatmap(
        lambda bits: st.tuples(
            st.just(bits),
            st.lists(st.lists(st.integers(0, 2**bits - 1), min_size=3, max_size=3), min_size=2, max_size=60),
        )
    ),
    st.floats(0.01, 100),
    st.floats(-10, 10),
)
def test_counting_levels_is_counting_whole_numbers(numbers, step, low):
    bits, rows = numbers
    whole = np.array(rows)
    y = np.arange(len(rows)) % 2
    estimate = mutual_information(low + step * whole, y, estimator="quantised", bits=bits)
    assert estimate.details["cells"] == len({tuple(row) for row in rows})
    expected = entropy(whole) + entropy(y[:, None]) - entropy(np.hstack([whole, y[:, None]]))
    assert estimate.value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_quantised_network_on_all_its_inputs(activation, bits):
    """Every layer of a network, on all 4096 inputs, against the counts of its whole-number levels."""
    torch.manual_seed(bits)
    network = quantise(mlp([12, 8, 4, 3], activation, "softmax"), bits)
    x = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=12)))
    network(x)
    y = (x.sum(1) > 0).long()
    for t in ip.record(network, x, ["1", "3", "5"]).values():
        levels = torch.unique(t)
        whole = torch.searchsorted(levels, t).numpy()
        assert len(levels) <= 2**bits
        made = estimator("quantised", bits=bits)
        prepared = made.prepare(t)
        assert made.about_input(prepared, Variable(distinct_ids(4096))).value == pytest.approx(
            entropy(whole), abs=1e-12
        )
        joint = entropy(np.hstack([whole, y[:, None].numpy()]))
        expected = entropy(whole) + entropy(y[:, None].numpy()) - joint
        assert mutual_information(t, y, estimator="quantised", bits=bits).value == pytest.approx(expected, abs=1e-12)


def test_levels_need_not_all_occur():
    t = np.repeat([[0.0], [2.0], [5.0], [7.0]], 25, axis=0)
    assert mutual_information(t, np.arange(100) // 50, estimator="quantised", bits=3).value == pytest.approx(1)


@pytest.mark.parametrize(
    ("values", "bits"),
    [(np.linspace(0, 1, 5), 2), (np.array([0, 0.1, 0.5, 1.0]), 2), (np.random.default_rng(0).normal(size=200), 8)],
    ids=["five levels in two bits", "uneven", "floating"],
)
def test_values_that_are_not_quantised_are_an_error(values, bits):
    t = np.stack([np.zeros_like(values), values], axis=1)
    message = (
        rf"unit 1 takes {len(values)} values that are not among {2**bits} evenly spaced levels: record the activations "
        rf"of a network made by infoplane.networks.quantised.quantise\(network, bits={bits}\), raise bits=, or use "
        "estimator='binned'"
    )
    with pytest.raises(InputError, match=message):
        mutual_information(t, np.arange(len(values)) % 2, estimator="quantised", bits=bits)


def test_the_copy_is_named():
    made = estimator("quantised", bits=2)
    levels = torch.zeros(2, 30, 1)
    levels[1, :, 0] = torch.linspace(0, 1, 30)
    with pytest.raises(InputError, match="unit 0 of copy 1 takes 30 values"):
        made.symbols(levels)


@pytest.mark.parametrize("bits", [1, 9, True, 2.5])
def test_bits_that_cannot_be(bits):
    with pytest.raises(InputError, match="bits must be a whole number from 2 to 8"):
        estimator("quantised", bits=bits)


def test_its_numbers_are_exact_and_say_so():
    t = torch.tensor([[0.0], [0.5], [1.0], [1.0]])
    estimate = mutual_information(t, [0, 0, 1, 1], estimator="quantised", bits=2)
    assert estimate.kind == "exact"
    assert estimate.value == pytest.approx(1.0, abs=1e-12)
