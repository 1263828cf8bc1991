"""SMILE on normal pairs of known information, and what clipping does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.errors import InputError
from infoplane.estimators import estimator, mutual_information
from infoplane.estimators.neural.critic import Scored

from .test_critic import pair


def test_it_is_near_the_truth():
    truth = -5 / 2 * math.log(1 - 0.8**2)
    estimates = [mutual_information(*pair(n=2000, seed=s), estimator="smile", units="nats") for s in range(3)]
    assert {estimate.kind for estimate in estimates} == {"estimate"}
    assert all(estimate.low is None and estimate.high is None for estimate in estimates)
    assert np.mean([estimate.value for estimate in estimates]) == pytest.approx(truth, abs=0.7)


def test_without_clipping_it_is_the_donsker_varadhan_value():
    scores = 3 * torch.randn(50, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    marks = torch.eye(50, dtype=torch.bool)

    def value(made):
        return float(made.contributions(Scored(scores.diagonal(), made.statistic(scores, marks))).mean())

    assert value(estimator("smile", tau=1000.0)) == pytest.approx(value(estimator("mine")), abs=1e-12)
    assert value(estimator("smile", tau=1.0)) > value(estimator("smile", tau=5.0))


def test_a_value_that_rests_on_clipped_scores_is_flagged():
    t, y = pair(n=1000, d=10, rho=0.9)
    assert "clipped" in mutual_information(t, y, estimator="smile", tau=0.5).flags
    with pytest.raises(InputError, match="tau=0: it must be a number above 0, for example tau=5"):
        estimator("smile", tau=0)
