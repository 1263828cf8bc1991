"""Signal and noise of gradients against numpy, in a user's loop and for every engine of a family."""

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError
from infoplane.networks import six_layer
from infoplane.training.gradients import NAMES, GradientSignal


def explicit(gradients):
    """Mean, deviation and ratio of (batches, numbers), in float64, from their definitions."""
    mean = gradients.mean(0)
    signal, noise = np.linalg.norm(mean), np.sqrt(((gradients - mean) ** 2).sum(1).mean())
    return [signal, noise, signal / noise]


def values(scalars, layer, step, copy=-1):
    return [next(iter(scalars.select(name=name, layer=layer, step=step, copy=copy)))["value"] for name in NAMES]


def test_every_layer_of_a_users_loop_agrees_with_numpy():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(1, 3, 2), nn.BatchNorm1d(3), nn.Flatten(), nn.Linear(15, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    signal, seen = GradientSignal(model, window=4), {"0": [], "3": []}
    ended = []
    for _ in range(9):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.randn(8, 1, 6)), torch.randint(0, 2, (8,))).backward()
        ended.append(signal.update())
        for layer, kept in seen.items():
            kept.append(model.get_submodule(layer).weight.grad.double().numpy().ravel().copy())
        optimizer.step()
    assert [number for number, end in enumerate(ended, start=1) if end] == [4, 8]
    assert len(signal.scalars) == 2 * 2 * 3  # windows, layers with weights, numbers
    for layer, kept in seen.items():
        for step in (4, 8):
            wanted = explicit(np.array(kept[step - 4 : step]))
            assert values(signal.scalars, layer, step) == pytest.approx(wanted, rel=1e-5)


def test_a_small_deviation_on_a_large_mean_keeps_its_digits():
    weight = nn.Linear(2, 1, bias=False)
    signal, seen = GradientSignal(weight, window=50), []
    for number in range(50):
        weight.weight.grad = torch.tensor([[1000.0, 1000.0 + (number % 2) * 0.125]])
        seen.append(weight.weight.grad.double().numpy().ravel().copy())
        signal.update()
    assert values(signal.scalars, "", 50) == pytest.approx(explicit(np.array(seen)), rel=1e-4)


@pytest.mark.parametrize("engine", ["modules", "vmap", "batched"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_every_copy_of_a_family_agrees_with_numpy(engine, optimizer):
    family = ip.Family(six_layer, 3, init="independent", seed=1, engine=engine)
    family.compile("mse", optimizer, 0.05)
    x, y = torch.randn(200, 12, generator=torch.Generator().manual_seed(0)), torch.ones(200, 1)
    signal, seen = GradientSignal(family, window=3), []
    for step in range(1, 4):
        rows = family.draw(200, 20)
        each = []
        for copy, network in enumerate(family.modules()):
            nn.functional.mse_loss(network(x[rows[copy]]), y[rows[copy]]).backward()
            each.append(network[4].weight.grad.double().numpy().ravel())
        seen.append(each)
        family.step(x[rows], y[rows])
        signal.update(10 * step)
    assert {row["layer"] for row in signal.scalars} == {"0", "2", "4", "6", "8", "10"}
    for copy in range(3):
        wanted = explicit(np.array([each[copy] for each in seen]))
        assert values(signal.scalars, "4", 30, copy) == pytest.approx(wanted, rel=1e-4)


def test_it_adds_to_a_given_table_and_leaves_the_gradients_alone():
    model, table = nn.Linear(3, 1), ip.Trajectory().scalars
    signal = GradientSignal(model, window=2, scalars=table)
    model(torch.ones(2, 3)).sum().backward()
    before = model.weight.grad.clone()
    signal.update()
    signal.update(7)
    assert torch.equal(model.weight.grad, before)
    assert signal.scalars is table
    assert [row["step"] for row in table] == [7, 7, 7]
    assert values(table, "", 7)[1:] == [0.0, float("inf")]


def test_a_layer_that_a_batch_did_not_use_counts_as_zero():
    model = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 1)})
    signal = GradientSignal(model, window=2)
    for used in ("a", "b"):
        model.zero_grad()
        model[used](torch.ones(1, 1)).sum().backward()
        signal.update()
    assert values(signal.scalars, "b", 2) == pytest.approx([0.5, 0.5, 1.0])


def test_what_cannot_be_recorded_says_why():
    with pytest.raises(InputError, match="window=1: a deviation needs at least 2"):
        GradientSignal(nn.Linear(1, 1), window=1)
    with pytest.raises(InputError, match="model is a str"):
        GradientSignal("model", window=2)
    with pytest.raises(InputError, match="no weight has a gradient: call update"):
        GradientSignal(nn.Linear(1, 1), window=2).update()


def test_half_precision_and_sparse_gradients():
    model = nn.Embedding(4, 2, sparse=True)
    signal = GradientSignal(model, window=2)
    for word in (0, 1):
        model.zero_grad()
        model(torch.tensor([word])).sum().backward()
        signal.update()
    assert values(signal.scalars, "", 2) == pytest.approx([1.0, 1.0, 1.0])
    half = nn.Linear(2, 1, bias=False).to(torch.bfloat16)
    signal, seen = GradientSignal(half, window=64), []
    for number in range(64):
        half.weight.grad = torch.tensor([[1.0, 1 + number / 64]], dtype=torch.bfloat16)
        seen.append(half.weight.grad.double().numpy().ravel())
        signal.update()
    assert values(signal.scalars, "", 64) == pytest.approx(explicit(np.array(seen)), rel=1e-5)
