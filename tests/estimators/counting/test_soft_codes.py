"""What samples and groups weigh, compiled and in tensor operations, against the definition."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.estimators.counting.samples import Variable, distinct_ids, label_ids, number
from infoplane.estimators.counting.soft_codes import (
    Groups,
    group_weights,
    influence,
    row_weights,
    sample_weights,
    soft_codes,
    tensor_group_weights,
    tensor_sample_weights,
)
from infoplane.estimators.soft import Soft


def weight(numbers):
    """S log S - sum of a log a, slowly."""
    total = sum(numbers)
    return -math.fsum(a * math.log(a / total) for a in numbers if a > 0)


def codes_of(roots):
    return torch.from_numpy(np.asarray(roots, dtype=np.uint16).view(np.int16))


def numbers_of(codes):
    return [[int(root) ** 2 for root in row] for row in codes.numpy().view(np.uint16)]


def group_weight(codes, y):
    """What all groups weigh together, slowly."""
    groups = {}
    for row, label in zip(numbers_of(codes), y, strict=True):
        groups.setdefault(int(label), []).append(row)
    return math.fsum(weight([sum(column) for column in zip(*rows, strict=True)]) for rows in groups.values())


def test_soft_codes_are_rounded_roots():
    shares = torch.tensor([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    found = soft_codes(shares.clone()).numpy().view(np.uint16)
    assert found.tolist() == [[32768, round(65535 * math.sqrt(0.75)), 0], [65535, 0, 0]]


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(1, 30), st.integers(2, 20), st.integers(0, 10_000))
def test_samples_and_groups(samples, most, codewords, seed):
    rng = np.random.default_rng(seed)
    codes = codes_of(rng.integers(65536, size=(samples, codewords)) * rng.integers(2, size=(samples, codewords)))
    orders = [rng.permutation(np.arange(samples) % most) for _ in range(3)]
    groups = Groups.of([label_ids(y) for y in orders])
    for of_samples, of_groups in (
        (sample_weights, group_weights),
        (tensor_sample_weights, tensor_group_weights),
    ):
        weights, sums = of_samples(codes)
        near = {"rel": 1e-13, "abs": 1e-4}  # of weights of about 1e9 a sample
        assert weights.tolist() == pytest.approx([weight(row) for row in numbers_of(codes)], **near)
        assert sums.tolist() == np.sum(numbers_of(codes), 0).tolist()
        assert of_groups(codes, groups, weights) == pytest.approx([group_weight(codes, y) for y in orders], **near)


@pytest.mark.parametrize("count", [7, 9000])
def test_many_samples(device, count):
    codes = torch.randint(2**16, (9000, 4), generator=torch.Generator().manual_seed(0)).to(torch.int16).to(device)
    y = np.arange(9000) % count
    groups = Groups.of([label_ids(y) if count < 9000 else distinct_ids(9000)])
    groups = Groups(groups.orders.to(device), groups.counts)
    weights, sums = sample_weights(codes)
    assert group_weights(codes, groups, weights) == pytest.approx([group_weight(codes.cpu(), y)], rel=1e-12)
    assert sums.tolist() == np.sum(numbers_of(codes.cpu()), 0).tolist()


def test_logarithms_of_all_sizes():
    """Rows of two numbers, where each logarithm can be seen; near the ends of a power of 2 and of its roots too."""
    near = [round(2**power * factor) + more for power in range(2, 31) for factor in (1, 2**0.5) for more in (-1, 0, 1)]
    roots = sorted({min(math.isqrt(number), 65535) for number in near} | {0, 1, 2, 3})
    codes = codes_of([[a, b] for a in roots for b in roots])
    found, numbers = sample_weights(codes)[0].numpy(), np.array(numbers_of(codes))
    totals = numbers.sum(1)
    expected = [weight(row) for row in numbers.tolist()]
    assert (np.abs(found - expected) <= 4e-16 * totals * np.log(np.maximum(totals, 2)) * 2).all()
    one_group = Groups.of([label_ids([0] * len(codes))])
    summed = row_weights(torch.from_numpy(numbers.sum(0))[None])
    assert group_weights(codes, one_group, torch.from_numpy(found)) == pytest.approx(summed.tolist(), rel=1e-14)


def test_the_order_of_samples_changes_no_bit():
    rng = np.random.default_rng(0)
    codes, y, order = codes_of(rng.integers(65536, size=(500, 9))), rng.integers(300, size=500), rng.permutation(500)
    found = []
    for rows in (np.arange(500), order):
        some = codes[torch.from_numpy(rows)]
        found.append(group_weights(some, Groups.of([label_ids(y[rows])]), sample_weights(some)[0]))
    assert found[0] == found[1]


def test_the_influence_of_samples_is_their_jackknife_to_first_order():
    """The terms' mean is the information; left out one by one, samples move it as the terms say, and the bias too."""
    random = np.random.default_rng(0)
    t, y = torch.from_numpy(random.normal(size=(120, 3))), torch.from_numpy(random.integers(0, 3, 120))
    made = Soft(codewords=12, null=0)
    layer, labels = made.prepare(t), number(y)
    terms, bias = influence(layer.codes, labels)

    def value(keep):
        return made.with_label(layer.take(keep), Variable(labels.take(keep))).value

    everyone = torch.arange(120)
    without = torch.tensor([value(everyone != at) for at in range(120)])
    assert float(terms.mean()) == pytest.approx(value(everyone), abs=1e-6)
    pseudo = 120 * value(everyone) - 119 * without  # (samples,)
    assert np.corrcoef(pseudo, terms)[0, 1] > 0.99
    assert value(everyone) - float(pseudo.mean()) == pytest.approx(bias, rel=0.1)
