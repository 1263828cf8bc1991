"""Small networks that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn


def picture_network() -> nn.Sequential:
    """Convolution, BatchNorm and an in-place ReLU for 6x6 pictures in three classes."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(64, 3),
    )


def noisy_network() -> nn.Sequential:
    """BatchNorm and Dropout between Linear layers of 6 inputs and 2 outputs."""
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.5), nn.Linear(16, 2))


@pytest.fixture(autouse=True)
def _fixed_random_state() -> None:
    torch.manual_seed(0)


@pytest.fixture
def pictures() -> Callable[[], nn.Sequential]:
    return picture_network


@pytest.fixture
def noisy() -> Callable[[], nn.Sequential]:
    return noisy_network


@pytest.fixture(params=["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def device(request: pytest.FixtureRequest) -> str:
    """Every device that this machine has."""
    return request.param
