"""What an experiment hands back, and how it shows itself in a notebook."""

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.networks import warm_up
from infoplane.training.result import Result
from infoplane.trajectory.stopping import Decision


@pytest.fixture(scope="module")
def result():
    return ip.experiments.load("warm-up").run(epochs=3, copies=2)


def of(result, **change):
    parts = {"trajectory": result.trajectory, "family": result.family, "settings": {}}
    return Result(**{**parts, **change})


def test_losses_are_those_of_every_copy_before_every_step(result):
    assert result.steps == 3
    assert result.losses.shape == (3, 2)
    assert (result.losses[-1] < result.losses[0]).all()  # full batches: they learn


def test_networks_are_the_copies_as_modules_of_the_users_kind(result):
    assert [type(network) for network in result.networks] == [type(warm_up())] * 2
    first, second = (network.state_dict() for network in result.networks)
    assert first.keys() == warm_up().state_dict().keys()
    assert not any(torch.equal(first[name], second[name]) for name in first if name.endswith("weight"))


def test_before_the_first_step_there_are_no_losses(result):
    nothing = of(result)
    assert nothing.steps == 0
    assert nothing.losses.shape == (0, 2)
    assert nothing.losses.dtype == np.float64


def test_a_notebook_shows_how_it_ended_and_why(result):
    assert "<p>3 steps done, 2 copies, " in result._repr_html_()
    early = of(result, interrupted=True, seconds=2.04)
    assert "<p>0 steps interrupted, 2 copies, 2.0 s</p>" in early._repr_html_()


def test_a_reason_is_shown_where_it_stopped_the_training_and_is_never_markup(result):
    stopped = Decision(stop=True, reason="I(T;Y) < 0.5 & falling", value=0.4, best=0.6, best_epoch=1, improved=False)
    assert "; I(T;Y) &lt; 0.5 &amp; falling</p>" in of(result, decision=stopped)._repr_html_()
    going = Decision(stop=False, reason="I(T;Y) rises", value=0.6, best=0.6, best_epoch=3, improved=True)
    assert "rises" not in of(result, decision=going)._repr_html_()


def test_the_picture_is_that_of_the_trajectory_with_the_same_options(result):
    for picture in (result, result.trajectory):
        assert picture.plot(title="Mine").texts[0].get_text() == "Mine"
