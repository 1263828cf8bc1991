"""What measuring costs beside training: the networks and the rival way are what the page says."""

import pytest
import torch
from torch import nn

import infoplane as ip

from ..conftest import TESTS, load

overhead = load(TESTS.parent / "benchmarks" / "overhead.py")


@pytest.mark.parametrize(("name", "linear", "convolutions"), [("mlp", 4, 0), ("resnet", 1, 21)])
def test_networks(name, linear, convolutions):
    model = overhead.network(name)
    kinds = [type(module) for module in model.modules()]
    assert (kinds.count(nn.Linear), kinds.count(nn.Conv2d)) == (linear, convolutions)
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_clusters_are_of_linear_layers_alone_and_leave_no_hook():
    model = overhead.network("mlp")
    assert overhead.by_clusters(model, torch.rand(60, 1, 28, 28), torch.arange(60) % 10) == 4
    assert not any(module._forward_hooks for module in model.modules())


def test_four_label_sets_of_every_token():
    words = torch.tensor([[3, 14, 5], [9, 2, 6]])
    sets = overhead.label_sets(words)
    assert sets["place"].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert sets["before"].tolist() == [[5, 3, 14], [6, 9, 2]]
    assert sets["class"].tolist() == [[3, 4, 5], [9, 2, 6]]
    assert torch.equal(sets["word"], words)


def test_the_table_of_a_trained_network(capsys, fashion_mnist):
    overhead.beside_an_epoch("mlp", [50], 0.003, 1)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert [row[2:4] for row in rows] == [
        ["forward pass alone", ""],
        ["clusters, twice", "4"],
        *([way, str(len(ip.layers(overhead.network("mlp"), torch.zeros(2, 1, 28, 28))))] for way in overhead.WAYS),
    ]
    assert all(row[-1].endswith("%") for row in rows)
