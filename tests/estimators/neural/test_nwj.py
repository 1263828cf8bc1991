"""NWJ on normal pairs of known information: near the truth, and above it by no more than chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.estimators import estimator, mutual_information
from infoplane.estimators.neural.critic import Scored
from infoplane.flags import RED

from .test_critic import pair


def test_it_is_a_lower_bound_near_the_truth():
    truth = -5 / 2 * math.log(1 - 0.8**2)
    estimates = [mutual_information(*pair(n=2000, seed=s), estimator="nwj", units="nats") for s in range(3)]
    for estimate in estimates:
        assert estimate.kind == "lower bound"
        assert estimate.value < truth + 3 * estimate.details["standard_error"]
        lower = None if RED in estimate.flags else estimate.value - 1.96 * estimate.details["standard_error"]
        assert estimate.low == (lower if lower is None else pytest.approx(lower))
        assert estimate.high is None
    assert sum(estimate.low is None for estimate in estimates) <= 1  # 2.6 nats: a few pairs carry the mean of some
    assert truth - 0.7 < np.median([estimate.value for estimate in estimates]) < truth + 0.05


def test_the_best_scores_give_the_information():
    """f = 1 + log p(v|t)/p(v) of a binary symmetric channel makes the bound tight."""
    t = torch.arange(2000) // 1000
    v = torch.where(torch.arange(2000) % 10 == 0, 1 - t, t)
    scores = 1 + torch.where(t[:, None] == v, math.log(1.8), math.log(0.2)).double()
    made = estimator("nwj")
    scored = Scored(scores.diagonal(), made.statistic(scores, torch.eye(2000, dtype=torch.bool)))
    truth = math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1)
    assert float(made.contributions(scored).mean()) == pytest.approx(truth, abs=2e-3)


def test_a_mean_that_few_pairs_carry_is_flagged():
    t, y = pair(n=1000, d=10, rho=0.9)
    assert "diverging" in mutual_information(t, y, estimator="nwj").flags
