"""A layer read in pieces is the layer read at once, to the bit, wherever the pieces begin and end."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import RecordingError
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.pieces import Rows, extremes, wider
from infoplane.estimators.soft import Soft

BINS = [
    "report", "fixed", "layer", "unit", "width", "distinct", "sign",
    {"rule": "fixed", "outside": "extend"}, {"rule": "layer", "bins": 1},
]  # fmt: skip


def layer(members, samples, units, seed, spoiled):
    """Values of a saturated layer, with units that never change, equal rows, and NaN or infinity in some."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.tanh(3 * torch.randn(members, samples, units, generator=generator))
    t[..., 0] = 1.0
    t[:, ::3] = t[:, :1].clone()
    if spoiled:
        t[-1, samples // 2, -1] = math.nan
        t[0, -1] = math.inf
    return t


def shown(pieces, t, cuts):
    parts = t.tensor_split(sorted({cut % t.shape[1] for cut in cuts} - {0}), dim=1)
    for part in parts if pieces.passes == 2 else ():
        pieces.look(part)
    for part in parts:
        pieces.take(part)
    return pieces.prepared()


@pytest.mark.parametrize("bins", BINS, ids=str)
@settings(max_examples=25)
@given(
    members=st.integers(1, 3),
    samples=st.integers(2, 60),
    units=st.sampled_from([2, 5, 80]),
    cuts=st.lists(st.integers(1, 59), max_size=5),
    seed=st.integers(0, 99),
    spoiled=st.booleans(),
)
def test_codes(bins, members, samples, units, cuts, seed, spoiled):
    t = layer(members, samples, units, seed, spoiled)
    whole = Binned(bins).symbols(t)
    found = shown(Binned(bins).pieces(samples), t, cuts)
    assert torch.equal(found.codes, whole.codes)
    assert torch.equal(found.bad, whole.bad)
    assert (found.outside, found.constant, found.units) == (whole.outside, whole.constant, whole.units)
    assert (found.cuts is None) == (whole.cuts is None)
    assert whole.cuts is None or torch.equal(found.cuts, whole.cuts)


@settings(max_examples=25)
@given(
    samples=st.integers(2, 700), cuts=st.lists(st.integers(1, 699), max_size=5), seed=st.integers(0, 99),
    spoiled=st.booleans(),
)  # fmt: skip
def test_soft_codes(samples, cuts, seed, spoiled):
    t = layer(2, samples, 7, seed, spoiled)
    t[:, 1] = 0
    found = shown(Soft(codewords=10).pieces(samples), t, cuts)
    for member, one in zip(t, found, strict=True):
        whole = Soft(codewords=10).prepare(member)
        assert torch.equal(one.codes, whole.codes)
        assert (one.epsilon, one.constant_units) == (whole.epsilon, whole.constant_units)
        assert torch.equal(one.zero, (member == 0).all(1))
        assert torch.equal(one.bad, ~member.isfinite().all(1))


@pytest.mark.parametrize("bins", ["quantile", "entropy", "kmeans", {"rule": "fixed", "outside": "quantile"}])
def test_bins_that_need_all_rows_say_so(bins):
    assert Binned(bins).pieces(10) is None


def test_a_layer_without_a_finite_row():
    t = torch.full((1, 6, 3), math.nan)
    whole = Binned(nonfinite="own-cell").symbols(t)
    assert torch.equal(shown(Binned().pieces(6), t, [2, 4]).cuts, whole.cuts)


def test_extremes_are_those_of_finite_rows():
    t = torch.tensor([[[1.0, 9.0], [3.0, -2.0], [math.inf, 50.0]]])
    assert extremes(t).tolist() == [[1, -2], [3, 9]]
    assert wider(extremes(t[:, :1]), extremes(t[:, 1:])).tolist() == [[1, -2], [3, 9]]
    assert wider(None, extremes(t)).tolist() == [[1, -2], [3, 9]]


def test_rows_must_be_as_many_as_announced():
    rows = Rows(3)
    rows.add(torch.zeros(1, 2))
    with pytest.raises(RecordingError, match="a layer gave 2 rows in all, and 3 samples are measured"):
        rows.tensor()
    with pytest.raises(RecordingError, match="more rows than the 3 samples"):
        rows.add(torch.zeros(1, 2))
    rows.add(torch.ones(1, 1))
    assert rows.tensor().tolist() == [[0, 0, 1]]


def test_some_samples_of_codes_and_of_soft_codes():
    t, keep = layer(2, 20, 4, 0, False), torch.arange(20) % 3 == 0
    symbols = Binned("report").symbols(t)
    assert torch.equal(symbols.take(keep).codes, Binned("report").symbols(t[:, keep]).codes)
    prepared = Soft().prepare(t[0])
    assert torch.equal(prepared.take(keep).codes, prepared.codes[keep])
