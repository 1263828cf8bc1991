"""Quantised networks: exact levels forwards, straight-through gradients backwards, and training that works."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from infoplane.errors import InputError
from infoplane.networks import Family, mlp
from infoplane.networks.quantised import QuantisedLinear, QuantisedReLU, quantise, to_levels


@given(st.integers(1, 255), st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=50))
def test_values_go_to_the_nearest_level(steps: int, values: list[float]) -> None:
    low, high = -1.0, 1.5
    found = to_levels(torch.tensor(values), low, high, steps)
    levels = low + torch.arange(steps + 1) * ((high - low) / steps)
    distances = (found[:, None] - levels).abs()
    assert float(distances.amin(1).max()) < 1e-6
    clipped = torch.tensor(values).clamp(low, high)
    assert float((found - clipped).abs().max()) <= (high - low) / steps / 2 + 1e-6


def test_equal_levels_are_equal_bit_by_bit() -> None:
    values = torch.rand(100_000) * 4 - 2
    assert len(torch.unique(to_levels(values, -1.0, 1.0, 15))) == 16


def test_gradients_pass_inside_the_range_only() -> None:
    values = torch.tensor([-3.0, -0.4, 0.2, 5.0], requires_grad=True)
    to_levels(values, -1.0, 1.0, 3).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_weights_and_activations_take_at_most_so_many_values(bits: int, activation: str) -> None:
    network, x = quantise(mlp([12, 30, 20, 3], activation, "softmax"), bits), torch.randn(500, 12)
    for _ in range(2):
        network(x)
    for layer in network:
        x = layer(x)
        if isinstance(layer, QuantisedLinear):
            assert len(torch.unique(layer.quantised_weight())) <= 2**bits - 1
        else:
            assert len(torch.unique(x)) <= 2**bits


def test_many_bits_change_little_and_the_original_is_left_alone() -> None:
    network, x = mlp([12, 30, 20, 3], "tanh", "softmax"), torch.randn(500, 12)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    quantised = quantise(network, 8)
    with torch.no_grad():
        assert float((quantised(x) - network(x)).abs().max()) < 0.02
    assert list(dict(quantised.named_children())) == list(dict(network.named_children()))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert quantised.state_dict().keys() == network.state_dict().keys()


def test_a_relu_follows_the_largest_values_of_training_batches() -> None:
    relu = QuantisedReLU(4)
    relu.eval()
    assert float(relu(torch.tensor([100.0]))) == 6
    relu.train()
    relu(torch.tensor([2.0, 1.0]))
    assert float(relu.high) == 2
    relu(torch.tensor([4.0]))
    assert float(relu.high) == pytest.approx(2.2)
    relu.eval()
    relu(torch.tensor([50.0]))
    assert float(relu.high) == pytest.approx(2.2)
    assert float(relu(torch.tensor([50.0]))) == pytest.approx(2.2)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_it_learns(activation: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(400, 2)
    y = (x[:, 0] * x[:, 1] > 0).long()
    network = quantise(mlp([2, 16, 8, 2], activation), 4)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(200):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    assert float((network(x).argmax(1) == y).float().mean()) > 0.93


def test_copies_of_a_family_have_ranges_of_their_own() -> None:
    family = Family(lambda: quantise(mlp([4, 8, 2], "relu"), 4), 5, init="independent", seed=0)
    x = torch.randn(60, 4)
    together = family.activations(x, ["1"])["1"]
    assert together.shape == (5, 60, 8)
    assert all(len(torch.unique(copy)) <= 16 for copy in together)


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match="bits=9: it must be a whole number from 2 to 8, for example bits=8"):
        quantise(mlp([3, 2, 1]), 9)
    with pytest.raises(InputError, match=r"quantise takes a torch\.nn\.Sequential, got Linear"):
        quantise(nn.Linear(3, 2))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="layer '1' is a GELU, which quantise does not know: it takes Linear, Tanh"):
        quantise(nn.Sequential(nn.Linear(2, 2), nn.GELU()))
