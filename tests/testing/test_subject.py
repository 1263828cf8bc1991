"""The samples on which estimators are checked, and the guards around every call."""

import math
import random

import numpy as np
import pytest
import torch

from infoplane.testing import CheckFailed, related, sample, unrelated
from infoplane.testing.subject import call, doubts, kept, known_random, near
from infoplane.types import Estimate


def test_the_samples_are_what_they_promise():
    t, x, y = sample()
    assert np.array_equal(t, torch.from_numpy(t).to(torch.bfloat16).float().numpy())
    assert (t == 0).any()
    assert not np.signbit(t[t == 0]).any()
    assert (len(set(x)), len(set(y))) == (40, 3)
    for continuous in (False, True):
        one, other = related(continuous=continuous), unrelated(3, continuous=continuous)
        assert np.array_equal(one.t, other.t)
        assert np.bincount(one.y).tolist() == [100, 100]
        assert not np.array_equal(one.y, other.y)
    assert np.array_equal(related().t[:, 0] > 0, related().y == 1)
    errs = ((related(n=20_000, continuous=True).t[:, 0] > 0) != (related(n=20_000).y == 1)).mean()
    assert errs == pytest.approx(0.02275, abs=4 * math.sqrt(0.02275 / 20_000))  # the tail of a normal beyond 2


def test_the_call_that_is_shown_can_be_typed():
    import infoplane
    from infoplane.estimators import Binned

    scope = {"infoplane": infoplane, "estimator": Binned()}
    setup, _, asked = call("t, y").partition("; ")
    exec(setup, scope)
    wanted = infoplane.mutual_information(*sample()[::2], estimator=Binned(), units="nats", intervals=False)
    assert eval(asked, scope) == wanted


def test_near_is_a_distance_in_nats_and_nan_is_near_nothing():
    near(1.0, 1.0 + 1e-9, 1e-6, "the value", "a call")
    for found in (1.1, math.nan):
        with pytest.raises(CheckFailed, match=r"expected the value, 1 nats to 0\.01; found .*; seen in: a call"):
            near(found, 1.0, 0.01, "the value", "a call")


def test_green_is_no_doubt():
    assert doubts(Estimate(0.0, n=10, flags=("green",))) == set()
    assert doubts(Estimate(0.0, n=10, flags=("green", "above-ceiling"))) == {"above-ceiling"}


def test_what_was_written_into_arguments_is_put_back_also_after_an_exception():
    array, tensor = np.arange(3.0), torch.arange(3.0)

    def write_and_break_down():
        with kept(array, tensor):
            array[0], tensor[1] = 7.0, 7.0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_break_down()
    assert (array.tolist(), tensor.tolist()) == ([0, 1, 2], [0, 1, 2])


def test_random_numbers_are_known_inside_and_go_on_afterwards():
    def drawn():
        return float(torch.rand(1)), np.random.rand(), random.random()

    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(7)
    before = drawn()
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(7)
    with known_random():
        first = drawn()
    with known_random():
        assert drawn() == first
    assert drawn() == before
