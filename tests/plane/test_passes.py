"""A module, a list and a family show the same layers in the same batches."""

import pytest
import torch

import infoplane as ip
from infoplane.plane.passes import Show, show
from infoplane.recording.inputs import Inputs


@pytest.fixture
def family():
    return ip.Family(ip.networks.warm_up, 2, init="independent", seed=3)


def shown(model, x, **what):
    seen = []

    def take(start, name, number, t, lengths):
        assert lengths is None
        seen.append((start, name, number, t.clone()))

    show(model, Inputs(x), Show(**{"layers": ["1", "3"], "part": None, "batch": 4, **what}), take)
    return seen


def test_all_show_the_same(family):
    x = torch.randn(10, 12)
    as_family, as_list = shown(family, x), shown(family.modules(), x)
    assert [(start, name) for start, name, *_ in as_family] == [(at, name) for at in (0, 4, 8) for name in ("1", "3")]
    assert [one[:3] for one in as_family] == [one[:3] for one in as_list]
    for member, module in enumerate(family.modules()):
        for one, other, alone in zip(as_family, as_list, shown(module, x), strict=True):
            assert torch.allclose(one[3][member], alone[3][0], atol=1e-6)
            assert torch.equal(other[3][member], alone[3][0])


def test_drawn_copies_are_one_member(family):
    x, draws = torch.randn(10, 12), torch.tensor([0, 1] * 5)
    whole, drawn = shown(family, x), shown(family, x, draws=draws)
    for (start, _, _, every), (*_, one) in zip(whole, drawn, strict=True):
        rows = torch.arange(every.shape[1])
        assert torch.allclose(one[0], every[draws[start : start + len(rows)], rows], atol=1e-6)


def test_the_calls_of_a_module_are_numbered():
    act = torch.nn.Tanh()
    model = torch.nn.Sequential(torch.nn.Linear(12, 3), act, torch.nn.Linear(3, 3), act)
    assert [one[1:3] for one in shown(model, torch.randn(4, 12), layers=None)] == [
        ("0", 0),
        ("1", 0),
        ("2", 0),
        ("1", 1),
    ]
