from __future__ import annotations

import random
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from infoplane.recording.evaluation import evaluation, is_sharded


@pytest.fixture
def model() -> nn.Sequential:
    block = nn.Sequential(OrderedDict(fc=nn.Linear(3, 3), act=nn.Tanh(), drop=nn.Dropout()))
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), block=block, head=nn.Linear(3, 2)))


def test_every_flag_is_restored_also_after_an_exception(model: nn.Sequential) -> None:
    model.block.eval()
    before = [module.training for module in model.modules()]

    def interrupted() -> None:
        with evaluation(model, nn.Dropout()):
            assert not any(module.training for module in model.modules())
            assert not torch.is_grad_enabled()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [module.training for module in model.modules()] == before
    assert torch.is_grad_enabled()


def test_the_random_numbers_of_python_and_numpy_go_on_as_if_nothing_had_happened(model: nn.Sequential) -> None:
    def numbers() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(np.random.randn())

    random.seed(0)
    np.random.seed(0)
    np.random.randn()  # leaves a second normal number behind
    expected = numbers()
    random.seed(0)
    np.random.seed(0)
    np.random.randn()
    with evaluation(model):
        assert numbers() == expected
    assert numbers() == expected


def test_no_autocast_inside_and_the_same_autocast_afterwards(model: nn.Sequential) -> None:
    x = torch.randn(4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(x).dtype == torch.bfloat16
        with evaluation(model):
            assert model(x).dtype == torch.float32
        assert model(x).dtype == torch.bfloat16


def test_only_networks_of_fully_shard_are_sharded(model: nn.Sequential) -> None:
    assert not is_sharded(model)
    assert not is_sharded(nn.DataParallel(model))
