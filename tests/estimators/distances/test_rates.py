"""Between the levels of a ladder: where a rate is passed, and what is known there."""

import math

import pytest

from infoplane.estimators.distances.brackets import Bracket
from infoplane.estimators.distances.rates import at_rate, between

RATIOS = (1.0, 4.0, 16.0)
I_XT = [Bracket(0.4, 0.6, 0.0, 0.0), Bracket(1.3, 1.7, 0.0, 0.0), Bracket(2.0, 3.0, 0.0, 0.0)]
I_TY = [Bracket(0.1, 0.3, 0.01, 0.01), Bracket(0.5, 0.7, 0.01, 0.03), Bracket(0.6, math.inf, 0.01, math.inf)]


def test_half_way_between_two_levels_is_the_mean_of_both():
    there = between(math.log(2), RATIOS, I_TY)
    assert (there.lower, there.upper, there.upper_error) == pytest.approx((0.3, 0.5, 0.02))
    assert between(math.log(4), RATIOS, I_TY) == I_TY[1]  # a level is itself, whatever stands beside it
    assert between(math.log(8), RATIOS, I_TY).upper == math.inf


def test_the_ends_at_a_rate_are_those_where_the_ends_of_i_xt_pass_it():
    there = at_rate(1.0, RATIOS, I_XT, I_TY)
    assert there.place == pytest.approx(math.log(2))  # .5 and 1.5 in the middle
    assert there.value == pytest.approx(0.4)
    few, many = (1 - 0.6) / 1.1, (1 - 0.4) / 0.9  # shares of the way to the second level
    assert there.bracket.low == pytest.approx((1 - few) * I_TY[0].low + few * I_TY[1].low, abs=1e-9)
    assert there.bracket.high == pytest.approx((1 - many) * I_TY[0].high + many * I_TY[1].high, abs=1e-9)


def test_a_rate_beyond_the_levels_is_none():
    assert at_rate(0.3, RATIOS, I_XT, I_TY) is None
    assert at_rate(2.6, RATIOS, I_XT, I_TY) is None
    assert at_rate(2.2, RATIOS, I_XT, I_TY).bracket.high == math.inf  # the lower end of I(X;T) never gets there
    assert at_rate(0.55, RATIOS, I_XT, I_TY).bracket.low <= 0  # the upper end is above it everywhere
