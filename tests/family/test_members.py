from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.family.members import copy_members, make_members, need_own_parameters, network_from

CPU = torch.device("cpu")


class Scaled(nn.Module):
    """Has a parameter of its own and no way to initialise it anew."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(1))
        self.body = nn.Linear(2, 2)


def weights(members: list[nn.Module]) -> list[torch.Tensor]:
    return [torch.cat([parameter.detach().flatten() for parameter in member.parameters()]) for member in members]


def test_shared_copies_are_equal_and_independent_ones_differ() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    first, second = weights(make_members(model, 2, "shared", 0, CPU))
    assert torch.equal(first, second)
    assert torch.equal(first, weights([model])[0])
    first, second = weights(make_members(model, 2, "independent", 0, CPU))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("init", ["shared", "independent"])
@pytest.mark.parametrize("model", [nn.Linear(2, 2), lambda: nn.Linear(2, 2)])
def test_a_copy_starts_alike_in_families_of_any_size(init: str, model: nn.Module) -> None:
    before = torch.get_rng_state()
    few = weights(make_members(model, 2, init, 7, CPU))
    torch.rand(3)
    many = weights(make_members(model, 5, init, 7, CPU))
    assert all(torch.equal(a, b) for a, b in zip(few, many[:2], strict=True))
    torch.set_rng_state(before)


def test_independent_weights_spread_as_usual_ones_do() -> None:
    model = nn.Linear(16, 4)
    nn.init.zeros_(model.weight)
    values = torch.stack([member.weight.detach() for member in make_members(model, 50, "independent", 0, CPU)])
    assert values.abs().max() <= 0.25  # torch draws uniformly within 1/sqrt(inputs)
    assert abs(values.std().item() - 0.25 / 3**0.5) < 0.01


def test_the_model_and_the_random_state_are_left_alone() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval()
    before, state = weights([model])[0].clone(), torch.get_rng_state()
    members = make_members(model, 2, "independent", 0, CPU)
    assert torch.equal(weights([model])[0], before)
    assert not model.training
    assert all(member.training for member in members)
    assert torch.equal(torch.get_rng_state(), state)


def test_attention_can_be_initialised_anew() -> None:
    model = nn.MultiheadAttention(4, 2)
    (member,) = make_members(model, 1, "independent", 0, CPU)
    assert not torch.equal(member.in_proj_weight, model.in_proj_weight)
    assert torch.equal(member.out_proj.bias, torch.zeros(4))


def test_what_cannot_be_initialised_is_named() -> None:
    with pytest.raises(InputError, match=r"cannot start Scaled anew.*give a function"):
        make_members(Scaled(), 2, "independent", 0, CPU)
    first, second = make_members(Scaled, 2, "independent", 0, CPU)
    assert not torch.equal(first.scale, second.scale)
    with pytest.raises(UnknownNameError, match="unknown init 'same'"):
        make_members(Scaled, 2, "same", 0, CPU)
    with pytest.raises(InputError, match="the function gave a int"):
        network_from(lambda: 3, 0)
    with pytest.raises(InputError, match="lazy parameters"):
        make_members(nn.LazyLinear(3), 1, "shared", 0, CPU)


def test_networks_that_are_one_or_share_parameters_are_an_error() -> None:
    model = nn.Linear(2, 2)
    with pytest.raises(InputError, match="networks 0 and 1 share their parameters"):
        copy_members([model, model], CPU)
    other = nn.Linear(2, 2)
    other.weight = model.weight
    with pytest.raises(InputError, match="networks 0 and 1 share their parameters"):
        copy_members([model, other], CPU)
    with pytest.raises(InputError, match="network 1 has other parameters than network 0"):
        copy_members([model, nn.Linear(2, 3)], CPU)
    copies = copy_members([model, copy.deepcopy(model)], CPU)
    assert copies[0] is not model


def test_parameters_without_a_number_are_not_shared() -> None:
    need_own_parameters([nn.ParameterList([torch.empty(0)]) for _ in range(2)])
