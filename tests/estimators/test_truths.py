"""Information that is known exactly: channels and puzzles, with every outcome as often as it is probable."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from infoplane.estimators import mutual_information
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.rules import rule
from infoplane.estimators.counting.samples import Variable, distinct_ids, input_ids, label_ids


def h(*shares):
    return -sum(p * math.log(p) for p in shares if p > 0)


def nats(t, y, bins="distinct"):
    return mutual_information(np.asarray(t, dtype=np.float64), y, bins=bins, units="nats").value


def from_table(counts):
    """Samples (t, y) in which (i, j) occurs counts[i][j] times."""
    pairs = [(i, j) for i, row in enumerate(counts) for j, count in enumerate(row) for _ in range(count)]
    return np.array(pairs).T


@pytest.mark.parametrize(
    ("counts", "truth"),
    [
        ([[50, 0], [0, 50]], 0.69314718056),
        ([[95, 5], [5, 95]], 0.494631937214),
        ([[89, 11], [11, 89]], 0.346631843641),
        ([[75, 25], [25, 75]], 0.130812035941),
        ([[50, 50], [50, 50]], 0.0),
    ],
    ids=["0", ".05", ".11", ".25", ".5"],
)
def test_binary_symmetric_channel(counts, truth):
    assert nats(*from_table(counts)) == pytest.approx(truth, abs=1e-11)
    flip = counts[0][1] / sum(counts[0])
    assert nats(*from_table(counts)) == pytest.approx(math.log(2) - h(flip, 1 - flip), abs=1e-12)


@pytest.mark.parametrize(
    ("q", "right", "wrong", "truth"),
    [(4, 27, 1, 0.951350158862), (10, 81, 1, 1.75777966187), (10, 9, 9, 0.0), (10, 3, 0, 2.30258509299)],
)
def test_q_ary_symmetric_channel(q, right, wrong, truth):
    counts = [[right if i == j else wrong for j in range(q)] for i in range(q)]
    assert nats(*from_table(counts)) == pytest.approx(truth, abs=1e-11)
    error = wrong * (q - 1) / (right + wrong * (q - 1))
    closed_form = math.log(q) - h(error, 1 - error) - error * math.log(q - 1)
    assert nats(*from_table(counts)) == pytest.approx(closed_form, abs=1e-12)


@pytest.mark.parametrize("percent", [10, 50])
def test_erasure_and_z_channels(percent):
    e = percent / 100
    erasure = [[100 - percent, percent, 0], [0, percent, 100 - percent]]
    assert nats(*from_table(erasure)) == pytest.approx((1 - e) * math.log(2), abs=1e-12)
    z = [[100, 0], [percent, 100 - percent]]
    assert nats(*from_table(z)) == pytest.approx(h((1 - e) / 2, (1 + e) / 2) - h(e, 1 - e) / 2, abs=1e-12)


BITS = np.array(list(itertools.product([0, 1], repeat=12)))


def test_parity_is_known_from_all_bits_and_from_no_fewer():
    parity = BITS.sum(1) % 2
    for left_out in (0, 5, 11):
        assert nats(np.delete(BITS, left_out, axis=1), parity) == pytest.approx(0, abs=1e-12)
    assert nats(BITS, parity) == pytest.approx(math.log(2), abs=1e-12)


@pytest.mark.parametrize("k", [1, 6, 12])
def test_the_first_bits_hold_themselves(k):
    made = Binned("distinct")
    symbols = made.prepare(torch.from_numpy(BITS[:, :k].astype(np.float32)))
    assert made.about_input(symbols, Variable(input_ids(BITS)), "nats").value == pytest.approx(
        k * math.log(2), abs=1e-12
    )


def test_the_number_of_bits_and_its_threshold():
    ones = BITS.sum(1)
    binomial = [math.comb(12, k) / 4096 for k in range(13)]
    assert nats(ones, ones) == pytest.approx(h(*binomial), abs=1e-12)
    assert nats(ones, ones) == pytest.approx(1.9675181956, abs=1e-10)
    assert nats(BITS, ones >= 7) == pytest.approx(0.667482348722, abs=1e-11)


# H(T) and I(T;Y) in nats for 2, 4, 8, 30 and 256 bins on [-1, 1], layer by layer, Y = [at least 7 inputs are +1]
ENUMERATED = [
    [(2.94607211648, 0.0059583358044), (5.06771864452, 0.0497416014875), (6.40402432857, 0.161878764516),
     (8.01145405205, 0.527653617616), (8.31776616672, 0.667482348722)],
    [(2.38309607301, 0.00338213598586), (3.99024730213, 0.0168108147011), (5.20804971046, 0.0633141521676),
     (7.18182983107, 0.296838160201), (8.29652672661, 0.655719530225)],
    [(2.08167850744, 0.00226394721739), (2.08167850744, 0.00226394721739), (2.08167850744, 0.00226394721739),
     (4.38688678013, 0.0339149006588), (7.43135782976, 0.396629621036)],
    [(1.82089782932, 0.00219264786652), (1.82089782932, 0.00219264786652), (2.11796366971, 0.00334516995045),
     (4.41012554679, 0.035622860155), (7.55946967219, 0.431120243107)],
    [(1.48158456811, 0.00195427761996), (1.48158456811, 0.00195427761996), (2.66449376103, 0.00681940587896),
     (4.6050555927, 0.0342261072069), (7.58508300251, 0.439851256265)],
]  # fmt: skip


def enumerated_layers(dtype):
    """Activations of a 12-10-7-5-4-3 tanh network with weights cos(1 + l + a * inputs + b) * sqrt(2 / inputs)."""
    t = 2.0 * BITS.astype(dtype) - 1
    widths = (12, 10, 7, 5, 4, 3)
    for layer, (inputs, units) in enumerate(itertools.pairwise(widths)):
        place = 1 + layer + np.arange(units)[:, None] * inputs + np.arange(inputs)
        t = np.tanh(t @ (np.cos(place) * math.sqrt(2 / inputs)).astype(dtype).T)
        yield t


def test_a_network_on_all_its_inputs():
    y, x = label_ids(BITS.sum(1) >= 7), distinct_ids(4096)
    made = [Binned({"rule": "fixed", "bins": bins}) for bins in (2, 4, 8, 30, 256)]
    exact = 0
    for t64, t32, truths in zip(enumerated_layers(np.float64), enumerated_layers(np.float32), ENUMERATED, strict=True):
        for binned, (h_t, i_ty) in zip(made, truths, strict=True):
            symbols = binned.prepare(torch.from_numpy(t64))
            assert binned.about_input(symbols, Variable(x), "nats").value == pytest.approx(h_t, abs=1e-10)
            assert binned.about_label(symbols, Variable(y), "nats").value == pytest.approx(i_ty, abs=1e-10)
            single = binned.prepare(torch.from_numpy(t32))
            exact += abs(binned.about_label(single, Variable(y), "nats").value - i_ty) < 1e-10
    assert exact >= 24  # in float32 one of 25 may have a value on the other side of an edge


def test_reading_it_in_pieces_changes_no_code():
    for t in enumerated_layers(np.float32):
        rows = torch.from_numpy(t)
        for name in ("report", "fixed", "layer", "unit", "quantile", "width", "distinct"):
            quantiser = rule(name).fit(rows)
            whole = quantiser.codes(rows)[0]
            for size in (1000, 4095):
                assert torch.equal(torch.cat([quantiser.codes(piece)[0] for piece in rows.split(size)]), whole)


def test_the_ceiling_of_a_thousand_distinct_inputs():
    made = Binned("distinct")
    estimate = made.about_input(made.prepare(torch.arange(1000.0)[:, None]), Variable(distinct_ids(1000)), "nats")
    assert estimate.value == pytest.approx(6.90775527898, abs=1e-11)
    assert estimate.details["h_x"] == pytest.approx(math.log(1000), abs=1e-12)
    assert {"red", "saturated"} <= set(estimate.flags)
