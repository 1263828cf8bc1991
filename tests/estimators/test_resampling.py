"""Intervals from some of the samples: they hold the truth, follow groups, and are there where they mean something."""

import math

import numpy as np
import pytest

import infoplane as ip
from infoplane.errors import InputError


def grouped(random):
    """40 texts of 10 tokens with one symbol and one label each; the label is the symbol but for a quarter."""
    symbol = random.integers(0, 2, 40)
    label = np.where(random.random(40) < 0.25, 1 - symbol, symbol)
    texts = np.repeat(np.arange(40), 10)
    return symbol[texts][:, None].astype(float), label[texts], texts


def test_intervals_over_groups_hold_the_truth_and_those_over_samples_do_not():
    """I = 1 - h(1/4) bits. Of 40 repeats 95 % are 38; 31 or fewer hold with probability 3e-4."""
    truth = 1 + 0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)
    over_groups = over_samples = 0
    for seed in range(40):
        t, y, texts = grouped(np.random.default_rng(seed))
        one = ip.mutual_information(t, y, bins=2, groups=texts)
        other = ip.mutual_information(t, y, bins=2)
        over_groups += one.low <= truth <= one.high
        over_samples += other.low <= truth <= other.high
    assert over_groups >= 32
    assert over_samples < 30


def test_an_interval_over_groups_says_what_it_is():
    t, y, texts = grouped(np.random.default_rng(0))
    estimate = ip.mutual_information(t, y, bins=2, groups=texts)
    assert estimate.details["interval"] == "jackknife over 40 groups"
    many = ip.mutual_information(np.tile(t, (3, 1)), np.tile(y, 3), bins=2, groups=np.arange(1200) // 5)
    assert many.details["interval"] == "jackknife over 50 groups"
    with pytest.raises(InputError, match="all samples are in one group"):
        ip.mutual_information(t, y, bins=2, groups=np.zeros(400))


def normal_pair(seed, n=300, rho=0.7):
    """Two samples (n, 1) of correlation rho: I = -log(1 - rho^2) / 2 nats."""
    random = np.random.default_rng(seed)
    t = random.normal(size=(n, 1))
    return t, rho * t + math.sqrt(1 - rho**2) * random.normal(size=(n, 1))


@pytest.mark.parametrize("name", ["ksg", "mixed-ksg"])
def test_intervals_from_parts_hold_the_truth(name):
    """Of 40 repeats 95 % are 38; 31 or fewer hold with probability 3e-4."""
    truth, held = -math.log(1 - 0.7**2) / 2, 0
    for seed in range(40):
        t, y = normal_pair(seed)
        one = ip.mutual_information(t, y, estimator=name, units="nats")
        held += one.low <= truth <= one.high
    assert held >= 32


def test_parts_of_groups_are_of_whole_groups():
    """Copies of samples are no samples: with them as groups the interval is nearly as wide as without the copies."""
    t, y = normal_pair(3, n=200)
    once = ip.mutual_information(t, y, estimator="renyi", alpha=2, kernel_width=1.0)
    copied = np.repeat(np.arange(200), 4)
    grouped_, alone = (
        ip.mutual_information(t[copied], y[copied], estimator="renyi", alpha=2, kernel_width=1.0, groups=groups)
        for groups in (copied, None)
    )
    assert grouped_.details["interval"] == "8 parts of 200 groups"
    assert once.details["interval"] == "8 parts of 200 samples"
    width = [one.high - one.low for one in (once, grouped_, alone)]
    assert width[1] > 0.7 * width[0]
    assert width[1] > 1.3 * width[2]


def test_an_interval_that_cannot_be_says_why():
    t, y = normal_pair(0, n=120)
    few = ip.mutual_information(t, y, estimator="mixed-ksg", groups=np.arange(120) // 30)
    assert (few.low, few.high, few.interval) == (None, None, None)
    assert few.details["interval"] == "none: 4 groups are too few, give at least 8"
    slow = ip.mutual_information(t, y, estimator="edge")
    assert (slow.low, slow.interval) == (None, None)
    assert slow.details["interval"] == "none: the bias of edge falls too slowly to be seen in the samples"


def test_cells_stay_the_same_where_groups_are_left_out():
    """Cells of equal share would move with every group that is left out; these have one code a sample for good."""
    random = np.random.default_rng(0)
    t, groups = random.normal(size=(400, 1)), np.repeat(np.arange(40), 10)
    y = (t[:, 0] > 0).astype(int) ^ (random.random(400) < 0.2)
    estimate = ip.mutual_information(t, y, bins={"rule": "quantile", "bins": 4}, groups=groups)
    cells = np.searchsorted(estimate.details["edges"], t[:, 0], side="right")
    same = ip.mutual_information(cells[:, None] * 1.0, y, bins="distinct", groups=groups)
    assert (estimate.low, estimate.high) == pytest.approx((same.low, same.high), abs=1e-12)


def test_a_value_that_the_last_doubling_changes_is_flagged_and_its_interval_is_wide():
    """Neighbours in six columns, rho .9, some .7 nats too low at 200 samples: the truth is 2.49 nats."""
    random = np.random.default_rng(0)
    t = random.normal(size=(200, 3))
    y = 0.9 * t + math.sqrt(0.19) * random.normal(size=(200, 3))
    estimate = ip.mutual_information(t, y, estimator="ksg", units="nats")
    assert "not-converged" in estimate.flags
    assert estimate.value < 2 < 2.49 < estimate.high
    assert estimate.details["last_doubling"] > 0.1
    assert estimate.high - estimate.value > 3.5 * estimate.details["last_doubling"]
