from __future__ import annotations

import random
import threading
import time
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.recording.evaluation import evaluation, is_sharded
from infoplane.recording.record import record


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


def test_threads_that_measure_one_network_at_once_get_its_numbers(model: nn.Sequential) -> None:
    class Slow(nn.Module):
        """Lets other threads run in the middle of a forward pass."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            time.sleep(0.003)
            return x

    network = nn.Sequential(nn.Linear(3, 4), Slow(), nn.Dropout(0.5), Slow(), nn.Linear(4, 2))
    x = torch.randn(20, 3)
    alone = record(network, x, batch_size=5)
    state, wrong = torch.random.get_rng_state(), []

    def measure() -> None:
        for _ in range(5):
            recorded = record(network, x, batch_size=5)
            wrong.extend(name for name in alone if not torch.equal(recorded[name], alone[name]))

    threads = [threading.Thread(target=measure) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert all(module.training and not module._forward_hooks for module in network.modules())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_statistics_of_a_batch_are_warned_of_where_there_are_several_batches():
    torch.manual_seed(0)
    x, y = torch.randn(40, 3), torch.arange(40) % 2
    mixing = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, track_running_stats=False))
    usual = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    for measure in (
        lambda model, size: ip.record(model, x, batch_size=size),
        lambda model, size: ip.InformationPlane(x, y, batch_size=size).measure(model, 0),
    ):
        with pytest.warns(UserWarning, match=r"'1' normalise over the samples of a batch.*give batch_size=40"):
            measure(mixing, 15)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            measure(mixing, 40)
            measure(usual, 15)
