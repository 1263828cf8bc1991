"""Sums over all pairs against their definition in plain float64 differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.estimators.counting.samples import label_ids
from infoplane.estimators.distances.pairwise import (
    _runs,
    doubts,
    half_squares,
    kernel_sums,
    recentred,
    scaled,
    shuffles,
    squared_distances,
    unit_rows,
)


def slow_sums(t, ids, variance):
    """Pair by pair from the differences: for each sample the sums at 2 v and at 8 v over its own class."""
    t = t.to(torch.float64).numpy()
    squares = ((t[:, None] - t[None]) ** 2).sum(-1)
    same = ids.numpy()[:, None] == ids.numpy()[None]
    return np.stack([(np.exp(-squares / (s * variance)) * same).sum(1) for s in (2, 8)])


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 5), st.integers(1, 9), st.integers(1, 70))
def test_the_sums_are_those_over_all_pairs_of_a_class_in_any_chunks(seed, n, units, classes, chunk):
    generator = torch.Generator().manual_seed(seed)
    t = torch.randn((n, units), generator=generator).round(decimals=1)
    ids = torch.randint(classes, (n,), generator=generator)
    found = kernel_sums(scaled(t, 0.3), ids, chunk=chunk)
    assert found.numpy() == pytest.approx(slow_sums(t, ids, 0.3), rel=1e-10)


@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_float32_products_lose_no_digit_that_matters(offset):
    """Wide rows far apart and, among them, near ones: float32 alone would be off by a tenth."""
    generator = torch.Generator().manual_seed(1)
    centres = torch.randn((20, 800), generator=generator)
    t = centres[torch.arange(200) % 20] + 1e-3 * torch.randn((200, 800), generator=generator) + offset
    ids = torch.zeros(200, dtype=torch.int64)
    found = kernel_sums(scaled(t, 1e-3, single=True), ids, chunk=64)
    assert found.numpy() == pytest.approx(slow_sums(t, ids, 1e-3), rel=1e-3)
    assert found.min() > 4  # the near ones are seen


@pytest.mark.parametrize("single", [False, True])
def test_a_sample_is_at_no_distance_from_itself(single):
    t = 1e3 * torch.randn((300, 500), generator=torch.Generator().manual_seed(2))
    sums = kernel_sums(scaled(t, 1e-3, single=single), torch.zeros(300, dtype=torch.int64), chunk=128)
    assert torch.equal(sums, torch.ones_like(sums))


def test_huge_float32_activations_do_not_overflow():
    t = torch.tensor([[1e30], [1e30], [-1e30]])
    sums = kernel_sums(scaled(t, 1e-3, single=True), torch.zeros(3, dtype=torch.int64))
    assert sums.tolist() == [[2.0, 2.0, 1.0]] * 2


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(1, 20))
def test_runs_cover_all_samples_and_a_large_class_shares_none(sizes, chunk):
    runs = _runs(sizes, chunk)
    assert [i for run in runs for i in range(run.start, run.stop)] == list(range(sum(sizes)))
    assert all(run.stop - run.start <= chunk for run in runs)
    start = 0
    for size in sizes:
        if size > chunk:
            assert {start, start + size} <= {run.start for run in runs} | {sum(sizes)}
        start += size


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("samples", "units"), [(2, 1), (70, 4), (64, 600)])
def test_squared_distances(dtype, samples, units):
    t = torch.randn((samples, units), dtype=dtype, generator=torch.Generator().manual_seed(3)) + 100
    found = squared_distances(t, chunk=32)
    wide = t.to(torch.float64)
    assert found.numpy() == pytest.approx(((wide[:, None] - wide[None]) ** 2).sum(-1).numpy(), rel=1e-12, abs=1e-11)
    assert torch.equal(found, found.T)
    assert not found.diagonal().any()


def test_centring_keeps_type_and_differences():
    t = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    assert torch.equal(recentred(t), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3, 5), (300, 900), (2, 1 << 18)])
def test_half_squares(dtype, shape):
    t = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(4))
    before = t.clone()
    assert half_squares(t).numpy() == pytest.approx((t.numpy().astype(np.float64) ** 2).sum(1) / 2, rel=1e-12)
    assert torch.equal(t, before)


def test_unit_rows_of_any_length():
    found = unit_rows(torch.tensor([[3e38, 4e38 / 3], [3e-40, 4e-40], [0.0, 0.0]]))
    assert found.norm(dim=1).tolist() == pytest.approx([1, 1, 0], abs=1e-15)
    assert found[1].tolist() == pytest.approx([0.6, 0.8], abs=1e-4)  # denormal numbers have few digits


def test_shuffles_keep_counts_and_the_global_random_state():
    before = torch.random.get_rng_state()
    labels = label_ids([0, 0, 1, 2, 2, 2] * 20)
    first, second = list(shuffles(labels, 2, seed=4)), list(shuffles(labels, 2, seed=4))
    assert [torch.equal(a.ids, b.ids) for a, b in zip(first, second, strict=True)] == [True, True]
    assert not torch.equal(first[0].ids, first[1].ids)
    assert all(torch.equal(mixed.ids.bincount(), labels.counts) for mixed in first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_doubts_are_those_that_hold():
    assert doubts(constant_units=0, zero_rows=0) == ()
    assert doubts(constant_units=1, zero_rows=0) == ("constant-units",)
    assert doubts(constant_units=0, zero_rows=1) == ("zero-rows",)
    assert doubts(constant_units=1, zero_rows=2) == ("constant-units", "zero-rows")
