from __future__ import annotations

import pytest
import torch
from torch import nn

from infoplane.errors import InputError
from infoplane.family.perceptron import Block, activate, activate_backward, read_perceptron
from infoplane.networks import conv, six_layer
from infoplane.recording.select import select


def with_hook() -> nn.Sequential:
    network = nn.Sequential(nn.Linear(2, 2))
    network[0].register_forward_hook(lambda *_: None)
    return network


def tied() -> nn.Sequential:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    network[1].weight = network[0].weight
    return network


def frozen() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2))


class Perceptron(nn.Sequential):
    """A subclass, which may compute anything."""


TANH = nn.Tanh()
UNFIT = [
    (nn.Linear(2, 2), "Linear is not a plain Sequential"),
    (Perceptron(nn.Linear(2, 2)), "Perceptron is not a plain Sequential"),
    (conv(), "layer '0' is a Reshape"),
    (nn.Sequential(nn.Linear(2, 2), nn.Softmax(-1)), "layer '1' is a Softmax"),
    (nn.Sequential(nn.Tanh(), nn.Linear(2, 2)), "layer '0' is an activation that follows no Linear"),
    (nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.ReLU()), "layer '2' is an activation that follows no Linear"),
    (nn.Sequential(nn.Linear(2, 2), nn.Flatten()), "layer '1' flattens inside"),
    (nn.Sequential(nn.Flatten(2), nn.Linear(2, 2)), "layer '0' flattens some axes only"),
    (nn.Sequential(nn.Linear(2, 3), nn.Linear(2, 2)), "layer '1' takes 2 units and gets 3"),
    (nn.Sequential(nn.Linear(2, 2), TANH, nn.Linear(2, 2), TANH), "appears twice"),
    (tied(), "appears twice"),
    (frozen(), "not trained"),
    (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double()), "differ in type or device"),
    (with_hook(), "layer '0' has hooks"),
    (nn.Sequential(nn.Flatten()), "no Linear layer"),
    (nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))), "is a ParametrizedLinear"),
]


@pytest.mark.parametrize(("network", "reason"), UNFIT)
def test_what_does_not_fit_is_said(network: nn.Module, reason: str) -> None:
    answer = read_perceptron(network)
    assert isinstance(answer, str)
    assert reason in answer


def test_blocks_and_places_of_nested_layers() -> None:
    network = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(6, 3, bias=False), nn.Identity(), nn.ReLU(inplace=True)),
        nn.Linear(3, 2),
    )
    plan = read_perceptron(network)
    assert not isinstance(plan, str)
    assert plan.blocks == (Block("1.0.", 6, 3, False, "relu"), Block("2.", 3, 2, True, "identity"))
    assert plan.flattens
    assert plan.places == {
        "0": (0, True), "1.0": (1, False), "1.1": (1, False), "1.2": (1, True), "1": (1, True), "2": (2, False),
        "": (2, False),
    }  # fmt: skip
    assert list(plan.places_of(select(network, ["(model)", "1.0", "1"]))) == ["1.0", "1", "(model)"]


def test_inputs_of_another_width_are_an_error() -> None:
    plan = read_perceptron(six_layer())
    assert not isinstance(plan, str)
    with pytest.raises(InputError, match=r"samples of shape \(3, 4\), and the network takes 12 units"):
        plan.check(torch.zeros(5, 3, 4), leading=1)
    with pytest.raises(InputError, match=r"samples of shape \(\)"):
        plan.check(torch.zeros(12), leading=1)


@pytest.mark.parametrize("name", ["tanh", "relu", "sigmoid", "identity"])
def test_activations_and_their_written_gradients_are_those_of_autograd(name: str) -> None:
    sums = torch.randn(2, 3, 4, dtype=torch.float64).requires_grad_()
    gradient = torch.randn(2, 3, 4, dtype=torch.float64)
    function = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": torch.clone}[name]
    expected = function(sums)
    expected.backward(gradient)
    values = torch.empty_like(sums)
    activate(name, sums.detach(), out=values)
    torch.testing.assert_close(values, expected.detach())
    torch.testing.assert_close(activate_backward(name, gradient, values), sums.grad)
