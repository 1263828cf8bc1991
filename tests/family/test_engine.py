from __future__ import annotations

import torch
from torch import nn

from infoplane.family.engine import fill, one_copy_a_sample, stacked_tensors


def test_stacked_tensors_go_back_into_networks() -> None:
    networks = [nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(3)]
    stacked = stacked_tensors(networks)
    assert stacked["0.weight"].shape == (3, 3, 2)
    assert stacked["1.num_batches_tracked"].shape == (3,)
    target = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    fill(target, stacked, 2)
    assert torch.equal(target[0].weight, networks[2][0].weight)


def test_tied_and_unsaved_tensors_are_carried() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    network[1].weight = network[0].weight
    network.register_buffer("scale", torch.ones(1), persistent=False)
    assert list(stacked_tensors([network])) == ["0.weight", "0.bias", "1.bias", "scale"]


def test_one_copy_a_sample_picks_row_and_copy() -> None:
    output = torch.arange(12).view(3, 4, 1)  # (members, samples, units)
    draws = torch.tensor([2, 0, 1, 2])
    assert one_copy_a_sample({"a": output}, draws)["a"].flatten().tolist() == [8, 1, 6, 11]
