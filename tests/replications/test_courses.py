"""A training that is interrupted goes on where it was, bit for bit; what a course gains and loses."""

import numpy as np
import pytest
import torch

from infoplane.networks import Family, mlp
from infoplane.replications.courses import drop, follow, log_spaced, rise


def course(folder, *, stop_at=None):
    """Losses of a small family at a few steps; ``stop_at`` interrupts the measuring there."""
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    family = Family(lambda: mlp([3, 4, 1]), copies=2, seed=1)
    family.compile("mse", "adam", 0.01)
    made = []

    def step():
        rows = family.draw(64, 16)
        made.append(family.step(x[rows], x[rows][..., :1]))

    def measure(number):
        if number == stop_at:
            raise KeyboardInterrupt
        return {"step": number, "output": family.predict(x)[:, 0, 0].tolist()}

    return follow(family, step, measure, [0, 1, 5, 20], folder), len(made)


def test_what_was_interrupted_ends_as_if_it_had_not_been(tmp_path):
    whole, steps = course(None)
    assert whole["step"] == [0, 1, 5, 20]
    assert steps == 20
    with pytest.raises(KeyboardInterrupt):
        course(tmp_path, stop_at=20)
    again, steps = course(tmp_path)
    assert again == whole
    assert steps == 15
    assert course(tmp_path) == (whole, 0)


def test_log_spaced_numbers():
    at = log_spaced(2500, 36)
    assert (at[0], at[-1]) == (0, 2500)
    assert at == sorted(set(at))
    late = np.diff(np.log(at[-10:]))
    np.testing.assert_allclose(late, late.mean(), rtol=0.02)


def test_drop_and_rise():
    values = [[3.0, 1.0], [5.0, 1.0], [4.0, 0.5]]
    assert drop(values).tolist() == [1.0, 0.5]
    assert rise(values).tolist() == [2.0, 0.0]
