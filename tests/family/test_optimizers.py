from __future__ import annotations

import pytest
import torch
from torch import nn, optim

from infoplane.errors import InputError, UnknownNameError
from infoplane.family.optimizers import (
    ELEMENTWISE,
    load_optimizer_tensors,
    optimizer_for,
    optimizer_tensors,
    resolve_optimizer,
    stacked_like,
    why_not_stacked,
)


@pytest.fixture
def network() -> nn.Linear:
    return nn.Linear(3, 2)


def test_names_and_learning_rates(network: nn.Linear) -> None:
    made = optimizer_for(resolve_optimizer("adam", 0.01), network)
    assert type(made) is optim.Adam
    assert made.param_groups[0]["lr"] == 0.01
    with pytest.raises(UnknownNameError, match="unknown optimizer 'sdg': did you mean 'sgd'"):
        resolve_optimizer("sdg", 0.1)
    for rate in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match=f"learning_rate is {rate}"):
            resolve_optimizer("sgd", rate)
    with pytest.raises(InputError, match="optimizer 3 is none"):
        resolve_optimizer(3, 0.1)


def test_what_a_function_must_give(network: nn.Linear) -> None:
    with pytest.raises(InputError, match="gave a list"):
        optimizer_for(lambda parameters: parameters, network)
    with pytest.raises(InputError, match="no trainable parameters"):
        optimizer_for(optim.SGD, nn.Tanh())


def test_which_optimizers_may_be_stacked(network: nn.Linear) -> None:
    for kind in ELEMENTWISE:
        assert why_not_stacked(kind(network.parameters(), lr=0.1), network) is None
    assert "LBFGS" in (why_not_stacked(optim.LBFGS(network.parameters()), network) or "")
    groups = [{"params": [network.weight]}, {"params": [network.bias], "lr": 0.3}]
    assert "alike" in (why_not_stacked(optim.SGD(groups, lr=0.1), network) or "")
    assert "alike" in (why_not_stacked(optim.SGD([network.weight], lr=0.1), network) or "")


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_a_stacked_optimizer_moves_copies_as_separate_ones_do(kind: type[optim.Optimizer]) -> None:
    def make(parameters: object) -> optim.Optimizer:
        return kind(parameters, lr=0.05, weight_decay=0.1)

    start, gradients = torch.randn(2, 3), torch.randn(10, 2, 3)
    alone = [nn.Parameter(row.clone()) for row in start]
    separate = [make([parameter]) for parameter in alone]
    together = nn.Parameter(start.clone())
    stacked = stacked_like(separate[0], [together])
    for gradient in gradients:
        together.grad = gradient.clone()
        stacked.step()
        for parameter, optimizer, row in zip(alone, separate, gradient, strict=True):
            parameter.grad = row.clone()
            optimizer.step()
    torch.testing.assert_close(together.detach(), torch.stack([parameter.detach() for parameter in alone]))


def test_state_there_and_back(network: nn.Linear) -> None:
    optimizer = optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    other = optim.Adam(network.parameters())
    load_optimizer_tensors([other], optimizer_tensors([optimizer]))
    expected, got = optimizer.state[network.weight], other.state[network.weight]
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert optimizer_tensors([optim.SGD(network.parameters(), lr=0.1)]) == {}


def test_a_memory_that_is_no_tensor_cannot_be_saved(network: nn.Linear) -> None:
    optimizer = optim.LBFGS(network.parameters())

    def closure() -> torch.Tensor:
        loss = network(torch.ones(1, 3)).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with pytest.raises(InputError, match=r"LBFGS keeps .* cannot be saved"):
        optimizer_tensors([optimizer])
