"""The report's two tasks: formulas row by row, exact entropies by enumeration, and what the published code does."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from infoplane import datasets
from infoplane.errors import InputError

VALUES = range(-1, 4)


def exact_nats(distribution, noise, threshold):
    """H(Y) and I(X;Y) in nats of y = [v + N(0, noise) > threshold], v distributed exactly as given."""

    def h(p):
        return -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)

    above = {v: 0.5 * math.erfc((threshold - v) / noise / math.sqrt(2)) for v in distribution}
    h_y = h(math.fsum(float(p) * above[v] for v, p in distribution.items()))
    return h_y, h_y - math.fsum(float(p) * h(above[v]) for v, p in distribution.items())


def distribution_of_sum(*terms):
    """The exact distribution of a sum of independent values, each uniform on the entries of one term."""
    total = {0: Fraction(1)}
    for term in terms:
        longer = Counter()
        for so_far, p in total.items():
            for value in term:
                longer[so_far + value] += p / len(term)
        total = longer
    return total


def test_simple_has_the_exact_entropies_of_the_convolution():
    mean = {Fraction(v, 12): p for v, p in distribution_of_sum(*[list(VALUES)] * 12).items()}
    h_y, i_xy = exact_nats(mean, 0.1, 0.7)
    assert h_y == pytest.approx(0.551010766154, abs=1e-9)
    assert i_xy == pytest.approx(0.418389277611, abs=1e-9)
    facts = datasets.load("report-simple").details["facts"]
    assert facts["h_y_bits"] * math.log(2) == pytest.approx(h_y, abs=1e-12)
    assert facts["i_xy_bits"] * math.log(2) == pytest.approx(i_xy, abs=1e-12)
    assert facts["h_x_bits"] == pytest.approx(12 * math.log2(5))


def test_simple_shapes_and_far_from_the_threshold_labels():
    data = datasets.load("report-simple", samples=3000, seed=2)
    assert data.x.shape == (3000, 12)
    assert data.x.dtype == np.int64
    assert set(np.unique(data.x)) == set(VALUES)
    mean = data.x.mean(axis=1)
    far = abs(mean - 0.7) > 0.6  # six standard deviations of the noise
    assert far.sum() > 100
    assert np.array_equal(data.y[far], mean[far] > 0.7)
    assert set(data.y[abs(mean - 0.7) < 0.1]) == {0, 1}


def slow_s(row):
    return sum(row[i] * row[i + 1] for i in (2, 4, 6, 8, 10)) - row[0] ** 2


def test_complicated_is_row_wise_by_default():
    data = datasets.load("report-complicated", samples=2000, seed=4)
    s = np.array([slow_s(row) for row in data.x.tolist()])
    assert data.details["facts"]["threshold"] == pytest.approx(s.mean(), abs=1e-12)
    far = abs(s - s.mean()) > 1.2  # six standard deviations of the noise
    assert far.sum() > 1000
    assert np.array_equal(data.y[far], s[far] > s.mean())
    assert all(set(data.y[data.x[:, 0] == v]) == {0, 1} for v in VALUES)


@pytest.mark.parametrize("seed", range(20))
def test_as_published_depends_on_the_first_input_only(seed):
    data = datasets.load("report-complicated", as_published=True, seed=seed)
    draw = np.random.default_rng(seed)
    assert np.array_equal(data.x, draw.integers(-1, 4, size=(1000, 12)))
    square = data.x[:, 0] ** 2
    assert np.array_equal(data.y, draw.normal(scale=0.2, size=1000) > square - square.mean())
    exceptions = data.y != np.isin(data.x[:, 0], [-1, 0, 1])
    assert exceptions.sum() <= 1  # noise of more than four standard deviations
    assert np.array_equal(data.x, datasets.load("report-complicated", seed=seed).x)


def test_complicated_facts_are_exact_at_the_threshold():
    pair = [a * b for a, b in itertools.product(VALUES, VALUES)]
    square = [-a * a for a in VALUES]
    data = datasets.load("report-complicated", seed=1)
    h_y, i_xy = exact_nats(distribution_of_sum(*[pair] * 5, square), 0.2, data.details["facts"]["threshold"])
    assert data.details["facts"]["h_y_bits"] * math.log(2) == pytest.approx(h_y, abs=1e-12)
    assert data.details["facts"]["i_xy_bits"] * math.log(2) == pytest.approx(i_xy, abs=1e-12)


def test_as_published_facts_are_those_of_three_values_in_five():
    facts = datasets.load("report-complicated", as_published=True).details["facts"]
    three_in_five = -(0.6 * math.log2(0.6) + 0.4 * math.log2(0.4))
    assert facts["h_y_bits"] == pytest.approx(three_in_five, abs=1e-4)
    assert facts["i_xy_bits"] == pytest.approx(three_in_five, abs=1e-4)


def test_as_published_is_a_switch():
    with pytest.raises(InputError, match="as_published=1: it must be True or False"):
        datasets.load("report-complicated", as_published=1)
