"""Flags that need more than one number: ceilings, the floor, and data processing."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.estimators.counting.consistency import decision_symbols, flagged_layers
from infoplane.estimators.counting.readings import Reading


def layers(*pairs, n=256):
    return [Reading(i_xt, i_ty, n) for i_xt, i_ty in pairs]


def test_each_flag_says_what_it_means():
    found = layers((8.5, 0.5), (7.0, 0.8), (6.0, 1.2), (5.0, 0.1))
    found = flagged_layers(found, floor=0.4, h_y=1.0, bits=1.0)
    assert [reading.flags for reading in found] == [
        ("above-log-n",),
        ("data-processing",),
        ("above-h-y", "data-processing"),
        ("below-floor",),
    ]


def test_values_on_their_bounds_are_not_flagged():
    found = layers((8.0, 1.0), (8.0, 1.0), (1.0, 0.4))
    found = flagged_layers(found, floor=0.4, h_y=1.0, bits=1.0)
    assert all(reading.flags == () for reading in found)


def test_units_are_respected():
    nat = math.log(2)
    found = layers((8.0 * nat, 1.0 * nat), (8.1 * nat, 1.005 * nat))
    found = flagged_layers(found, floor=None, h_y=2.0, bits=nat)
    assert [reading.flags for reading in found] == [(), ("above-log-n",)]


def test_the_decision_is_the_arg_max_or_the_sign():
    several = torch.tensor([[[0.1, 0.9], [0.8, 0.2]]])
    assert decision_symbols(several).codes.tolist() == [[1, 0]]
    assert decision_symbols(torch.tensor([[[0.3], [-0.2]]])).codes.tolist() == [[1, 0]]
    level = torch.tensor([[[0.5, 0.9, 0.9], [0.2, 0.2, 0.2]]])
    assert decision_symbols(level).codes.tolist() == [[1, 0]]  # the first of equal ones


def test_bins_too_coarse_for_a_good_network_lie_below_its_floor():
    """One bin sees nothing of an output whose sign is the label: the decision knows 1 bit, the estimate 0."""
    x = np.repeat([[-0.9], [0.9]], 50, axis=0)
    y = np.repeat([0, 1], 50)
    one_bin = {"name": "binned", "bins": {"rule": "fixed", "bins": 1}}
    (row,) = ip.InformationPlane(x, y, layers="0", estimators=one_bin).measure(nn.Sequential(nn.Identity()), 0)
    assert row["i_ty"] == 0
    assert "below-floor" in row["flags"]
    two_bins = {"name": "binned", "bins": {"rule": "fixed", "bins": 2}}
    (row,) = ip.InformationPlane(x, y, layers="0", estimators=two_bins).measure(nn.Sequential(nn.Identity()), 0)
    assert row["i_ty"] == pytest.approx(1.0)
    assert "below-floor" not in row["flags"]


def test_the_plane_writes_nulls_where_they_are_asked_for():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(120, 3)), np.arange(120) % 2
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    (_, row) = ip.InformationPlane(x, y, shuffles=4).measure(model, 0)
    assert row["i_xt_null"] == pytest.approx(row["i_xt"])  # every x once: another order is as good a code
    assert 0 < row["i_ty_null"] < row["h_t"]
    (_, plain) = ip.InformationPlane(x, y).measure(model, 0)
    assert plain["i_ty_null"] is None
    assert plain["i_ty"] == row["i_ty"]


def test_an_estimator_of_single_networks_reads_a_family_copy_by_copy():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 3)), np.arange(60) % 2
    family = ip.Family(lambda: nn.Sequential(nn.Linear(3, 2), nn.Tanh()), 3, init="independent")
    mean = ip.InformationPlane(x, y, layers="1", estimators="kde").measure(family, 0)
    each = ip.InformationPlane(x, y, layers="1", estimators="kde", family="single").measure(family, 0)
    assert [row["family"] for row in mean] == ["per-copy"]
    assert [row["copy"] for row in each] == [0, 1, 2]
    assert mean[0]["i_ty"] == pytest.approx(np.mean([row["i_ty"] for row in each]))
    with pytest.raises(ip.errors.InputError, match="counts no symbols"):
        ip.InformationPlane(x, y, estimators="kde", family="exact")


def test_an_untrained_network_can_be_the_null():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(120, 3)), np.arange(120) % 2
    untrained, trained = (nn.Sequential(nn.Linear(3, 2), nn.Tanh()) for _ in range(2))
    plane = ip.InformationPlane(x, y)
    expected = [(row["i_xt"], row["i_ty"]) for row in ip.InformationPlane(x, y).measure(untrained, 0)]
    plane.take_as_null(untrained)
    assert len(plane.trajectory) == 0
    for step in range(2):
        rows = plane.measure(trained, step)
        assert [(row["i_xt_null"], row["i_ty_null"]) for row in rows] == expected
    with pytest.raises(ip.errors.InputError, match="shuffled samples are the null"):
        ip.InformationPlane(x, y, shuffles=2).take_as_null(untrained)


def test_nulls_are_drawn_as_dotted_lines():
    from infoplane.plotting import curves

    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 3)), np.arange(60) % 2
    plane = ip.InformationPlane(x, y, shuffles=2, layers="1")
    for step in range(3):
        plane.measure(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), step)
    lines = [line for ax in curves(plane.trajectory.to_pandas()).axes for line in ax.lines]
    assert sum(line.get_linestyle() == ":" for line in lines) == 2
