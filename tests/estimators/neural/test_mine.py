"""MINE on normal pairs of known information: near the truth, and above it by no more than chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.estimators import estimator, mutual_information
from infoplane.estimators.neural.critic import Scored

from .test_critic import pair


def test_it_is_a_lower_bound_near_the_truth():
    truth = -5 / 2 * math.log(1 - 0.8**2)
    estimates = [mutual_information(*pair(n=2000, seed=s), estimator="mine", units="nats") for s in range(3)]
    for estimate in estimates:
        assert estimate.kind == "lower bound"
        assert estimate.value < truth + 3 * estimate.details["standard_error"]
        lower = None if "diverging" in estimate.flags else estimate.value - 1.96 * estimate.details["standard_error"]
        assert estimate.low == pytest.approx(lower)
        assert estimate.high is None
    assert truth - 0.7 < np.median([estimate.value for estimate in estimates]) < truth + 0.05


def test_a_constant_added_to_the_scores_changes_nothing():
    made = estimator("mine")
    scores = torch.randn(50, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    marks = torch.eye(50, dtype=torch.bool)
    values = [
        float(made.contributions(Scored(s.diagonal(), made.statistic(s, marks))).mean()) for s in (scores, scores + 9)
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-12)


def test_a_mean_that_few_pairs_carry_is_flagged():
    t, _ = pair(n=1000, d=20)
    assert "diverging" in mutual_information(t, t, estimator="mine").flags
