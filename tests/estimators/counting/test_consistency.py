"""Flags that need more than one number: ceilings, the floor, and data processing."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.estimators.counting.consistency import Bounds, decision_symbols, flagged_layers
from infoplane.estimators.counting.readings import Reading


def layers(*pairs, n=256):
    return [Reading(i_xt, i_ty, n) for i_xt, i_ty in pairs]


def test_each_flag_says_what_it_means():
    found = layers((8.5, 0.5), (7.8, 0.8), (0.9, 1.2), (0.8, 0.1))
    found = flagged_layers(found, Bounds(1.0, h_x=7.5, h_y=1.0, floor=0.4))
    assert [reading.flags for reading in found] == [
        ("amber", "above-log-n", "data-processing"),
        ("amber", "above-h-x", "data-processing"),
        ("amber", "above-h-y", "above-i-xt", "data-processing"),
        ("amber", "below-floor"),
    ]


def test_values_on_their_bounds_are_not_flagged():
    found = layers((8.0, 1.0), (8.0, 1.0), (1.0, 0.4), (0.4, 0.4))
    found = flagged_layers(found, Bounds(1.0, h_x=8.0, h_y=1.0, floor=0.4))
    assert all(reading.flags == () for reading in found)


def test_units_are_respected():
    nat = math.log(2)
    found = layers((8.0 * nat, 1.0 * nat), (8.005 * nat, 1.005 * nat))
    found = flagged_layers(found, Bounds(nat, h_y=2.0))
    assert [reading.flags for reading in found] == [(), ("amber", "above-log-n")]


ODD = {
    # values along a chain: the places that are flagged
    (0.391, 0.324, 0.391, 0.391): {1},  # one low layer among high ones: not those after it
    (0.5, 0.9, 0.5, 0.4): {0, 1},
    (0.3, 0.5): {0, 1},  # one of the two
    (0.5, 0.5, 0.5, 0.509): set(),
    (0.9, 0.8, 0.2, 0.7, 0.6): {2},
    (0.9, 0.2, 0.2, 0.8, 0.7, 0.6): {1, 2},  # against the best that comes after, not against the neighbour only
    (0.1, 0.4, 0.3, 0.2): {0},
}


@pytest.mark.parametrize("values", ODD, ids=str)
def test_the_layer_that_is_wrong_is_flagged(values):
    for pairs in ([(8.0, value) for value in values], [(7 + value, 0.01) for value in values]):
        found = flagged_layers(layers(*pairs), Bounds(1.0))
        assert {at for at, reading in enumerate(found) if "data-processing" in reading.flags} == ODD[values]
        assert not any(reading.flags for reading in flagged_layers(layers(*pairs), Bounds(1.0, chained=False)))


@pytest.mark.parametrize("seed", range(20))
def test_the_layers_that_are_left_are_in_order(seed):
    """By enumeration: flagged is what some largest part that never rises can do without, and takes part in a rise."""
    values = np.random.default_rng(seed).integers(0, 5, 7) / 10
    rises = {(j, k) for j, k in itertools.combinations(range(7), 2) if values[k] > values[j]}
    parts = [
        set(part)
        for size in range(1, 8)
        for part in itertools.combinations(range(7), size)
        if not any(pair in rises for pair in itertools.combinations(part, 2))
    ]
    longest = [part for part in parts if len(part) == max(map(len, parts))]
    expected = {at for pair in rises for at in pair} - set.intersection(*longest)
    found = flagged_layers(layers(*((8.0, value) for value in values)), Bounds(1.0))
    assert {at for at, reading in enumerate(found) if reading.flags} == expected


def test_what_intervals_leave_open_is_no_contradiction():
    def wide(i_ty):
        return Reading(8.0, i_ty, 256, i_ty_low=i_ty - 0.1, i_ty_high=i_ty + 0.1)

    assert not any(r.flags for r in flagged_layers([wide(0.5), wide(0.6)], Bounds(1.0, floor=0.55)))
    assert all(r.flags for r in flagged_layers([wide(0.5), wide(0.7)], Bounds(1.0)))
    assert flagged_layers([wide(0.5)], Bounds(1.0, floor=0.7))[0].flags == ("amber", "below-floor")


class _Layer(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_a_layer_that_an_estimator_reads_badly_is_flagged_and_no_other():
    """Identity, exp, log and identity know the same; neighbours see less through exp."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 600)
    x = torch.tensor(np.c_[random.normal(2 * y - 1, 1), random.normal(size=600)])
    functions = (lambda t: t, lambda t: torch.exp(2 * t), lambda t: torch.log(t) / 2, lambda t: t * 1.0)
    net = nn.Sequential(*map(_Layer, functions))
    rows = ip.InformationPlane(x, y, layers=["0", "1", "2", "3"], estimators="mixed-ksg").measure(net, 0)
    assert ["data-processing" in row["flags"] for row in rows] == [False, True, False, False]


def test_inputs_that_repeat_have_an_entropy_that_no_layer_exceeds():
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = torch.randn(20, 3)[random.integers(0, 20, 400)]
    rows = ip.InformationPlane(x, random.integers(0, 2, 400), estimators="gaussian").measure(net, 0)
    for row in rows:
        above = row["i_xt"] > math.log2(400), row["i_xt"] > math.log2(20)
        assert ("above-log-n" in row["flags"], "above-h-x" in row["flags"]) == (above[0], above[1] and not above[0])
    assert any("above-h-x" in row["flags"] for row in rows)
    rows = ip.InformationPlane(x, random.integers(0, 2, 400)).measure(net, 0)
    assert not any("above-h-x" in row["flags"] for row in rows)


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
