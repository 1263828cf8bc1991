"""Corrected entropies of counts against their definitions, published values and known entropies."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infoplane.estimators.corrections import CORRECTIONS, tensor_corrected
from infoplane.estimators.entropy import entropy_of_counts

from ..conftest import load

corrected = load(Path(__file__).parent / "twins.py").corrected

COUNTS = [4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1]  # an example in the manual of R's package entropy
PUBLISHED = {  # what that package makes of them
    "none": 1.968382408728,
    "miller-madow": 1.968382408728 + 7 / 38,
    "chao-shen": 2.201137101279,
    "james-stein": 2.379602895309,
}


def compiled(counts, correction):
    return entropy_of_counts(torch.tensor(counts), correction)


def in_tensors(counts, correction):
    row = torch.tensor([counts], dtype=torch.float64)
    cells, singletons = (row > 0).sum(-1), (row == 1).sum(-1)
    return tensor_corrected(row, sum(counts), cells.double(), singletons.double(), correction).item()


@pytest.mark.parametrize("correction", PUBLISHED)
def test_published_values(correction):
    assert compiled(COUNTS, correction) == pytest.approx(PUBLISHED[correction], abs=1e-11)
    if correction != "james-stein":  # tensors know nothing of cells without samples
        assert in_tensors(COUNTS, correction) == pytest.approx(PUBLISHED[correction], abs=1e-11)


@pytest.mark.parametrize("correction", CORRECTIONS)
@given(counts=st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any))
def test_every_correction_is_its_definition(correction, counts):
    assert compiled(counts, correction) == pytest.approx(corrected(counts, correction), abs=1e-9)
    occupied = [c for c in counts if c > 0]
    assert in_tensors(counts, correction) == pytest.approx(corrected(occupied, correction), abs=1e-9)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_extreme_counts(correction):
    for counts in ([1], [2], [7], [1] * 9, [10**6], [10**6, 1], [3] * 5):
        expected = {(7,): 0.0, (10**6,): 0.0}.get(tuple(counts))
        if expected is None and (sum(counts) < 100 or correction != "jackknife"):
            expected = corrected(counts, correction)
        if expected is not None and correction != "grassberger":
            assert compiled(counts, correction) == pytest.approx(expected, abs=1e-9)
        assert compiled(counts, correction) == pytest.approx(in_tensors(counts, correction), abs=1e-9)


def test_g_of_grassberger_by_hand():
    """One cell of c samples: H = log c - G(c), with G(1) = -gamma - log 2, G(2) = G(3) = G(1) + 2, G(4) = G(2) + 2/3."""
    one = -np.euler_gamma - math.log(2)
    for count, g in ((1, one), (2, one + 2), (3, one + 2), (4, one + 2 + 2 / 3), (5, one + 2 + 2 / 3)):
        assert compiled([count], "grassberger") == pytest.approx(math.log(count) - g, abs=1e-12)


@pytest.mark.parametrize(
    ("correction", "most"), [("miller-madow", 0.08), ("jackknife", 0.06), ("grassberger", 0.06), ("chao-shen", 0.06)]
)
def test_corrections_remove_most_of_the_bias(correction, most):
    """Twenty equal cells, 40 samples: the mean of 400 estimates is nearer to log 20 than the plug-in's, by far.

    ``most`` leaves 8 standard errors of the mean, which is below 0.005, above the bias that the simulation has.
    """
    rng = np.random.default_rng(0)
    tables = rng.multinomial(40, [1 / 20] * 20, size=400).tolist()
    occupied = [[c for c in counts if c > 0] for counts in tables]
    bias = np.mean([compiled(counts, correction) for counts in occupied]) - math.log(20)
    assert abs(bias) < most < 0.2 < math.log(20) - np.mean([compiled(counts, "none") for counts in occupied])


def test_james_stein_is_the_uniform_entropy_where_counts_cannot_be_told_from_it():
    assert compiled([6, 5, 4, 5], "james-stein") == pytest.approx(math.log(4), abs=1e-12)
    assert compiled([6, 5, 4, 5, 0], "james-stein") > compiled([6, 5, 4, 5], "james-stein")
