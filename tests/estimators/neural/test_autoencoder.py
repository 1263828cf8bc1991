"""The autoencoder: repeatable, quiet, and better than a line on a curve."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infoplane.estimators.distances.canonical import Standard, principal
from infoplane.estimators.distances.columns import varying
from infoplane.estimators.neural.autoencoder import autoencode


@pytest.fixture(scope="module")
def curve():
    """(600, 6): a parabola in six dimensions."""
    s = np.random.default_rng(0).uniform(-1, 1, size=600)
    turn = np.random.default_rng(1).normal(size=(2, 6))
    return Standard(varying(torch.from_numpy(np.stack([s, s**2], 1) @ turn)))


def test_one_number_rebuilds_a_curve_that_no_line_does(curve):
    codes, lost = autoencode(curve, 1, 0)
    assert codes.shape == (600, 1)
    assert codes.dtype == torch.float64
    assert lost < 0.05 < float(principal(curve)[1][1:].sum())


def test_a_seed_gives_the_same_codes_and_no_other_draws_change(curve):
    state = torch.get_rng_state()
    with torch.no_grad():
        codes, lost = autoencode(curve, 1, 3)
    assert torch.equal(torch.get_rng_state(), state)
    again, lost_again = autoencode(curve, 1, 3)
    assert torch.equal(codes, again)
    assert lost == lost_again
    assert not codes.requires_grad
    assert not torch.equal(codes, autoencode(curve, 1, 4)[0])
