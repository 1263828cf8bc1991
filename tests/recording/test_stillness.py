from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn

from infoplane.recording.stillness import Stillness


def looked_at(train: Callable[[nn.Module], object], *, steps: int = 6, dtype: torch.dtype = torch.float32) -> None:
    still, network = Stillness(), nn.Linear(3, 3, dtype=dtype)
    for step in range(steps):
        still.look([network], step)
        train(network)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128])
def test_one_warning_where_nothing_trains(dtype: torch.dtype) -> None:
    with pytest.warns(UserWarning, match=r"no parameter changed between steps 1 and 2: .*optimizer\.step\(\)") as told:
        looked_at(lambda network: None, dtype=dtype)
    assert len(told) == 1


def by_an_optimizer(network: nn.Module) -> None:
    network(torch.ones(2, 3)).sum().backward()
    torch.optim.SGD(network.parameters(), 0.1).step()


def behind_the_count(network: nn.Module) -> None:
    network.weight.data.add_(1e-7)


def by_another_tensor(network: nn.Module) -> None:
    network.bias.data = network.bias.data + 1


def by_a_saved_state(network: nn.Module) -> None:
    network.load_state_dict({name: tensor + 1 for name, tensor in network.state_dict().items()})


@pytest.mark.parametrize("train", [by_an_optimizer, behind_the_count, by_another_tensor, by_a_saved_state])
def test_no_warning_where_anything_changes(train: Callable[[nn.Module], object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        looked_at(train)


def test_no_warning_for_one_step_other_networks_or_no_parameters() -> None:
    still, network = Stillness(), nn.Linear(2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(9):
            still.look([network], 7)
        for step in range(9):
            still.look([nn.Tanh()], step)
            still.look([nn.Linear(2, 2), nn.Linear(2, 2)], step)
        with torch.inference_mode():
            made = nn.Linear(2, 2)
        for step in range(20, 29):
            still.look([made], step)
