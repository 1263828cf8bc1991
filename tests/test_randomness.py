from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError
from infoplane.randomness import Streams, derived_seed, preserved_random_state, seeded

CPU = torch.device("cpu")


@settings(derandomize=True, deadline=None, max_examples=50)
@given(n=st.integers(1, 20_000), data=st.data())
def test_batches_hold_different_rows(n: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, min(n, 300)))
    rows = Streams(0, 2, CPU).draw(n, size)
    assert rows.shape == (2, size)
    assert rows.min() >= 0
    assert rows.max() < n
    assert all(len(set(row.tolist())) == size for row in rows)


@pytest.mark.parametrize("n", [20, 5000])
def test_every_row_is_drawn_equally_often(n: int) -> None:
    rows = torch.cat([Streams(seed, 200, CPU).draw(n, 10).flatten() for seed in range(5)])  # 10 000 rows
    counts = torch.bincount(rows * 20 // n, minlength=20).double()  # 500 are expected in each of 20 ranges
    assert ((counts - 500).abs() < 5 * 500**0.5).all()


def test_a_copy_has_the_same_batches_in_families_of_any_size() -> None:
    few, many = Streams(3, 4, CPU), Streams(3, 40, CPU)
    for _ in range(3):
        assert torch.equal(few.draw(1000, 101)[3], many.draw(1000, 101)[3])


def test_copies_and_seeds_have_different_batches() -> None:
    rows = Streams(3, 2, CPU).draw(1000, 101)
    assert not torch.equal(rows[0], rows[1])
    assert not torch.equal(rows, Streams(4, 2, CPU).draw(1000, 101))
    seeds = {derived_seed(seed, copy, purpose) for seed in range(9) for copy in range(9) for purpose in range(3)}
    assert len(seeds) == 9 * 9 * 3


def test_more_rows_than_there_are_is_an_error() -> None:
    for size in (0, 11):
        with pytest.raises(InputError, match=f"batch_size {size} cannot be drawn .* from 10 samples"):
            Streams(0, 1, CPU).draw(10, size)


def test_noise_goes_on_and_the_random_state_of_others_stays() -> None:
    streams = Streams(0, 2, CPU)
    before = torch.get_rng_state()
    with streams.noise(1):
        first = torch.rand(5)
    with streams.noise(1):
        second = torch.rand(5)
    with streams.noise(0):
        other = torch.rand(5)
    assert torch.equal(torch.get_rng_state(), before)
    assert len({tuple(values.tolist()) for values in (first, second, other)}) == 3
    with Streams(0, 7, CPU).noise(1):
        assert torch.equal(torch.rand(10), torch.cat([first, second]))


def test_a_loaded_state_goes_on_alike() -> None:
    streams, other = Streams(0, 3, CPU), Streams(1, 3, CPU)
    streams.draw(100, 10)
    with streams.noise(2):
        torch.rand(3)
    other.load_state(streams.state())
    assert torch.equal(streams.draw(100, 10), other.draw(100, 10))
    with streams.noise(2):
        expected = torch.rand(3)
    with other.noise(2):
        assert torch.equal(torch.rand(3), expected)


def test_the_random_state_is_restored_after_an_exception() -> None:
    before = torch.get_rng_state()

    def failing() -> None:
        with preserved_random_state(CPU):
            torch.rand(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert torch.equal(torch.get_rng_state(), before)
    with seeded(5):
        first = torch.rand(3)
    with seeded(5):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.get_rng_state(), before)
