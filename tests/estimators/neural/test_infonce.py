"""InfoNCE on normal pairs of known information: near the truth, and above it by no more than chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.estimators import estimator, mutual_information
from infoplane.estimators.neural.critic import Scored

from .test_critic import pair


@pytest.mark.parametrize(("rho", "below"), [(0.5, 0.22), (0.8, 0.5)])
def test_it_is_a_lower_bound_near_the_truth(rho, below):
    truth = -5 / 2 * math.log(1 - rho**2)
    estimates = [
        mutual_information(*pair(n=2000, rho=rho, seed=seed), estimator="infonce", units="nats") for seed in range(3)
    ]
    for estimate in estimates:
        assert estimate.kind == "lower bound"
        assert estimate.value < truth + 3 * estimate.details["standard_error"]
        assert estimate.low == pytest.approx(estimate.value - 1.96 * estimate.details["standard_error"])
        assert estimate.high is None
    assert truth - below < np.mean([estimate.value for estimate in estimates]) < truth + 0.05


def test_information_beyond_the_samples_is_flagged_and_stays_below_log_n():
    t, _ = pair(n=1000, d=5)
    estimate = mutual_information(t, t, estimator="infonce", units="nats", steps=200)
    assert "log-n-ceiling" in estimate.flags
    assert estimate.details["log_n"] == math.log(500)
    assert 0.9 * math.log(500) < estimate.value <= math.log(500)


def test_the_exact_scores_of_a_channel_give_its_information():
    """f = log p(v|t)/p(v) of a binary symmetric channel, on a sample with exactly its shares."""
    t = torch.arange(2000) // 1000
    v = torch.where(torch.arange(2000) % 10 == 0, 1 - t, t)
    scores = torch.where(t[:, None] == v, math.log(1.8), math.log(0.2)).double()
    made = estimator("infonce")
    scored = Scored(scores.diagonal(), made.statistic(scores, torch.eye(2000, dtype=torch.bool)))
    truth = math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1)
    assert float(made.contributions(scored).mean()) == pytest.approx(truth, abs=1e-12)


def test_classes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, size=1000)
    t = np.eye(4)[y] + 0.1 * rng.normal(size=(1000, 4))
    estimate = mutual_information(t, y, estimator="infonce", steps=200)
    assert estimate.value == pytest.approx(2, abs=0.06)
    assert estimate.details["h_y"] == pytest.approx(2, abs=0.01)
