"""Corrected entropies of counts against their definitions, published values and known entropies."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infoplane.estimators.counting.entropy import CORRECTIONS, entropy_of_counts
from infoplane.estimators.counting.tensor_entropy import tensor_corrected

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
@pytest.mark.parametrize("counts", [[1], [2], [7], [1] * 9, [10**6], [10**6, 1], [999_999, 10**6], [3] * 5], ids=str)
def test_extreme_counts_in_both_versions(correction, counts):
    assert compiled(counts, correction) == pytest.approx(in_tensors(counts, correction), abs=1e-10)


@pytest.mark.parametrize("counts", [[1], [7], [10**6]])
def test_one_cell_has_no_entropy(counts):
    for correction in ("none", "miller-madow", "jackknife", "chao-shen", "james-stein"):
        assert compiled(counts, correction) == pytest.approx(0, abs=1e-12)


def test_the_jackknife_of_two_large_cells():
    """n H - (n - 1) mean(H without one sample) in 50 digits."""
    with localcontext() as context:
        context.prec = 50

        def entropy(*counts):
            n = Decimal(sum(counts))
            return -sum(c / n * (c / n).ln() for c in map(Decimal, counts))

        big, small = 10**6, 10**5
        n = Decimal(big + small)
        without = (big * entropy(big - 1, small) + small * entropy(big, small - 1)) / n
        expected = n * entropy(big, small) - (n - 1) * without
    assert compiled([big, small], "jackknife") == pytest.approx(float(expected), abs=1e-12)


def test_g_of_grassberger_by_hand():
    """One cell: H = log c - G(c), with G(1) = -gamma - log 2, G(2) = G(3) = 2 + G(1), G(4) = G(2) + 2/3."""
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
