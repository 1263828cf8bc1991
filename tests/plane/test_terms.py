"""Rows of a plane that kept their terms: their differences are those of single estimates, and copies are pooled."""

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))


@pytest.mark.parametrize("estimator", [{"name": "gaussian"}, {"name": "binned", "bins": 3}])
def test_rows_of_a_plane_are_compared_as_single_estimates_are(estimator):
    x = torch.randn(300, 2, generator=torch.Generator().manual_seed(1))
    y = x[:, 0] > 0
    plane = ip.InformationPlane(x, y, estimators=estimator, keep_terms=True)
    model = net()
    first = plane.measure(model, 0)
    with torch.no_grad():
        model[0].weight *= 3
    second = plane.measure(model, 7)
    between = plane.trajectory.difference("1", "2", step=0)
    assert between.value == pytest.approx(first[1]["i_ty"] - first[2]["i_ty"])
    t = ip.record(net(), x, layers=["1", "2"])
    made = ip.estimators.estimator(estimator)
    alone = ip.difference(*(ip.mutual_information(t[k], y, estimator=made, keep_terms=True) for k in ("1", "2")))
    assert (between.low, between.high) == pytest.approx((alone.low, alone.high))
    later = plane.trajectory.difference("1", step=0, other_step=7)
    assert later.value == pytest.approx(first[1]["i_ty"] - second[1]["i_ty"])


def test_copies_are_pooled_and_rows_are_named():
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(2))
    family = ip.Family(net, 3, init="independent")
    plane = ip.InformationPlane(x, x[:, 0] > 0, estimators=["gaussian", "kde"], family="single", keep_terms=True)
    rows = plane.measure(family, 0)
    values = [[row["i_ty"] for row in rows if (row["layer"], row["estimator"]) == (k, "kde")] for k in ("0", "2")]
    pooled = plane.trajectory.difference("0", "2", step=0, estimator="kde")
    assert pooled.value == pytest.approx(np.mean(values[0]) - np.mean(values[1]))
    assert pooled.details["seeds"] == 3
    for given, message in (
        ({"layer": "0", "other": "2", "step": 0}, "several rows are of layer='0', step=0: name split="),
        ({"layer": "0", "step": 0}, "nothing to compare"),
        ({"layer": "0", "other": "2", "step": 3}, "no terms were kept of layer='0', step=3"),
    ):
        with pytest.raises(InputError, match=message):
            plane.trajectory.difference(**given)
    with pytest.raises(UnknownNameError, match="unknown place 'colour'"):
        plane.trajectory.difference("0", "2", step=0, colour="red")
    with pytest.raises(InputError, match="leave subsample= out"):
        ip.InformationPlane(x, x[:, 0] > 0, keep_terms=True, subsample=50)
    with pytest.raises(InputError, match="usable splits them by itself"):
        ip.InformationPlane(x, x[:, 0] > 0, estimators="usable", keep_terms=True)
