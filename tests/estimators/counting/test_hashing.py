"""Rows of whole numbers as codes: the published scrambling, and rows that stay together or apart."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from infoplane.estimators.counting.hashing import scramble, signed, word_codes
from infoplane.estimators.counting.symbols import row_weights


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50, unique=True))
def test_scrambling_is_the_published_bijection(numbers):
    def splitmix(z):
        z = (z + 0x9E3779B97F4A7C15) % 2**64
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        return signed(z ^ (z >> 31))

    scrambled = scramble(torch.tensor(numbers)).tolist()
    assert scrambled == [splitmix(number % 2**64) for number in numbers]


@given(rows=st.integers(1, 60), units=st.sampled_from([1, 2, 9, 200]), seed=st.integers(0, 2**20))
def test_word_codes_tell_rows_apart_and_keep_equal_rows_together(rows, units, seed):
    rng = np.random.default_rng(seed)
    words = rng.integers(-2, 2, size=(rows, units)) * rng.choice([1, 2**40, -(2**61)], size=(rows, units))
    tensor, weights = torch.from_numpy(words), row_weights(units, None, torch.device("cpu"))
    codes = word_codes(tensor, weights)
    rows_alike = np.unique(words, axis=0, return_inverse=True)[1].ravel().tolist()
    assert len(set(zip(codes.tolist(), rows_alike, strict=True))) == len(codes.unique()) == len(set(rows_alike))
    assert torch.equal(torch.cat([word_codes(row[None], weights) for row in tensor]), codes)
