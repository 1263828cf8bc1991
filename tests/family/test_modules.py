from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn, optim

from infoplane.networks import Family, mlp

Make = Callable[[], nn.Sequential]


def test_a_step_is_that_of_a_loop_written_out() -> None:
    model = mlp([4, 3, 2]).double()
    family = Family(model, 2, engine="modules")
    family.compile("mse", learning_rate=0.3)
    x, y = torch.randn(2, 9, 4, dtype=torch.float64), torch.randn(2, 9, 2, dtype=torch.float64)
    losses = family.step(x, y)
    for copy, network in enumerate(family.modules()):
        loss = ((model(x[copy]) - y[copy]) ** 2).mean()
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        torch.testing.assert_close(losses[copy], loss.detach())
        for before, after, gradient in zip(model.parameters(), network.parameters(), gradients, strict=True):
            torch.testing.assert_close(after, before - 0.3 * gradient)


def test_an_optimizer_that_evaluates_several_times_works() -> None:
    family = Family(mlp([4, 3, 1]), 2, init="independent")
    family.compile("mse", optimizer=lambda parameters: optim.LBFGS(parameters, max_iter=10))
    assert family.engine == "modules"
    assert "LBFGS" in family.engine_reason
    x = torch.randn(2, 30, 4)
    y = x.sum(2, keepdim=True).tanh()
    first = family.step(x, y)
    for _ in range(5):
        last = family.step(x, y)
    assert (last < 0.1 * first).all()


def test_dropout_masks_of_a_copy_do_not_depend_on_the_number_of_copies(noisy: Make) -> None:
    model = noisy()
    x, y = torch.randn(8, 6), torch.randn(8, 2)
    weights = []
    for copies in (2, 3):
        family = Family(model, copies, engine="modules")
        family.compile("mse")
        for _ in range(3):
            family.step(x.expand(copies, -1, -1), y.expand(copies, -1, -1))
        weights.append(family.weights()["0.weight"])
    assert torch.equal(weights[0], weights[1][:2])
    assert not torch.equal(weights[0][0], weights[0][1])


def test_networks_with_outputs_that_are_no_tensor_train_with_a_loss_of_their_own() -> None:
    family = Family(nn.LSTM(3, 2, batch_first=True), 2, engine="modules")
    family.compile(lambda prediction, target: (prediction[0] - target).square().mean())
    before = family.weights()["weight_ih_l0"]
    family.step(torch.randn(2, 5, 4, 3), torch.randn(2, 5, 4, 2))
    assert not torch.equal(before, family.weights()["weight_ih_l0"])
