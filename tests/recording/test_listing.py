"""What `record` takes of a module by itself, and what it costs, without a trace on the module."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from infoplane.networks import conv
from infoplane.recording.listing import layer_names, layers
from infoplane.recording.record import record


def test_layer_names_with_shapes_of_one_sample() -> None:
    names = layer_names(conv(), torch.zeros(9, 14, 14))
    assert names == {"1": (1, 11, 11), "4": (9,), "5": (10,), "6": (10,), "7": (10,), "8": (10,)}


def test_the_list_of_layers_is_what_is_recorded() -> None:
    act = nn.Tanh()
    model = nn.Sequential(OrderedDict(fc=nn.Linear(3, 3), act=act, out=nn.Linear(3, 2), same=act))
    x = torch.randn(20, 3)
    recorded, listed = record(model, x), layers(model, x)
    assert listed.names == list(recorded)
    assert [layer.shape for layer in listed] == [tuple(t.shape[1:]) for t in recorded.values()]
    assert [layer.units for layer in listed] == [t[0].numel() for t in recorded.values()]
    assert [(layer.name, layer.calls) for layer in listed if layer.kind == "Tanh"] == [("act#0", 2), ("act#1", 2)]
    assert listed.bytes == sum(t.numel() * t.element_size() for t in recorded.values())
    assert (len(listed), listed.samples) == (len(recorded), 20)
    assert listed.seconds > 0


def test_the_list_of_layers_as_a_table() -> None:
    act = nn.ReLU()
    model = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(1, 2, 3), act=act, flat=nn.Flatten(), same=act, fc=nn.Linear(8, 1))
    )
    lines = str(layers(model, torch.zeros(5, 1, 4, 4))).splitlines()
    assert lines[:-1] == [
        "layer  module  output  units",
        "conv   Conv2d   2x2x2      8",
        "act#0  ReLU     2x2x2      8  runs 2 times; also named same",
        "act#1  ReLU         8      8  runs 2 times; also named same",
        "fc     Linear       1      1",
    ]
    assert lines[-1].startswith("one recording of 5 samples: ")
    assert lines[-1].endswith("s and 500 B of activations; estimators come on top")


def test_listing_layers_leaves_no_trace() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(8, 2))
    before = torch.get_rng_state()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layers(model, torch.randn(9, 6, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())
