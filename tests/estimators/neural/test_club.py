"""CLUB on normal pairs, where its own value has a closed form, and the normal distribution inside."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.estimators import mutual_information
from infoplane.estimators.neural.club import Categorical, Normal, are_classes

from .test_critic import pair


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


def test_scores_of_classes_are_logarithms_of_probabilities():
    t, v = torch.randn(7, 3), torch.eye(3)[[0, 2, 1, 0]]
    scores = Categorical(t, torch.eye(3), 5, torch.Generator().manual_seed(0))(t, v)
    assert scores.shape == (7, 4)
    assert torch.equal(scores[:, 0], scores[:, 3])
    assert torch.allclose(scores[:, :3].exp().sum(1), torch.ones(7))


def test_overlapping_classes_have_a_finite_bound_above_the_truth():
    """Two normal clouds two standard deviations apart: the truth is .337 nats."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 2000)
    t = random.normal(size=2000) + 2.0 * y
    estimate = mutual_information(t, y, estimator="club", units="nats")
    assert 0.337 < estimate.value < 2
    assert "above-ceiling" in estimate.flags or estimate.value <= math.log(2)


def test_more_classes_than_50_have_probabilities_too():
    """Normal distributions of one-hot rows gave 45 000 nats for 51 classes on a line, where H(Y) is 3.9."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 51, 600)
    estimate = mutual_information(5 * y + rng.normal(size=600), y, estimator="club", steps=100, units="nats")
    assert estimate.value < 100
    assert are_classes(torch.nn.functional.one_hot(torch.arange(60) % 7).double() * 3 - 1)
    assert not are_classes((torch.randn(60, 7) > 0).double())
    assert not are_classes(torch.randn(60, 1))


def test_a_network_that_has_not_learned_is_no_upper_bound():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    t = np.hstack([2.0 * y[:, None] - 1, 0 * y[:, None]]) + rng.normal(size=(400, 2))  # .337 nats
    asked = {"estimator": "club", "learning_rate": 0.01, "units": "nats"}
    assert {"red", "not-learned"} <= set(mutual_information(t, y, steps=0, **asked).flags)
    assert "not-learned" not in mutual_information(t, y, steps=100, **asked).flags
    hidden = np.hstack([t, rng.normal(size=(400, 300))])
    assert "not-learned" in mutual_information(hidden, y, steps=100, **asked).flags
