"""The ways of reading a family of copies: limits, bounds, and how they are ordered."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import UnknownNameError
from infoplane.estimators.counting.copies import family_table
from infoplane.estimators.counting.entropy import CORRECTIONS, SUMMARY
from infoplane.estimators.counting.samples import Ids, number

COPIES_AND_SAMPLES = {
    "copies": st.integers(1, 8),
    "samples": st.one_of(st.integers(1, 12), st.integers(1, 80)),
    "alphabet": st.sampled_from([1, 2, 3, 10, 10**6]),
    "groups": st.sampled_from([None, None, 1, 3, 20]),
    "seed": st.integers(0, 2**20),
}


def a_family(copies, samples, alphabet, groups, seed):
    """Codes (copies, samples) that depend on the input and the copy only, the inputs, and labels."""
    rng = np.random.default_rng(seed)
    x = np.arange(samples) if groups is None else rng.integers(0, groups, size=samples)
    codes = rng.integers(0, alphabet, size=(copies, x.max() + 1))[:, x]
    y = rng.integers(0, rng.integers(1, 4), size=samples)
    return torch.from_numpy(codes), number(torch.from_numpy(x)), number(torch.from_numpy(y))


def read(codes: torch.Tensor, x: Ids, y: Ids, family: str, *, draws=None, correction="none"):
    """Nats: H(T), H(T|X), I(X;T), I(T;Y) of each row of one layer's table."""
    table = family_table(codes[None], x, y, family, draws=draws, correction=correction)[0]
    times = len(codes) if family == "exact" else 1
    rows = []
    for line in table.tolist():
        fact = dict(zip(SUMMARY, line, strict=True))
        h_t_given_x = fact["h_tx"] - x.entropy(correction, times)
        i_ty = fact["h_t"] + y.entropy(correction, times) - fact["h_ty"]
        rows.append((fact["h_t"], h_t_given_x, fact["h_t"] - h_t_given_x, i_ty))
    return np.array(rows)


@given(**COPIES_AND_SAMPLES)
def test_one_copy_is_the_simple_estimator_in_every_reading(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(1, samples, alphabet, groups, seed)
    for correction in CORRECTIONS:
        simple = read(codes, x, y, "single", correction=correction)
        for family in ("exact", "per-copy", "sampled"):
            draws = torch.zeros(samples, dtype=torch.int64)
            found = read(codes, x, y, family, draws=draws, correction=correction)
            assert found == pytest.approx(simple, abs=1e-12)


@given(**COPIES_AND_SAMPLES)
def test_identical_copies_are_one_copy(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(1, samples, alphabet, groups, seed)
    simple = read(codes, x, y, "single")
    exact = read(codes.repeat(copies, 1), x, y, "exact")
    assert exact == pytest.approx(simple, abs=1e-12)
    assert exact[0, 1] == pytest.approx(0, abs=1e-12)


@given(**COPIES_AND_SAMPLES)
def test_copies_without_a_common_symbol_hide_the_logarithm_of_their_number(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(copies, samples, alphabet, groups, seed)
    apart = codes + 10**7 * torch.arange(copies)[:, None]
    h_t, h_t_given_x, i_xt, _ = read(apart, x, y, "exact")[0]
    assert h_t_given_x == pytest.approx(math.log(copies), abs=1e-12)
    assert i_xt == pytest.approx(h_t - math.log(copies), abs=1e-12)
    assert i_xt == pytest.approx(read(apart, x, y, "per-copy")[0, 2], abs=1e-12)


@given(**COPIES_AND_SAMPLES)
def test_bounds_and_order(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(copies, samples, alphabet, groups, seed)
    h_t, h_t_given_x, i_xt, i_ty = read(codes, x, y, "exact")[0]
    per_copy = read(codes, x, y, "per-copy")[0]
    assert -1e-12 <= h_t_given_x <= math.log(copies) + 1e-12
    assert i_xt >= h_t - math.log(copies) - 1e-12
    assert i_xt <= per_copy[2] + 1e-12  # knowing the copy never hurts, since it is drawn apart from the input
    assert per_copy[2] <= h_t + 1e-12
    assert i_ty <= per_copy[3] + 1e-12
    assert -1e-12 <= i_ty <= y.entropy() + 1e-12
    assert i_xt <= x.entropy() + 1e-12


@given(**COPIES_AND_SAMPLES)
def test_the_order_of_copies_does_not_matter(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(copies, samples, alphabet, groups, seed)
    order = np.random.default_rng(seed).permutation(copies)
    for correction in CORRECTIONS:
        exact = family_table(codes[None], x, y, "exact", correction=correction)
        assert torch.equal(family_table(codes[order][None], x, y, "exact", correction=correction), exact)
    per_copy = read(codes[order], x, y, "per-copy")
    assert per_copy == pytest.approx(read(codes, x, y, "per-copy"), abs=1e-12)
    assert np.array_equal(read(codes[order], x, y, "single"), read(codes, x, y, "single")[order])


@given(**COPIES_AND_SAMPLES)
def test_exact_is_the_simple_estimator_on_all_samples_of_all_copies(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(copies, samples, alphabet, groups, seed)
    pooled = codes.reshape(1, -1)
    repeated_x, repeated_y = (number(ids.ids.repeat(copies)) for ids in (x, y))
    for correction in CORRECTIONS:
        expected = read(pooled, repeated_x, repeated_y, "single", correction=correction)
        assert read(codes, x, y, "exact", correction=correction) == pytest.approx(expected, abs=1e-12)


@given(**COPIES_AND_SAMPLES)
def test_exact_by_the_share_of_copies(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(copies, samples, alphabet, groups, seed)
    symbols, inputs = codes.unique().tolist(), x.ids.tolist()
    shares = np.array([[(codes[:, i] == t).double().mean() for t in symbols] for i in range(samples)])  # p(t|x)
    p_t = shares.mean(0)
    truth = sum(
        shares[i, t] * math.log(shares[i, t] / p_t[t]) / samples
        for i in range(len(inputs))
        for t in range(len(symbols))
        if shares[i, t] > 0
    )
    assert read(codes, x, y, "exact")[0, 2] == pytest.approx(truth, abs=1e-12)


@given(**COPIES_AND_SAMPLES)
def test_sampling_one_copy_only_reads_that_copy(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(copies, samples, alphabet, groups, seed)
    each = read(codes, x, y, "single")
    for copy in range(copies):
        draws = torch.full((samples,), copy)
        assert np.array_equal(read(codes, x, y, "sampled", draws=draws)[0], each[copy])


@given(**COPIES_AND_SAMPLES)
def test_sampling_takes_each_sample_from_the_copy_drawn(copies, samples, alphabet, groups, seed):
    codes, x, y = a_family(copies, samples, alphabet, groups, seed)
    draws = torch.from_numpy(np.random.default_rng(seed).integers(0, copies, size=samples))
    drawn = torch.stack([codes[draws[i], i] for i in range(samples)])[None]
    assert np.array_equal(read(codes, x, y, "sampled", draws=draws), read(drawn, x, y, "single"))


@settings(max_examples=60)
@given(
    copies=st.integers(1, 3),
    samples=st.integers(1, 4),
    alphabet=st.integers(1, 4),
    groups=st.sampled_from([None, 2]),
    seed=st.integers(0, 2**20),
)
def test_sampling_reads_too_much_on_average(copies, samples, alphabet, groups, seed):
    """Over all draws the mean of I(X;T) is at least the exact one: information is convex in p(t|x)."""
    codes, x, y = a_family(copies, samples, alphabet, groups, seed)
    all_draws = itertools.product(range(copies), repeat=samples)
    sampled = [read(codes, x, y, "sampled", draws=torch.tensor(draws))[0] for draws in all_draws]
    exact = read(codes, x, y, "exact")[0]
    assert np.mean([row[2] for row in sampled]) >= exact[2] - 1e-12
    assert np.mean([row[3] for row in sampled]) >= exact[3] - 1e-12


def test_the_report_s_way_counts_the_copy_as_information_about_the_input():
    """A layer that knows nothing of the input, but tells its copy, has I(X;T) = 0."""
    codes = torch.arange(16)[:, None].expand(16, 1000)
    x, y = number(torch.arange(1000)), number(torch.arange(1000) % 2)
    draws = torch.randint(16, (1000,), generator=torch.Generator().manual_seed(0))
    assert read(codes, x, y, "exact")[0, 2] == pytest.approx(0, abs=1e-12)
    assert read(codes, x, y, "per-copy")[0, 2] == pytest.approx(0, abs=1e-12)
    assert read(codes, x, y, "sampled", draws=draws)[0, 2] == pytest.approx(math.log(16), abs=0.02)


def test_layers_do_not_touch_each_other():
    codes, x, y = a_family(3, 50, 10, None, 1)
    layers = torch.stack([codes, codes // 2, codes * 0])
    draws = torch.arange(50) % 3
    for family in ("single", "per-copy", "exact", "sampled"):
        together = family_table(layers, x, y, family, draws=draws)
        assert together.shape == (3, 3 if family == "single" else 1, len(SUMMARY))
        for layer, found in zip(layers, together, strict=True):
            assert torch.equal(family_table(layer[None], x, y, family, draws=draws)[0], found)
        assert together[0, 0, SUMMARY.index("n")] == (150 if family == "exact" else 50)


def test_names_and_draws_are_checked():
    codes, x, y = a_family(2, 5, 3, None, 1)
    with pytest.raises(UnknownNameError, match=r"unknown family 'per-copies': did you mean 'per-copy'\?"):
        family_table(codes[None], x, y, "per-copies")
    with pytest.raises(ValueError, match="family 'sampled' needs draws"):
        family_table(codes[None], x, y, "sampled")
