from __future__ import annotations

import pytest
import torch
from torch import nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.networks import Reshape, activation_names, conv, mlp, six_layer, warm_up


def linear_sizes(network: nn.Module) -> list[int]:
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return [layers[0].in_features] + [layer.out_features for layer in layers]


def test_the_report_perceptrons_have_its_sizes_and_a_tanh_after_every_layer() -> None:
    assert linear_sizes(warm_up()) == [12, 5, 1]
    assert linear_sizes(six_layer()) == [12, 10, 7, 5, 4, 3, 1]
    for network in (warm_up(), six_layer()):
        assert [type(module) for module in network] == [nn.Linear, nn.Tanh] * (len(network) // 2)


def test_conv_follows_the_shapes_of_the_report() -> None:
    x = torch.randn(7, 14, 14)
    shapes = []
    for module in conv():
        x = module(x)
        shapes.append(tuple(x.shape))
    pictures = [(7, 1, 14, 14), (7, 1, 11, 11), (7, 1, 3, 3)]
    assert shapes == [*pictures, (7, 9), (7, 9), (7, 10), (7, 10), (7, 10), (7, 10)]
    torch.testing.assert_close(x.sum(1), torch.ones(7))


def test_activation_names_are_those_of_nonlinear_layers() -> None:
    assert activation_names(conv()) == ["4", "6", "8"]
    assert activation_names(nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Sequential(nn.GELU()))) == ["2.0"]
    assert activation_names(nn.Linear(2, 2)) == []


def test_mlp_takes_names_of_activations() -> None:
    network = mlp([4, 3, 2], "relu", "softmax")
    assert [type(module) for module in network] == [nn.Linear, nn.ReLU, nn.Linear, nn.Softmax]
    assert len(mlp([4, 3, 2])) == 3


def test_mlp_says_what_is_wrong() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'tanh'"):
        mlp([4, 2], "tahn")
    with pytest.raises(InputError, match=r"\[4\] make no network"):
        mlp([4])
    with pytest.raises(InputError, match=r"\[4, 0\]"):
        mlp([4, 0])


def test_reshape_keeps_the_values() -> None:
    x = torch.arange(12.0)
    assert torch.equal(Reshape(-1, 4)(x), x.view(3, 4))
    assert repr(Reshape(-1, 4)) == "Reshape(-1, 4)"
