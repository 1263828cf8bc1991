"""What is looked at later is what would have been seen then."""

import pytest
import torch

import infoplane as ip
from infoplane.family import Family
from infoplane.plane.memory import AT_ONCE, Memory
from infoplane.plane.plane import InformationPlane

DATA = ip.datasets.load("report-simple", samples=200)


@pytest.mark.parametrize(("copies", "kind"), [(1, None), (3, "exact"), (3, "sampled"), (60, "sampled")])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_rows_of_moments_that_are_over(copies, kind, activation):
    family = Family(lambda: ip.networks.mlp([12, 9, 5, 3], activation), copies, init="independent", seed=1)
    now, later = (InformationPlane(DATA.x, DATA.y, family=kind, seed=4) for _ in range(2))
    rows = []
    for step in range(2 * AT_ONCE + 3):
        family.load_weights({name: tensor * 1.1 for name, tensor in family.weights().items()})
        rows += now.measure(family, step)
        later.look(family, step)
    assert all(isinstance(each, Memory) for each in later._waiting)
    assert later.answer() == rows[-len(rows) // (2 * AT_ONCE + 3) :]
    assert list(later.trajectory) == rows


def test_copies_that_fill_a_call_are_looked_at_at_once():
    plane = InformationPlane(DATA.x, DATA.y, family="exact")
    plane.look(Family(ip.networks.six_layer, AT_ONCE), 0)
    assert not any(isinstance(each, Memory) for each in plane._waiting)


@pytest.mark.parametrize("factor", [torch.nan, torch.inf, 1e12])
def test_weights_whose_outputs_may_overflow_are_looked_at_at_once(factor):
    family = Family(lambda: ip.networks.mlp([12, 9, 5, 3], "relu"), 1)
    assert family.remembered() is not None
    family.load_weights({name: tensor * factor for name, tensor in family.weights().items()})
    assert family.remembered() is None
