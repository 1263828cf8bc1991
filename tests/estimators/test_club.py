"""CLUB on normal pairs, where its own value has a closed form, and the normal distribution inside."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.estimators import mutual_information
from infoplane.estimators.club import Normal

from .test_neural import pair


@pytest.mark.parametrize("rho", [0.3, 0.5])
def test_it_is_an_upper_bound_at_its_closed_form(rho):
    """With the true conditional distribution the bound is r^2 / (1 - r^2) a dimension."""
    truth, own = -5 / 2 * math.log(1 - rho**2), 5 * rho**2 / (1 - rho**2)
    estimates = [
        mutual_information(*pair(n=2000, rho=rho, seed=seed), estimator="club", units="nats") for seed in range(3)
    ]
    assert np.mean([estimate.value for estimate in estimates]) == pytest.approx(own, rel=0.2)
    for estimate in estimates:
        assert estimate.kind == "upper bound"
        assert estimate.value > truth - 3 * estimate.details["standard_error"]
        assert estimate.high > estimate.value
        assert estimate.low is None


def test_scores_are_logarithms_of_normal_densities():
    t, v = torch.randn(7, 3), torch.randn(9, 2)
    normal = Normal(t, v, 5, torch.Generator().manual_seed(0))
    with torch.no_grad():
        mean, log_variance = normal._network(t).split(2, dim=1)
        for i in range(7):
            spread = (log_variance[i] / 2).exp()
            density = torch.distributions.Normal(mean[i], spread)
            assert torch.allclose(normal(t, v)[i], density.log_prob(v).sum(1), atol=1e-5)
