from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn, optim

from infoplane.networks import Family, six_layer

Make = Callable[[], nn.Sequential]


def mixed() -> nn.Sequential:
    """Every kind of layer that this engine knows, nested, and a Linear without a bias."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(12, 8, bias=False), nn.ReLU(inplace=True)),
        nn.Linear(8, 6),
        nn.Identity(),
        nn.Sigmoid(),
        nn.Linear(6, 5),
        nn.Linear(5, 3),
    )


def trio(make: Make, copies: int, device: str = "cpu") -> list[Family]:
    """The same copies on all engines, in float64."""
    model = make().double()
    engines = ("batched", "vmap", "modules")
    return [Family(model, copies, init="independent", seed=2, engine=engine, device=device) for engine in engines]


OPTIMIZERS = {
    "sgd": "sgd",
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": "adam",
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.05),
}


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_all_engines_train_alike(copies: int, optimizer: str, device: str) -> None:
    families = trio(six_layer, copies, device)
    x = torch.randn(200, 12, dtype=torch.float64).to(device)
    y = x[:, :3].sum(1, keepdim=True).sign()
    for family in families:
        family.compile("mse", OPTIMIZERS[optimizer], 0.1)
    for _ in range(20):
        rows = [family.draw(200, 51) for family in families]
        losses = [family.step(x[r], y[r]) for family, r in zip(families, rows, strict=True)]
    for family, loss in zip(families, losses, strict=True):
        torch.testing.assert_close(loss, losses[-1], atol=1e-6, rtol=0)
        for name, tensor in families[-1].weights().items():
            torch.testing.assert_close(family.weights()[name], tensor, atol=1e-6, rtol=0)


@pytest.mark.parametrize("loss", ["mse", "cross-entropy", nn.SmoothL1Loss()])
def test_all_engines_agree_for_every_loss_and_kind_of_layer(loss: str) -> None:
    families = trio(mixed, 3)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 20, 3, 4, dtype=torch.float64, generator=generator)
    y = torch.randn(3, 20, 3, dtype=torch.float64, generator=generator).softmax(2)
    for family in families:
        family.compile(loss, learning_rate=0.5)
        for _ in range(20):
            family.step(x, y)
    for family in families[:-1]:
        for name, tensor in families[-1].weights().items():
            torch.testing.assert_close(family.weights()[name], tensor, atol=1e-6, rtol=0)


@pytest.mark.parametrize("layers", [None, "*", ["(model)", "1", "1.0", "2", "3"], "4"])
def test_all_engines_record_the_same_layers_in_the_same_order(layers: object, device: str) -> None:
    batched, vectorised, modules = trio(mixed, 3, device)
    x, draws = torch.randn(10, 3, 4, dtype=torch.float64), torch.tensor([0, 2, 2, 0, 0, 2, 0, 2, 2, 0])
    expected = modules.activations(x, layers)
    sampled = modules.sampled_activations(x, layers, draws)
    for family in (batched, vectorised):
        got = family.activations(x, layers)
        drawn = family.sampled_activations(x, layers, draws)
        assert list(got) == list(expected) == list(drawn)
        for name in expected:
            torch.testing.assert_close(got[name], expected[name], atol=1e-12, rtol=0)
            torch.testing.assert_close(drawn[name], sampled[name], atol=1e-12, rtol=0)


def test_samples_may_have_axes_of_their_own() -> None:
    families = trio(lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)), 3)
    x, y = torch.randn(3, 5, 6, 4, dtype=torch.float64), torch.randn(3, 5, 6, 2, dtype=torch.float64)
    draws = torch.tensor([2, 0, 1, 1, 0])
    for family in families:
        family.compile("mse")
        family.step(x, y)
    for family in families[:-1]:
        for name, tensor in families[-1].activations(x[0]).items():
            torch.testing.assert_close(family.activations(x[0])[name], tensor)
            drawn = family.sampled_activations(x[0], name, draws)[name]
            torch.testing.assert_close(drawn, tensor[draws, torch.arange(5)])


def test_batches_may_change_their_size() -> None:
    batched, _, modules = trio(six_layer, 2)
    for family in (batched, modules):
        family.compile("mse")
    for size in (5, 9, 5, 1):
        x = torch.randn(2, size, 12, dtype=torch.float64)
        torch.testing.assert_close(batched.step(x, x[..., :1]), modules.step(x, x[..., :1]))


def test_recorded_values_are_not_touched_by_later_steps() -> None:
    family = Family(nn.Sequential(nn.Identity(), nn.Linear(3, 3), nn.ReLU(inplace=True)), 2)
    assert family.engine == "batched"
    family.compile("mse")
    x = torch.randn(7, 3)
    recorded = family.activations(x, "*")
    before = {name: tensor.clone() for name, tensor in recorded.items()}
    family.activations(x + 1, "*")
    family.step(x.expand(2, -1, -1), x.expand(2, -1, -1))
    assert all(torch.equal(recorded[name], before[name]) for name in before)
    assert recorded["1"].min() < 0 <= recorded["2"].min()
    recorded["0"].zero_()
    assert x.abs().max() > 0
