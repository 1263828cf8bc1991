from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from infoplane.errors import InputError
from infoplane.networks import Family, conv

Make = Callable[[], nn.Sequential]


class Branching(nn.Module):
    """Looks at its values to decide what to do, which a vectorised call cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.fc(x)
        return out if out.mean().item() > 0 else 2 * out


def pair(make: Make, copies: int) -> tuple[Family, Family]:
    """The same copies on two engines, in float64."""
    model = make().double()
    vectorised = Family(model, copies, init="independent", engine="vmap")
    return vectorised, Family(model, copies, init="independent", engine="modules")


def test_activations_are_those_of_a_loop_over_models(pictures: Make) -> None:
    model = pictures()
    family = Family(model, 5, init="independent", engine="vmap")
    x = torch.randn(30, 1, 6, 6)
    activations = family.activations(x)
    assert list(activations) == ["0", "1", "2", "4"]
    for copy, network in enumerate(family.modules()):
        out = x
        for name, module in network.eval().named_children():
            out = module(out.clone())
            if name in activations:
                torch.testing.assert_close(activations[name][copy], out.detach().clone(), atol=1e-6, rtol=0)
    assert family.engine == "vmap"


def test_batchnorm_and_convolutions_train_as_separate_modules_do(pictures: Make) -> None:
    families = pair(pictures, 4)
    for family in families:
        family.compile("cross-entropy", "adam", 0.01)
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        x = torch.randn(4, 16, 1, 6, 6, generator=generator)
        y = torch.randint(3, (4, 16), generator=generator)
        losses = [family.step(x, y) for family in families]
        torch.testing.assert_close(losses[0], losses[1], atol=1e-6, rtol=0)
        weights = [family.weights() for family in families]
        assert weights[0].keys() == weights[1].keys()
        for name in weights[0]:
            torch.testing.assert_close(weights[0][name], weights[1][name], atol=1e-6, rtol=0)
    assert weights[0]["1.num_batches_tracked"].tolist() == [20] * 4
    assert families[0].engine == "vmap"


def test_frozen_and_tied_parameters() -> None:
    def make() -> nn.Sequential:
        network = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 4))
        network[0].requires_grad_(False)
        network[3].weight = network[2].weight
        return network

    families = pair(make, 3)
    before = families[0].weights()
    for family in families:
        family.compile("mse")
        family.step(torch.ones(3, 5, 4), torch.zeros(3, 5, 4))
    after, expected = (family.weights() for family in families)
    assert torch.equal(before["0.weight"], after["0.weight"])
    assert not torch.equal(before["2.weight"], after["2.weight"])
    for name in after:
        torch.testing.assert_close(after[name], expected[name])


def test_every_copy_has_its_own_dropout_mask() -> None:
    network = nn.Sequential(nn.Linear(100, 100, bias=False), nn.Dropout(0.5))
    nn.init.eye_(network[0].weight)

    def keep(prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).square().mean()

    family = Family(network, 4, engine="vmap")
    family.compile(keep, learning_rate=100.0)
    family.step(torch.ones(4, 1, 100), torch.zeros(4, 1, 100))
    masks = [(weight.diagonal() == 1.0) for weight in family.weights()["0.weight"]]  # dropped units do not move
    assert all(30 < mask.sum() < 70 for mask in masks)
    assert len({tuple(mask.tolist()) for mask in masks}) == 4


def test_plain_modules_take_over_with_one_warning_where_vmap_cannot() -> None:
    family = Family(Branching(), 4, init="independent", engine="vmap")
    family.compile("mse")
    x, y = torch.randn(4, 5, 3), torch.randn(4, 5, 1)
    with pytest.warns(UserWarning, match=r"because torch.func.vmap cannot run this network: .*item"):
        family.step(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        family.step(x, y)
        family.activations(x[0])
        family.compile("mse")
        family.step(x, y)
    assert family.engine == "modules"
    assert "cannot run this network" in family.engine_reason


def test_the_switch_may_come_with_the_first_measurement() -> None:
    family = Family(Branching(), 4)
    assert family.engine == "vmap"
    family.compile("mse")
    with pytest.warns(UserWarning, match="cannot run this network"):
        family.activations(torch.randn(5, 3), "fc")
    family.step(torch.randn(4, 5, 3), torch.randn(4, 5, 1))


def test_a_mistake_in_the_data_is_no_reason_to_switch() -> None:
    family = Family(conv(), 4)
    family.compile("mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=r"predictions of shape \(5, 10\) and targets of shape \(5, 3\)"):
            family.step(torch.randn(4, 5, 14, 14), torch.randn(4, 5, 3))
        with pytest.raises(RuntimeError, match="shape"):
            family.step(torch.randn(4, 5, 13, 13), torch.randn(4, 5, 10))
    assert family.engine == "vmap"
