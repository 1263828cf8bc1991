"""Verdicts: against cases whose bootstrap distribution can be written down, and the three words at their borders."""

import numpy as np
import pytest
from scipy import stats

from infoplane.errors import InputError
from infoplane.replications.verdict import (
    Check,
    Judged,
    auc,
    claim_verdict,
    correlation,
    judge,
    largest,
    mean,
    median,
    smallest,
)


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation():
    values = np.random.default_rng(0).normal(3, 2, 400)
    judged = judge(Check("mean", mean, [values], above=0))
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert judged.value == values.mean()
    np.testing.assert_allclose([judged.low, judged.high], [values.mean() - half, values.mean() + half], atol=0.02)


def test_the_interval_of_a_share_has_binomial_ends():
    values = np.repeat([1.0, 0.0], [15, 5])
    judged = judge(Check("share", mean, [values], above=0.5))
    exact = stats.binom(20, 0.75)
    assert judged.low == exact.ppf(0.025) / 20
    assert judged.high == exact.ppf(0.975) / 20


@pytest.mark.parametrize(
    ("above", "below", "word"),
    [
        (1.9, None, "holds"),
        (3.1, None, "does not hold"),
        (2.5, None, "undecided"),
        (None, 3.1, "holds"),
        (None, 1.9, "does not hold"),
        (None, 2.5, "undecided"),
        (1.9, 3.1, "holds"),
        (2.5, 3.1, "undecided"),
        (3.5, 4.0, "does not hold"),
        (2.0, None, "undecided"),  # the interval's end lies on the threshold
    ],
)
def test_the_word_follows_from_the_whole_interval(above, below, word):
    values = [2.0, 3.0]  # resampled means are 2, 2.5 and 3
    judged = judge(Check("mean", mean, [values], above=above, below=below))
    assert (judged.low, judged.high) == (2.0, 3.0)
    assert judged.verdict == word


def test_no_relation_is_claimed_of_an_interval_that_holds_nothing_else():
    random = np.random.default_rng(1)
    x, noise = random.normal(size=(2, 200))
    assert judge(Check("r", correlation, [x, noise], contains=0)).verdict == "holds"
    assert judge(Check("r", correlation, [x, x + noise], contains=0)).verdict == "does not hold"


def test_pairs_are_drawn_together():
    x = np.arange(10.0)
    together_, apart = (judge(Check("r", correlation, [x, x], above=0, paired=paired)) for paired in (True, False))
    assert (together_.low, together_.high) == pytest.approx((1, 1))
    assert apart.low < 0 < apart.high


def test_statistics_against_scipy_and_by_hand():
    random = np.random.default_rng(2)
    a, b = random.integers(0, 5, 30).astype(float), random.integers(0, 5, 20).astype(float)
    assert auc(a, b) == pytest.approx(stats.mannwhitneyu(a, b).statistic / 600)
    assert correlation(a[:20], b) == pytest.approx(stats.pearsonr(a[:20], b).statistic)
    assert np.isnan(correlation(a, np.ones(30)))
    table = np.stack([a, a + 1])
    for statistic, expected in ((median, np.median), (mean, np.mean), (smallest, np.min), (largest, np.max)):
        np.testing.assert_array_equal(statistic(table), [expected(a), expected(a + 1)])


def test_a_statistic_that_is_no_number_decides_nothing():
    ones = np.ones(5)
    assert judge(Check("r", correlation, [ones, ones], above=0)).verdict == "undecided"


def test_one_broken_check_breaks_the_claim():
    def with_words(*words):
        return claim_verdict([Judged("", "", 0, 0, 0, 1, word) for word in words])

    assert with_words("holds", "holds") == "holds"
    assert with_words("holds", "undecided") == "undecided"
    assert with_words("undecided", "does not hold", "holds") == "does not hold"


def test_what_stands_beside_a_claim_does_not_change_its_verdict():
    fails = judge(Check("mean", mean, [[1.0, 2.0]], above=3, contrast=True))
    assert (fails.verdict, fails.contrast) == ("does not hold", True)
    holds = judge(Check("mean", mean, [[4.0, 5.0]], above=3))
    assert claim_verdict([holds, fails]) == "holds"


def test_numbers_are_written_in_digits_that_mean_something():
    judged = Judged("", "", 3.41234, -4e-15, 12.0, 20, "holds")
    assert judged.formatted == "3.41 (0 to 12)"


@pytest.mark.parametrize(
    ("samples", "options", "said"),
    [
        ([[]], {"above": 1}, r"samples of \[0\] seeds"),
        ([[1], [1, 2]], {"above": 1}, r"samples of \[1, 2\] seeds"),
        ([[1]], {}, "no threshold"),
    ],
)
def test_what_cannot_be_judged(samples, options, said):
    with pytest.raises(InputError, match=said):
        judge(Check("drop", mean, samples, **options))
