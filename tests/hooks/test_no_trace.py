"""Measuring leaves no trace: not on a training, not on random numbers, not on a model that is copied or saved."""

from __future__ import annotations

import copy
import pickle
import random
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

import infoplane as ip

X = torch.randn(48, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] * X[:, 1] > 0).long()


class Network(nn.Module):
    """Dropout, BatchNorm, noise from Python and numpy, and an in-place activation."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout())
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x) * (1 + 0.1 * random.random() + 0.1 * np.random.rand()))


class Checkpointed(nn.Module):
    """Two blocks of which the activations are computed again in the backward pass."""

    def __init__(self, *, use_reentrant: bool) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(6, 8), nn.Dropout(), nn.Tanh())
        self.second = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Tanh())
        self.head = nn.Linear(8, 2)
        self.use_reentrant = use_reentrant

    def forward(self, x: Tensor) -> Tensor:
        for block in (self.first, self.second):
            x = checkpoint(block, x, use_reentrant=self.use_reentrant)
        return self.head(x)


class Interrupted(nn.Module):
    """Presses Ctrl-C, or fails, in its forward pass as long as `trouble` says so."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 2)
        self.trouble: str | None = None

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        if self.trouble == "Ctrl-C":
            signal.raise_signal(signal.SIGINT)
        if self.trouble == "bug":
            raise ZeroDivisionError
        return self.second(hidden)


def random_state() -> tuple[object, bytes, bytes]:
    return random.getstate(), pickle.dumps(np.random.get_state()), torch.get_rng_state().numpy().tobytes()


def flags(model: nn.Module) -> list[object]:
    return [
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        *(module.training for module in model.modules()),
        *(parameter.requires_grad for parameter in model.parameters()),
    ]


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def trained(*, measured: bool) -> tuple[list[Tensor], object, list[object]]:
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    model = Network()
    model.body[1].eval()  # a mode of its own
    optimizer = torch.optim.Adam(model.parameters())
    plane = ip.InformationPlane({"train": (X, Y), "half": (X[:24], Y[:24])}, estimators=["binned", "soft"], seed=3)
    loader = DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True)
    for epoch in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            if measured:
                plane.measure(model, epoch)
            optimizer.step()
    tensors = [*model.parameters(), *model.buffers(), *(parameter.grad for parameter in model.parameters())]
    return tensors, random_state(), flags(model)


def test_training_from_a_shuffled_loader_is_bitwise_the_same() -> None:
    (plain, numbers, mode), (watched, numbers_after, mode_after) = trained(measured=False), trained(measured=True)
    assert all(torch.equal(one, other) for one, other in zip(plain, watched, strict=True))
    assert numbers == numbers_after
    assert mode == mode_after


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed_activations_fire_once_and_training_is_bitwise_the_same(use_reentrant: bool) -> None:
    results = []
    for measured in (False, True):
        torch.manual_seed(2)
        model = Checkpointed(use_reentrant=use_reentrant)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        plane, x = ip.InformationPlane(X, Y), X.clone().requires_grad_()
        for step in range(3):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), Y)
            if measured:  # between the forward pass and the backward pass, which runs the blocks again
                rows = plane.measure(model, step)
                assert [row["layer"] for row in rows] == [
                    "first.0", "first.2", "second.0", "second.1", "second.2", "head"
                ]  # fmt: skip
            loss.backward()
            optimizer.step()
        results.append([*model.parameters(), *model.buffers()])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize(("trouble", "error"), [("Ctrl-C", KeyboardInterrupt), ("bug", ZeroDivisionError)])
def test_after_an_interruption_nothing_is_left_and_measuring_goes_on(trouble: str, error: type[BaseException]) -> None:
    model = Interrupted()
    plane = ip.InformationPlane(X, Y)
    before = plane.measure(model, 0)
    states = random_state(), flags(model)
    model.trouble = trouble
    with pytest.raises(error):
        plane.measure(model, 1)
    assert hooks(model) == 0
    assert (random_state(), flags(model)) == states
    assert list(plane.trajectory) == before
    model.trouble = None
    again = plane.measure(model, 1)
    assert [row["i_ty"] for row in again] == [row["i_ty"] for row in before]


def test_models_and_planes_can_be_copied_and_saved_after_a_measurement(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(6, 500), nn.Tanh(), nn.Linear(500, 2))
    plane = ip.InformationPlane(X, Y)
    rows = plane.measure(model, 0)
    assert hooks(copy.deepcopy(model)) == 0
    torch.save(model, tmp_path / "model.pt")
    loaded = torch.load(tmp_path / "model.pt", weights_only=False)
    saved = pickle.dumps(plane)
    assert len(saved) < 48 * 500 * 4  # the activations of one layer
    for other in (copy.deepcopy(plane), pickle.loads(saved)):
        assert list(other.trajectory) == rows
        assert [row["i_xt"] for row in other.measure(loaded, 1)] == [row["i_xt"] for row in rows]
