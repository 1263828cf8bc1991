"""Drawing rows: without replacement, by the seed, and never more than there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.datasets.rows import draw_rows
from infoplane.errors import InputError


@settings(derandomize=True, deadline=None)
@given(st.integers(2, 300), st.data())
def test_a_draw_has_no_repeats_and_smaller_draws_begin_larger_ones(available, data):
    samples = data.draw(st.integers(2, available))
    seed = data.draw(st.integers(0, 2**40))
    rows = draw_rows(available, samples, seed=seed, source="a set")
    assert len(set(rows.tolist())) == samples
    assert rows.min() >= 0
    assert rows.max() < available
    assert np.array_equal(rows, draw_rows(available, available, seed=seed, source="a set")[:samples])


def test_none_keeps_all_rows_in_their_order():
    assert draw_rows(7, None, seed=3, source="a set").tolist() == list(range(7))


def test_too_many_samples_says_how_many_there_are():
    with pytest.raises(InputError, match="samples=8 is more than the 7 rows of seven rows; pass samples=7 or fewer"):
        draw_rows(7, 8, seed=0, source="seven rows")
