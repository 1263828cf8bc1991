"""Paired differences: closed forms, what cancels, how often intervals hold, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

import infoplane as ip
from infoplane.errors import InputError
from infoplane.estimators.difference import Terms, difference_of_terms
from infoplane.flags import RED


def layers(n, seed):
    """A label, a layer, and the same with more noise: I(T;Y) of normal variables, .5 log2(1 + signal/noise)."""
    random = np.random.default_rng(seed)
    y = random.normal(size=n)
    early = y + random.normal(size=n)
    return y, early, early + random.normal(size=n)


TRUTH = 0.5 * np.log2(2) - 0.5 * np.log2(1.5)


def lost(n=400, seed=0, estimator="gaussian", **options):
    y, *both = layers(n, seed)
    return ip.difference(*(ip.mutual_information(t, y, estimator=estimator, keep_terms=True, **options) for t in both))


@pytest.mark.parametrize(("estimator", "repeats"), [("gaussian", 12), ("ksg", 12)])
def test_intervals_hold_the_closed_form(estimator, repeats):
    """At 93 % or more in truth, fewer than this are seen in one of 1000 runs.

    Every draw counts, also one that is red, whose interval is not shown: it is taken here as if it had no flags.
    """
    held = 0
    for seed in range(repeats):
        y, *both = layers(300, seed)
        kept = [ip.mutual_information(t, y, estimator=estimator, keep_terms=True, intervals=False) for t in both]
        each = difference_of_terms(*([replace(estimate.details["terms"], flags=())] for estimate in kept))
        held += each.low <= TRUTH <= each.high
    assert held >= binom.ppf(0.001, repeats, 0.93)


def test_what_both_share_cancels():
    y, early, late = layers(1000, 1)
    a, b = (ip.mutual_information(t, y, estimator="gaussian", keep_terms=True) for t in (early, late))
    paired = ip.difference(a, b)
    apart = np.hypot((a.high - a.low) / 2, (b.high - b.low) / 2)
    assert (paired.high - paired.low) / 2 < 0.75 * apart
    assert paired.value == pytest.approx(a.value - b.value)
    assert paired.interval == "population 95 %"
    nothing = ip.difference(a, a)
    assert (nothing.value, nothing.low, nothing.high) == pytest.approx((0, 0, 0))


def test_it_is_antisymmetric_and_in_its_units():
    y, early, late = layers(400, 2)
    a, b = (ip.mutual_information(t, y, estimator="gaussian", units="nats", keep_terms=True) for t in (early, late))
    one, other = ip.difference(a, b), ip.difference(b, a)
    assert (one.low, one.value, one.high) == pytest.approx((-other.high, -other.value, -other.low))
    assert one.value == pytest.approx(lost(400, 2).value * np.log(2))


def test_estimators_and_groups_are_compared_too():
    y, early, _ = layers(400, 3)
    groups = np.arange(400) // 4
    given = {"continuous": "y", "keep_terms": True, "groups": groups}
    pair = [ip.mutual_information(early, y, estimator=name, **given) for name in ("gaussian", "ksg")]
    assert pair[0].details["terms"].without is not None
    assert pair[1].details["terms"].without is None
    both = ip.difference(*pair)
    assert both.low < 0 < both.high
    with pytest.raises(InputError, match="differ in their samples, groups and seed"):
        ip.difference(pair[0], ip.mutual_information(early, y, estimator="ksg", keep_terms=True))


def terms(value, spread, seed, flags=()):
    random = np.random.default_rng(seed)
    return Terms(
        value, "bits", tuple(value + spread * random.normal(size=50)), (0.0,) * 8, (0.0,) * 2, (9, 0, 0), flags
    )


def test_seeds_add_their_own_variance():
    a, b = [terms(v, 1e-3, 0) for v in (0.5, 0.7, 0.9)], [terms(v, 1e-3, 1) for v in (0.1, 0.1, 0.1)]
    pooled = difference_of_terms(a, b)
    assert pooled.value == pytest.approx(0.6)
    assert pooled.details["between_seeds"] == pytest.approx(0.2 / 3**0.5)
    single = difference_of_terms(a[:1], b[:1])
    assert pooled.details["standard_error"] == pytest.approx(
        np.hypot(single.details["standard_error"], 0.2 / 3**0.5), rel=1e-6
    )
    assert pooled.high - pooled.low > 2 * 4.3 * 0.2 / 3**0.5 * 0.8  # Student's distribution of two degrees, nearly


def test_red_has_no_interval():
    doubtful = difference_of_terms([terms(0.5, 0.01, 0, (RED,))], [terms(0.2, 0.01, 1)])
    assert doubtful.low is doubtful.high is doubtful.interval is None
    assert "red" in doubtful.flags


def test_what_cannot_be_compared():
    y, early, late = layers(100, 4)
    plain = ip.mutual_information(early, y, estimator="gaussian")
    kept = ip.mutual_information(late, y, estimator="gaussian", keep_terms=True)
    with pytest.raises(InputError, match="make both estimates with keep_terms=True"):
        ip.difference(plain, kept)
    with pytest.raises(InputError, match="2 estimates and 1: give as many of both"):
        ip.difference([kept, kept], kept)
    in_nats = ip.mutual_information(late, y, estimator="gaussian", keep_terms=True, units="nats")
    with pytest.raises(InputError, match="differ in their units"):
        ip.difference(kept, in_nats)
    with pytest.raises(InputError, match="usable splits them by itself"):
        ip.mutual_information(early, y > 0, estimator="usable", keep_terms=True)
    with pytest.raises(InputError, match="10 samples or groups are too few"):
        ip.mutual_information(early[:10], y[:10], estimator="gaussian", continuous="y", keep_terms=True)
