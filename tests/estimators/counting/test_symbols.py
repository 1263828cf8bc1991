"""Codes of whole rows: weights, constant units, and quantisers that read in pieces."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infoplane.estimators.counting.symbols import (
    Cuts,
    Words,
    bad_rows,
    constant_units,
    row_weights,
    tensor_constant_units,
)

CPU = torch.device("cpu")
FIRST_WEIGHTS = [7303210328372422791, 1850759200145008049, 7786289563338176607]


@given(units=st.integers(1, 300), symbols=st.integers(1, 400))
def test_weights_are_positions_where_they_fit_and_odd_otherwise(units, symbols):
    weights = row_weights(units, symbols, CPU).tolist()
    if max(symbols, 2) ** units < 2**62:
        assert weights == [symbols**j for j in range(units)]
    if max(symbols, 2) ** units > 2**63:
        assert all(weight % 2 == 1 for weight in weights)
        assert len(set(weights)) == units


@given(
    members=st.integers(1, 4),
    samples=st.integers(1, 70),
    units=st.integers(1, 8),
    dead=st.floats(0, 1),
    seed=st.integers(0, 2**20),
)
def test_constant_units(members, samples, units, dead, seed):
    rng = np.random.default_rng(seed)
    t = rng.integers(0, 3, size=(members, samples, units)).astype(np.float32)
    t[:, :, rng.random(units) < dead] = 2
    expected = sum(len(np.unique(t[..., j])) == 1 for j in range(units))
    assert constant_units(torch.from_numpy(t)) == expected
    assert tensor_constant_units(torch.from_numpy(t)) == expected
    assert constant_units(torch.from_numpy(t.transpose(0, 2, 1).copy()).transpose(1, 2)) == expected


def test_rows_with_nan_or_infinity_are_told_from_rows_whose_sum_overflows():
    largest, nothing = torch.finfo(torch.float32).max, torch.zeros(3)
    rows = torch.tensor(
        [
            [1.0, 2.0, 3.0],
            [1.0, math.nan, 3.0],
            [math.inf, -math.inf, 0.0],
            [largest, largest, 0.0],
            [math.inf, 0.0, 0.0],
        ]
    )
    assert bad_rows(rows).tolist() == [False, True, True, False, True]
    assert bad_rows(rows[[0, 3]][None]).tolist() == [[False, False]]
    assert not bool(bad_rows(nothing))


def test_a_unit_that_changes_in_the_last_sample_only_is_not_constant():
    for samples in (2, 15, 16, 17, 100):
        t = torch.zeros(1, samples, 2)
        t[0, -1, 1] = 1e-40
        assert constant_units(t) == 1


def test_a_unit_that_differs_in_one_member_only_is_not_constant():
    t = torch.zeros(3, 40, 3)
    t[2, :, 0], t[1, 20, 1] = 1, 1
    assert constant_units(t) == tensor_constant_units(t) == 1


@pytest.mark.parametrize("units", [1, 4, 70, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_codes_tell_twenty_thousand_rows_apart(units, dtype):
    t = torch.randn(20000, units, dtype=dtype, generator=torch.Generator().manual_seed(1))
    distinct = len(np.unique(t.numpy(), axis=0))
    assert len(Words(None).codes(t)[0].unique()) == distinct
    twice = torch.cat([t, t])
    assert len(Words(None).codes(twice)[0].unique()) == distinct


@pytest.mark.parametrize("quantiser", [Cuts(torch.linspace(-1, 1, 9)[None], even=True), Words(0.25), Words(None)])
def test_a_quantiser_takes_members_or_pieces(quantiser):
    t = torch.randn(3, 100, 5, generator=torch.Generator().manual_seed(2))
    codes, bad, outside = quantiser.codes(t)
    assert codes.shape == bad.shape == (3, 100)
    for m in range(3):
        pieces = [quantiser.codes(piece) for piece in t[m].split(33)]
        assert torch.equal(torch.cat([piece[0] for piece in pieces]), codes[m])
    assert outside == 0
    t[1, 7, 2], t[2, 0, 0] = torch.nan, torch.inf
    bad = quantiser.codes(t)[1]
    assert bad.nonzero().tolist() == [[1, 7], [2, 0]]


@pytest.mark.parametrize("ends", ["keep", "wrap", "clip"])
def test_values_outside_are_counted_where_they_lose_their_bin(ends):
    t = torch.tensor([[-2.0, 0.0], [0.5, 1.0], [3.0, torch.inf]])
    outside = Cuts(torch.tensor([[-1.0, 0.0, 1.0]]), even=True, ends=ends).codes(t)[2]
    assert outside == (0 if ends == "keep" else 3)


@pytest.mark.parametrize(
    ("units", "symbols", "positions"), [(62, 2, True), (63, 2, False), (20, 8, True), (21, 8, False)]
)
def test_weights_where_63_bits_are_just_enough(units, symbols, positions):
    weights = row_weights(units, symbols, CPU).tolist()
    assert (weights == [symbols**j for j in range(units)]) == positions


def test_random_weights_are_the_same_in_every_process():
    assert row_weights(3, None, CPU).tolist() == FIRST_WEIGHTS
    assert row_weights(1, None, CPU).tolist() == FIRST_WEIGHTS[:1]


EVEN = Cuts(torch.linspace(-1, 1, 9)[None], even=True, ends="clip")


def layers(*units, members=2, samples=50, dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(members, samples, width, generator=generator, dtype=torch.float64).to(dtype) for width in units]


@pytest.mark.parametrize("ends", ["keep", "wrap", "clip"])
def test_narrow_layers_read_together_are_those_read_alone(ends):
    cuts = Cuts(EVEN.cuts, even=True, ends=ends)
    ts = layers(3, 1, 70)
    ts[1][:] = 0.5
    ts[2][1, 4, 0] = torch.nan
    for t, found in zip(ts, cuts.narrow_layers(ts), strict=True):
        codes, bad, outside = cuts.codes(t)
        assert torch.equal(found.codes, codes)
        assert torch.equal(found.bad, bad)
        assert (found.outside, found.constant, found.units) == (outside, constant_units(t), t.shape[2])
        assert found.cuts is cuts.cuts


def test_layers_that_are_not_read_together():
    small = layers(3, 2)
    assert EVEN.narrow_layers(small) is not None
    assert EVEN.narrow_layers(layers(400, 400)) is not None  # 40 000 values a layer are few enough
    assert EVEN.narrow_layers(layers(400, 401)) is None
    assert EVEN.narrow_layers([small[0], small[1][:, :49]]) is None
    assert EVEN.narrow_layers([small[0][:, :49], small[1]]) is None
    assert EVEN.narrow_layers([small[0], small[1][:1]]) is None
    assert EVEN.narrow_layers([small[0], small[1].double()]) is None
    assert EVEN.narrow_layers([t[:, :0] for t in small]) is None
    assert EVEN.narrow_layers([t.to("meta") for t in small]) is None


def test_bins_of_one_width_start_at_zero():
    t = torch.tensor([[-0.26], [-0.25], [-0.0], [0.0], [0.24], [0.25], [0.49], [1e30]])
    codes = Words(0.25).codes(t)[0].tolist()
    assert [codes.index(code) for code in codes] == [0, 1, 2, 2, 2, 5, 5, 7]
