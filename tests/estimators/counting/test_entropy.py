"""Counting and entropies against a Counter, refits, closed forms and published values; both versions."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infoplane.estimators.counting.entropy import (
    CORRECTIONS,
    SUMMARY,
    cell_sizes,
    entropy_of_counts,
    tabulate,
    tensor_cell_sizes,
    tensor_corrected,
    tensor_ranks,
    tensor_tabulate,
)

from ...conftest import load

corrected = load(Path(__file__).parent.parent / "twins.py").corrected

COUNTS = [4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1]  # an example in the manual of R's package entropy
PUBLISHED = {  # what that package makes of them
    "none": 1.968382408728,
    "miller-madow": 1.968382408728 + 7 / 38,
    "chao-shen": 2.201137101279,
    "james-stein": 2.379602895309,
}


def brute(codes, y, x, correction):
    """A row of the table with Counters; codes (copies, samples)."""
    copies, samples = codes.shape
    flat = codes.ravel().tolist()
    labels, inputs = y.tolist() * copies, x.tolist() * copies
    t, ty, tx = (list(Counter(pairs).values()) for pairs in (flat, zip(flat, labels), zip(flat, inputs)))  # noqa: B905
    differ = sum(len(set(codes[:, i].tolist())) == copies for i in range(samples)) / samples
    entropies = [corrected(counts, correction) for counts in (t, ty, tx)]
    return [*entropies, len(t), t.count(1), len(ty), ty.count(1), differ, codes.size]


def table(rng, samples, copies, alphabet, classes, groups):
    """Codes (copies, samples), labels and inputs (samples,) numbered without gaps."""
    codes = rng.integers(0, alphabet, size=(copies, samples)) * rng.choice([1, -(2**61), 2**33 + 1])
    y = np.unique(rng.integers(0, classes, size=samples), return_inverse=True)[1]
    x = np.arange(samples) if groups is None else rng.integers(0, groups, size=samples)
    x = np.unique(x, return_inverse=True)[1]
    return codes, y, x


def both_versions(codes, y, x, correction, device="cpu"):
    """The compiled and the tensor table of one row."""
    row, y, x = (torch.from_numpy(a).to(device) for a in (codes.reshape(1, -1), y, x))
    arguments = (row, y, int(y.max()) + 1, x, int(x.max()) + 1)
    return [made(*arguments, correction=correction)[0].tolist() for made in (tabulate, tensor_tabulate)]


@given(
    samples=st.one_of(st.integers(1, 30), st.sampled_from([1, 2, 255, 500])),
    copies=st.sampled_from([1, 1, 2, 3, 9, 20]),
    alphabet=st.sampled_from([1, 2, 3, 40, 10**6]),
    classes=st.sampled_from([1, 2, 10, 40, 10**6]),
    groups=st.sampled_from([None, 1, 2, 7, 40]),
    correction=st.sampled_from(["none", "miller-madow", "grassberger", "chao-shen", "james-stein"]),
    seed=st.integers(0, 2**20),
)
def test_tables_are_those_of_a_counter(device, samples, copies, alphabet, classes, groups, correction, seed):
    codes, y, x = table(np.random.default_rng(seed), samples, copies, alphabet, classes, groups)
    expected = brute(codes, y, x, correction)
    for found in both_versions(codes, y, x, correction, device):
        assert found[:3] == pytest.approx(expected[:3], abs=1e-12, rel=1e-11)
        assert found[3:] == expected[3:]


@given(
    samples=st.integers(1, 25),
    copies=st.sampled_from([1, 1, 2, 5]),
    alphabet=st.sampled_from([1, 2, 5, 10**6]),
    groups=st.sampled_from([None, 1, 4]),
    seed=st.integers(0, 2**20),
)
def test_the_jackknife_of_counts_is_that_of_refits(device, samples, copies, alphabet, groups, seed):
    codes, y, x = table(np.random.default_rng(seed), samples, copies, alphabet, 3, groups)
    expected = brute(codes, y, x, "jackknife")
    for found in both_versions(codes, y, x, "jackknife", device):
        assert found[:3] == pytest.approx(expected[:3], abs=1e-9)


def test_simple_entropies():
    assert entropy_of_counts(torch.tensor([5])) == 0
    assert entropy_of_counts(torch.tensor([1, 0, 1])) == pytest.approx(math.log(2), abs=1e-15)
    assert entropy_of_counts(torch.ones(1024, dtype=torch.int64)) == pytest.approx(10 * math.log(2), abs=1e-13)
    assert entropy_of_counts(torch.tensor([1]), "jackknife") == 0


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_the_order_of_samples_and_cells_changes_not_a_bit(correction):
    rng = np.random.default_rng(1)
    codes, y, x = table(rng, 400, 3, 60, 4, 50)
    expected = both_versions(codes, y, x, correction)
    for _ in range(20):
        order = rng.permutation(400)
        assert both_versions(codes[:, order], y[order], x[order], correction) == expected
        renamed = rng.permutation(2**16)[codes % 2**16]  # other codes, another order of the cells
        assert both_versions(codes[rng.permutation(3)], y, x, correction)[0] == expected[0]
        assert both_versions(renamed, y, x, correction)[0] == both_versions(codes % 2**16, y, x, correction)[0]


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_rows_of_a_table_do_not_touch_each_other(device, correction):
    rng = np.random.default_rng(2)
    _, y, x = table(rng, 90, 1, 5, 3, None)
    rows = np.stack([rng.integers(0, top, size=90) for top in (1, 90, 3, 10**9)])
    y, x = torch.from_numpy(y).to(device), torch.from_numpy(x).to(device)
    together = tabulate(torch.from_numpy(rows).to(device), y, 3, x, 90, correction=correction)
    assert together.shape == (4, len(SUMMARY))
    for row, found in zip(rows, together, strict=True):
        alone = tabulate(torch.from_numpy(row[None]).to(device), y, 3, x, 90, correction=correction)
        assert torch.equal(alone[0], found)


@given(copies=st.integers(1, 20), samples=st.integers(1, 12), alphabet=st.integers(1, 60), seed=st.integers(0, 2**20))
def test_the_share_of_samples_on_which_all_copies_differ(copies, samples, alphabet, seed):
    codes, y, x = table(np.random.default_rng(seed), samples, copies, alphabet, 2, None)
    expected = sum(len(set(codes[:, i].tolist())) == copies for i in range(samples)) / samples
    for found in both_versions(codes, y, x, "none"):
        assert found[SUMMARY.index("all_differ")] == expected


@given(codes=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40))
def test_ranks_number_the_codes_in_ascending_order(codes):
    expected = [sorted(set(codes)).index(code) for code in codes]
    assert tensor_ranks(torch.tensor([codes]))[0].tolist() == expected


@given(samples=st.integers(1, 40), alphabet=st.sampled_from([1, 3, 10**6]), seed=st.integers(0, 2**20))
def test_cell_sizes_are_those_of_a_counter(samples, alphabet, seed):
    codes, y, _ = table(np.random.default_rng(seed), samples, 2, alphabet, 3, None)
    given_ = torch.from_numpy(codes), torch.from_numpy(y), 3
    for made in (cell_sizes, tensor_cell_sizes):
        alone, together, cells = made(*given_)
        for row, a, c, k in zip(codes.tolist(), alone.tolist(), together.tolist(), cells.tolist(), strict=True):
            pairs = list(zip(row, y.tolist(), strict=True))
            assert a == [Counter(row)[code] for code in row]
            assert c == [Counter(pairs)[pair] for pair in pairs]
            assert k == [len(set(row)), len(set(pairs))]


# ---------------------------------------------------------------- corrections


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
