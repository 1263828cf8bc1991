"""The hot loop against a plain numpy twin: every bin number, in every shape, on edges and beside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infoplane.estimators.counting.kernels import cut_codes, tensor_cut_codes
from infoplane.estimators.counting.symbols import row_weights

AWKWARD = (np.nan, np.inf, -np.inf, 1.0, -1.0, 0.0, -0.0, 1e30, -1e30, 1e-42, -1e-42, 5.0, -5.0)


def twin(t, cuts, weights, ends):
    """Codes, rows that are not finite, and values outside, with np.digitize; ``t`` (..., samples, units)."""
    flat = t.reshape(-1, t.shape[-1])
    last = cuts.shape[1]
    numbers = np.empty(flat.shape, dtype=np.uint64)
    for j in range(flat.shape[1]):
        row = cuts[j if len(cuts) > 1 else 0]
        number = np.digitize(flat[:, j], row)  # NaN lies above all edges
        if ends == "wrap":
            number[number == 0] = last
        if ends == "clip":
            number = np.clip(number, 1, last - 1)
        numbers[:, j] = number
    codes = (numbers * weights.view(np.uint64)).sum(axis=1).view(np.int64)
    outside = int(((flat < cuts[:, 0]) | (flat > cuts[:, -1])).sum())
    return codes.reshape(t.shape[:-1]), ~np.isfinite(t).all(-1), outside


def values(rng, shape, cuts, plain):
    """Values between and around the cuts; unless ``plain``, many exactly on them, one step beside, or awkward."""
    low, high = cuts.min(), cuts.max()
    span = max(high - low, 1e-3)
    t = rng.uniform(low - 0.02 * span, high + 0.02 * span, size=shape).astype(cuts.dtype)
    if plain:
        return np.clip(t, low, high)
    on = rng.choice(cuts.ravel(), size=shape)
    beside = np.nextafter(on, rng.choice([-np.inf, np.inf], size=shape).astype(cuts.dtype))
    kind = rng.integers(0, 12, size=shape)
    t = np.where(kind < 3, on, np.where(kind < 6, beside, t))
    awkward = rng.random(shape) < rng.choice([0.0, 0.02, 0.3])
    return np.where(awkward, rng.choice(np.array(AWKWARD, dtype=cuts.dtype), size=shape), t)


def assert_same(t, cuts, weights, even, ends, device="cpu"):
    expected = twin(t, cuts, weights, ends)
    tensors = [torch.from_numpy(a).to(device) for a in (t, cuts, weights)]
    results = [cut_codes(*tensors, even=even, ends=ends)]
    if t.ndim == 2:
        results.append(tensor_cut_codes(*tensors, even=even, ends=ends))
        transposed = tensors[0].T.contiguous().T  # a column after the other in memory
        results.append(cut_codes(transposed, *tensors[1:], even=even, ends=ends))
    for codes, bad, outside in results:
        assert np.array_equal(codes.cpu().numpy(), expected[0])
        assert np.array_equal(bad.cpu().numpy(), expected[1])
        assert int(outside) == expected[2]


@settings(max_examples=150)
@given(
    samples=st.integers(1, 40),
    units=st.sampled_from([1, 2, 3, 5, 17, 63, 64, 65, 100]),
    bins=st.one_of(st.integers(2, 60), st.sampled_from([99, 128, 255, 256, 300])),
    ends=st.sampled_from(["keep", "wrap", "clip"]),
    double=st.booleans(),
    spacing=st.sampled_from(["even", "even but searched", "bent", "uneven", "a row a unit", "an uneven row a unit"]),
    plain=st.booleans(),
    seed=st.integers(0, 2**20),
)
@example(300, 100, 49, "wrap", False, "even", False, 1)
@example(300, 100, 49, "keep", True, "bent", True, 2)
@example(700, 3, 49, "clip", False, "even", False, 3)  # more samples than one block
def test_bin_numbers_are_those_of_digitize(device, samples, units, bins, ends, double, spacing, plain, seed):
    rng = np.random.default_rng(seed)
    dtype = np.float64 if double else np.float32
    cuts = np.linspace(-1, 1, bins + 1)
    if spacing == "bent":  # within what a guess from even spacing allows
        cuts[1:-1] += rng.uniform(-0.04, 0.04, size=bins - 1) * (2 / bins)
    elif "uneven" in spacing:
        cuts = np.sort(rng.normal(size=bins + 1))
    cuts = cuts[None]
    if "row" in spacing:
        cuts = cuts * rng.uniform(0.5, 4, size=(units, 1)) + rng.normal(size=(units, 1))
    cuts = cuts.astype(dtype)
    t = values(rng, (samples, units), cuts, plain)
    weights = row_weights(units, bins + 2, torch.device("cpu")).numpy()
    even = spacing in ("even", "bent", "a row a unit")
    assert_same(t, cuts, weights, even, ends, device)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("units", [2, 80])
@pytest.mark.parametrize("even", [True, False])
def test_members_are_read_one_after_the_other(device, dtype, members, units, even):
    rng = np.random.default_rng(units)
    cuts = np.linspace(-1, 1, 50)[None].astype(dtype)
    t = values(rng, (members, 70, units), cuts, False)
    assert_same(t, cuts, row_weights(units, 51, torch.device("cpu")).numpy(), even, "wrap", device)
    whole = torch.from_numpy(t).to(device)
    columns = whole.transpose(1, 2).contiguous().transpose(1, 2)
    edges, weights = torch.from_numpy(cuts).to(device), row_weights(units, 51, whole.device)
    whole, turned = (cut_codes(form, edges, weights, even=even, ends="keep") for form in (whole, columns))
    assert torch.equal(whole[0], turned[0])
    assert torch.equal(whole[1], turned[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("edges", [np.linspace(-1, 1, 50), np.linspace(-1, 1, 31), np.linspace(0, 300, 257)])
@pytest.mark.parametrize("units", [1, 80])
def test_every_edge_and_its_two_neighbours(device, dtype, edges, units):
    cuts = edges.astype(np.float32).astype(dtype)
    column = np.concatenate(
        [cuts, np.nextafter(cuts, dtype(-np.inf)), np.nextafter(cuts, dtype(np.inf)), np.array(AWKWARD, dtype=dtype)]
    )
    t = np.repeat(column[:, None], units, axis=1)
    weights = row_weights(units, len(cuts) + 1, torch.device("cpu")).numpy()
    for ends in ("keep", "wrap", "clip"):
        assert_same(t, cuts[None], weights, True, ends, device)
        assert_same(t, cuts[None], weights, False, ends, device)


@pytest.mark.parametrize("bins", [49, 300])
@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1), (0.3, 7.1), (100, 101)])
def test_one_value_beside_an_edge_among_values_that_are_not(bins, low, high):
    """Nothing but the value itself can tell that its bin number is no safe guess."""
    cuts = np.linspace(low, high, bins + 1).astype(np.float32)
    near = np.concatenate([np.nextafter(cuts, np.float32(-1e9)), cuts, np.nextafter(cuts, np.float32(1e9))])
    near = near[(near >= cuts[0]) & (near <= cuts[-1])]
    column = row_weights(1, bins + 2, torch.device("cpu"))
    found = [cut_codes(torch.tensor([[v]]), torch.tensor(cuts)[None], column, even=True, ends="keep")[0] for v in near]
    assert torch.cat(found).tolist() == np.digitize(near, cuts).tolist()
    rows = np.full((len(near), 70), (cuts[3] + cuts[4]) / 2, dtype=np.float32)
    rows[:, 11] = near
    tensor, weights = torch.from_numpy(rows), row_weights(70, bins + 2, torch.device("cpu"))
    alone = [cut_codes(row[None], torch.tensor(cuts)[None], weights, even=True, ends="keep")[0] for row in tensor]
    assert np.array_equal(torch.cat(alone).numpy(), twin(rows, cuts[None], weights.numpy(), "keep")[0])


@pytest.mark.parametrize("units", [3, 90])
def test_pieces_give_the_codes_of_the_whole(units):
    rng = np.random.default_rng(5)
    t = torch.from_numpy(np.tanh(2 * rng.normal(size=(211, units))).astype(np.float32))
    cuts, weights = torch.linspace(-1, 1, 50)[None], row_weights(units, 51, torch.device("cpu"))
    whole = cut_codes(t, cuts, weights, even=True, ends="wrap")
    for size in (1, 7, 64, 210):
        pieces = [cut_codes(piece, cuts, weights, even=True, ends="wrap") for piece in t.split(size)]
        assert torch.equal(torch.cat([codes for codes, _, _ in pieces]), whole[0])
        assert torch.equal(torch.cat([bad for _, bad, _ in pieces]), whole[1])
        assert sum(outside for _, _, outside in pieces) == whole[2]


def test_the_tensor_version_agrees_over_many_chunks():
    rng = np.random.default_rng(6)
    cuts = np.linspace(-1, 1, 50)[None].astype(np.float32)
    t = values(rng, (3000, 300), cuts, False)  # 900 000 values
    assert_same(t, cuts, row_weights(300, 51, torch.device("cpu")).numpy(), True, "wrap")


@pytest.mark.parametrize("base", [2, 3, 30, 50, 256])
def test_a_hundred_units_do_not_overflow_into_each_other(device, base):
    rng = np.random.default_rng(base)
    numbers = rng.integers(0, base, size=(400, 100))
    numbers[200:] = numbers[:200]
    numbers[200:300, 60:] = rng.integers(0, base, size=(100, 40))  # rows that differ late only
    t = torch.from_numpy((numbers + 0.5).astype(np.float32)).to(device)
    cuts = torch.arange(1, base, dtype=torch.float32, device=device)[None]
    codes, _, _ = cut_codes(t, cuts, row_weights(100, base, t.device), even=base > 2, ends="keep")
    assert_same_partition(codes.cpu().numpy(), np.unique(numbers, axis=0, return_inverse=True)[1])


def assert_same_partition(a, b):
    """Two numberings put the same samples together."""
    pairs = len(set(zip(a.tolist(), b.ravel().tolist(), strict=True)))
    assert pairs == len(set(a.tolist())) == len(set(b.ravel().tolist()))


def test_one_bit_of_one_unit_in_a_wide_row_is_enough_to_differ():
    t = torch.zeros(1025, 1024)
    t[torch.arange(1024), torch.arange(1024)] = 0.5
    cuts = torch.tensor([[0.25]])
    codes = cut_codes(t, cuts, row_weights(1024, 2, t.device), even=False, ends="keep")[0]
    assert len(codes.unique()) == 1025
