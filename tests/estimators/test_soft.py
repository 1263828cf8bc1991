"""Soft information is that of an explicit channel from samples to codewords: tested against its joint table."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import infoplane as ip
from infoplane.errors import InputError
from infoplane.estimators.counting.samples import Variable, distinct_ids, input_ids, label_ids, label_variable
from infoplane.estimators.counting.soft_codes import Groups
from infoplane.estimators.soft import Soft, directions


def normal(n, units, seed=0, dtype=torch.float64):
    return torch.randn((n, units), dtype=dtype, generator=torch.Generator().manual_seed(seed))


def channel(t, codewords, seed=0, epsilon=None):
    """p(codeword | sample), row by row (samples, codewords)."""
    words = directions(codewords, t.shape[1], seed).numpy()
    epsilon = epsilon or 1 / math.sqrt(2 * t.shape[1] * math.log(codewords))
    rows = []
    for row in t:
        length = math.sqrt(sum(v * v for v in row))
        weights = [math.exp(float(row @ word) / length / epsilon) for word in words]
        rows.append([weight / math.fsum(weights) for weight in weights])
    return np.array(rows)


def table_information(joint):
    """Of a joint table, in nats."""
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float((joint[joint > 0] * np.log(joint[joint > 0] / independent[joint > 0])).sum())


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 8), st.integers(2, 12))
def test_it_is_the_information_of_the_channel(seed, n, units, codewords):
    rng = np.random.default_rng(seed)
    t, y = rng.normal(size=(n, units)), rng.integers(4, size=n)
    made = Soft(codewords=codewords, null=0)
    prepared = made.prepare(torch.from_numpy(t))
    i_ty = made.about_label(prepared, Variable(label_ids(y)), "nats")
    i_xt = made.about_input(prepared, Variable(distinct_ids(n)), "nats")
    rows = channel(t, codewords)
    kept = prepared.codes.numpy().view(np.uint16).astype(float) ** 2
    assert np.abs(np.sqrt(kept) - np.sqrt(rows) * 65535).max() < 0.501  # nothing but the rounding
    for table, error in ((rows / n, 1e-4 / math.sqrt(n)), (kept / kept.sum(), 1e-12)):
        joint = np.stack([table[y == label].sum(0) for label in np.unique(y)])
        assert i_ty.value == pytest.approx(table_information(joint), abs=error)
        assert i_xt.value == pytest.approx(table_information(table), abs=error)
    assert -1e-12 <= i_ty.value <= min(i_ty.details["h_y"], math.log(codewords), i_xt.value) + 1e-12
    assert i_ty.kind == "lower bound"


def test_it_is_a_lower_bound_on_the_information_of_the_symbols():
    """Four equally likely directions, so that the truth is H(X) = log 4, and H(Y) = log 2 for pairs of them."""
    t = torch.linalg.qr(normal(6, 4)).Q.T.repeat(25, 1)
    x, y = np.arange(100) % 4, np.arange(100) % 4 // 2
    for epsilon in (None, 0.1, 0.01):
        made = Soft(epsilon=epsilon, codewords=400)
        prepared = made.prepare(t)
        assert made.about_input(prepared, Variable(input_ids(x)), "nats").value <= math.log(4) + 1e-12
        assert made.about_label(prepared, Variable(label_ids(y)), "nats").value <= math.log(2) + 1e-12
    assert made.about_input(prepared, Variable(input_ids(x)), "nats").value > 0.9 * math.log(4)


def test_opposite_directions_and_a_low_temperature_are_a_perfect_channel():
    t = torch.tensor([[1.0, 2.0], [-1.0, -2.0]]).repeat(50, 1)
    found = ip.mutual_information(t, np.arange(100) % 2, estimator="soft", epsilon=1e-3)
    assert found.value == pytest.approx(1, abs=1e-9)
    assert found.flags == ("amber",)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 300))
def test_neither_the_order_of_samples_nor_their_length_matters(seed, n):
    rng = np.random.default_rng(seed)
    t, y = torch.from_numpy(rng.normal(size=(n, 5))), np.arange(n) % 2
    order = rng.permutation(n)
    made = Soft(codewords=20, null=0)
    prepared = made.prepare(t)
    found = made.about_label(prepared, Variable(label_ids(y))).value
    moved = made.about_label(made.prepare(t[order]), Variable(label_ids(y[order]))).value
    longer = made.about_label(made.prepare(t * 3.7), Variable(label_ids(y))).value
    assert (moved, longer) == pytest.approx((found, found), abs=1e-12)
    within = prepared.entropies_within(Groups.of([label_ids(y)]))
    assert (
        prepared.take(torch.from_numpy(order)).entropies_within(Groups.of([label_ids(y[order])])) == within
    )  # to the bit


def test_more_labels_have_a_larger_null():
    """Labels that know nothing, with frequencies that fall as 1 / rank: the value itself is the bias."""
    t = normal(24_576, 64, dtype=torch.float32)
    made = Soft(null=2)
    prepared, found = made.prepare(t), []
    for classes in (91, 1306, 4384):
        weights = 1 / np.arange(1, classes + 1)
        y = np.random.default_rng(classes).choice(classes, size=len(t), p=weights / weights.sum())
        found.append(made.about_label(prepared, Variable(label_ids(y))))
    values, nulls = [e.value for e in found], [e.details["null"] for e in found]
    assert values == sorted(values)
    assert nulls == pytest.approx(values, rel=0.05)
    assert nulls[0] < 0.1 < 0.3 < nulls[1] < 0.6 < nulls[2]
    assert all("null-exceeds-half" in e.flags for e in found)


def test_one_prepared_layer_serves_many_sets_of_labels():
    t = normal(300, 6)
    made = Soft()
    prepared = made.prepare(t)
    for classes in (2, 5, 40):
        y = np.arange(300) % classes
        found = made.about_label(prepared, label_variable(y))
        alone = ip.mutual_information(t, y, estimator="soft")
        assert (found.value, found.flags, found.details["null"]) == (alone.value, alone.flags, alone.details["null"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_without_loss(dtype):
    t = normal(20_000, 8).to(dtype)
    y = np.arange(20_000) % 3
    half, single, double = (
        ip.mutual_information(v, y, estimator="soft", null=0).value for v in (t, t.float(), t.double())
    )
    assert half == single == pytest.approx(double, abs=1e-7)


LAYERS = {
    "normal": lambda t: t,
    "all positive": lambda t: t.relu() + 1e-3,
    "far from 0": lambda t: t + 10,
    "one large unit": lambda t: t * torch.tensor([300.0, *[1.0] * (t.shape[1] - 1)]),
    "hardly there": lambda t: t * 1e-30,
    "huge": lambda t: t * 1e30,
    "some rows of zeros": lambda t: t * (torch.arange(len(t)) % 9 > 0)[:, None],
}


@pytest.mark.parametrize("made", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("units", [3, 768])
def test_float32_loses_less_than_the_rounding_to_codes(made, units):
    t, y = made(normal(1000, units, dtype=torch.float32)), np.arange(1000) % 7
    single, double = Soft().prepare(t), Soft().prepare(t.double())
    steps = (single.codes.int() & 65535) - (double.codes.int() & 65535)
    assert steps.abs().max() <= 1
    assert (steps != 0).double().mean() < 0.005  # of codes whose rounding leaves out up to half a step
    assert torch.equal(single.zero, double.zero)
    values = [Soft().about_label(one, Variable(label_ids(y)), "nats") for one in (single, double)]
    assert values[0].value == pytest.approx(values[1].value, abs=1e-6)
    assert values[0].details["null"] == pytest.approx(values[1].details["null"], abs=1e-6)


def test_products_are_those_of_float64_where_float32_would_not_do():
    t = normal(600, 40, dtype=torch.float32)
    exact = Soft().prepare(t.double())
    sharp, exact_sharp = Soft(epsilon=1e-4).prepare(t), Soft(epsilon=1e-4).prepare(t.double())
    assert torch.equal(sharp.codes, exact_sharp.codes)
    try:
        torch.set_float32_matmul_precision("medium")
        assert torch.equal(Soft().prepare(t).codes, exact.codes)
    finally:
        torch.set_float32_matmul_precision("highest")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(Soft().prepare(t).codes, exact.codes)


def test_the_order_of_float32_samples_changes_no_more_than_rounding():
    t, y = normal(1500, 33, dtype=torch.float32), np.arange(1500) % 4
    order = np.random.default_rng(0).permutation(1500)
    found = [
        ip.mutual_information(t[rows], y[rows], estimator="soft", null=0, units="nats").value
        for rows in (np.arange(1500), order)
    ]
    assert found[1] == pytest.approx(found[0], abs=1e-7)


def test_the_null_is_the_mean_over_shuffled_labels():
    t, y = normal(200, 5), np.random.default_rng(0).integers(90, size=200)  # with labels of one sample
    made, without = Soft(null=3, seed=4), Soft(null=0, seed=4)
    prepared, generator = made.prepare(t), torch.Generator().manual_seed(4)
    shuffled = [label_ids(y[torch.randperm(200, generator=generator).numpy()]) for _ in range(3)]
    values = [without.about_label(prepared, Variable(each)).value for each in shuffled]
    label = Variable(label_ids(y))
    for _ in range(2):  # the label keeps its shuffles
        assert made.about_label(prepared, label).details["null"] == pytest.approx(np.mean(values), rel=1e-12)


def test_a_row_of_zeros_chooses_evenly():
    t = torch.cat([torch.zeros((2, 3)), normal(4, 3, dtype=torch.float32)])
    prepared = Soft(codewords=16).prepare(t)
    assert (prepared.codes[:2] == 2**14).all()  # the root of 1 / 16, rounded
    found = Soft(codewords=16).about_input(prepared, Variable(distinct_ids(6)))
    assert "zero-rows" in found.flags
    assert found.details["zero_rows"] == 2


def test_of_distinct_labels_all_is_null():
    """Any order of them gives the same; of distinct inputs there is no null."""
    t = normal(30, 3)
    found = ip.mutual_information(t, np.arange(30), estimator="soft")
    assert found.details["null"] == found.value
    assert found.flags == ("red", "null-exceeds-half")
    made = Soft()
    assert made.about_input(made.prepare(t), Variable(distinct_ids(30))).details["null"] is None


def test_codewords_are_unit_directions_of_their_seed():
    words = directions(1000, 7, seed=1)
    assert words.norm(dim=1).numpy() == pytest.approx(np.ones(1000), abs=1e-14)
    assert torch.equal(words, directions(1000, 7, seed=1))
    assert not torch.equal(words, directions(1000, 7, seed=2))
    assert words.mean(0).abs().max() < 4 / math.sqrt(7 * 1000)


def test_options_are_checked_and_cloned():
    for wrong in ({"codewords": 1}, {"codewords": 2.5}, {"epsilon": 0}, {"epsilon": math.nan}, {"null": -1}):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} must be"):
            Soft(**wrong)
    options = {"codewords": 7, "epsilon": 0.5, "null": 0, "seed": 3}
    assert clone(Soft(**options)).get_params() == options
    with pytest.raises(InputError, match="y_bins="):
        ip.mutual_information(normal(99, 2), np.linspace(0, 1, 99), estimator="soft")


def test_the_global_random_state_is_left():
    before = torch.random.get_rng_state()
    ip.mutual_information(normal(30, 3), np.arange(30) % 2, estimator="soft")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_codes_do_not_depend_on_where_a_layer_lies_in_memory():
    t = torch.randn(600, 7, generator=torch.Generator().manual_seed(0))
    expected = Soft().prepare(t).codes
    for offset in range(1, 17):
        room = torch.empty(t.numel() + 32)[offset : offset + t.numel()].view(t.shape).copy_(t)
        assert torch.equal(Soft().prepare(room).codes, expected)
    assert torch.equal(Soft().prepare(t.T.contiguous().T).codes, expected)
